//! What the code under test logs, to be looked at.

use std::io;
use std::sync::{Arc, Mutex};

use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;

/// The log of one test, whose runtime has one thread, so that all is heard.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

/// Until it is dropped the log is heard.
pub(crate) struct Hearing {
    _guard: DefaultGuard,
    // With only one in the process, what a test on another thread logs first would stay unheard here.
    _second: tracing::Dispatch,
}

impl Log {
    pub(crate) fn hear(&self, level: LevelFilter) -> Hearing {
        let second = tracing::Dispatch::new(tracing_subscriber::registry());
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .finish();
        Hearing {
            _guard: tracing::subscriber::set_default(subscriber),
            _second: second,
        }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
