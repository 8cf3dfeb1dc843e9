//! Reads payloads leniently: what is missing or `null` has a default, and a number may be written as text.
//!
//! A value that is of no use at all (an object in the place of a name) makes the whole event [raw](super::Event::Raw).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::cytube::whole_number;

/// A type that is the payload of an event.
pub(crate) trait Payload: Sized {
    /// Reads a payload; `None` when it is of another shape.
    fn read(payload: &Value) -> Option<Self>;
}

/// The fields of a payload that is an object.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a>(&'a Map<String, Value>);

impl<'a> Fields<'a> {
    pub(crate) fn of(payload: &'a Value) -> Option<Self> {
        payload.as_object().map(Self)
    }

    /// A field that is there and not `null`.
    pub(crate) fn get(self, name: &str) -> Option<&'a Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn has(self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A field read as its type, or the type's default where it is missing or `null`.
    pub(crate) fn read<T: Payload + Default>(self, name: &str) -> Option<T> {
        match self.get(name) {
            Some(value) => T::read(value),
            None => Some(T::default()),
        }
    }

    /// As [`Fields::read`], telling a missing field apart.
    pub(crate) fn read_if_any<T: Payload>(self, name: &str) -> Option<Option<T>> {
        match self.get(name) {
            Some(value) => T::read(value).map(Some),
            None => Some(None),
        }
    }

    /// An object as it came; empty where it is missing or something else.
    pub(crate) fn object(self, name: &str) -> Map<String, Value> {
        match self.get(name) {
            Some(Value::Object(object)) => object.clone(),
            _ => Map::new(),
        }
    }
}

impl Payload for String {
    fn read(payload: &Value) -> Option<Self> {
        match payload {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        }
    }
}

impl Payload for f64 {
    fn read(payload: &Value) -> Option<Self> {
        let number = match payload {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            Value::Bool(flag) => f64::from(u8::from(*flag)),
            _ => return None,
        };
        number.is_finite().then_some(number)
    }
}

impl Payload for i64 {
    fn read(payload: &Value) -> Option<Self> {
        whole_number(payload).or_else(|| f64::read(payload).map(|number| number as Self))
    }
}

impl Payload for bool {
    fn read(payload: &Value) -> Option<Self> {
        match payload {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => Some(number.as_f64() != Some(0.0)),
            _ => None,
        }
    }
}

impl Payload for () {
    fn read(_: &Value) -> Option<Self> {
        Some(())
    }
}

impl Payload for Map<String, Value> {
    fn read(payload: &Value) -> Option<Self> {
        payload.as_object().cloned()
    }
}

impl<T: Payload> Payload for BTreeMap<String, T> {
    fn read(payload: &Value) -> Option<Self> {
        let fields = payload.as_object()?.iter();
        fields
            .map(|(name, value)| Some((name.clone(), T::read(value)?)))
            .collect()
    }
}

impl<T: Payload> Payload for Vec<T> {
    fn read(payload: &Value) -> Option<Self> {
        payload.as_array()?.iter().map(T::read).collect()
    }
}
