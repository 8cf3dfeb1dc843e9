//! `kryten config`, and the schemas that are checked in.

use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::process::kryten;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn config(arguments: &[&str]) -> Output {
    let mut command = kryten();
    for name in [
        "KRYTEN_CYTUBE_USER",
        "KRYTEN_CYTUBE_PASSWORD",
        "KRYTEN_NATS_URL",
    ] {
        command.env_remove(name);
    }
    command.arg("config").args(arguments).output().unwrap()
}

/// What is printed for a file of this text, and the exit code; the folder's name is taken out.
fn checked(name: &str, text: &str) -> (String, i32) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    let output = config(&["check", path.to_str().unwrap()]);
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    let folder = format!("{}/", folder.path().display());
    let printed = String::from_utf8(output.stdout).unwrap();
    (printed.replace(&folder, ""), output.status.code().unwrap())
}

#[test]
fn the_schemas_that_are_checked_in_are_those_of_the_types() {
    for name in ["client", "robot", "userstats", "up"] {
        let printed = String::from_utf8(config(&["schema", name]).stdout).unwrap();
        let path = root().join(format!("docs/schema/{name}.json"));
        let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            checked_in == printed,
            "run `kryten config schema {name} > docs/schema/{name}.json` and commit it"
        );
        let schema: Value = serde_json::from_str(&printed).unwrap();
        jsonschema::draft202012::meta::validate(&schema).unwrap();
    }
}

#[test]
fn the_samples_are_valid_and_a_wrong_key_is_not() {
    for (schema, sample) in [
        ("robot", "robot"),
        ("up", "robot"),
        ("userstats", "userstats"),
        ("client", "userstats"),
    ] {
        let read = |path: String| -> Value {
            serde_json::from_str(&std::fs::read_to_string(root().join(path)).unwrap()).unwrap()
        };
        let validator =
            jsonschema::validator_for(&read(format!("docs/schema/{schema}.json"))).unwrap();
        let mut sample = read(format!("config/{sample}.json"));
        let errors: Vec<String> = validator
            .iter_errors(&sample)
            .map(|error| error.to_string())
            .collect();
        assert_eq!(errors, [""; 0], "{schema}");
        sample["nats"]["connect_timeout"] = "soon".into();
        assert!(!validator.is_valid(&sample));
        sample.as_object_mut().unwrap().remove("nats");
        assert!(!validator.is_valid(&sample));
    }
}

#[test]
fn the_samples_can_be_used() {
    for (sample, by) in [
        ("robot", "by the robot"),
        ("userstats", "by the statistics"),
    ] {
        let path = root().join(format!("config/{sample}.json"));
        let output = config(&["check", path.to_str().unwrap()]);
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(
            printed.ends_with(&format!("can be used {by}\n")),
            "{printed}"
        );
        assert_eq!(printed.lines().count(), 1, "{printed}");
        assert!(output.status.success());
    }
}

#[test]
fn what_is_wrong_is_told_in_one_sentence_each_with_its_key() {
    let (printed, code) = checked(
        "robot.json",
        r#"{"cytube": {"domain": "cytu.be", "channel": "no such!", "pasword": "hunter2"},
            "nats": {"servers": ["nats://bob:hunter2@host"], "tls_cert": "there.pem", "Token": null}}"#,
    );
    insta::assert_snapshot!(printed, @r#"
    warning: cytube.pasword is not known and ignored; did you mean cytube.password?
    warning: nats.Token is not known and ignored; did you mean nats.token?
    error: cytube.channel "no such!" is no CyTube channel name; use 1 to 30 letters, digits, '-' or '_'
    error: nats.tls_cert needs nats.tls_key beside it
    "#);
    assert_eq!(code, 1);

    let (printed, code) = checked(
        "userstats.toml",
        "[nats]\nservers = \"nats://localhost\"\nnkey_seed = \"hunter2\"\n[[channels]]\ndomain = \"cytu.be\"\nchannel = \"c\"\n[kudos]\ndefault_phrase = []\n",
    );
    insta::assert_snapshot!(printed, @r"
    warning: kudos.default_phrase is not known and ignored; did you mean kudos.default_phrases?
    error: nats.nkey_seed is no NKey seed of a user; that is a text of 58 characters and begins with SU
    ");
    assert_eq!(code, 1);

    for (name, text, printed) in [
        (
            "bot.yaml",
            "nats:\n  servers: nats://localhost\n  connect_timeout: hunter2\n",
            "error: the configuration's nats.connect_timeout is wrong: it must be a number\n",
        ),
        (
            "bot.yaml",
            "nats:\n  url: nats://localhost\n",
            "bot.yaml can be used by a client\n",
        ),
        (
            "bot.json",
            r#"{"nats": {"servers": ["nats://${NO_SUCH_VARIABLE_HERE}"]}}"#,
            "error: the configuration's nats.servers[0] names the environment variable NO_SUCH_VARIABLE_HERE, which is not set\n",
        ),
        (
            "bot.ini",
            "",
            "error: the configuration bot.ini is not valid JSON (its name ends in none of .toml, .yaml and .yml) at line 1 column 0\n",
        ),
    ] {
        let (said, code) = checked(name, text);
        assert_eq!(said, printed);
        assert_eq!(code, i32::from(printed.starts_with("error")));
    }
}

#[test]
fn the_section_of_the_page_is_looked_at_where_it_is_there() {
    let robot = "[cytube]\ndomain = \"cytu.be\"\nchannel = \"c\"\n[nats]\nservers = [\"nats://localhost\"]\n";
    let (printed, code) = checked("up.toml", &format!("{robot}[web]\nport = 80\n"));
    assert_eq!(
        (printed.as_str(), code),
        ("up.toml can be used by kryten up\n", 0)
    );
    let (printed, code) = checked(
        "up.toml",
        &format!("{robot}[web]\nhost = \"0.0.0.0\"\ntokn = \"hunter2\"\n"),
    );
    insta::assert_snapshot!(printed, @r"
    warning: web.tokn is not known and ignored; did you mean web.token?
    error: web: on 0.0.0.0 everybody who reaches this machine would see the page; give a token, or name the proxy that logs people in
    ");
    assert_eq!(code, 1);
    for (section, told) in [
        ("port = 70000", "web.port"),
        ("user_header = \"no header\"", "web.user_header"),
        ("token = \"short\"", "5 characters"),
        ("token_file = \"/no/such/file\"", "web.token_file"),
    ] {
        let (printed, code) = checked("up.toml", &format!("{robot}[web]\n{section}\n"));
        assert!(
            printed.starts_with("error: ") && printed.contains(told),
            "{printed}"
        );
        assert_eq!(code, 1);
    }
}
