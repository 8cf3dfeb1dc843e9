//! CyTube's words of refusal, told apart.

use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::item::DisconnectReason;

/// What a `kick` means; its `reason` may be empty or missing.
pub(super) fn kick(payload: &Value) -> DisconnectReason {
    let reason = payload["reason"].as_str().unwrap_or_default();
    if reason == "Duplicate login" {
        return DisconnectReason::DuplicateLogin;
    }
    let reason = reason.to_owned();
    let lower = reason.to_lowercase();
    let is_ban = ["you are banned", "you're banned", "your ip"]
        .iter()
        .any(|start| lower.starts_with(start))
        && lower.contains("banned");
    if is_ban {
        DisconnectReason::Banned { reason }
    } else {
        DisconnectReason::Kicked { reason }
    }
}

/// What a refused `login` means.
pub(super) fn login(error: &str) -> DisconnectReason {
    let for_good = [
        "Invalid username",
        "User does not exist",
        "That username is registered",
    ]
    .iter()
    .any(|start| error.starts_with(start));
    let error = error.to_owned();
    if for_good {
        DisconnectReason::LoginRefused { error }
    } else {
        // Such as a guest's name that our own lost connection still holds, or a database error.
        DisconnectReason::LoginDeferred { error }
    }
}

/// How long a guest has to wait: `Guest logins are restricted to one per IP address per 60 seconds.`
pub(super) fn guest_wait(error: &str) -> Option<Duration> {
    let lower = error.to_lowercase();
    if !lower.contains("restricted") && !lower.contains("wait") {
        return None;
    }
    let before = &lower[..lower.find("second")?];
    let seconds = before.split_whitespace().next_back()?;
    let seconds: u32 = seconds.parse().ok()?;
    // A little more, since the server's clock started before its answer arrived.
    Some(Duration::from_secs(seconds.into()) + Duration::from_millis(250))
}

/// The words of a refused namespace: a bare text, or an object with `message`.
pub(super) fn refusal(data: Option<&RawValue>) -> String {
    let data: Value = data
        .and_then(|data| serde_json::from_str(data.get()).ok())
        .unwrap_or_default();
    match data {
        Value::String(text) => text,
        other => other["message"].as_str().unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn kicks_are_told_apart() {
        use DisconnectReason as R;
        for (payload, expected) in [
            (json!({"reason": "Duplicate login"}), "duplicate"),
            (
                json!({"reason": "You are banned from this channel."}),
                "ban",
            ),
            (json!({"reason": "You're banned!"}), "ban"),
            (
                json!({"reason": "Your IP address is banned from this channel."}),
                "ban",
            ),
            (json!({"reason": "your ipod is loud"}), "kick"),
            (json!({"reason": "go away"}), "kick"),
            (json!({"reason": ""}), "kick"),
            (json!({}), "kick"),
            (json!(null), "kick"),
        ] {
            let kind = match kick(&payload) {
                R::DuplicateLogin => "duplicate",
                R::Banned { .. } => "ban",
                R::Kicked { .. } => "kick",
                _ => "other",
            };
            assert_eq!(kind, expected, "{payload}");
        }
    }

    #[test]
    fn the_guest_limits_seconds_are_read() {
        let real = "Guest logins are restricted to one per IP address per 60 seconds.";
        assert_eq!(guest_wait(real), Some(Duration::from_millis(60_250)));
        assert_eq!(
            guest_wait("Please wait 1 second"),
            Some(Duration::from_millis(1250))
        );
        for other in [
            "That username is registered.",
            "restricted",
            "wait a second",
            "",
        ] {
            assert_eq!(guest_wait(other), None, "{other}");
        }
    }

    #[test]
    fn refusals_for_good_are_told_from_those_for_now() {
        for error in [
            "Invalid username/password combination",
            "User does not exist",
            "That username is registered.",
            "Invalid username.  Usernames must be 1-20 characters long and consist only of characters",
        ] {
            assert!(!login(error).is_transient(), "{error}");
        }
        for error in [
            "That name is already in use on this channel.",
            "Database error",
            "",
        ] {
            assert!(login(error).is_transient(), "{error}");
        }
    }
}
