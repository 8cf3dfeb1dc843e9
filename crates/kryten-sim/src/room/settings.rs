//! Message of the day, style, script, options, permissions.

use base64::Engine;
use md5::{Digest, Md5};
use serde_json::{Value, json};

use super::{ConnectionId, Room, To};

impl Room {
    pub(super) fn style_and_script(&self) -> Value {
        let hash = |text: &str| {
            base64::engine::general_purpose::STANDARD.encode(Md5::digest(text.as_bytes()))
        };
        json!({"css": self.css, "cssHash": hash(&self.css), "js": self.js, "jsHash": hash(&self.js)})
    }

    pub(crate) fn set_motd(&mut self, motd: &str) {
        motd.clone_into(&mut self.motd);
        self.tell(To::All, "setMotd", motd.into());
    }

    pub(crate) fn set_css(&mut self, css: &str) {
        css.clone_into(&mut self.css);
        let change = self.style_and_script();
        self.tell(To::All, "channelCSSJS", change);
    }

    pub(crate) fn set_js(&mut self, js: &str) {
        js.clone_into(&mut self.js);
        let change = self.style_and_script();
        self.tell(To::All, "channelCSSJS", change);
    }

    /// Sets some options; those that do not exist, or are of another type, are refused to the one who asked.
    pub(crate) fn set_options(&mut self, asker: Option<ConnectionId>, changes: &Value) {
        let Some(changes) = changes.as_object() else {
            return;
        };
        let mut changed = false;
        for (name, value) in changes {
            let Some(old) = self.options.get(name) else {
                continue;
            };
            let is_password = name == "password" && (value.is_string() || value.is_boolean());
            let fits = std::mem::discriminant(old) == std::mem::discriminant(value);
            let target = format!("#cs-{name}");
            let answer = if fits || is_password {
                self.options.insert(name.clone(), value.clone());
                if is_password {
                    self.password = value.as_str().filter(|p| !p.is_empty()).map(str::to_owned);
                }
                changed = true;
                ("validationPassed", json!({"target": target}))
            } else {
                let message = format!("Input is not valid for this option: {value}");
                (
                    "validationError",
                    json!({"target": target, "message": message}),
                )
            };
            if let Some(asker) = asker {
                self.tell(To::One(asker), answer.0, answer.1);
            }
        }
        if changed {
            self.tell_options();
        }
    }

    pub(super) fn tell_options(&mut self) {
        let options = Value::Object(self.options.clone());
        self.tell(To::All, "channelOpts", options);
    }

    pub(crate) fn set_permissions(&mut self, changes: &Value) {
        let Some(changes) = changes.as_object() else {
            return;
        };
        for (node, rank) in changes {
            if let Some(old) = self.permissions.get_mut(node)
                && rank.is_number()
            {
                rank.clone_into(old);
            }
        }
        let permissions = Value::Object(self.permissions.clone());
        self.tell(To::All, "setPermissions", permissions);
    }

    pub(crate) fn drink(&mut self, count: u64) {
        self.drinks += count;
        let drinks = self.drinks;
        self.tell(To::All, "drinkCount", drinks.into());
    }
}
