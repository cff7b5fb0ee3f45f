//! What a run did, told to people and to other programs.

mod json;
mod junit;
mod table;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

pub use json::to_json;
pub use junit::to_junit;
pub use table::to_table;

use wheelsite::error::Error as SiteError;

use crate::error::Result;
use crate::run::Summary;

/// A file that a report is written to; its extension decides what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Junit,
    Json,
}

impl FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let extension = path.extension().and_then(|extension| extension.to_str());
        let kind = match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("xml") => Kind::Junit,
            Some("json") => Kind::Json,
            _ => {
                return Err(format!(
                    "expected a file that ends in `.xml` (JUnit) or `.json`, found `{}`",
                    crate::engine::text::clean(text)
                ));
            }
        };
        Ok(Self { path, kind })
    }
}

impl ReportFile {
    /// Where it is written to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it: whole, or not at all.
    pub fn write(&self, summary: &Summary) -> Result<()> {
        let text = match self.kind {
            Kind::Junit => to_junit(summary),
            Kind::Json => to_json(summary),
        };
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(SiteError::output("create", folder))?;
        self.persist(folder, &text).map_err(SiteError::output("write", &self.path))?;
        Ok(())
    }

    fn persist(&self, folder: &Path, text: &str) -> std::io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::Permissions::from_mode(0o644);
        let mut builder = tempfile::Builder::new();
        let mut file = builder.prefix(".wheelsite-").permissions(mode).tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }
}

/// The first line of a foreign text that says something, made safe and not too long.
fn first_line(text: &str, most: usize) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line = crate::engine::text::clean(line);
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

/// How long something took, for people: `8s`, `4m05s`, `3h07m`.
pub fn human_time(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{}.{}s", seconds, time.subsec_millis() / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::error::Error;
    use crate::run::tests::{made, row};
    use crate::run::{Ended, Outcome, Stopped};

    /// A run that has seen everything, with texts that nobody should trust.
    pub(crate) fn summary() -> Summary {
        let ended = |id: &str, outcome, millis| Ended {
            row: row(id).into(),
            outcome,
            time: Duration::from_millis(millis),
        };
        let hostile =
            "stage `compile`: x.cu(3): error: a<b && \"c\" ]]> \u{1b}[31m\u{0}\u{ffff}\nmore";
        let mut earlier = made("b");
        earlier.from_earlier = true;
        Summary {
            rows: vec![
                ended("demo-1-a", Outcome::Made(made("a")), 245_400),
                ended("demo-1-b", Outcome::Made(earlier), 12),
                ended("demo-1-c", Outcome::Failed(Error::failed(hostile, "fix <it>")), 11_000_000),
                ended("other-1-d", Outcome::Failed(Error::unreachable("no image", "x")), 1),
                ended("other-1-e", Outcome::Interrupted, 5_000),
                ended("other-1-f", Outcome::NotStarted { reason: "interrupted".into() }, 0),
            ],
            time: Duration::from_secs(12_000),
            stopped: Some(Stopped {
                message: "interrupted".to_owned(),
                hint: None,
                interrupted: true,
            }),
        }
    }

    #[test]
    fn the_extension_decides() {
        for (text, kind) in [("a.xml", Kind::Junit), ("x/a.JSON", Kind::Json)] {
            assert_eq!(text.parse::<ReportFile>().expect(text).kind, kind);
        }
        for text in ["", "a", "a.txt", ".xml", "x.xml/"] {
            let parsed = text.parse::<ReportFile>();
            assert!(parsed.is_err() || text == "x.xml/", "{text}");
        }
    }

    #[test]
    fn reports_are_written_where_they_shall_be() {
        let folder = tempfile::tempdir().expect("is made");
        let path = folder.path().join("new/report.xml");
        let file: ReportFile = path.to_str().expect("is text").parse().expect("is one");
        file.write(&summary()).expect("is written");
        file.write(&summary()).expect("is written again");
        assert_eq!(std::fs::read_to_string(&path).expect("is there"), to_junit(&summary()));
        let blocked = folder.path().join("new/report.xml/below.json");
        let file: ReportFile = blocked.to_str().expect("is text").parse().expect("is one");
        let error = file.write(&summary()).expect_err("a file is no folder");
        assert!(error.to_string().contains("report.xml"), "{error}");
    }

    #[test]
    fn times_are_short() {
        for (millis, text) in [
            (0, "0.0s"),
            (8_450, "8.4s"),
            (59_999, "59s"),
            (245_000, "4m05s"),
            (11_240_000, "3h07m"),
        ] {
            assert_eq!(human_time(Duration::from_millis(millis)), text);
        }
    }
}
