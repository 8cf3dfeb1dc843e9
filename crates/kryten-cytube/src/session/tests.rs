use proptest::prelude::*;

use super::*;

const OPEN: &str = r#"0{"sid":"x","pingInterval":25000,"pingTimeout":120000}"#;
const SECOND: Duration = Duration::from_secs(1);

struct Drive {
    session: Session,
    now: Instant,
}

impl Drive {
    fn new(login: Login) -> Self {
        let mut config = CytubeConfig::new("cytu.be", "Lounge");
        config.login = login;
        Self::with(config)
    }

    fn with(config: CytubeConfig) -> Self {
        let now = Instant::now();
        let session = Session::new(&config, now);
        Self { session, now }
    }

    fn take(&mut self, text: &str) -> Vec<String> {
        let actions = self.session.receive(text, self.now);
        actions.iter().map(show).collect()
    }

    fn wait(&mut self, time: Duration) -> Vec<String> {
        self.now += time;
        let actions = self.session.tick(self.now);
        actions.iter().map(show).collect()
    }

    fn enter(&mut self) -> Vec<String> {
        assert_eq!(self.take(OPEN), ["send 40"]);
        self.take(r#"40{"sid":"y"}"#)
    }
}

fn show(action: &Action) -> String {
    match action {
        Action::Send(text) => format!("send {text}"),
        Action::Deliver { name, .. } => format!("deliver {name}"),
        Action::Close(reason) => format!("close {reason:?}"),
        Action::OwnRank(rank) => format!("rank {rank}"),
        Action::Joined { name, guest } => format!("joined {name:?} {guest}"),
        other => format!("{other:?}"),
    }
}

fn guest() -> Login {
    Login::Guest { name: "zed".into() }
}

fn account() -> Login {
    Login::Account {
        name: "Bot".into(),
        password: "secret".into(),
    }
}

#[test]
fn an_account_joins_logs_in_and_reports_ready() {
    let mut drive = Drive::new(account());
    assert_eq!(
        drive.enter(),
        [
            "Connected",
            r#"send 42["joinChannel",{"name":"Lounge"}]"#,
            r#"send 42["login",{"name":"Bot","pw":"secret"}]"#,
        ]
    );
    assert_eq!(drive.take(r#"42["rank",-1]"#), ["deliver rank", "rank -1"]);
    assert_eq!(drive.take(r#"42["userlist",[]]"#), ["deliver userlist"]);
    assert_eq!(
        drive.take(r#"42["login",{"success":true,"name":"Bot"}]"#),
        [
            "deliver login",
            r#"joined Some("Bot") false"#,
            r#"send 42["playerReady",{}]"#
        ]
    );
    assert_eq!(drive.take(r#"42["rank",3]"#), ["deliver rank", "rank 3"]);
    assert_eq!(
        drive.take(r#"42["setUserRank",{"name":"bOT","rank":1.5}]"#),
        ["deliver setUserRank", "rank 1.5"]
    );
    assert_eq!(
        drive.take(r#"42["setUserRank",{"name":"bob","rank":2}]"#),
        ["deliver setUserRank"]
    );
}

#[test]
fn the_channel_password_goes_along() {
    let mut config = CytubeConfig::new("cytu.be", "Lounge");
    config.channel_password = Some("pw".into());
    let mut drive = Drive::with(config);
    let join = r#"send 42["joinChannel",{"name":"Lounge","pw":"pw"}]"#;
    assert_eq!(drive.enter(), ["Connected", join]);
    assert_eq!(
        drive.take(r#"42["userlist",[]]"#)[..2],
        ["deliver userlist", "joined None false"]
    );
}

#[test]
fn a_guest_waits_as_long_as_the_server_says_and_asks_again() {
    let mut drive = Drive::new(guest());
    drive.enter();
    let limit = r#"42["login",{"success":false,"error":"Guest logins are restricted to one per IP address per 60 seconds."}]"#;
    assert_eq!(drive.take(limit), ["deliver login"]);
    assert_eq!(drive.wait(59 * SECOND), [""; 0]);
    assert_eq!(
        drive.wait(2 * SECOND),
        [r#"send 42["login",{"name":"zed"}]"#]
    );
    assert_eq!(
        drive.take(r#"42["login",{"success":true,"name":"zed","guest":true}]"#)[1],
        r#"joined Some("zed") true"#
    );
}

#[test]
fn a_missing_channel_password_ends_a_guest_at_once_and_a_wrong_one_too() {
    for (given, reason) in [
        ("false", "close ChannelPasswordNeeded"),
        ("true", "close WrongChannelPassword"),
    ] {
        let mut drive = Drive::new(guest());
        drive.enter();
        assert_eq!(
            drive.take(&format!(r#"42["needPassword",{given}]"#)),
            ["deliver needPassword", reason]
        );
    }
}

#[test]
fn a_moderator_gets_past_a_password_by_its_login() {
    let mut drive = Drive::new(account());
    drive.enter();
    assert_eq!(
        drive.take(r#"42["needPassword",false]"#),
        ["deliver needPassword"]
    );
    assert_eq!(
        drive.take(r#"42["login",{"success":true,"name":"Bot"}]"#),
        ["deliver login"]
    );
    assert_eq!(
        drive.take(r#"42["cancelNeedPassword",null]"#)[1],
        r#"joined Some("Bot") false"#
    );
    let mut drive = Drive::new(account());
    drive.enter();
    drive.take(r#"42["needPassword",true]"#);
    drive.take(r#"42["login",{"success":true,"name":"Bot"}]"#);
    assert_eq!(drive.wait(31 * SECOND), ["close WrongChannelPassword"]);
}

#[test]
fn the_end_after_a_kick_is_the_kick() {
    let mut drive = Drive::new(account());
    drive.enter();
    assert_eq!(
        drive.take(r#"42["kick",{"reason":"go away"}]"#),
        ["deliver kick"]
    );
    assert_eq!(drive.take("41"), [r#"close Kicked { reason: "go away" }"#]);
    let mut drive = Drive::new(account());
    drive.enter();
    drive.take(r#"42["kick",{}]"#);
    assert_eq!(drive.wait(3 * SECOND), [r#"close Kicked { reason: "" }"#]);
    let mut drive = Drive::new(account());
    drive.enter();
    assert_eq!(drive.take("41"), ["close EndedByServer"]);
}

#[test]
fn silence_ends_the_session_unless_we_did_not_listen() {
    let mut drive = Drive::new(Login::Anonymous);
    drive.enter();
    drive.take(r#"42["userlist",[]]"#);
    drive.now += 140 * SECOND;
    assert_eq!(drive.take("2"), ["send 3", "SignOfLife"]);
    assert_eq!(drive.wait(144 * SECOND), [""; 0]);
    drive.session.excuse(10 * SECOND);
    assert_eq!(drive.wait(10 * SECOND), [""; 0]);
    assert_eq!(drive.session.next_deadline(), drive.now + SECOND);
    assert_eq!(drive.wait(SECOND), ["close HeartbeatMissed"]);
}

#[test]
fn an_unanswered_handshake_and_an_unanswered_login_end_it() {
    let mut drive = Drive::new(guest());
    assert_eq!(drive.wait(16 * SECOND), ["close HandshakeTimeout"]);
    let mut drive = Drive::new(guest());
    drive.enter();
    assert_eq!(drive.wait(31 * SECOND), ["close JoinTimeout"]);
}

#[test]
fn a_refused_namespace_gives_the_servers_words() {
    for text in [
        r#"44"Rate limit exceeded""#,
        r#"44{"message":"Rate limit exceeded"}"#,
    ] {
        let mut drive = Drive::new(guest());
        drive.take(OPEN);
        assert_eq!(
            drive.take(text),
            [r#"close Refused { message: "Rate limit exceeded" }"#]
        );
    }
}

#[test]
fn garbage_is_reported_and_the_session_goes_on() {
    let mut drive = Drive::new(Login::Anonymous);
    drive.enter();
    assert_eq!(drive.take("42{oops")[0][..10], *"Unreadable");
    assert_eq!(drive.take(r#"42["x"]"#), ["deliver x"]);
}

proptest! {
    #[test]
    fn no_frames_make_it_panic_and_no_event_is_swallowed(
        texts in prop::collection::vec(
            prop_oneof![
                "42\\[\"(rank|login|kick|needPassword|setUserRank|userlist|cancelNeedPassword|x)\"(,(null|1|\"a\"|\\{\\}|\\[\\]|true))?\\]",
                "4[0134]?",
                "[0-6].{0,8}",
            ],
            0..20,
        )
    ) {
        let mut drive = Drive::new(account());
        for text in texts {
            let shown = drive.take(&text);
            if text.starts_with("42[") {
                prop_assert!(shown[0].starts_with("deliver") || shown[0].starts_with("Unreadable"), "{:?}", shown);
            }
            drive.wait(SECOND);
        }
    }
}
