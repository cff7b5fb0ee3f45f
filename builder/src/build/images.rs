//! Tags become digests, once.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::Builder;
use super::container::Telling;
use super::state::{Log, RowFolder};
use crate::engine::{Cancel, Image, Pull};
use crate::error::{Error, Result};
use crate::lock::Lock;
use crate::row::{Platform, Row};

/// Images that this run has pinned: all rows of a run use the same.
pub(super) type Pinned = Mutex<BTreeMap<(String, Platform), Image>>;

/// What a report tells of an image.
pub(super) fn told(name: &str, image: &Image) -> Value {
    json!({ "name": name, "reference": image.reference, "digest": image.digest, "id": image.id })
}

impl Builder {
    /// The image of a name by its digest: the lock's, or that which is here, or which is pulled.
    pub(super) async fn pin(
        &self,
        name: &str,
        row: &Row,
        folder: &RowFolder,
        telling: &mut Telling<'_>,
        cancel: &Cancel,
    ) -> Result<Image> {
        let key = (name.to_owned(), row.platform);
        // Held while it is pulled: others want the same image, or the same network.
        let mut pinned = self.pinned.lock().await;
        if let Some(image) = pinned.get(&key) {
            return Ok(image.clone());
        }
        let is_exact = name.contains('@');
        let locked = match &self.options.lock {
            Some(path) if !is_exact && !self.options.update_lock => {
                Lock::read(path)?.digest(name, row.platform).map(str::to_owned)
            }
            _ => None,
        };
        let wanted = match &locked {
            Some(digest) => format!("{}@{digest}", crate::engine::repository(name)),
            None => name.to_owned(),
        };
        let is_updated = self.options.update_lock && !is_exact;
        let here = self.engine.image(&wanted, row.platform).await?;
        // What was made on this machine cannot be pulled anew.
        let is_enough = |image: &Image| !is_updated || image.digest.is_none();
        let image = if let Some(image) = here.filter(is_enough) {
            image
        } else {
            telling.stage("pull");
            let mut log = Log::begin(&folder.log("pull.log"), self.secrets(row))?;
            let how = Pull { retries: row.recipe.retries, pause: self.options.pause };
            let hear = &mut |line: &str| telling.line(&log.line(line));
            self.engine.pull(&wanted, row.platform, how, cancel, hear).await?
        };
        if let Some(digest) = locked.as_ref()
            && image.digest.as_ref() != Some(digest)
        {
            return Err(Error::unreachable(
                format!("`{name}` is locked to {digest}, and that is not what was found"),
                "pull it by hand, or lock what the tag is now: `--update-lock`",
            ));
        }
        match (&self.options.lock, &image.digest) {
            (Some(path), Some(digest)) if !is_exact => {
                Lock::keep_in(path, name, row.platform, digest)?;
            }
            (Some(_), None) => telling.note(&format!(
                "`{name}` was made on this machine: it is not locked, and is used by its id"
            )),
            _ => {}
        }
        pinned.insert(key, image.clone());
        Ok(image)
    }
}
