//! What was found once holds from now on.

use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::{finding, targets};

#[test]
fn a_thousand_cases_of_each_target_hold() {
    for target in targets::all() {
        for seed in 0..1_000 {
            let input = (target.make)(&mut StdRng::seed_from_u64(seed));
            let problem = finding::problem(&target, &input);
            let shown = String::from_utf8_lossy(&input);
            assert_eq!(problem, None, "{}, seed {seed}: {shown}", target.name);
        }
    }
}

#[test]
fn the_same_seed_makes_the_same_input() {
    for target in targets::all() {
        let make = || (target.make)(&mut StdRng::seed_from_u64(7));
        assert_eq!(make(), make(), "{}", target.name);
    }
}

/// Inputs that a run has found, made small; each with its target.
#[test]
fn what_was_found_holds() {
    let found: [(&str, &str); 4] = [
        (
            "event",
            r#"{"event_name":"","payload":{},"channel":"","domain":"","timestamp":744073709551615}"#,
        ),
        (
            "lifecycle",
            r#"{"service":"","version":"","hostname":"","timestamp":1000000000000000,"uptime_seconds":9}"#,
        ),
        (
            "config",
            r#"{"cytube":{"domain":"e","channel":"l"},"nats":{"servers":[]},"log_level":{"nats":{"password":"S3CRET-MARKER"}}}"#,
        ),
        // A host is no secret, with a scheme or without.
        ("config", r#"{"nats":{"servers":["S3CRET-MARKER"]}}"#),
    ];
    for (name, input) in found {
        let target = targets::all()
            .into_iter()
            .find(|target| target.name == name);
        let problem = finding::problem(&target.unwrap(), input.as_bytes());
        assert_eq!(problem, None, "{name}: {input}");
    }
}
