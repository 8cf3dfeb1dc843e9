//! From when to when everything is counted, so that the past can be added once and never twice.

use std::collections::VecDeque;

use kryten_protocol::gap::{Gap, GapReason};
use kryten_protocol::time::WireTime;
use serde::{Deserialize, Serialize};

use super::sums::RoomSums;

/// More lines than CyTube replays, of which the times are remembered: a gap lies between two of them.
const TIMES: usize = 40;

/// Which clock dates what is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoveredKind {
    /// Chat lines and private messages, by CyTube's clock.
    Lines,
    /// Everything else, by the robot's.
    Events,
}

impl CoveredKind {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Events => "events",
        }
    }
}

/// A span of which everything is counted, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The first moment.
    pub from: i64,
    /// The last one.
    pub to: i64,
}

impl Span {
    fn at(at: i64) -> Self {
        Self { from: at, to: at }
    }

    fn take_in(&mut self, at: i64) {
        self.from = self.from.min(at);
        self.to = self.to.max(at);
    }
}

/// What was covered before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Covered {
    lines: Vec<Span>,
    events: Vec<Span>,
}

impl Covered {
    /// Adds a span.
    pub fn add(&mut self, kind: CoveredKind, span: Span) {
        match kind {
            CoveredKind::Lines => self.lines.push(span),
            CoveredKind::Events => self.events.push(span),
        }
    }

    /// The spans, in no order; they may overlap.
    pub fn spans(&self, kind: CoveredKind) -> &[Span] {
        match kind {
            CoveredKind::Lines => &self.lines,
            CoveredKind::Events => &self.events,
        }
    }

    /// Whether any moment of this span is covered.
    pub fn touches(&self, kind: CoveredKind, span: Span) -> bool {
        let mut spans = self.spans(kind).iter();
        spans.any(|known| known.from <= span.to && span.from <= known.to)
    }
}

/// The span that grows now, of each kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Coverage {
    lines: Option<Span>,
    events: Option<Span>,
    line_times: VecDeque<i64>,
}

impl Coverage {
    /// An event is folded; it is no line.
    pub(crate) fn event(&mut self, at: WireTime, sums: &mut RoomSums) {
        let at = at.micros();
        let span = self.events.get_or_insert(Span::at(at));
        span.take_in(at);
        sums.cover(CoveredKind::Events, *span);
    }

    /// A line is counted, or passed over by somebody's wish.
    pub(crate) fn line(&mut self, at: WireTime, sums: &mut RoomSums) {
        let at = at.micros();
        self.line_times.push_back(at);
        if self.line_times.len() > TIMES {
            self.line_times.pop_front();
        }
        let span = self.lines.get_or_insert(Span::at(at));
        span.take_in(at);
        sums.cover(CoveredKind::Lines, *span);
    }

    /// Between these moments not everything was seen; returns whether nothing was. The lines around are complete up to
    /// the last before and from the first after: CyTube replays without a hole.
    pub(crate) fn gap(&mut self, gap: &Gap, sums: &mut RoomSums) -> bool {
        let (from, to) = (gap.from.micros(), gap.to.micros());
        let nothing_seen = match gap.reason {
            GapReason::Absent | GapReason::StreamTruncated => true,
            GapReason::NotKept if self.has_listened_after(from) => return false,
            GapReason::NotKept => true,
            _ => false,
        };
        if nothing_seen {
            self.cut_events(from, to, sums);
        }
        if !gap.chat_complete {
            let (last, first) = match gap.chat {
                Some(chat) => (chat.from.micros(), chat.to.micros()),
                None => (from, from + 1),
            };
            self.cut_lines(last, first, sums);
        }
        nothing_seen
    }

    /// Whether what was published and not kept was heard here.
    fn has_listened_after(&self, from: i64) -> bool {
        self.events.is_none_or(|span| span.to > from)
    }

    fn cut_events(&mut self, from: i64, to: i64, sums: &mut RoomSums) {
        let Some(mut span) = self.events.take() else {
            return;
        };
        let ends = span.to.min(from);
        if span.to > to {
            let rest = Span {
                from: to,
                to: span.to,
            };
            self.events = Some(rest);
            sums.cover(CoveredKind::Events, rest);
        }
        span.to = ends.max(span.from);
        sums.cover(CoveredKind::Events, span);
    }

    /// Between the last line before the hole and the first one after it nothing is complete, whatever else came there.
    fn cut_lines(&mut self, last: i64, first: i64, sums: &mut RoomSums) {
        let Some(mut span) = self.lines.take() else {
            return;
        };
        let times = &self.line_times;
        let before = times.iter().copied().filter(|at| *at <= last).max();
        let after = times.iter().copied().filter(|at| *at >= first).min();
        if let Some(after) = after {
            let rest = Span {
                from: after,
                to: span.to,
            };
            self.lines = Some(rest);
            sums.cover(CoveredKind::Lines, rest);
            span.to = before.unwrap_or(span.from).min(after - 1).max(span.from);
        }
        sums.cover(CoveredKind::Lines, span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kryten_protocol::gap::ChatSpan;

    fn at(second: i64) -> WireTime {
        WireTime::from_millis(second * 1000)
    }

    fn gap(from: i64, to: i64) -> Gap {
        Gap {
            domain: String::new(),
            channel: String::new(),
            reason: GapReason::Absent,
            from: at(from),
            to: at(to),
            chat_complete: false,
            chat: None,
            lost: None,
        }
    }

    fn covers_lines(sums: &RoomSums, seconds: &[i64]) -> Vec<bool> {
        let mut covered = Covered::default();
        for ((kind, _), span) in &sums.coverage {
            covered.add(*kind, *span);
        }
        let counted =
            |second: &i64| covered.touches(CoveredKind::Lines, Span::at(at(*second).micros()));
        seconds.iter().map(counted).collect()
    }

    #[test]
    fn a_gap_leaves_the_hole_between_two_lines_uncovered() {
        let (mut coverage, mut sums) = (Coverage::default(), RoomSums::default());
        for second in [10, 20, 100, 110] {
            coverage.line(at(second), &mut sums);
        }
        coverage.gap(&gap(25, 115), &mut sums);
        coverage.line(at(120), &mut sums);
        let told = covers_lines(&sums, &[9, 10, 20, 21, 99, 100, 115, 120, 121]);
        assert_eq!(
            told,
            [false, true, true, false, false, true, true, true, false]
        );
    }

    #[test]
    fn where_chat_is_missing_is_told_by_the_clock_of_the_chat() {
        let (mut coverage, mut sums) = (Coverage::default(), RoomSums::default());
        // CyTube's clock goes ahead of ours, which says 25 to 30. At 130 came a private message.
        for second in [110, 120, 130, 160] {
            coverage.line(at(second), &mut sums);
        }
        let chat = ChatSpan {
            from: at(120),
            to: at(160),
        };
        let mut gap = gap(25, 30);
        gap.chat = Some(chat);
        coverage.gap(&gap, &mut sums);
        let told = covers_lines(&sums, &[110, 120, 121, 131, 159, 160]);
        assert_eq!(told, [true, true, false, false, false, true]);
    }

    #[test]
    fn a_span_touches_another_at_its_ends() {
        let mut covered = Covered::default();
        covered.add(CoveredKind::Events, Span { from: 5, to: 9 });
        let span = |from, to| Span { from, to };
        assert!(covered.touches(CoveredKind::Events, span(9, 20)));
        assert!(!covered.touches(CoveredKind::Events, span(10, 20)));
        assert!(!covered.touches(CoveredKind::Lines, span(5, 9)));
    }
}
