//! A database in which much was counted: folded and committed as the service does it, without a stream.

use std::path::Path;

use kryten_protocol::event::EnvelopeRef;
use kryten_protocol::time::WireTime;
use kryten_userstats::store::{ChannelBatch, Store};
use kryten_userstats::tally::{EventView, Sums};

use crate::talk::{CHANNEL, Event, Kind, Talk};

const BATCH: u64 = 5_000;
const YEAR_MILLIS: i64 = 365 * 24 * 60 * 60 * 1000;

/// Makes it; how many events are counted in it.
pub(super) async fn make(file: &Path, people: u64, lines: u64) -> anyhow::Result<u64> {
    let store = Store::open(file).await?;
    let phrases = store.phrases_or(&["lol".to_owned()]).await?;
    let mut tally = store.load(&phrases).await?;
    let claim = store.claim(CHANNEL).await?;
    let talk = Talk {
        people,
        kind: Kind::Mixed,
        begin: jiff::Timestamp::now().as_millisecond() - YEAR_MILLIS,
        step: YEAR_MILLIS / i64::try_from(lines)?,
        films: true,
    };
    let mut counted = 0;
    let mut waiting: Vec<Event> = talk.opening();
    for first in (0..lines).step_by(usize::try_from(BATCH)?) {
        waiting.extend((first..lines.min(first + BATCH)).flat_map(|number| talk.lines(number)));
        counted += waiting.len() as u64;
        let mut sums = Sums::default();
        for event in waiting.drain(..) {
            let envelope = EnvelopeRef::parse(&event.body)?;
            let view = EventView::of(&envelope, WireTime::default(), None, 0);
            tally.apply(&view, &mut sums);
        }
        tally.remember(&mut sums);
        let batch = ChannelBatch {
            token: &claim.token,
            epoch: claim.epoch,
            sums: &sums,
            position: None,
            seals: None,
        };
        store.commit(&[batch]).await?;
    }
    // What is beside the file goes into it.
    store.close().await;
    Ok(counted)
}
