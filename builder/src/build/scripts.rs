//! What runs in containers, embedded in the program.

use std::fs;
use std::path::{Path, PathBuf};

use wheelsite::wheel::Sha256;

use crate::error::Result;

/// Where containers see them.
pub(super) const TARGET: &str = "/wheelsite/scripts";

const SCRIPTS: [(&str, &str); 7] = [
    ("lib.sh", include_str!("scripts/lib.sh")),
    ("build.sh", include_str!("scripts/build.sh")),
    ("unpack.py", include_str!("scripts/unpack.py")),
    ("report.py", include_str!("scripts/report.py")),
    ("stub.py", include_str!("scripts/stub.py")),
    ("smoke.sh", include_str!("scripts/smoke.sh")),
    ("smoke.py", include_str!("scripts/smoke.py")),
];

/// A digest of all of them.
pub(super) fn digest() -> String {
    let mut all = String::new();
    for (name, text) in SCRIPTS {
        all.push_str(&format!("{name}\0{text}\0"));
    }
    Sha256::of(all.as_bytes()).to_string()
}

/// Writes them below the work folder, where no other version of this program has its own.
pub(super) fn write(work: &Path) -> Result<PathBuf> {
    let folder = work.join("scripts").join(&digest()[..16]);
    fs::create_dir_all(&folder).map_err(wheelsite::error::Error::output("create", &folder))?;
    for (name, text) in SCRIPTS {
        let path = folder.join(name);
        if fs::read(&path).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        // Several programs may do so at once.
        let failed = wheelsite::error::Error::output("write", &path);
        let new = tempfile::NamedTempFile::new_in(&folder).map_err(&failed)?;
        fs::write(new.path(), text).map_err(&failed)?;
        new.persist(&path).map_err(|error| failed(error.error))?;
    }
    Ok(folder)
}
