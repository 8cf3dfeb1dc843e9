//! Values as the originals take them: numbers and truths that are written as texts, which is all that `${NAME}` can
//! give, and texts that are written as numbers.
//!
//! ```
//! use kryten_client::config::{self, lenient};
//! use serde::Deserialize;
//! use serde_json::json;
//!
//! #[derive(Deserialize)]
//! struct Section {
//!     #[serde(deserialize_with = "lenient::number")]
//!     port: u16,
//! }
//!
//! for port in [json!(8080), json!("8080"), json!(8080.0)] {
//!     let section: Section = config::read(json!({ "port": port }))?;
//!     assert_eq!(section.port, 8080);
//! }
//! # Ok::<(), kryten_client::config::ConfigError>(())
//! ```

use secrecy::SecretString;
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Number, Value};

/// Reads a number, or an `Option` of one: `10`, `"10"`, and `10.0` where it is to be a whole one.
///
/// # Errors
/// Where it is no number, or none that the type holds.
pub fn number<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let value = Value::deserialize(from)?;
    let value = match (as_number(&value), value) {
        (Some(number), _) => number.into(),
        (None, Value::String(_)) => return Err(Error::custom("it must be a number")),
        (None, other) => other,
    };
    T::deserialize(value).map_err(Error::custom)
}

/// Reads true or false, or an `Option` of them; as texts also `yes`, `no`, `on`, `off`, `1` and `0`, in any case.
///
/// # Errors
/// Where it is neither.
pub fn flag<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<T, D::Error> {
    let value = match Value::deserialize(from)? {
        value @ (Value::Bool(_) | Value::Null) => value,
        other => {
            let written = match &other {
                Value::String(text) => text.trim().to_ascii_lowercase(),
                Value::Number(number) => number.to_string(),
                _ => String::new(),
            };
            match written.as_str() {
                "true" | "yes" | "on" | "t" | "y" | "1" => true.into(),
                "false" | "no" | "off" | "f" | "n" | "0" => false.into(),
                _ => return Err(Error::custom("it must be true or false")),
            }
        }
    };
    T::deserialize(value).map_err(Error::custom)
}

/// Reads a text without the white space around it, or a number as one.
///
/// # Errors
/// Where it is a list or an object.
pub fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::Null => None,
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        // As Python writes them.
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::Array(_) | Value::Object(_) => return Err(Error::custom("it must be a text")),
    })
}

/// As [`text`], of what is secret.
///
/// # Errors
/// As [`text`].
pub fn secret<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SecretString>, D::Error> {
    Ok(text(from)?.map(SecretString::from))
}

/// The number that a value is, also as a text.
pub fn number_of(value: &Value) -> Option<f64> {
    as_number(value)?.as_f64()
}

fn as_number(value: &Value) -> Option<Number> {
    let written = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.trim().to_owned(),
        _ => return None,
    };
    if let Ok(whole) = written.parse::<i64>() {
        return Some(whole.into());
    }
    if let Ok(whole) = written.parse::<u64>() {
        return Some(whole.into());
    }
    // Beyond that not every whole number is there.
    const LARGEST_WHOLE: f64 = 9e15;
    let number: f64 = written.parse().ok()?;
    match number.fract() == 0.0 && number.abs() <= LARGEST_WHOLE {
        true => Some((number as i64).into()),
        false => Number::from_f64(number),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Section {
        #[serde(deserialize_with = "number")]
        port: Option<u16>,
        #[serde(deserialize_with = "number")]
        attempts: i64,
        #[serde(deserialize_with = "number")]
        seconds: f64,
        #[serde(deserialize_with = "flag")]
        is_on: bool,
        #[serde(deserialize_with = "flag")]
        may: Option<bool>,
        #[serde(deserialize_with = "text")]
        user: Option<String>,
        #[serde(deserialize_with = "secret")]
        password: Option<SecretString>,
    }

    fn read(value: Value) -> Result<Section, String> {
        crate::config::read(value).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_may_be_texts_and_whole_ones_may_have_a_point() {
        for (written, port) in [
            (json!(4222), Some(4222)),
            (json!("4222"), Some(4222)),
            (json!(" 4222 "), Some(4222)),
            (json!(4222.0), Some(4222)),
            (json!("4222.0"), Some(4222)),
            (json!(null), None),
        ] {
            assert_eq!(read(json!({"port": written})).unwrap().port, port);
        }
        assert_eq!(read(json!({"attempts": "-1"})).unwrap().attempts, -1);
        assert_eq!(read(json!({"attempts": 10.0})).unwrap().attempts, 10);
        assert_eq!(read(json!({"seconds": "2.5"})).unwrap().seconds, 2.5);
        assert_eq!(read(json!({"seconds": 10})).unwrap().seconds, 10.0);
        assert_eq!(number_of(&json!("1e300")), Some(1e300));
        for wrong in [
            json!("x"),
            json!("nan"),
            json!("inf"),
            json!(true),
            json!([]),
        ] {
            assert_eq!(number_of(&wrong), None);
        }
    }

    #[test]
    fn truths_may_be_texts_and_numbers() {
        for (written, is_on) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(" Yes "), true),
            (json!(1), true),
            (json!("1"), true),
            (json!("FALSE"), false),
            (json!("off"), false),
            (json!(0), false),
        ] {
            let section = read(json!({"is_on": written, "may": written})).unwrap();
            assert_eq!((section.is_on, section.may), (is_on, Some(is_on)));
        }
        assert_eq!(read(json!({"may": null})).unwrap().may, None);
    }

    #[test]
    fn texts_may_be_numbers_and_lose_the_white_space_around_them() {
        let section = read(json!({"user": " bob\n", "password": 12345})).unwrap();
        assert_eq!(section.user.as_deref(), Some("bob"));
        assert_eq!(section.password.unwrap().expose_secret(), "12345");
        let section = read(json!({"user": true, "password": null})).unwrap();
        assert_eq!(section.user.as_deref(), Some("True"));
        assert!(section.password.is_none());
    }

    #[test]
    fn what_is_none_is_told_with_its_key_and_without_the_value() {
        for (wrong, problem) in [
            (
                json!({"port": "hunter2"}),
                "port is wrong: it must be a number",
            ),
            (json!({"port": ""}), "port is wrong: it must be a number"),
            (
                json!({"port": "70000"}),
                "port is wrong: invalid value, expected u16",
            ),
            (
                json!({"attempts": 1.5}),
                "attempts is wrong: invalid type, expected i64",
            ),
            (
                json!({"attempts": null}),
                "attempts is wrong: invalid type, expected i64",
            ),
            (
                json!({"is_on": "hunter2"}),
                "is_on is wrong: it must be true or false",
            ),
            (
                json!({"is_on": 2}),
                "is_on is wrong: it must be true or false",
            ),
            (
                json!({"is_on": null}),
                "is_on is wrong: invalid type, expected a boolean",
            ),
            (
                json!({"password": ["hunter2"]}),
                "password is wrong: it must be a text",
            ),
        ] {
            let error = read(wrong).unwrap_err();
            assert_eq!(error, format!("the configuration's {problem}"));
        }
    }
}
