//! Where in a stream the connection was lost. Pure.

/// Losses of the connection in a row at one place.
///
/// Over a message that the connection cannot carry it breaks again and again. Where it was lost for another reason the
/// message is fetched by itself for nothing, and is the same.
#[derive(Debug, Default)]
pub(super) struct Breaks {
    at: u64,
    count: u32,
}

impl Breaks {
    /// Notes that the connection was lost while this was the next message; whether it was so the last time, too.
    pub(super) fn happened_again(&mut self, at: u64) -> bool {
        if self.at != at {
            *self = Self { at, count: 0 };
        }
        self.count += 1;
        self.count > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_place_where_it_broke_twice_in_a_row_is_suspicious() {
        let mut breaks = Breaks::default();
        assert!(!breaks.happened_again(7));
        assert!(breaks.happened_again(7));
        assert!(breaks.happened_again(7));
        assert!(!breaks.happened_again(8));
        assert!(!breaks.happened_again(7));
        assert!(!Breaks::default().happened_again(0));
    }
}
