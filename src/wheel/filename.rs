//! Filenames of wheels and source distributions.
//!
//! The grammar is that of the `packaging` library, with three things refused
//! that it lets through, because installers or file systems stumble over them:
//! project names that do not begin and end with a letter or digit, tags and
//! build tags with other characters than ASCII letters, digits and `_` (uv
//! refuses the wheel; a build tag may also hold `.`), and white space around the version.

mod error;
mod sdist;
mod versions;
mod wheel;

pub use error::FilenameError;
pub use sdist::SdistFilename;
pub use versions::Versions;
pub use wheel::{BuildTag, WheelFilename};

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::Version;

use super::project_name::ProjectName;

/// The longest filename whose sidecar, `.metadata`, file systems still take, in bytes.
const MAX_LENGTH: usize = 255 - ".metadata".len();

/// The filename of a distribution: of a wheel or of an sdist.
///
/// Holds ASCII letters, digits and `-_.+!` alone, so that it is the same in HTML and in JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DistFilename {
    /// A wheel.
    Wheel(WheelFilename),
    /// A source distribution.
    Sdist(SdistFilename),
}

impl DistFilename {
    /// The filename, verbatim.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Wheel(wheel) => wheel.as_str(),
            Self::Sdist(sdist) => sdist.as_str(),
        }
    }

    /// The project's normalized name.
    pub fn name(&self) -> &ProjectName {
        match self {
            Self::Wheel(wheel) => wheel.name(),
            Self::Sdist(sdist) => sdist.name(),
        }
    }

    /// The version.
    pub fn version(&self) -> &Version {
        match self {
            Self::Wheel(wheel) => wheel.version(),
            Self::Sdist(sdist) => sdist.version(),
        }
    }

    /// The wheel's filename, if it is a wheel.
    pub fn wheel(&self) -> Option<&WheelFilename> {
        match self {
            Self::Wheel(wheel) => Some(wheel),
            Self::Sdist(_) => None,
        }
    }
}

impl DistFilename {
    /// Parses a filename beside one that was parsed before: where both spell the name alike, they
    /// share it, as all share the versions. Long lists name a project's files together.
    pub fn beside(
        text: Arc<str>,
        before: Option<&Self>,
        versions: &mut Versions,
    ) -> Result<Self, FilenameError> {
        if text.ends_with(".tar.gz") || text.ends_with(".zip") {
            SdistFilename::new(text).map(Self::Sdist)
        } else {
            WheelFilename::beside(text, before.and_then(Self::wheel), versions).map(Self::Wheel)
        }
    }

    /// The version in its normal form, which most filenames have.
    pub fn version_text(&self) -> Cow<'_, str> {
        match self {
            Self::Wheel(wheel) if wheel.has_normal_version() => wheel.version_text().into(),
            _ => self.version().to_string().into(),
        }
    }
}

impl FromStr for DistFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::beside(text.into(), None, &mut Versions::default())
    }
}

impl fmt::Display for DistFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn check_length(text: &str) -> Result<(), FilenameError> {
    match text.len() {
        0..=MAX_LENGTH => Ok(()),
        found => Err(FilenameError::TooLong { found }),
    }
}

fn parse_name(part: &str) -> Result<ProjectName, FilenameError> {
    part.parse().map_err(|_| FilenameError::Name { found: part.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_every_part() {
        let text =
            "Foo.Bar-1!2.0.post1+cu128.torch2.9-3local-py2.py3-abi3.none-any.linux_x86_64.whl";
        let wheel: WheelFilename = text.parse().expect("parses");
        assert_eq!(wheel.as_str(), text);
        assert_eq!(wheel.name().as_str(), "foo-bar");
        assert_eq!(wheel.version().to_string(), "1!2.0.post1+cu128.torch2.9");
        assert_eq!(wheel.version_text(), "1!2.0.post1+cu128.torch2.9");
        assert_eq!(wheel.build(), Some(BuildTag { number: 3, suffix: "local".into() }));
        assert_eq!((wheel.python(), wheel.abi()), ("py2.py3", "abi3.none"));
        assert_eq!(wheel.platform(), "any.linux_x86_64");
        assert_eq!(wheel.tags().count(), 8);
        assert!(!wheel.is_uncompressed());
    }

    #[test]
    fn names_the_part_that_is_wrong() {
        let error = |text: &str| text.parse::<DistFilename>().expect_err(text);
        assert_eq!(error("a-1-py3-none.whl"), FilenameError::Parts { found: 4 });
        assert!(matches!(error("..-1-py3-none-any.whl"), FilenameError::Name { .. }));
        assert!(matches!(error("a__b-1-py3-none-any.whl"), FilenameError::Name { .. }));
        assert!(matches!(error("a-x-py3-none-any.whl"), FilenameError::Version { .. }));
        assert!(matches!(error("a-1-b1-py3-none-any.whl"), FilenameError::Build { .. }));
        assert!(matches!(
            error("a-1-py3-none-a%2F.whl"),
            FilenameError::Tag { part: "platform", .. }
        ));
        assert!(matches!(error("a-1-3-none-any.whl"), FilenameError::Tag { part: "python", .. }));
        assert_eq!(error("a-1.WHL"), FilenameError::Extension);
        assert_eq!(error(&"a".repeat(10_000)), FilenameError::TooLong { found: 10_000 });
        assert_eq!(error("a.tar.gz"), FilenameError::NoDash);
    }

    proptest! {
        #[test]
        fn round_trips(
            name in "[A-Za-z0-9]([._]?[A-Za-z0-9]){0,8}",
            version in "([1-9]!)?[0-9]{1,3}(\\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?(\\.post[0-9])?(\\.dev[0-9])?(\\+[a-z0-9]{1,5}(\\.[a-z0-9]{1,5})?)?",
            build in proptest::option::of("[0-9]{1,4}[a-z_]{0,3}"),
            python in "[a-z]{2}[0-9]{1,3}(\\.[a-z]{2}[0-9]{1,3})?",
            abi in "[a-z0-9_]{1,6}",
            platform in "[a-z0-9_]{1,20}(\\.[a-z0-9_]{1,20})?",
        ) {
            let build_part = build.as_ref().map(|build| format!("-{build}")).unwrap_or_default();
            let text = format!("{name}-{version}{build_part}-{python}-{abi}-{platform}.whl");
            let wheel: WheelFilename = text.parse()?;
            prop_assert_eq!(wheel.to_string(), &*text);
            prop_assert_eq!(wheel.python(), python);
            prop_assert_eq!(wheel.abi(), abi);
            prop_assert_eq!(wheel.platform(), platform);
            prop_assert_eq!(wheel.build().is_some(), build.is_some());
            prop_assert_eq!(wheel.version(), &version.parse::<Version>()?);
            let sdist: SdistFilename = format!("{name}-{version}.tar.gz").parse()?;
            prop_assert_eq!(sdist.to_string().parse::<SdistFilename>()?, sdist);
        }

        #[test]
        fn what_is_shared_is_the_same(
            first in "(a|b_c|d.e|f__g)-(1|1\\.0|2\\+cu128|x)(-1)?-cp31[0-2]-abi3-any(\\.whl|\\.tar\\.gz)",
            second in "(a|b_c|d.e|f__g)-(1|1\\.0|2\\+cu128|x)(-1)?-cp31[0-2]-abi3-any(\\.whl|\\.tar\\.gz)",
        ) {
            let mut versions = Versions::default();
            let before = DistFilename::beside(first.as_str().into(), None, &mut versions);
            let before = before.as_ref().ok();
            let beside = DistFilename::beside(second.as_str().into(), before, &mut versions);
            prop_assert_eq!(&beside, &second.parse());
            if let Ok(dist) = beside {
                prop_assert_eq!(dist.version_text(), dist.version().to_string());
            }
        }

        #[test]
        fn never_panics(text in ".{0,60}", dashed in "[a-z0-9.+!_-]{0,60}\\.whl") {
            let _ = text.parse::<DistFilename>();
            let _ = dashed.parse::<DistFilename>();
        }

        #[test]
        fn holds_nothing_to_escape(
            name in "(\\PC|[a-z\"'&<>\\\\]){1,6}",
            version in "[0-9]{0,2}(\\PC|[a-z0-9\"'&<>\\\\+.]){0,6}",
            build in "(-[0-9]*(\\PC|[a-z\"'&<>\\\\]){0,3})?",
            tag in "(\\PC|[a-z_.\"'&<>\\\\]){1,6}",
        ) {
            let texts = [
                format!("{name}-1-py3-none-any.whl"),
                format!("a-{version}-py3-none-any.whl"),
                format!("a-1{build}-py3-none-any.whl"),
                format!("a-1-py3-{tag}-any.whl"),
                format!("a-1-{tag}-none-any.whl"),
                format!("a-1-py3-none-{tag}.whl"),
                format!("{name}-1.tar.gz"),
                format!("a-{version}.tar.gz"),
                format!("a-{version}.zip"),
            ];
            for dist in texts.iter().filter_map(|text| text.parse::<DistFilename>().ok()) {
                let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+!".contains(&byte);
                prop_assert!(dist.as_str().bytes().all(sound), "{}", dist);
            }
        }
    }
}
