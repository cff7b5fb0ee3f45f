//! Real object stores: SeaweedFS for S3, Azurite for Azure, fake-gcs-server for Google Cloud.
//!
//! Each server is started once per test process, on a free port of 127.0.0.1 and with a
//! data folder that is gone afterwards. Tests keep apart by buckets of their own.

#![allow(dead_code, reason = "tests of single backends use what they need of it")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::repository;
use super::tools::{clean, environment, has_program, missing, npm};

/// The last Azurite that runs on the Node.js of current Debian releases; newer ones want 22.
const AZURITE: &str = "azurite@3.35.0";

/// The account that every Azurite has, with the key that its documentation publishes.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// A running object store.
pub(crate) struct Store {
    /// Without a slash at the end. Buckets follow in the path; for Azure the account comes first.
    pub(crate) endpoint: String,
    /// The access key of S3, the account of Azure.
    pub(crate) key: &'static str,
    /// The secret key of S3, the account's key of Azure.
    pub(crate) secret: &'static str,
    pub(crate) region: &'static str,
    python: PathBuf,
    put_script: &'static str,
    _server: Server,
}

/// SeaweedFS: keys are checked, and buckets are private unless made public.
pub(crate) fn s3() -> Option<&'static Store> {
    static S3: OnceLock<Option<Store>> = OnceLock::new();
    let bin = bin()?;
    let s3 = S3.get_or_init(|| {
        let (key, secret) = ("wheelsite", "wheelsite-secret");
        let mut server = Server::command(bin);
        server
            .env("AWS_ACCESS_KEY_ID", key)
            .env("AWS_SECRET_ACCESS_KEY", secret)
            // Each bucket has volumes of its own; seven at once would be most of a start.
            .env("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1")
            .arg(bin.join("weed"))
            .args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir={data}"])
            .args(["-filer", "-filer.port={port1}", "-filer.port.grpc={port2}"])
            .args(["-master.port={port3}", "-master.port.grpc={port4}"])
            .args(["-volume.port={port5}", "-volume.port.grpc={port6}"])
            .args(["-s3", "-s3.port={port}", "-s3.port.grpc={port7}"])
            .args(["-s3.port.iceberg=0", "-s3.port.lance=0", "-s3.autoCreateBucket=false"])
            .args(["-master.volumeSizeLimitMB=64", "-volume.max=1000"])
            .args(["-volume.minFreeSpace=50MiB", "-master.telemetry=false"]);
        Some(Store {
            key,
            secret,
            region: "us-east-1",
            ..Store::start(server, bin, "tests/it/scripts/s3_put.py")?
        })
    });
    if s3.is_none() {
        missing("a running SeaweedFS");
    }
    s3.as_ref()
}

/// Azurite: keys are checked, and containers are private unless made public.
pub(crate) fn azure() -> Option<&'static Store> {
    static AZURE: OnceLock<Option<Store>> = OnceLock::new();
    let bin = bin()?;
    let azurite = azurite()?;
    let azure = AZURE.get_or_init(|| {
        let mut server = Server::command(bin);
        server
            .arg("node")
            .arg(azurite.join("node_modules/azurite/dist/src/blob/main.js"))
            .args(["--blobHost", "127.0.0.1", "--blobPort", "{port}", "--location", "{data}"])
            .args(["--silent", "--disableTelemetry"])
            // Clients are newer than it.
            .arg("--skipApiVersionCheck");
        let mut store = Store {
            key: AZURE_ACCOUNT,
            secret: AZURE_KEY,
            ..Store::start(server, bin, "tests/it/scripts/azure_put.py")?
        };
        store.endpoint = format!("{}/{AZURE_ACCOUNT}", store.endpoint);
        Some(store)
    });
    if azure.is_none() {
        missing("a running Azurite");
    }
    azure.as_ref()
}

/// The emulator of Google Cloud Storage: asks for no credentials, and all in it is public.
pub(crate) fn gcs() -> Option<&'static Store> {
    static GCS: OnceLock<Option<Store>> = OnceLock::new();
    let bin = bin()?;
    let gcs = GCS.get_or_init(|| {
        let mut server = Server::command(bin);
        server
            .arg(fake_gcs_server(bin)?)
            .args(["-host", "127.0.0.1", "-port", "{port}", "-scheme", "http"])
            // Objects are found by path only under the host that this names.
            .args(["-public-host", "127.0.0.1:{port}", "-backend", "memory"]);
        Store::start(server, bin, "tests/it/scripts/gcs_put.py")
    });
    if gcs.is_none() {
        missing("a running fake-gcs-server");
    }
    gcs.as_ref()
}

impl Store {
    /// Starts a server; who it lets in is for the caller to fill in.
    fn start(server: Command, bin: &Path, put_script: &'static str) -> Option<Self> {
        let (server, port) = Server::start(server)?;
        Some(Self {
            endpoint: format!("http://127.0.0.1:{port}"),
            key: "",
            secret: "",
            region: "",
            python: bin.join("python"),
            put_script,
            _server: server,
        })
    }

    /// A new bucket, named after the test, that takes nothing but signed requests. (Google's
    /// emulator takes all.)
    pub(crate) fn bucket(&self, name: &str) -> String {
        self.make_bucket(name, false)
    }

    /// A new bucket that everybody may list and read.
    pub(crate) fn public_bucket(&self, name: &str) -> String {
        self.make_bucket(name, true)
    }

    fn make_bucket(&self, name: &str, public: bool) -> String {
        static MADE: AtomicU32 = AtomicU32::new(0);
        // Stores allow hyphens but no underscores, and 63 bytes.
        let name: String = name.replace('_', "-").chars().take(50).collect();
        let bucket = format!("{name}-{}", MADE.fetch_add(1, Ordering::Relaxed));
        self.put(&json!([{"bucket": bucket, "public": public}]));
        bucket
    }

    /// All objects of a bucket, by key.
    pub(crate) fn objects(&self, bucket: &str) -> std::collections::BTreeMap<String, Value> {
        let said = self.put(&json!([{"bucket": bucket, "list": true}]));
        let objects = said[0].as_object().expect("is an object");
        objects.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// Does what a plan says (`tests/it/scripts/store_plan.py` describes it), and gives what
    /// the store said of each object: its `key`, `etag`, and `checksum` where it keeps one.
    #[track_caller]
    pub(crate) fn put(&self, plan: &Value) -> Vec<Value> {
        let mut script = Command::new(&self.python);
        let mut child = clean(&mut script)
            .args(["-B".as_ref(), repository(self.put_script).as_os_str()])
            .arg(&self.endpoint)
            .env("AWS_ACCESS_KEY_ID", self.key)
            .env("AWS_SECRET_ACCESS_KEY", self.secret)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("STORE_KEY", self.key)
            .env("STORE_SECRET", self.secret)
            .env("NO_PROXY", "127.0.0.1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        let mut plan_pipe = child.stdin.take().expect("is piped");
        plan_pipe.write_all(plan.to_string().as_bytes()).expect("takes the plan");
        drop(plan_pipe);
        let output = child.wait_with_output().expect("ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}:\n{stderr}", self.put_script);
        serde_json::from_slice(&output.stdout).expect("prints JSON")
    }

    /// What `object_store` reads from the environment to get here, credentials included.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        let endpoint = self.endpoint.clone();
        let (key, secret) = (self.key.to_owned(), self.secret.to_owned());
        let allowed = "true".to_owned();
        match self.put_script {
            "tests/it/scripts/s3_put.py" => vec![
                ("AWS_ENDPOINT_URL", endpoint),
                ("AWS_ALLOW_HTTP", allowed),
                ("AWS_REGION", self.region.to_owned()),
                ("AWS_ACCESS_KEY_ID", key),
                ("AWS_SECRET_ACCESS_KEY", secret),
            ],
            "tests/it/scripts/azure_put.py" => vec![
                ("AZURE_STORAGE_ENDPOINT", endpoint),
                ("AZURE_ALLOW_HTTP", allowed),
                ("AZURE_STORAGE_ACCOUNT_NAME", key),
                ("AZURE_STORAGE_ACCOUNT_KEY", secret),
            ],
            _ => vec![
                ("GOOGLE_BASE_URL", endpoint),
                ("GOOGLE_ALLOW_HTTP", allowed),
                ("GOOGLE_SKIP_SIGNATURE", "true".to_owned()),
            ],
        }
    }
}

/// A server that ends when the test process does: it notices that its standard input closes.
pub(crate) struct Server {
    /// Holds the pipe open. Values in statics are never dropped; the system closes it.
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Server {
    /// What starts a server; its program and arguments are to follow.
    pub(crate) fn command(bin: &Path) -> Command {
        let mut command = Command::new(bin.join("python"));
        clean(&mut command).arg(repository("tests/it/scripts/serve_until_closed.py"));
        command
    }

    /// Starts it and waits until it answers; gives its port.
    pub(crate) fn start(mut command: Command) -> Option<(Self, u64)> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("is piped");
        BufReader::new(stdout).read_line(&mut line).expect("says how it went");
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(port) = said["port"].as_u64() else {
            eprintln!("the server did not start: {said}");
            let _ = child.wait();
            return None;
        };
        Some((Self { child }, port))
    }
}

/// The folder with `python`, `weed` and the clients that `tests/stores-requirements.txt` pins.
pub(super) fn bin() -> Option<&'static Path> {
    static BIN: OnceLock<Option<PathBuf>> = OnceLock::new();
    let bin = BIN.get_or_init(|| environment("stores", "tests/stores-requirements.txt"));
    if bin.is_none() {
        missing("an environment with the packages of tests/stores-requirements.txt");
    }
    bin.as_deref()
}

/// The folder that Azurite is installed in.
fn azurite() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    if !has_program("node") || !has_program("npm") {
        return None;
    }
    let folder = FOLDER.get_or_init(|| npm("azurite", &[AZURITE]));
    if folder.is_none() {
        missing("Azurite, or a registry to install it from");
    }
    folder.as_deref()
}

/// The program inside of the Python package, which names it after the platform.
fn fake_gcs_server(bin: &Path) -> Option<PathBuf> {
    walkdir::WalkDir::new(bin.parent()?.join("lib"))
        .into_iter()
        .filter_map(Result::ok)
        .find(|entry| {
            let named = entry.file_name().to_string_lossy().starts_with("fake-gcs-server-");
            named && entry.file_type().is_file()
        })
        .map(walkdir::DirEntry::into_path)
}
