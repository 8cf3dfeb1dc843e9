//! A test that hangs is ended.

use std::process::Command;
use std::time::Duration;

use kryten_testkit::TestChannel;

/// The test runs itself again in a process of its own, and hangs there.
const HANGS: &str = "KRYTEN_TESTKIT_HANGS";

#[tokio::test]
async fn a_test_that_hangs_is_ended_and_named() {
    if std::env::var_os(HANGS).is_some() {
        let limit = Duration::from_secs(1);
        let _channel = TestChannel::builder().time_limit(limit).start().await;
        std::future::pending::<()>().await;
    }
    let this = "hanging::a_test_that_hangs_is_ended_and_named";
    let ended = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", this, "--nocapture"])
        .env(HANGS, "yes")
        .output()
        .unwrap();
    assert!(!ended.status.success());
    let told = String::from_utf8_lossy(&ended.stderr);
    let sentence = format!("the test {this} hangs: it still ran after 1 s");
    assert!(told.contains(&sentence), "{told}");
}
