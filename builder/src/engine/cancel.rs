//! Somebody wants it to stop.

use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Error, Result};

/// Tells everything that works that it is to stop. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Default for Cancel {
    fn default() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }
}

impl Cancel {
    /// One that nobody has used.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that SIGINT and SIGTERM use. Must be called within a runtime.
    pub fn on_signals() -> Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let failed =
            |error| Error::failed(format!("cannot wait for signals: {error}"), "run again");
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        let cancel = Self::new();
        let told = cancel.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            told.cancel();
        });
        Ok(cancel)
    }

    /// Stops everything.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was used.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is used.
    pub async fn cancelled(&self) {
        // It cannot be closed: this holds the sender.
        let _ = self.0.subscribe().wait_for(|it| *it).await;
    }

    /// An error where it was used.
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) }
    }
}
