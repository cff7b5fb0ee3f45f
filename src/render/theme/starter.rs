//! What a new theme begins with.

use std::path::Path;

use super::manifest::MANIFEST;
use crate::error::{Error, Result};

/// The files of a new theme. They change little, and show where more can be changed.
static FILES: [(&str, &str); 3] = [
    (MANIFEST, include_str!("starter/theme.yml")),
    ("extra.css", include_str!("starter/extra.css")),
    ("project.html", include_str!("starter/project.html")),
];

/// Writes a new theme into a folder that does not exist or is empty; gives the files it wrote.
pub fn create(folder: &Path) -> Result<Vec<&'static str>> {
    if std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Error::config_hint(
            format!("`{}` is not empty", folder.display()),
            "choose a folder that does not exist: nothing is overwritten",
        ));
    }
    std::fs::create_dir_all(folder).map_err(Error::output("create", folder))?;
    for (name, text) in FILES {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(Error::output("write", &path))?;
    }
    Ok(FILES.map(|(name, _)| name).to_vec())
}
