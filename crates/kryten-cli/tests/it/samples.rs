//! The sample configurations in `config/` load and belong together.

use std::path::{Path, PathBuf};

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../config")
        .join(name)
}

#[test]
fn the_robots_sample_loads() {
    let config = kryten_robot::config::load(&sample("robot.json")).unwrap();
    let [channel] = config.channels.as_slice() else {
        panic!("one channel, not {}", config.channels.len());
    };
    assert_eq!(channel.domain, "cytu.be");
    assert_eq!(channel.channel, "YourChannel");
    assert!(channel.channel_password.is_none() && channel.aggressive_reconnect);
    assert_eq!(config.nats.addresses().len(), 1);
    assert!(!config.commands_enabled);
    assert_eq!(config.health.map(|health| health.port), Some(8080));
}

#[test]
fn the_statistics_sample_loads() {
    let config = kryten_userstats::Config::load(&sample("userstats.json")).unwrap();
    assert_eq!(config.service_name, "userstats");
    assert_eq!(config.channels.len(), 1);
    assert_eq!(config.channels[0].channel, "YourChannel");
    assert_eq!(config.database, Path::new("data/userstats.db"));
    assert_eq!(config.http.map(|address| address.port()), Some(28282));
    assert_eq!(config.default_phrases.len(), 7);
}

/// What the samples name, both services look for in the same place.
#[test]
fn the_samples_belong_together() {
    let robot = kryten_robot::config::load(&sample("robot.json")).unwrap();
    let userstats = kryten_userstats::Config::load(&sample("userstats.json")).unwrap();
    assert_eq!(robot.nats.addresses(), userstats.nats.addresses());
    assert_eq!(
        (
            robot.channels[0].domain.as_str(),
            robot.channels[0].channel.as_str()
        ),
        (
            userstats.channels[0].domain.as_str(),
            userstats.channels[0].channel.as_str()
        )
    );
}
