use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use kryten_servers::NatsServer;
use serde_json::{Value, json};

use crate::program::{Ran, kryten, printed, run};

fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test]
async fn values_are_put_read_listed_and_deleted() {
    let server = NatsServer::ephemeral().await;
    assert_eq!(printed(&server, &["kv", "ls"]), "");
    assert_eq!(printed(&server, &["kv", "create", "notes"]), "");
    assert_eq!(printed(&server, &["kv", "ls"]), "notes\n");
    assert_eq!(printed(&server, &["kv", "keys", "notes"]), "");
    assert_eq!(printed(&server, &["kv", "dump", "notes", "--json"]), "{}\n");

    assert_eq!(
        printed(
            &server,
            &["kv", "put", "notes", "user:bob", r#"{"rank": 2}"#]
        ),
        ""
    );
    printed(&server, &["kv", "put", "notes", "two words\n", "-5"]);
    printed(&server, &["kv", "put", "notes", "ü", "☃ text"]);
    assert_eq!(
        printed(&server, &["kv", "get", "notes", "user:bob"]),
        "{\"rank\": 2}\n"
    );
    assert_eq!(
        printed(&server, &["kv", "keys", "notes"]),
        "two words\\x0A\nuser:bob\nü\n"
    );
    assert_eq!(
        json_of(&printed(&server, &["kv", "keys", "notes", "--json"])),
        json!(["two words\n", "user:bob", "ü"])
    );
    assert_eq!(
        json_of(&printed(&server, &["kv", "dump", "notes", "--json"])),
        json!({"two words\n": -5, "user:bob": {"rank": 2}, "ü": "☃ text"})
    );
    assert_eq!(
        printed(&server, &["kv", "dump", "notes"]),
        "two words\\x0A\t-5\nuser:bob\t{\"rank\": 2}\nü\t☃ text\n"
    );
    assert_eq!(
        printed(&server, &["kv", "keys", "notes", "user:"]),
        "user:bob\n"
    );

    assert_eq!(printed(&server, &["kv", "del", "notes", "user:bob"]), "");
    assert_eq!(
        run(&server, &["kv", "get", "notes", "user:bob"]),
        Ran {
            code: 1,
            out: String::new(),
            err: "error: there is no key \"user:bob\" in the bucket notes\n".into(),
        }
    );
    let info = json_of(&printed(&server, &["kv", "info", "notes", "--json"]));
    assert_eq!(info["max_value_size"], 1024 * 1024);
    assert_eq!(info["history"], 1);
}

#[tokio::test]
async fn a_value_from_standard_input_is_stored_byte_for_byte() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "bytes"]);
    let value = b"\xff\x00line\r\n";
    let mut put = kryten(&server)
        .args(["kv", "put", "bytes", "-", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    put.stdin.take().unwrap().write_all(value).unwrap();
    assert!(put.wait().unwrap().success());
    let got = kryten(&server)
        .args(["kv", "get", "bytes", "-"])
        .output()
        .unwrap();
    assert_eq!(got.stdout, [&value[..], b"\n"].concat());
    assert_eq!(
        json_of(&printed(&server, &["kv", "dump", "bytes", "--json"])),
        json!({"-": {"base64": "/wBsaW5lDQo="}})
    );
}

#[tokio::test]
async fn a_hundred_processes_that_count_at_once_count_to_a_hundred() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "counts"]);
    let processes: Vec<_> = (0..100)
        .map(|_| {
            kryten(&server)
                .args(["kv", "incr", "counts", "user:bob"])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut sums: Vec<u32> = processes
        .into_iter()
        .map(|process| {
            let ran = Ran::from(process.wait_with_output().unwrap());
            assert_eq!(ran.code, 0, "{ran:?}");
            ran.out.trim().parse().unwrap()
        })
        .collect();
    sums.sort_unstable();
    assert!(sums.into_iter().eq(1..=100));
    assert_eq!(
        printed(&server, &["kv", "get", "counts", "user:bob"]),
        "100\n"
    );
    assert_eq!(
        printed(&server, &["kv", "incr", "counts", "user:bob", "5"]),
        "105\n"
    );
    assert_eq!(
        printed(&server, &["kv", "incr", "counts", "user:bob", "-10"]),
        "95\n"
    );
}

#[tokio::test]
async fn what_fails_is_one_sentence_on_stderr_and_exit_code_1_or_2() {
    let mut server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes", "--max-value-size", "4"]);
    printed(&server, &["kv", "put", "notes", "text", "abc"]);
    for (arguments, part) in [
        (
            &["kv", "get", "missing", "key"][..],
            "the bucket missing does not exist",
        ),
        (
            &["kv", "put", "notes", "key", "12345"],
            "has 5 bytes, but the bucket takes at most 4",
        ),
        (&["kv", "put", "notes", "", "x"], "cannot be a key"),
        (&["kv", "get", "a.b", "key"], "cannot be a bucket name"),
        (&["kv", "incr", "notes", "text"], "is not a whole number"),
    ] {
        let ran = run(&server, arguments);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{ran:?}");
        assert!(
            ran.err.starts_with("error: ") && ran.err.contains(part),
            "{ran:?}"
        );
        assert_eq!(ran.err.lines().count(), 1, "{ran:?}");
    }
    assert_eq!(run(&server, &["kv", "incr", "notes", "n", "much"]).code, 2);
    assert_eq!(run(&server, &["kv", "nonsense"]).code, 2);
    let again = run(&server, &["kv", "create", "notes", "--history", "3"]);
    assert_eq!(again.code, 0);
    assert!(again.err.contains("its history is 1, not 3"), "{again:?}");
    server.kill().await.unwrap();
    let away = run(&server, &["kv", "ls"]);
    assert_eq!(away.code, 1);
    assert!(
        away.err.contains("no NATS server answers at 127.0.0.1"),
        "{away:?}"
    );
    assert!(!away.err.contains(server.password()));
}

#[tokio::test]
async fn history_and_watch_tell_changes() {
    let server = NatsServer::ephemeral().await;
    printed(&server, &["kv", "create", "notes", "--history", "5"]);
    printed(&server, &["kv", "put", "notes", "key", "one"]);
    printed(&server, &["kv", "put", "notes", "key", "2"]);
    let mut watch = kryten(&server)
        .args(["kv", "watch", "notes", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || {
        let mut line = json_of(&lines.next().unwrap().unwrap());
        if line["ready"].is_null() {
            let created = line.as_object_mut().unwrap().remove("created").unwrap();
            created
                .as_str()
                .unwrap()
                .parse::<jiff::Timestamp>()
                .unwrap();
        }
        line
    };
    assert_eq!(
        next(),
        json!({"operation": "put", "key": "key", "revision": 2, "value": 2})
    );
    assert_eq!(next(), json!({"ready": true}));
    printed(&server, &["kv", "del", "notes", "key"]);
    assert_eq!(
        next(),
        json!({"operation": "delete", "key": "key", "revision": 3})
    );
    assert_eq!(
        printed(&server, &["kv", "history", "notes", "key"]),
        "1\tput\tone\n2\tput\t2\n3\tdelete\t\n"
    );
    let pid = nix::unistd::Pid::from_raw(watch.id().cast_signed());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    assert!(watch.wait().unwrap().success());
    printed(&server, &["kv", "purge", "notes", "key"]);
    assert_eq!(
        printed(&server, &["kv", "history", "notes", "key"]),
        "4\tpurge\t\n"
    );
}
