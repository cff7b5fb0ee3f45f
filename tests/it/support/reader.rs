//! A reader who knows nothing but the address: from the root over every project to every file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::blocking::Client;
use sha2::Digest;

use super::crawl::anchors;

/// Where a site is read.
pub(crate) enum Reader {
    /// A folder.
    Folder(PathBuf),
    /// A web server, asked under a name of a host.
    Web(Client, String, Option<String>),
    /// A server that has no index documents.
    Bucket(Box<Reader>),
}

/// What asks on the tests' behalf: directly, and for what it was told to.
pub(crate) fn client() -> Client {
    Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()
        .expect("makes a client")
}

/// Filenames and digests.
pub(crate) type Seen = BTreeMap<String, String>;

impl Reader {
    pub(crate) fn folder(path: &Path) -> Self {
        Self::Folder(path.to_owned())
    }

    /// `url` ends in a slash.
    pub(crate) fn web(url: &str, host: Option<&str>) -> Self {
        Self::Web(client(), url.to_owned(), host.map(str::to_owned))
    }

    /// `url` ends in a slash.
    pub(crate) fn bucket(url: &str) -> Self {
        Self::Bucket(Box::new(Self::web(url, None)))
    }

    /// A file's bytes; none where there is none.
    pub(crate) fn get(&self, path: &str) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Bucket(reader) if path.ends_with('/') => reader.get(&format!("{path}index.html")),
            Self::Bucket(reader) => reader.get(path),
            Self::Folder(root) => {
                let path = if path.is_empty() || path.ends_with('/') {
                    format!("{path}index.html")
                } else {
                    path.replace("%2B", "+").replace("%21", "!")
                };
                match std::fs::read(root.join(&path)) {
                    Ok(bytes) => Ok(Some(bytes)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(format!("{path}: {error}")),
                }
            }
            Self::Web(client, url, host) => {
                // Whatever a busy machine does to a connection says nothing of the site.
                let mut last = String::new();
                for _ in 0..5 {
                    let mut request = client.get(format!("{url}{path}"));
                    if let Some(host) = host {
                        request = request.header("host", host);
                    }
                    let answer = request.send().and_then(|answer| {
                        let status = answer.status().as_u16();
                        answer.bytes().map(|bytes| (status, bytes))
                    });
                    match answer {
                        Ok((200, bytes)) => return Ok(Some(bytes.to_vec())),
                        Ok((404, _)) => return Ok(None),
                        Ok((status, _)) => last = format!("{path}: {status}"),
                        Err(error) => last = format!("{path}: {error}"),
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(last)
            }
        }
    }

    fn text(&self, path: &str) -> Result<Option<String>, String> {
        let bytes = self.get(path)?;
        bytes.map(|bytes| String::from_utf8(bytes).map_err(|_| path.to_owned())).transpose()
    }

    /// Reads all of it, and errors where anything is not whole: a page that is cut short, a link to
    /// nothing, bytes that have not the stated digest. No site at all is whole.
    pub(crate) fn check(&self) -> Result<Seen, String> {
        self.check_index("")
    }

    /// The same of one of the indexes of a site: `cu128/`.
    pub(crate) fn check_index(&self, prefix: &str) -> Result<Seen, String> {
        let mut seen = Seen::new();
        let root_path = format!("{prefix}simple/");
        let Some(root) = self.text(&root_path)? else { return Ok(seen) };
        whole(&root_path, &root)?;
        for (project, _) in anchors(&root) {
            let page = format!("{root_path}{project}");
            // A project that was taken away after the root was read is not there any more.
            let Some(text) = self.text(&page)? else {
                let now = self.text(&root_path)?.unwrap_or_default();
                if anchors(&now).iter().any(|(listed, _)| *listed == project) {
                    return Err(format!("{page} is missing"));
                }
                continue;
            };
            whole(&page, &text)?;
            for (url, attributes) in anchors(&text) {
                let Some((url, sha256)) = url.split_once("#sha256=") else {
                    return Err(format!("{page}: {url} has no digest"));
                };
                self.check_file(&page, url, sha256, &mut seen)?;
                if let Some(sidecar) = attributes.get("data-core-metadata") {
                    let sha256 = sidecar.strip_prefix("sha256=").ok_or("no digest")?;
                    let url = format!("{url}.metadata");
                    self.check_file(&page, &url, sha256, &mut Seen::new())?;
                }
            }
            let page = format!("{page}index.v1_json");
            if let Some(text) = self.text(&page)? {
                let json: serde_json::Value =
                    serde_json::from_str(&text).map_err(|error| format!("{page}: {error}"))?;
                for file in json["files"].as_array().ok_or("no files")? {
                    let url = file["url"].as_str().ok_or("no url")?;
                    let sha256 = file["hashes"]["sha256"].as_str().ok_or("no digest")?;
                    self.check_file(&page, url, sha256, &mut Seen::new())?;
                }
            }
        }
        Ok(seen)
    }

    fn check_file(
        &self,
        page: &str,
        url: &str,
        sha256: &str,
        seen: &mut Seen,
    ) -> Result<(), String> {
        let path = url.trim_start_matches("../");
        let Some(bytes) = self.get(path)? else {
            // Whoever holds an old page while its files are deleted loads the page again.
            let now = self.text(page)?.unwrap_or_default();
            if now.contains(url) && self.get(path)?.is_none() {
                return Err(format!("{page} links to {path}, which is not there"));
            }
            return Ok(());
        };
        let found = hex::encode(sha2::Sha256::digest(&bytes));
        if found != sha256 {
            return Err(format!("{page} links to {path} with {sha256}, its bytes have {found}"));
        }
        let filename = path.rsplit('/').next().unwrap_or_default().replace("%2B", "+");
        seen.insert(filename, found);
        Ok(())
    }
}

fn whole(page: &str, text: &str) -> Result<(), String> {
    // White space behind it tells one publication from another.
    if text.starts_with("<!DOCTYPE html>") && text.trim_end().ends_with("</body>\n</html>") {
        Ok(())
    } else {
        Err(format!("{page} is cut short: {:?}", &text[..text.len().min(200)]))
    }
}
