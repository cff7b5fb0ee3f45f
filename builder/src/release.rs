//! The wheels of a folder, judged and ready for a release.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Deserialize;
use wheelsite::publish::ReleaseWheel;
use wheelsite::report::Reporter;
use wheelsite::verify::{Policy, Verdict};

use crate::engine::text::clean;
use crate::error::{Error, Result};

/// What a build report's name adds to the wheel's.
const REPORT: &str = ".build.json";
/// Larger build reports are none.
const MAX_REPORT: u64 = 16 << 20;

/// The part of a build report that says which wheel it is about.
#[derive(Deserialize)]
struct BuildReport {
    wheel: ReportedWheel,
}

#[derive(Deserialize)]
struct ReportedWheel {
    sha256: String,
}

/// All wheels of a folder, each read and judged as an index does, with the build reports beside
/// them. In the order of their names.
///
/// Errors where one is rejected: the reporter has heard why.
pub fn wheels(
    folder: &Path,
    policy: &Policy,
    reporter: &dyn Reporter,
) -> Result<Vec<ReleaseWheel>> {
    let paths = paths(folder)?;
    if paths.is_empty() {
        return Err(Error::failed(
            format!("`{}` has no wheels", shown(folder)),
            "build some: `wheelsite-builder run`; or name the folder that has them",
        ));
    }
    reporter.stage("verifying", Some(paths.len() as u64));
    let read = |path: &PathBuf| {
        let (verdict, wheel) = ReleaseWheel::read(path, policy)?;
        let wheel = wheel.map(|wheel| with_report(wheel, path, reporter));
        reporter.step();
        Ok((verdict, wheel))
    };
    let read: Result<Vec<(Verdict, Option<ReleaseWheel>)>> =
        paths.par_iter().with_max_len(1).map(read).collect();
    let read = read?;
    let mut wheels = Vec::with_capacity(read.len());
    let mut rejected = 0;
    for (verdict, wheel) in read {
        reporter.verdict(&verdict);
        match wheel.filter(|_| verdict.accepted) {
            Some(wheel) => wheels.push(wheel),
            None => rejected += 1,
        }
    }
    if rejected > 0 {
        return Err(Error::failed(
            format!("{rejected} of {} wheels would be rejected by an index", paths.len()),
            "mend or remove the wheels named above; nothing was sent",
        ));
    }
    Ok(wheels)
}

fn paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error: std::io::Error| {
        Error::unreachable(
            format!("cannot list `{}`: {error}", shown(folder)),
            "name the folder that has the wheels",
        )
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        // Hidden files are some that are being written.
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.ends_with(".whl") && !name.starts_with('.') && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// The wheel with the build report beside it, if that is about these very bytes.
fn with_report(wheel: ReleaseWheel, path: &Path, reporter: &dyn Reporter) -> ReleaseWheel {
    let mut report = path.as_os_str().to_owned();
    report.push(REPORT);
    let report = PathBuf::from(report);
    if !report.exists() {
        return wheel;
    }
    let is_its = read_report(&report)
        .is_some_and(|report| report.wheel.sha256 == wheel.sha256().to_string());
    if is_its {
        return wheel.with(report);
    }
    reporter
        .warn(&format!("`{}` is not about the wheel beside it: it is left out", shown(&report)));
    wheel
}

fn read_report(path: &Path) -> Option<BuildReport> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(MAX_REPORT).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn shown(path: &Path) -> String {
    clean(&path.display().to_string())
}

/// The tag of a day in UTC: `v2026-01-28`.
pub fn tag_of(time: jiff::Timestamp) -> String {
    time.strftime("v%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_days_in_utc() {
        for (seconds, tag) in [(0, "v1970-01-01"), (1_795_910_399, "v2026-11-28")] {
            let time = jiff::Timestamp::from_second(seconds).expect("is a time");
            assert_eq!(tag_of(time), tag);
        }
    }
}
