//! `kryten doctor`: broken set-ups on real servers, each named with its remedy.

mod local;
mod server;
mod services;

use kryten_servers::NatsServer;
use serde_json::Value;

use crate::process::kryten;

/// What the doctor said.
struct Diagnosis {
    code: i32,
    checks: Vec<Value>,
}

impl Diagnosis {
    fn of(arguments: &[&str]) -> Self {
        let output = kryten()
            .args(arguments)
            .args(["--json"])
            .env_remove("KRYTEN_CYTUBE_USER")
            .env_remove("KRYTEN_CYTUBE_PASSWORD")
            .env_remove("KRYTEN_NATS_URL")
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let code = output.status.code().unwrap();
        assert_eq!(said["healthy"], code == 0, "{said}");
        Self {
            code,
            checks: said["checks"].as_array().unwrap().clone(),
        }
    }

    fn at(server: &NatsServer, before: &[&str], after: &[&str]) -> Self {
        let url = url(server);
        let arguments = [&["--nats", &url], before, &["doctor"], after].concat();
        Self::of(&arguments)
    }

    /// The sentences of one check that have this verdict; each with a remedy, unless all is good.
    fn said(&self, check: &str, verdict: &str) -> Vec<String> {
        let found = self
            .checks
            .iter()
            .filter(|found| found["check"] == check && found["verdict"] == verdict);
        found
            .map(|found| {
                assert_eq!(found["remedy"].is_string(), verdict != "good", "{found}");
                let remedy = found["remedy"].as_str().unwrap_or_default();
                format!("{} → {remedy}", found["what"].as_str().unwrap())
            })
            .collect()
    }

    /// Something is wrong with `check`, and cause and remedy have these words.
    fn is_wrong(&self, check: &str, words: &[&str]) {
        assert_eq!(self.code, 1);
        let said = self.said(check, "wrong");
        let has_all = |sentence: &String| words.iter().all(|word| sentence.contains(word));
        assert!(said.iter().any(has_all), "{words:?} in {:#?}", self.checks);
    }
}

fn url(server: &NatsServer) -> String {
    format!(
        "nats://{}:{}@127.0.0.1:{}",
        server.user(),
        server.password(),
        server.port()
    )
}
