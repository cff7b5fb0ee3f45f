//! Where images lie, and how they are removed.

use std::path::PathBuf;

use super::{Engine, Image, argv};
use crate::error::Result;

impl Engine {
    /// The folder of this machine that holds images and containers; none where the engine says
    /// nothing of it, or runs on another machine.
    pub async fn storage(&self) -> Option<PathBuf> {
        let answer = self.ask(&argv::storage(self.program)).await.ok()?;
        let path = PathBuf::from(answer.stdout.lines().next().unwrap_or_default());
        (answer.success && path.is_absolute() && path.is_dir()).then_some(path)
    }

    /// Removes an image that nothing else uses: no container, and no name of another repository.
    /// Whether it is gone.
    pub async fn remove_image(&self, image: &Image) -> Result<bool> {
        Ok(self.ask(&argv::image_remove(&image.id)).await?.success)
    }
}
