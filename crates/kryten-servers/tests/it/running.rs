use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use kryten_servers::{FindOptions, NatsServer, NatsServerOptions, ServerError, find_nats_server};

async fn options(data_dir: &Path) -> NatsServerOptions {
    let binary = find_nats_server(&FindOptions::default()).await.unwrap();
    NatsServerOptions::new(&binary, data_dir)
}

async fn connect(server: &NatsServer) -> async_nats::Client {
    async_nats::ConnectOptions::with_user_and_password(
        server.user().to_owned(),
        server.password().to_owned(),
    )
    .connect(server.url())
    .await
    .unwrap()
}

fn is_alive(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

async fn until_gone(pid: u32) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) {
        assert!(Instant::now() < deadline, "process {pid} still lives");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_stored_survives_kill_and_restart_on_the_same_port_and_credentials() {
    let mut server = NatsServer::ephemeral().await;
    let before = (server.port(), server.password().to_owned());
    let jetstream = async_nats::jetstream::new(connect(&server).await);
    jetstream
        .create_stream(async_nats::jetstream::stream::Config {
            name: "KEPT".into(),
            subjects: vec!["kept".into()],
            ..Default::default()
        })
        .await
        .unwrap();
    let ack = jetstream.publish("kept", "text".into()).await.unwrap();
    assert_eq!(ack.await.unwrap().sequence, 1);

    let pid = server.pid().unwrap();
    server.kill().await.unwrap();
    assert!(!is_alive(pid));
    assert_eq!(server.pid(), None);
    server.restart().await.unwrap();
    assert_eq!((server.port(), server.password().to_owned()), before);

    let jetstream = async_nats::jetstream::new(connect(&server).await);
    let mut stream = jetstream.get_stream("KEPT").await.unwrap();
    assert_eq!(stream.info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn nobody_connects_without_the_credentials_and_nobody_else_reads_them() {
    let server = NatsServer::ephemeral().await;
    let error = async_nats::connect(server.url()).await.unwrap_err();
    assert_eq!(
        error.kind(),
        async_nats::ConnectErrorKind::AuthorizationViolation
    );
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(server.data_dir()), 0o700);
    assert_eq!(mode(&server.data_dir().join("nats-server.conf")), 0o600);
    assert!(!format!("{server:?}").contains(server.password()));
}

#[tokio::test]
async fn messages_of_eight_megabytes_pass() {
    use futures_util::StreamExt;
    let server = NatsServer::ephemeral().await;
    let client = connect(&server).await;
    assert_eq!(client.max_payload(), 8 * 1024 * 1024);
    let mut inbox = client.subscribe("large").await.unwrap();
    let body = vec![7_u8; 8 * 1024 * 1024];
    client.publish("large", body.into()).await.unwrap();
    assert_eq!(inbox.next().await.unwrap().payload.len(), 8 * 1024 * 1024);
}

#[tokio::test]
async fn memory_is_collected_later_than_by_default_unless_the_environment_says_when() {
    let server = NatsServer::ephemeral().await;
    let environment = format!("/proc/{}/environ", server.pid().unwrap());
    let environment = fs::read_to_string(environment).unwrap();
    let wanted = std::env::var("GOGC").unwrap_or_else(|_| "400".to_owned());
    let said: Vec<&str> = environment
        .split('\0')
        .filter_map(|variable| variable.strip_prefix("GOGC="))
        .collect();
    assert_eq!(said, [wanted]);
}

#[tokio::test]
async fn jetstream_can_be_off_and_the_configuration_extended() {
    let server = NatsServer::ephemeral_with(|options| {
        options.jetstream = false;
        options.extra_config = "max_control_line: 2048".into();
    })
    .await;
    let jetstream = async_nats::jetstream::new(connect(&server).await);
    assert!(jetstream.query_account().await.is_err());
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    let options = NatsServerOptions {
        port,
        ..options(folder.path()).await
    };
    let error = NatsServer::start(options).await.unwrap_err();
    assert!(matches!(error, ServerError::PortTaken { port: named } if named == port));
    assert!(error.to_string().contains(&port.to_string()));
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path()).await;
    let mut first = NatsServer::start(options.clone()).await.unwrap();
    let error = NatsServer::start(options.clone()).await.unwrap_err();
    assert!(matches!(error, ServerError::StoreLocked { .. }), "{error}");
    first.stop().await.unwrap();
    drop(first);
    NatsServer::start(options).await.unwrap();
}

#[tokio::test]
async fn a_bad_configuration_is_told_with_the_last_line_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let options = NatsServerOptions {
        extra_config: "no_such_option: 1".into(),
        ..options(folder.path()).await
    };
    let error = NatsServer::start(options).await.unwrap_err();
    assert!(error.to_string().contains("no_such_option"), "{error}");
}

#[tokio::test]
async fn a_dropped_server_is_dead_and_its_folder_gone() {
    let server = NatsServer::ephemeral().await;
    let (pid, folder) = (server.pid().unwrap(), server.data_dir().to_owned());
    assert!(is_alive(pid) && folder.exists());
    drop(server);
    assert!(!is_alive(pid));
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_server_that_dies_by_itself_is_noticed() {
    let server = NatsServer::ephemeral().await;
    let pid = server.pid().unwrap();
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(pid.cast_signed()),
        nix::sys::signal::Signal::SIGKILL,
    )
    .unwrap();
    server.ended().await;
    assert_eq!(server.pid(), None);
}

const AS_PARENT: &str = "KRYTEN_TEST_PARENT_FOLDER";

/// Run by the next test in a process of its own, which it kills.
#[tokio::test]
async fn parent_that_waits_to_be_killed() {
    let Some(folder) = std::env::var_os(AS_PARENT) else {
        return;
    };
    let server = NatsServer::start(options(Path::new(&folder)).await)
        .await
        .unwrap();
    println!("\nserver={}", server.pid().unwrap());
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn no_server_is_left_when_its_parent_is_killed_and_the_folder_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "running::parent_that_waits_to_be_killed",
            "--nocapture",
        ])
        .env(AS_PARENT, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(parent.stdout.take().unwrap()).lines();
    let pid: u32 = lines
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("server=")?.parse().ok())
        .unwrap();
    assert!(is_alive(pid));
    parent.kill().unwrap();
    parent.wait().unwrap();
    let next = NatsServer::start(options(folder.path()).await)
        .await
        .unwrap();
    until_gone(pid).await;
    drop(next);
}
