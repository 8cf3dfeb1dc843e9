//! What can be bound to a statement, the same for both databases.

use std::borrow::Cow;

use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// An index entry of PostgreSQL holds about 2,700 bytes; the widest of ours has four texts.
const LONGEST_KEY: usize = 600;

/// A value for a placeholder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'q> {
    Text(Option<Cow<'q, str>>),
    Int(Option<i64>),
    Bool(bool),
}

impl Value<'_> {
    pub(super) fn add_to_sqlite(self, arguments: &mut SqliteArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Text(text) => arguments.add(text.map(Cow::into_owned)),
            Self::Int(number) => arguments.add(number),
            Self::Bool(yes) => arguments.add(yes),
        }
    }

    pub(super) fn add_to_postgres(self, arguments: &mut PgArguments) -> Result<(), BoxDynError> {
        match self {
            Self::Text(text) => {
                let text = text.map(without_nul);
                arguments.add(text.as_deref())
            }
            Self::Int(number) => arguments.add(number),
            Self::Bool(yes) => arguments.add(yes),
        }
    }

    /// Makes a cell such that PostgreSQL takes it; whether that changed it.
    pub(super) fn fit_for_postgres(&mut self) -> bool {
        let Self::Text(Some(text)) = self else {
            return false;
        };
        if text.len() <= LONGEST_KEY && !text.contains('\0') {
            return false;
        }
        let mut fit = text.replace('\0', "\u{fffd}");
        if fit.len() > LONGEST_KEY {
            let end = fit.floor_char_boundary(LONGEST_KEY - '…'.len_utf8());
            fit.truncate(end);
            fit.push('…');
        }
        *text = Cow::Owned(fit);
        true
    }
}

/// PostgreSQL cannot store the character U+0000.
fn without_nul(text: Cow<'_, str>) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => text,
    }
}

impl<'q> From<&'q str> for Value<'q> {
    fn from(text: &'q str) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl<'q> From<&'q String> for Value<'q> {
    fn from(text: &'q String) -> Self {
        Self::Text(Some(Cow::Borrowed(text)))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Text(Some(Cow::Owned(text)))
    }
}

impl<'q> From<Option<&'q str>> for Value<'q> {
    fn from(text: Option<&'q str>) -> Self {
        Self::Text(text.map(Cow::Borrowed))
    }
}

impl From<Option<String>> for Value<'_> {
    fn from(text: Option<String>) -> Self {
        Self::Text(text.map(Cow::Owned))
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Int(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Int(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_refuses_is_made_to_fit() {
        let fit = |text: &str| {
            let mut value = Value::from(text);
            let changed = value.fit_for_postgres();
            let Value::Text(Some(text)) = value else {
                panic!("a text stays a text");
            };
            (text.into_owned(), changed)
        };
        assert_eq!(fit("bob"), ("bob".to_owned(), false));
        assert_eq!(fit("b\0b"), ("b\u{fffd}b".to_owned(), true));
        let (long, changed) = fit(&"ä".repeat(10_000));
        assert!(changed && long.len() <= LONGEST_KEY && long.ends_with("ä…"));
    }
}
