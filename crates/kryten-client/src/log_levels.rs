//! The levels of a service's log, which may be changed while it runs. Pure.
//!
//! ```
//! use kryten_client::log_levels::LogLevels;
//! use serde_json::json;
//!
//! let mut levels = LogLevels::new("INFO");
//! let asked = json!({"module": "kryten_robot::publisher", "level": "debug"});
//! levels.command(asked.as_object().unwrap()).unwrap();
//! assert_eq!(levels.directives(), "info,kryten_robot::publisher=debug");
//! ```

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// More modules than that are nonsense.
const MOST: usize = 64;
const LONGEST: usize = 100;

/// One level for all, and others for single modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLevels {
    level: &'static str,
    modules: BTreeMap<String, &'static str>,
}

impl LogLevels {
    /// The level of a configuration, in the originals' words or in ours; what is none is `info`.
    pub fn new(level: &str) -> Self {
        Self {
            level: known(level).unwrap_or("info"),
            modules: BTreeMap::new(),
        }
    }

    /// The level of whatever has none of its own.
    pub fn level(&self) -> &'static str {
        self.level
    }

    /// The modules that have a level of their own.
    pub fn modules(&self) -> &BTreeMap<String, &'static str> {
        &self.modules
    }

    /// Another level for whatever has none of its own; returns whether it was another one.
    pub fn set_level(&mut self, level: &str) -> bool {
        let level = known(level).unwrap_or("info");
        std::mem::replace(&mut self.level, level) != level
    }

    /// As a filter of `tracing` writes it.
    pub fn directives(&self) -> String {
        let mut directives = self.level.to_owned();
        for (module, level) in &self.modules {
            directives.push_str(&format!(",{module}={level}"));
        }
        directives
    }

    /// The command `system.loglevel`: `level` alone changes the level of all, with `module` that of one, `level: null`
    /// takes that one's away, `reset: true` those of all modules; without any of them nothing changes. The levels then are
    /// the reply.
    ///
    /// Only modules of Kryten have levels: what other libraries say in detail may hold what is secret.
    ///
    /// # Errors
    /// One sentence about what is wrong; nothing is changed then.
    pub fn command(&mut self, fields: &Map<String, Value>) -> Result<Value, String> {
        const LEVELS: &str = "level must be error, warn, info, debug or trace";
        let level = match fields.get("level") {
            None | Some(Value::Null) => None,
            Some(level) => Some(level.as_str().and_then(known).ok_or(LEVELS)?),
        };
        match fields.get("module").filter(|module| !module.is_null()) {
            Some(module) => {
                let module = module.as_str().filter(|module| is_ours(module)).ok_or(
                    "module must be one of Kryten's, such as kryten_robot or kryten_userstats::counting",
                )?;
                match (level, fields.contains_key("level")) {
                    (Some(level), _) => {
                        if self.modules.len() >= MOST && !self.modules.contains_key(module) {
                            return Err(format!("at most {MOST} modules have a level; give reset"));
                        }
                        self.modules.insert(module.to_owned(), level);
                    }
                    (None, true) => {
                        self.modules.remove(module);
                    }
                    (None, false) => return Err(LEVELS.to_owned()),
                }
            }
            None => {
                if fields.get("reset") == Some(&Value::Bool(true)) {
                    self.modules.clear();
                }
                if let Some(level) = level {
                    self.level = level;
                }
            }
        }
        Ok(json!({"level": self.level, "modules": self.modules}))
    }
}

fn known(level: &str) -> Option<&'static str> {
    Some(match level.to_ascii_lowercase().as_str() {
        "error" | "critical" | "fatal" => "error",
        "warn" | "warning" => "warn",
        "info" => "info",
        "debug" => "debug",
        "trace" => "trace",
        _ => return None,
    })
}

fn is_ours(module: &str) -> bool {
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '_' | ':');
    module.starts_with("kryten") && module.len() <= LONGEST && module.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(levels: &mut LogLevels, fields: Value) -> Result<Value, String> {
        levels.command(fields.as_object().unwrap())
    }

    #[test]
    fn levels_of_all_and_of_single_modules_come_and_go() {
        let mut levels = LogLevels::new("WARNING");
        assert_eq!(levels.directives(), "warn");
        let told = asked(&mut levels, json!({"level": "Info"})).unwrap();
        assert_eq!(told, json!({"level": "info", "modules": {}}));
        asked(
            &mut levels,
            json!({"module": "kryten_robot", "level": "debug"}),
        )
        .unwrap();
        asked(
            &mut levels,
            json!({"module": "kryten_robot::outbox", "level": "trace"}),
        )
        .unwrap();
        assert_eq!(
            levels.directives(),
            "info,kryten_robot=debug,kryten_robot::outbox=trace"
        );
        asked(
            &mut levels,
            json!({"module": "kryten_robot", "level": null}),
        )
        .unwrap();
        assert_eq!(levels.directives(), "info,kryten_robot::outbox=trace");
        assert_eq!(
            asked(&mut levels, json!({})).unwrap()["modules"],
            json!({"kryten_robot::outbox": "trace"})
        );
        asked(&mut levels, json!({"reset": true})).unwrap();
        assert_eq!(levels.directives(), "info");
        assert!(levels.set_level("DEBUG") && !levels.set_level("debug"));
    }

    #[test]
    fn what_makes_no_sense_changes_nothing() {
        let mut levels = LogLevels::new("INFO");
        for fields in [
            json!({"level": "loud"}),
            json!({"level": 7}),
            json!({"module": "async_nats", "level": "debug"}),
            json!({"module": "kryten_robot=trace,hyper", "level": "debug"}),
            json!({"module": "kryten_robot"}),
            json!({"module": 7, "level": "debug"}),
            json!({"module": format!("kryten{}", "x".repeat(100)), "level": "debug"}),
        ] {
            assert!(asked(&mut levels, fields.clone()).is_err(), "{fields}");
        }
        for number in 0..100 {
            let _ = asked(
                &mut levels,
                json!({"module": format!("kryten_{number}"), "level": "debug"}),
            );
        }
        assert_eq!(levels.modules().len(), MOST);
    }
}
