//! What the file says of what counts.

use kryten_client::config::lenient;
use schemars::JsonSchema;
use serde::Deserialize;

use super::ConfigError;
use crate::tally::Rules;

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub(super) enum Compat {
    /// As the original, its defects mended.
    #[default]
    Mended,
    /// As the original, defects included.
    Strict,
}

#[derive(Debug, Default, Clone, Copy, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub(super) struct Detectors {
    /// Emotes whose names have `-` or `.` in them count, too.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    marked_emotes: bool,
    /// Emotes that CyTube lists without `#` count where they are typed so, as a word of their own.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    bare_emotes: bool,
    /// Kudos reach only whole names of users, once in a line, and a user of that name before the owner of an alias.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    real_names: bool,
    /// HTML escapes such as `&#39;` are undone first.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    decode_entities: bool,
    /// Lines of those who are shadow-muted do not count.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    leave_out_muted: bool,
    /// Lines of `[server]` and other names in brackets do not count.
    #[schemars(extend("default" = false))]
    #[serde(deserialize_with = "lenient::flag")]
    leave_out_server: bool,
}

impl Detectors {
    fn rules(self) -> Rules {
        Rules {
            as_original: false,
            marked_emotes: self.marked_emotes,
            bare_emotes: self.bare_emotes,
            real_names: self.real_names,
            decode_entities: self.decode_entities,
            leave_out_muted: self.leave_out_muted,
            leave_out_server: self.leave_out_server,
        }
    }
}

/// What counts by the file.
pub(super) fn rules(compat: Compat, detectors: Detectors) -> Result<Rules, ConfigError> {
    let mut rules = detectors.rules();
    if compat == Compat::Strict {
        if rules != Rules::default() {
            return Err(ConfigError::value(
                "detectors",
                "leave these out, or leave out compat: strict counts as the original does",
            ));
        }
        rules.as_original = true;
    }
    Ok(rules)
}
