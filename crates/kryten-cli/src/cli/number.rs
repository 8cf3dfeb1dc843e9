//! Numbers on the command line.

use std::str::FromStr;

/// A whole number above 0.
pub(crate) fn at_least_one<N: FromStr + PartialOrd + From<u8>>(text: &str) -> Result<N, String> {
    let number: Option<N> = text.parse().ok();
    number
        .filter(|number| *number >= N::from(1))
        .ok_or_else(|| format!("{text} is no whole number from 1 on"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_less_are_refused_in_plain_words() {
        assert_eq!(at_least_one::<u64>("7"), Ok(7));
        for text in ["0", "-1", "2.5", "many", ""] {
            let refused = at_least_one::<u64>(text).unwrap_err();
            assert_eq!(refused, format!("{text} is no whole number from 1 on"));
        }
        assert!(at_least_one::<u32>("4294967296").is_err());
    }
}
