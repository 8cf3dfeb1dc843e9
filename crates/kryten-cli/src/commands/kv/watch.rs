//! `kryten kv watch`: what is there, then every change.

use kryten_client::KvBucket;
use kryten_client::kv::WatchItem;

use super::arguments::Watch;
use super::show;
use crate::output;
use crate::paint::Paint;
use crate::stop_signal::StopSignal;

pub(super) async fn run(bucket: &KvBucket, args: &Watch, is_json: bool) -> anyhow::Result<()> {
    let mut stop = StopSignal::listen()?;
    let mut watch = bucket.watch_prefix(&args.prefix).await?;
    let paint = Paint::stdout();
    let mut is_told = !args.changes;
    let mut left = args.count;
    while left != Some(0) {
        let item = tokio::select! {
            item = watch.next() => item?,
            () = stop.received() => break,
        };
        match item {
            WatchItem::Entry(entry) if is_told => {
                show::entry(&entry, paint, is_json)?;
                left = left.map(|left| left - 1);
            }
            WatchItem::Entry(_) => {}
            WatchItem::Ready => {
                is_told = true;
                if is_json {
                    output::line(r#"{"ready":true}"#)?;
                }
            }
        }
    }
    watch.close().await;
    Ok(())
}
