//! `packages.lock`: which image a tag stood for when it was first pulled.
//!
//! Tags move, and old ones are deleted; a digest is the same image for ever.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::row::Platform;

/// Larger files are none that this program has written.
const MAX_SIZE: u64 = 4 << 20;

const HEAD: &str = "# The images that tags stood for when they were first pulled. Commit this file.\n\
                    # `wheelsite-builder build --update-lock` pulls the tags anew.\n";

/// The contents of a lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// By the image's name and tag, by platform: its digest.
    #[serde(default)]
    images: BTreeMap<String, BTreeMap<String, String>>,
}

fn platform_key(platform: Platform) -> &'static str {
    match platform {
        Platform::X86_64 => "x86_64",
        Platform::Aarch64 => "aarch64",
    }
}

impl Lock {
    /// Reads a lock file; one that is not there is empty.
    pub fn read(path: &Path) -> Result<Self> {
        let failed = wheelsite::error::Error::output("read", path);
        match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(failed(error).into()),
            Ok(metadata) if metadata.len() > MAX_SIZE => {
                return Err(wheelsite::error::Error::TooLarge {
                    place: path.display().to_string(),
                    limit: MAX_SIZE,
                }
                .into());
            }
            Ok(_) => {}
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text).map_err(|error| {
            Error::config(
                format!(
                    "`{}` is no lock file: {}",
                    path.display(),
                    crate::engine::text::clean(&error)
                ),
                "restore it from version control, or remove it: it is written anew",
            )
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lock: Option<Self> = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let lock = lock.unwrap_or_default();
        for (image, digests) in &lock.images {
            for (platform, digest) in digests {
                if !is_digest(digest) {
                    return Err(format!(
                        "`{image}` for `{platform}`: expected `sha256:` and 64 hex digits, found \
                         `{digest}`"
                    ));
                }
            }
        }
        Ok(lock)
    }

    /// The digest of an image.
    pub fn digest(&self, image: &str, platform: Platform) -> Option<&str> {
        self.images.get(image)?.get(platform_key(platform)).map(String::as_str)
    }

    /// Keeps the digest of an image. Whether that is news.
    pub fn keep(&mut self, image: &str, platform: Platform, digest: &str) -> bool {
        let images = self.images.entry(image.to_owned()).or_default();
        let old = images.insert(platform_key(platform).to_owned(), digest.to_owned());
        old.as_deref() != Some(digest)
    }

    /// Keeps a digest in a file that others may be writing, too: what they wrote stays.
    pub fn keep_in(path: &Path, image: &str, platform: Platform, digest: &str) -> Result<()> {
        let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
        let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
        fs::create_dir_all(&folder).map_err(wheelsite::error::Error::output("create", &folder))?;
        // Where the file system has no locks, the last writer wins.
        let held = fs::File::open(&folder).and_then(|it| it.lock().map(|()| it));
        let mut lock = Self::read(path)?;
        if lock.keep(image, platform, digest) {
            let failed = wheelsite::error::Error::output("write", path);
            let text = lock.text();
            let mut file = tempfile::Builder::new();
            // What is committed is for everybody to read.
            let file = file.prefix(".packages-lock-").permissions(permissions());
            let mut file = file.tempfile_in(&folder).map_err(&failed)?;
            file.write_all(text.as_bytes()).map_err(&failed)?;
            file.persist(path).map_err(|error| failed(error.error))?;
        }
        drop(held);
        Ok(())
    }

    /// The bytes of the file: the same for the same digests.
    pub fn text(&self) -> String {
        // Maps with text for keys always serialize.
        format!("{HEAD}{}", serde_yaml::to_string(self).unwrap_or_default())
    }
}

fn permissions() -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    fs::Permissions::from_mode(0o644)
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:")
        .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|it| it.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn digest(digit: char) -> String {
        format!("sha256:{}", String::from(digit).repeat(64))
    }

    #[test]
    fn what_is_kept_is_read_again_and_stays() {
        let folder = tempfile::tempdir().expect("is made");
        let path = folder.path().join("config/packages.lock");
        assert_eq!(Lock::read(&path).expect("reads"), Lock::default());
        Lock::keep_in(&path, "nvidia/cuda:1", Platform::X86_64, &digest('a')).expect("writes");
        Lock::keep_in(&path, "nvidia/cuda:1", Platform::Aarch64, &digest('b')).expect("writes");
        let text = fs::read_to_string(&path).expect("reads");
        assert_eq!(
            text,
            format!(
                "{HEAD}images:\n  nvidia/cuda:1:\n    aarch64: {}\n    x86_64: {}\n",
                digest('b'),
                digest('a')
            )
        );
        let lock = Lock::read(&path).expect("reads");
        assert_eq!(lock.digest("nvidia/cuda:1", Platform::X86_64), Some(&*digest('a')));
        assert_eq!(lock.digest("nvidia/cuda:2", Platform::X86_64), None);
        let names = fs::read_dir(path.parent().expect("has one")).expect("lists").count();
        assert_eq!(names, 1, "nothing else is left");
    }

    #[test]
    fn other_files_are_refused_with_what_is_wrong() {
        let folder = tempfile::tempdir().expect("is made");
        let path = folder.path().join("packages.lock");
        fs::write(&path, "images:\n  a:1:\n    x86_64: latest\n").expect("writes");
        let error = Lock::read(&path).expect_err("is refused");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("64 hex digits, found `latest`"), "{error}");
        fs::write(&path, "").expect("writes");
        assert_eq!(Lock::read(&path).expect("reads"), Lock::default());
    }

    proptest! {
        #[test]
        fn foreign_files_never_panic(text in "[ -~\n]{0,200}") {
            let _ = Lock::parse(&text);
        }

        #[test]
        fn round_trip(images in proptest::collection::btree_map("[a-z/:.]{1,20}", "[0-9a-f]{64}", 0..5)) {
            let mut lock = Lock::default();
            for (image, digest) in &images {
                lock.keep(image, Platform::X86_64, &format!("sha256:{digest}"));
            }
            prop_assert_eq!(Lock::parse(&lock.text()).expect("parses"), lock);
        }
    }
}
