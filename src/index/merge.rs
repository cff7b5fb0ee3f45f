//! One entry a filename.

use std::cmp::Ordering;

use crate::config::OnConflict;
use crate::error::{Error, Result};
use crate::index::IndexFile;
use crate::wheel::DistFilename;

/// Sorts a project's files by version and filename, and keeps one of each filename.
pub(super) fn merge(mut files: Vec<IndexFile>, on_conflict: OnConflict) -> Result<Vec<IndexFile>> {
    // The sort is stable: among equal filenames the order of the sources stays.
    files.sort_by(|one, other| {
        let by_version = compare_versions(one.dist(), other.dist());
        by_version.then_with(|| one.dist().as_str().cmp(other.dist().as_str()))
    });
    if !files.windows(2).any(|pair| pair[0].dist().as_str() == pair[1].dist().as_str()) {
        return Ok(files);
    }
    let mut kept: Vec<IndexFile> = Vec::with_capacity(files.len());
    for file in files {
        match kept.last_mut() {
            Some(last) if last.dist().as_str() == file.dist().as_str() => {
                choose(last, file, on_conflict)?;
            }
            _ => kept.push(file),
        }
    }
    Ok(kept)
}

/// By PEP 440; at once where both are spelled alike, as those of a release mostly are.
pub(super) fn compare_versions(one: &DistFilename, other: &DistFilename) -> Ordering {
    if let (Some(one), Some(other)) = (one.wheel(), other.wheel())
        && one.version_text() == other.version_text()
    {
        return Ordering::Equal;
    }
    one.version().cmp(other.version())
}

/// Leaves in `kept` the one of two files of the same name that the index lists.
fn choose(kept: &mut IndexFile, other: IndexFile, on_conflict: OnConflict) -> Result<()> {
    // Without a digest nobody can say that the bytes are the same.
    if kept.sha256().is_some() && kept.sha256() == other.sha256() {
        // The same bytes at two places: the earlier upload is the true one.
        kept.upload_time = [kept.upload_time, other.upload_time].into_iter().flatten().min();
        kept.offered_time = [kept.offered_time, other.offered_time].into_iter().flatten().min();
        return Ok(());
    }
    let other_wins = match on_conflict {
        OnConflict::Error => {
            let place = |file: &IndexFile| match file.sha256() {
                Some(sha256) => format!("`{}` (sha256 {sha256})", file.artifact.location),
                None => format!("`{}` (no digest)", file.artifact.location),
            };
            return Err(Error::Conflict {
                filename: kept.dist().to_string(),
                first: place(kept),
                second: place(&other),
            });
        }
        OnConflict::Oldest => other.upload_time < kept.upload_time,
        OnConflict::Newest => other.upload_time > kept.upload_time,
    };
    if other_wins {
        *kept = other;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Options, Settings, SiteConfig};
    use crate::facts::{Artifact, Location, Offered, UploadTime};
    use crate::index::{Admitted, FileUrl, Index};
    use crate::wheel::Sha256;

    fn admitted(filename: &str, bytes: &[u8], seconds: i64) -> Admitted {
        let location = Location::File(format!("{seconds}/{filename}").into());
        let artifact = Artifact {
            size: Some(bytes.len() as u64),
            offered: Offered { sha256: Some(Sha256::of(bytes)), ..Offered::default() },
            ..Artifact::new(filename, location)
        };
        let upload_time = UploadTime::from_seconds(seconds);
        Admitted { artifact: artifact.into(), facts: None, upload_time, url: FileUrl::Carried }
    }

    fn build(files: Vec<Admitted>, on_conflict: OnConflict) -> Result<Index> {
        let options = Options { on_conflict: Some(on_conflict), ..Options::default() };
        let settings = Settings::resolve(SiteConfig::default(), options, Environment::default())?;
        Index::build(files, &settings)
    }

    #[test]
    fn files_are_in_pep_440_order() {
        let names = [
            "a-1.10-py3-none-any.whl",
            "a-1.9-py3-none-any.whl",
            "a-1.9rc1.tar.gz",
            "a-1.9+cu128-py3-none-any.whl",
            "a-1!0.1.tar.gz",
            "a-1.9.post1-py3-none-any.whl",
        ];
        let files = names.iter().map(|name| admitted(name, name.as_bytes(), 0)).collect();
        let index = build(files, OnConflict::Error).expect("builds");
        let versions: Vec<String> =
            index.projects[0].files.iter().map(|file| file.dist().version().to_string()).collect();
        assert_eq!(versions, ["1.9rc1", "1.9", "1.9+cu128", "1.9.post1", "1.10", "1!0.1"]);
    }

    #[test]
    fn spellings_of_a_name_are_one_project() {
        let files = vec![
            admitted("Foo_Bar-1-py3-none-any.whl", b"1", 0),
            admitted("foo.bar-2-py3-none-any.whl", b"2", 0),
        ];
        let index = build(files, OnConflict::Error).expect("builds");
        assert_eq!(index.projects.len(), 1);
        assert_eq!(index.projects[0].name.as_str(), "foo-bar");
    }

    #[test]
    fn the_same_bytes_twice_are_one_file() {
        let name = "a-1-py3-none-any.whl";
        let index =
            build(vec![admitted(name, b"x", 9), admitted(name, b"x", 3)], OnConflict::Error)
                .expect("builds");
        assert_eq!(index.files(), 1);
        assert_eq!(index.projects[0].files[0].upload_time, UploadTime::from_seconds(3));
    }

    #[test]
    fn different_bytes_are_an_error_that_names_both_or_a_choice() {
        let name = "a-1-py3-none-any.whl";
        let files = || vec![admitted(name, b"old", 3), admitted(name, b"new", 9)];
        let error = build(files(), OnConflict::Error).expect_err("fails").to_string();
        for place in ["3/a-1", "9/a-1", &Sha256::of(b"old").to_string()] {
            assert!(error.contains(place), "{error}");
        }
        for (choice, bytes) in [(OnConflict::Oldest, b"old"), (OnConflict::Newest, b"new")] {
            let index = build(files(), choice).expect("builds");
            assert_eq!(index.projects[0].files[0].sha256(), Some(Sha256::of(bytes)));
        }
    }
}
