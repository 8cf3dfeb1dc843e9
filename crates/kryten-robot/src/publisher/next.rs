//! Over which connection the next life of a channel goes.

use std::sync::Arc;

use kryten_client::connection::ConnectError;
use kryten_client::one_life::OneLife;
use kryten_client::shared_lives::SharedLives;

use super::End;

#[derive(Default)]
pub(super) enum Next {
    /// One that other channels may use as well.
    #[default]
    Shared,
    /// The same again: what was written to it comes before whatever follows.
    Same(Arc<OneLife>),
    /// One of its own. The last one stands, so its silence may be about this channel alone, which is then not to
    /// trouble the others.
    Alone,
}

impl Next {
    pub(super) async fn connection(
        self,
        connections: &SharedLives,
    ) -> Result<Arc<OneLife>, Arc<ConnectError>> {
        match self {
            Self::Same(connection) if !connection.has_ended() => Ok(connection),
            Self::Alone => connections.take_alone().await,
            Self::Shared | Self::Same(_) => connections.take().await,
        }
    }

    /// After a life over this connection has ended.
    pub(super) async fn after(
        end: &End,
        connection: Arc<OneLife>,
        connections: &SharedLives,
    ) -> Self {
        if connection.has_ended() {
            return Self::Shared;
        }
        match end {
            End::Overtaken | End::Found | End::Refused(_) => Self::Same(connection),
            End::Silent(_) => {
                connections.retire(&connection).await;
                Self::Alone
            }
            End::Lost(_) | End::Stopped => {
                connections.retire(&connection).await;
                Self::Shared
            }
        }
    }
}
