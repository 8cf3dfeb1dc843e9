//! Fetches a message by itself, in the form in which no header can be wrong.
//!
//! Programs may store what the connection cannot carry: a header line without a colon, a name with a blank. The server
//! delivers it as it is, and the library ends the connection over it, again with each consumer that comes to it. The
//! leader's answer is JSON and has it as base64.

use futures_util::future::try_join_all;

use super::api::ApiError;
use super::consumer::Wanted;
use super::stored::{From, Stored, Which};
use crate::connection::Client;

/// The first wanted message from a sequence on. Who may only read directly may not ask for it.
pub(super) async fn first_from(
    client: &Client,
    wanted: &Wanted,
    sequence: u64,
) -> Result<Option<Stored>, ApiError> {
    let every = [">".to_owned()];
    let filters = match wanted.filters.as_slice() {
        [] => &every,
        filters => filters,
    };
    let reads = filters.iter().map(|filter| {
        let which = Which::NextFor {
            from: sequence.max(1),
            subject: filter,
        };
        client.read_stored(&wanted.stream, From::Leader, which)
    });
    let found = try_join_all(reads).await?;
    let first = found
        .into_iter()
        .flatten()
        .min_by_key(|stored| stored.sequence);
    if let Some(stored) = &first {
        tracing::debug!(
            stream = wanted.stream,
            sequence = stored.sequence,
            "the connection broke twice before this message; it is fetched by itself"
        );
    }
    Ok(first)
}
