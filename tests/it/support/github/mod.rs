//! A stand-in for GitHub: the REST API, browser downloads, and the object store behind both.
//!
//! The program under test talks to it over real connections, so that what goes wrong
//! on a network can go wrong here too, when and where a test wants it.

#![allow(
    dead_code,
    unused_imports,
    reason = "it has the whole of an interface, whichever parts tests use yet"
)]

mod api;
mod client;
mod content;
mod download;
mod faults;
mod http;
mod json;
mod log;
mod state;

use std::net::TcpListener;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

pub(crate) use client::{client, header, json, send};
pub(crate) use content::{Content, Memory, index};
pub(crate) use faults::{Fault, Faults};
pub(crate) use log::{Entry, Origin};
pub(crate) use state::{Asset, Cut, Digest, List, Options, Release, Repository, Secondary};

/// What the connections share.
struct Shared {
    /// Without a slash at the end; by [`Origin`].
    urls: [String; 3],
    prefix: String,
    world: Mutex<state::World>,
    faults: Mutex<Faults>,
    log: Mutex<log::Log>,
}

impl Shared {
    fn url(&self, origin: Origin) -> &str {
        &self.urls[origin as usize]
    }

    fn api_url(&self) -> String {
        format!("{}{}", self.url(Origin::Api), self.prefix)
    }
}

/// What a stand-in starts with.
#[derive(Default)]
pub(crate) struct Builder {
    world: state::World,
    prefix: String,
    faults: Faults,
}

impl Builder {
    pub(crate) fn repository(mut self, repository: Repository) -> Self {
        self.world.add_repository(repository);
        self
    }

    /// One more token that is good, for no private repository.
    pub(crate) fn token(mut self, token: &str) -> Self {
        self.world.tokens.push(token.to_owned());
        self
    }

    /// Where on its host the API is: `/api/v3` for Enterprise.
    pub(crate) fn prefix(mut self, prefix: &str) -> Self {
        prefix.clone_into(&mut self.prefix);
        self
    }

    pub(crate) fn options(mut self, edit: impl FnOnce(&mut Options)) -> Self {
        edit(&mut self.world.options);
        self
    }

    pub(crate) fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    pub(crate) fn start(self) -> Github {
        let origins = [Origin::Api, Origin::Web, Origin::Blob];
        let listeners = origins.map(|_| {
            let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
            listener.set_nonblocking(true).expect("takes the mode");
            listener
        });
        let url =
            |listener: &TcpListener| format!("http://{}", listener.local_addr().expect("is bound"));
        let shared = Arc::new(Shared {
            urls: listeners.each_ref().map(url),
            prefix: self.prefix,
            world: Mutex::new(self.world),
            faults: Mutex::new(self.faults),
            log: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("makes a runtime");
        let (stop, stopped) = oneshot::channel::<()>();
        let of_thread = shared.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                for (origin, listener) in origins.into_iter().zip(listeners) {
                    let listener =
                        tokio::net::TcpListener::from_std(listener).expect("is non-blocking");
                    tokio::spawn(http::listen(origin, listener, of_thread.clone()));
                }
                let _ = stopped.await;
            });
            runtime.shutdown_timeout(Duration::from_secs(2));
        });
        Github { shared, stop: Some(stop), thread: Some(thread) }
    }
}

/// A running stand-in; ends with the value.
pub(crate) struct Github {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Github {
    pub(crate) fn builder() -> Builder {
        Builder::default()
    }

    /// One with nothing but this repository.
    pub(crate) fn with(repository: Repository) -> Self {
        Self::builder().repository(repository).start()
    }

    /// An origin's URL, without a slash at the end; that of the API with its prefix.
    pub(crate) fn url(&self, origin: Origin) -> String {
        match origin {
            Origin::Api => self.shared.api_url(),
            Origin::Web | Origin::Blob => self.shared.url(origin).to_owned(),
        }
    }

    /// Tells a program where the stand-in is, and that it runs for the first repository.
    pub(crate) fn env<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        if let Some(repository) = lock(&self.shared.world).repositories.first() {
            command.env("GITHUB_REPOSITORY", repository.full_name());
        }
        command
            .env("GITHUB_API_URL", self.url(Origin::Api))
            .env("GITHUB_SERVER_URL", self.url(Origin::Web))
            .env_remove("GITHUB_TOKEN")
            .env_remove("GH_TOKEN")
    }

    /// Like [`Self::env`], with a token.
    pub(crate) fn env_with_token<'c>(
        &self,
        command: &'c mut Command,
        token: &str,
    ) -> &'c mut Command {
        self.env(command).env("GITHUB_TOKEN", token)
    }

    pub(crate) fn options(&self, edit: impl FnOnce(&mut Options)) {
        edit(&mut lock(&self.shared.world).options);
    }

    /// Replaces what goes wrong; all counts start again.
    pub(crate) fn faults(&self, faults: Faults) {
        *lock(&self.shared.faults) = faults;
    }

    /// Makes all signed URLs that there are invalid.
    pub(crate) fn expire_signatures(&self) {
        lock(&self.shared.world).expire_signatures();
    }

    pub(crate) fn add_release(&self, repository: &str, release: Release) {
        lock(&self.shared.world).add_release(repository, release);
    }

    pub(crate) fn delete_release(&self, repository: &str, tag: &str) {
        let mut world = lock(&self.shared.world);
        world.repository(repository).releases.retain(|release| release.tag != tag);
    }

    /// The tags of the releases, in the order in which they were made.
    pub(crate) fn tags(&self, repository: &str) -> Vec<String> {
        let mut world = lock(&self.shared.world);
        let releases = &world.repository(repository).releases;
        releases.iter().map(|release| release.tag.clone()).collect()
    }

    /// Changes any field of a release or of its assets.
    pub(crate) fn edit_release(
        &self,
        repository: &str,
        tag: &str,
        edit: impl FnOnce(&mut Release),
    ) {
        edit(lock(&self.shared.world).release(repository, tag));
    }

    pub(crate) fn add_asset(&self, repository: &str, tag: &str, asset: Asset) {
        lock(&self.shared.world).add_asset(repository, tag, asset);
    }

    pub(crate) fn remove_asset(&self, repository: &str, tag: &str, name: &str) {
        let mut world = lock(&self.shared.world);
        world.release(repository, tag).assets.retain(|asset| asset.name != name);
    }

    /// Uploads an asset in place of the one of its name, as people do: the id is a new one.
    pub(crate) fn replace_asset(&self, repository: &str, tag: &str, asset: Asset) {
        let mut world = lock(&self.shared.world);
        world.release(repository, tag).assets.retain(|old| old.name != asset.name);
        world.add_asset(repository, tag, asset);
    }

    /// Gives an asset other bytes but leaves its id, so that signed URLs lead to the new ones.
    pub(crate) fn rewrite_asset(
        &self,
        repository: &str,
        tag: &str,
        name: &str,
        content: Arc<dyn Content>,
    ) {
        let mut world = lock(&self.shared.world);
        let now = world.tick();
        let mut assets = world.release(repository, tag).assets.iter_mut();
        let asset = assets.find(|asset| asset.name == name).expect("is an asset");
        (asset.content, asset.updated_at) = (content, now);
    }

    /// All requests so far. Waits for those under way, though not for stalled ones.
    pub(crate) fn log(&self) -> Vec<Entry> {
        let deadline = Instant::now() + Duration::from_secs(2);
        while lock(&self.shared.log).open > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
        lock(&self.shared.log).entries.clone()
    }

    /// How many answers were 304.
    pub(crate) fn not_modified(&self) -> usize {
        self.log().iter().filter(|entry| entry.status == 304).count()
    }

    /// How many requests of an origin there were at once, at most.
    pub(crate) fn most_at_once(&self, origin: Origin) -> u64 {
        lock(&self.shared.log).most[origin as usize]
    }

    /// Forgets the requests so far.
    pub(crate) fn clear_log(&self) {
        lock(&self.shared.log).clear();
    }
}

impl Drop for Github {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Locks even where another test's thread panicked meanwhile.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
