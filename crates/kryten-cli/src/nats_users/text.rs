//! The users as the configuration file of a nats-server.

use std::fmt::Write as _;

use super::User;

/// What else stands in the file.
#[derive(Debug)]
pub(crate) struct ServerSettings {
    /// Host and port to listen on.
    pub(crate) listen: String,
    pub(crate) store_dir: String,
    /// Certificate and key.
    pub(crate) tls: Option<(String, String)>,
}

/// The file; `password` gives each user's, as it is to stand there.
pub(crate) fn server_config(
    settings: &ServerSettings,
    users: &[User],
    password: impl Fn(&User) -> String,
) -> String {
    let mut text = String::from(
        "# Written by `kryten config nats`: one user for each service, with what it needs and nothing else.\n",
    );
    let mut line = |depth: usize, entry: String| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:1$}{entry}", "", depth * 2);
    };
    line(0, format!("listen: {}", quoted(&settings.listen)));
    line(0, "max_payload: 8388608".to_owned());
    if let Some((certificate, key)) = &settings.tls {
        let (certificate, key) = (quoted(certificate), quoted(key));
        line(
            0,
            format!("tls {{ cert_file: {certificate}, key_file: {key} }}"),
        );
    }
    let store = quoted(&settings.store_dir);
    line(
        0,
        format!("jetstream {{ store_dir: {store}, sync_interval: always }}"),
    );
    line(0, "authorization {".to_owned());
    line(1, "users: [".to_owned());
    for user in users {
        line(2, "{".to_owned());
        line(3, format!("user: {}", quoted(&user.name)));
        line(3, format!("password: {}", password(user)));
        line(3, "permissions: {".to_owned());
        for (what, subjects) in [("publish", &user.publish), ("subscribe", &user.subscribe)] {
            line(4, format!("{what}: {{ allow: ["));
            for subject in subjects {
                line(5, quoted(subject));
            }
            line(4, "] }".to_owned());
        }
        if user.answers {
            line(4, "allow_responses: { max: 1, expires: \"1m\" }".to_owned());
        }
        line(3, "}".to_owned());
        line(2, "}".to_owned());
    }
    line(1, "]".to_owned());
    line(0, "}".to_owned());
    text
}

/// A text as the server reads it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}
