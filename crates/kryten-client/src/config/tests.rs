use secrecy::ExposeSecret;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Deserialize)]
struct Whole {
    nats: NatsConfig,
}

fn written(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

#[test]
fn the_three_formats_say_the_same() {
    let expected = json!({"nats": {"servers": ["nats://a:4222"], "user": "012345"}});
    for (name, text) in [
        (
            "c.json",
            r#"{"nats": {"servers": ["nats://a:4222"], "user": "012345"}}"#,
        ),
        (
            "c.toml",
            "[nats]\nservers = [\"nats://a:4222\"]\nuser = \"012345\"\n",
        ),
        (
            "c.yaml",
            "nats:\n  servers: [nats://a:4222]\n  user: \"012345\"\n",
        ),
        (
            "c.YML",
            "nats:\n  servers:\n    - nats://a:4222\n  user: '012345'\n",
        ),
        // The originals take any name.
        (
            "kryten_robot",
            "\u{feff}{\"nats\": {\"servers\": [\"nats://a:4222\"], \"user\": \"012345\"}}",
        ),
        (
            "robot.conf",
            r#"{"nats": {"servers": ["nats://a:4222"], "user": "012345"}}"#,
        ),
    ] {
        let (_folder, path) = written(name, text);
        assert_eq!(load(&path).unwrap(), expected, "{name}");
    }
}

#[test]
fn a_broken_file_is_told_with_its_place_and_without_its_text() {
    for (name, text) in [
        ("c.json", "{\n  \"password\": \"hunter2\",,\n}"),
        ("c.toml", "a = 1\npassword = \"hunter2\" x\n"),
        ("c.yaml", "a: 1\npassword: \"hunter2\n"),
    ] {
        let (_folder, path) = written(name, text);
        let error = load(&path).unwrap_err();
        assert!(error.to_string().contains(" at line "), "{error}");
        assert!(
            !format!("{error:?} {error}").contains("hunter2"),
            "{error:?}"
        );
    }
    let (_folder, path) = written("c.ini", "a = 1\n");
    let error = load(&path).unwrap_err().to_string();
    assert!(
        error.ends_with("(its name ends in none of .toml, .yaml and .yml) at line 1 column 1"),
        "{error}"
    );
    assert!(matches!(
        load(Path::new("/nonexistent.json")),
        Err(ConfigError::Read { .. })
    ));
}

#[test]
fn variables_are_replaced_inside_text_after_parsing() {
    let mut value =
        json!({"nats": {"password": "a${P}b${P}", "servers": ["${S}"], "x": "$P ${", "n": 1}});
    let variable = |name: &str| match name {
        "P" => Some("\"\\${S}".to_owned()),
        "S" => Some(String::new()),
        _ => None,
    };
    expand::expand(&mut value, &variable).unwrap();
    assert_eq!(
        value,
        json!({"nats": {"password": "a\"\\${S}b\"\\${S}", "servers": [""], "x": "$P ${", "n": 1}})
    );
}

#[test]
fn an_undefined_variable_is_named_with_its_key() {
    let mut value = json!({"nats": {"servers": ["a", "nats://${HOST_X}:1"]}});
    let error = expand::expand(&mut value, &|_| None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration's nats.servers[1] names the environment variable HOST_X, which is not set"
    );
}

#[test]
fn the_originals_nats_sections_are_read() {
    let whole: Whole = read(json!({"nats": {
        "servers": "nats://one:4222", "user": "u", "password": "hunter2", "connect_timeout": 2.5,
        "reconnect_time_wait": 2, "max_reconnect_attempts": 10, "allow_reconnect": true, "tls_ca": null
    }}))
    .unwrap();
    assert_eq!(whole.nats.addresses(), ["nats://one:4222"]);
    assert_eq!(whole.nats.connect_timeout.as_millis(), 2500);
    assert_eq!(
        whole.nats.password.as_ref().unwrap().expose_secret(),
        "hunter2"
    );
    assert!(!format!("{whole:?}").contains("hunter2"));

    let whole: Whole = read(json!({"nats": {"url": " nats://old:1 ", "token": null}})).unwrap();
    assert_eq!(whole.nats.addresses(), ["nats://old:1"]);
}

#[test]
fn what_the_originals_coerce_is_read() {
    let whole: Whole = read(json!({"nats": {
        "servers": "nats://one:4222", "user": " u ", "password": 12345, "connect_timeout": "10",
        "reconnect_time_wait": " 0.5 ", "max_reconnect_attempts": 10.0, "allow_reconnect": "false", "replicas": "3"
    }}))
    .unwrap();
    let nats = whole.nats;
    assert_eq!(nats.connect_timeout.as_secs(), 10);
    assert_eq!(nats.reconnect_time_wait.as_millis(), 500);
    assert_eq!((nats.max_reconnect_attempts, nats.replicas), (10, Some(3)));
    assert!(!nats.allow_reconnect);
    assert_eq!(nats.user.as_deref(), Some("u"));
    assert_eq!(nats.password.unwrap().expose_secret(), "12345");
}

#[test]
fn a_wrong_value_is_named_by_its_key_and_not_shown() {
    let error = read::<Whole>(json!({"nats": {"connect_timeout": "hunter2"}})).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the configuration's nats.connect_timeout is wrong: it must be a number"
    );
    let error = read::<Whole>(json!({"nats": {"servers": 7}})).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the configuration's nats.servers is wrong: "),
        "{error}"
    );
    let error = read::<Whole>(json!({})).unwrap_err();
    assert!(
        error.to_string().contains("missing field `nats`"),
        "{error}"
    );
}
