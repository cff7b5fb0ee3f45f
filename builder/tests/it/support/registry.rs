//! A registry on the loopback interface, which serves one image and can be told to fail.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::images::Podman;
use super::tools;

/// Read-only, without TLS: podman is configured for this.
pub(crate) struct Registry {
    podman: &'static Podman,
    address: String,
    shared: Arc<Shared>,
}

struct Shared {
    folder: TempDir,
    state: Mutex<State>,
}

/// How it behaves, and what it was asked.
#[derive(Default)]
struct State {
    /// Which of the copies of the image the tag means.
    tagged: &'static str,
    /// How many requests for manifests are still refused.
    refusals: usize,
    /// Whether nothing is answered any more.
    silent: bool,
    log: Vec<String>,
}

impl Registry {
    /// Serves an image of podman's storage, and another that differs in a label alone.
    pub(crate) fn of(podman: &'static Podman, image: &str) -> Self {
        let folder = tempfile::tempdir_in(tools::kept()).expect("makes a folder");
        let (first, second) = (folder.path().join("first"), folder.path().join("second"));
        podman.says(&["push", "--quiet", image, &format!("dir:{}", first.display())]);
        std::fs::create_dir(&second).expect("makes a folder");
        let read = |path: PathBuf| -> Value {
            serde_json::from_slice(&std::fs::read(path).expect("reads")).expect("is JSON")
        };
        let mut manifest = read(first.join("manifest.json"));
        let digest = manifest["config"]["digest"].as_str().expect("is text");
        let mut config = read(first.join(digest.strip_prefix("sha256:").expect("is a digest")));
        config["config"]["Labels"] = serde_json::json!({"second": "true"});
        let config = config.to_string();
        let digest = hex(&Sha256::digest(&config));
        manifest["config"]["digest"] = format!("sha256:{digest}").into();
        manifest["config"]["size"] = config.len().into();
        std::fs::write(second.join(digest), config).expect("writes");
        std::fs::write(second.join("manifest.json"), manifest.to_string()).expect("writes");
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("is bound").to_string();
        let state = State { tagged: "first", ..State::default() };
        let shared = Arc::new(Shared { folder, state: Mutex::new(state) });
        let serving = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let shared = serving.clone();
                // A client that goes away in the middle is no matter.
                std::thread::spawn(move || shared.answer(&stream).is_ok());
            }
        });
        Self { podman, address, shared }
    }

    /// The image by its tag.
    pub(crate) fn image(&self) -> String {
        format!("{}/tests/image:1", self.address)
    }

    /// Another name that it has nothing for.
    pub(crate) fn nothing(&self) -> String {
        format!("{}/tests/nothing:1", self.address)
    }

    /// Lets the tag mean the other image.
    pub(crate) fn move_tag(&self) {
        self.state(|state| state.tagged = "second");
    }

    /// Refuses so many requests for manifests.
    pub(crate) fn refuse(&self, times: usize) {
        self.state(|state| state.refusals = times);
    }

    /// Answers nothing any more.
    pub(crate) fn fall_silent(&self) {
        self.state(|state| state.silent = true);
    }

    /// What was asked for, each as `METHOD PATH`.
    pub(crate) fn log(&self) -> Vec<String> {
        self.state(|state| state.log.clone())
    }

    /// Removes the image from podman's storage.
    pub(crate) fn forget(&self) {
        let listed = self.podman.says(&[
            "images",
            "--quiet",
            "--no-trunc",
            "--digests",
            "--format",
            "{{.Repository}}@{{.Digest}}",
        ]);
        for image in listed.lines().filter(|line| line.starts_with(&self.address)) {
            let _ = self.podman.command(&["rmi", image]).output();
        }
        let _ = self.podman.command(&["rmi", &self.image()]).output();
    }

    fn state<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.shared.state.lock().expect("is not poisoned"))
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Shared {
    fn answer(&self, stream: &TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(stream).lines();
        let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
        for line in lines {
            if line?.is_empty() {
                break;
            }
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let (status, kind, body) = loop {
            let mut state = self.state.lock().expect("is not poisoned");
            state.log.push(format!("{method} {path}"));
            if !state.silent {
                break self.find(&mut state, path);
            }
            drop(state);
            // The client gives up, or the test ends.
            std::thread::sleep(std::time::Duration::from_secs(600));
        };
        let digest = hex(&Sha256::digest(&body));
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Docker-Content-Digest: sha256:{digest}\r\n\
             Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n",
            body.len()
        )?;
        if method != "HEAD" {
            stream.write_all(&body)?;
        }
        stream.flush()
    }

    fn find(&self, state: &mut State, path: &str) -> (&'static str, String, Vec<u8>) {
        let json = || "application/json".to_owned();
        if path == "/v2/" {
            return ("200 OK", json(), b"{}".to_vec());
        }
        if let Some(reference) = path.strip_prefix("/v2/tests/image/manifests/") {
            if state.refusals > 0 {
                state.refusals -= 1;
                let body = br#"{"errors": [{"code": "UNAVAILABLE", "message": "not now"}]}"#;
                return ("503 Service Unavailable", json(), body.to_vec());
            }
            let found = self.copies().into_iter().find_map(|copy| {
                let bytes = std::fs::read(copy.join("manifest.json")).ok()?;
                let digest = format!("sha256:{}", hex(&Sha256::digest(&bytes)));
                let tagged = copy.ends_with(state.tagged) && reference == "1";
                (tagged || digest == reference).then_some(bytes)
            });
            if let Some(bytes) = found {
                let manifest: Value = serde_json::from_slice(&bytes).expect("is JSON");
                let kind = manifest["mediaType"].as_str();
                let kind = kind.unwrap_or("application/vnd.oci.image.manifest.v1+json");
                return ("200 OK", kind.to_owned(), bytes);
            }
        }
        let blob = path.strip_prefix("/v2/tests/image/blobs/sha256:");
        let blob = blob.filter(|name| name.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let bytes = blob.and_then(|name| {
            self.copies().into_iter().find_map(|copy| std::fs::read(copy.join(name)).ok())
        });
        if let Some(bytes) = bytes {
            return ("200 OK", "application/octet-stream".to_owned(), bytes);
        }
        let body = br#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown"}]}"#;
        ("404 Not Found", json(), body.to_vec())
    }

    fn copies(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("lists");
        entries.flatten().map(|entry| entry.path()).collect()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
