//! What must not leave the process: the channel's password, which CyTube sends in clear to everyone in the channel.

use serde_json::Value;
use serde_json::value::RawValue;

/// What stands in the place of a password.
pub const MASK: &str = "***";

/// The payload without its secret; `None` when there is none in it.
///
/// ```
/// use kryten_robot::secrets::masked;
/// use serde_json::value::RawValue;
///
/// let payload = RawValue::from_string(r#"{"afk_timeout":600,"password":"hunter2"}"#.into()).unwrap();
/// assert_eq!(masked("channelOpts", &payload).unwrap().get(), r#"{"afk_timeout":600,"password":"***"}"#);
/// ```
pub fn masked(event: &str, payload: &RawValue) -> Option<Box<RawValue>> {
    if event != "channelOpts" {
        return None;
    }
    let mut value: Value = serde_json::from_str(payload.get()).ok()?;
    let password = value.get_mut("password")?;
    if !password.is_string() {
        return None;
    }
    *password = Value::from(MASK);
    serde_json::value::to_raw_value(&value).ok()
}
