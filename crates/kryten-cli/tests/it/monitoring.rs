//! What `monitoring/` asks for is really exported, and each alarm has its section in the book.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::process::{Process, until};
use crate::rig::get;

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// Words that begin as our metrics do.
fn metrics_in(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| word.starts_with("kryten_") || word.starts_with("userstats_"))
        .map(str::to_owned)
        .collect()
}

/// The expressions of the dashboard, and nothing else of it.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(text) if ["expr", "query", "definition"].contains(&key.as_str()) => {
                        found.push(text.to_owned());
                    }
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

/// The values of a key in the file of alarms, which has one on a line.
fn values<'a>(alarms: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    alarms
        .lines()
        .filter_map(move |line| line.trim().strip_prefix(key))
        .map(|value| value.trim().trim_matches('"'))
}

#[tokio::test]
async fn every_metric_of_dashboard_alarms_and_documents_is_exported() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().to_str().unwrap();
    let mut args = vec!["up", "--demo", "--users", "6", "--data-dir", data_dir];
    args.extend(["--nats-port", "0", "--web-port", "0"]);
    let _up = Process::start(&args, &folder.path().join("printed"));
    let file = folder.path().join("connection.json");
    until("up is ready", || async { file.exists() }).await;
    let connection: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let base = connection["web"]["url"].as_str().unwrap();
    let mut exported = String::new();
    for path in ["/robot/metrics", "/metrics"] {
        exported += &get(base, path).await;
    }
    let exported: BTreeSet<String> = exported
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .filter_map(|line| Some(line.split(' ').next()?.to_owned()))
        .collect();
    assert!(exported.len() > 40, "{exported:?}");

    let dashboard: Value = serde_json::from_str(&text("monitoring/dashboard.json")).unwrap();
    let mut asked = Vec::new();
    expressions(&dashboard, &mut asked);
    assert!(asked.len() > 30, "{asked:?}");
    for (name, text) in [
        ("the dashboard", asked.join("\n")),
        ("alerts.yml", text("monitoring/alerts.yml")),
        ("alerts_test.yml", text("monitoring/alerts_test.yml")),
    ] {
        let missing: Vec<String> = metrics_in(&text).difference(&exported).cloned().collect();
        assert!(missing.is_empty(), "{name} asks for {missing:?}");
    }
    let shown = metrics_in(&(asked.join("\n") + &text("monitoring/alerts.yml")));
    let documents = text("docs/monitoring.md");
    let section = documents
        .split("### What has no panel and no alarm\n")
        .nth(1);
    let section = section.and_then(|rest| rest.split("\n#").next()).unwrap();
    let listed = metrics_in(section);
    let known = &shown | &listed;
    let neither: Vec<&String> = exported.difference(&known).collect();
    assert!(
        neither.is_empty(),
        "give {neither:?} a panel or an alarm, or list them in docs/monitoring.md"
    );
    let both: Vec<&String> = listed.intersection(&shown).collect();
    assert!(
        both.is_empty(),
        "docs/monitoring.md says that {both:?} have neither a panel nor an alarm"
    );
    let told = metrics_in(&(text("docs/operations.md") + &text("docs/monitoring.md")));
    let untold: Vec<&String> = exported.difference(&told).collect();
    assert!(untold.is_empty(), "the documents do not tell of {untold:?}");
}

#[test]
fn each_alarm_has_its_section_where_it_says() {
    let alarms = text("monitoring/alerts.yml");
    let operations = text("docs/monitoring.md");
    let names: Vec<&str> = values(&alarms, "- alert:").collect();
    assert!(names.len() > 20, "{names:?}");
    let chapters: Vec<&str> = values(&alarms, "chapter:").collect();
    let addresses: Vec<&str> = values(&alarms, "runbook_url:").collect();
    assert_eq!(
        (names.len(), names.len()),
        (chapters.len(), addresses.len())
    );
    for ((name, chapter), address) in names.iter().zip(chapters).zip(addresses) {
        assert_eq!(chapter, format!("Operate it, section {name}"));
        let end = format!("/operations.html#{}", name.to_lowercase());
        assert!(address.ends_with(&end), "{address}");
        let heading = format!("\n### {name}\n");
        assert!(operations.contains(&heading), "no section {name}");
    }
}
