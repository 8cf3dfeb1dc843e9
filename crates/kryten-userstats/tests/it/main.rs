//! The service against a real nats-server and real database files.
#![allow(clippy::unwrap_used)]

/// Tests that hold on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($(#[$about:meta])* async fn $name:ident($backend:ident) $body:block)*) => {$(
        mod $name {
            use super::*;

            $(#[$about])*
            async fn run($backend: $crate::backend::Backend) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn on_sqlite() {
                run($crate::backend::Backend::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn on_postgresql() {
                run($crate::backend::Backend::Postgres).await;
            }
        }
    )*};
}

mod answers;
mod backend;
mod bench;
mod busy;
mod compat;
mod exact;
mod hours;
mod instances;
mod kept;
mod logs;
mod original;
mod people;
mod postgres;
mod privacy;
mod queries;
mod recorded;
mod seals;
mod seed_b;
mod seed_b_backfill;
mod seed_b_enhancements;
mod seed_b_fallback;
mod service;
mod store;
mod totals;
