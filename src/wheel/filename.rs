//! Filenames of wheels and source distributions.
//!
//! The grammar is that of the `packaging` library, with three things refused
//! that it lets through, because installers or file systems stumble over them:
//! project names that do not begin and end with a letter or digit, tags and
//! build tags with other characters than ASCII letters, digits and `_` (uv
//! refuses the wheel; a build tag may also hold `.`), and white space around the version.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::Version;

use super::project_name::ProjectName;

/// The longest filename whose sidecar, `.metadata`, file systems still take, in bytes.
const MAX_LENGTH: usize = 255 - ".metadata".len();

/// Why a text is no filename of a distribution.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FilenameError {
    /// The filename is longer than file systems take.
    #[error("the filename has {found} bytes, expected at most {MAX_LENGTH}")]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Neither `.whl` nor `.tar.gz` nor `.zip`.
    #[error("expected a filename that ends in `.whl` (or in `.tar.gz` or `.zip`, for an sdist)")]
    Extension,
    /// A wheel's filename has 5 or 6 parts between dashes.
    #[error("expected 5 parts between dashes (6 with a build tag), found {found}")]
    Parts {
        /// How many there are.
        found: usize,
    },
    /// An sdist's filename has no dash.
    #[error("expected `NAME-VERSION`, found no `-`")]
    NoDash,
    /// The part for the project's name holds no valid name.
    #[error("invalid project name `{found}`")]
    Name {
        /// What stands there.
        found: String,
    },
    /// The part for the version is no PEP 440 version.
    #[error(
        "invalid version `{found}`: expected a PEP 440 version such as `1.2.3` or `1.2.3+cu128`"
    )]
    Version {
        /// What stands there.
        found: String,
    },
    /// The build tag does not begin with a digit, or its number is beyond reason.
    #[error("invalid build tag `{found}`: expected digits, then letters, digits, `_` or `.`")]
    Build {
        /// What stands there.
        found: String,
    },
    /// A tag is empty or holds a character that tags cannot hold.
    #[error(
        "invalid {part} tag `{found}`: expected lowercase letters, digits and `_`, joined with `.`"
    )]
    Tag {
        /// `python`, `abi` or `platform`.
        part: &'static str,
        /// What stands there.
        found: String,
    },
}

/// A build tag: digits, then the rest. Higher ones win among equal versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuildTag {
    /// The leading digits.
    pub number: u64,
    /// What follows them.
    pub suffix: Box<str>,
}

/// A wheel's filename:
/// `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`.
///
/// Source: [binary distribution format](https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention)
/// (PEP 427), with the compressed tag sets of PEP 425. Keeps the text verbatim.
///
/// ```
/// use wheelsite::wheel::WheelFilename;
/// let filename: WheelFilename = "flash_attn-2.8.3+cu128-cp312-cp312-linux_x86_64.whl".parse()?;
/// assert_eq!(filename.name().as_str(), "flash-attn");
/// assert_eq!(filename.version().to_string(), "2.8.3+cu128");
/// assert_eq!(filename.tags().collect::<Vec<_>>(), ["cp312-cp312-linux_x86_64"]);
/// # Ok::<(), wheelsite::wheel::FilenameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WheelFilename {
    text: Arc<str>,
    name: ProjectName,
    version: Version,
    /// Whether the version is spelled in its normal form.
    has_normal_version: bool,
    /// Whether the name is: normalized, and with `_` for `-`.
    has_normal_name: bool,
    /// Which of its sets of tags hold several: [`PYTHON`], [`ABI`], [`PLATFORM`].
    compressed: u8,
    /// Where the parts behind the name begin in the text: version, what follows it, python, abi
    /// and platform; lengths are below 256.
    starts: [u8; 5],
}

impl WheelFilename {
    /// The filename, verbatim.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The project's normalized name.
    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    /// The version, local part included.
    pub fn version(&self) -> &Version {
        &self.version
    }

    /// The version as it is spelled in the filename.
    pub fn version_text(&self) -> &str {
        &self.text[usize::from(self.starts[0])..usize::from(self.starts[1]) - 1]
    }

    /// Whether the version is spelled in its normal form.
    pub fn has_normal_version(&self) -> bool {
        self.has_normal_version
    }

    /// Whether the name is spelled in its normal form, with `_` for `-`.
    pub fn has_normal_name(&self) -> bool {
        self.has_normal_name
    }

    /// The build tag.
    pub fn build(&self) -> Option<BuildTag> {
        let text = &self.text[usize::from(self.starts[1])..usize::from(self.starts[2])];
        parse_build(text.strip_suffix('-')?).ok()
    }

    /// The compressed set of python tags, such as `cp312` or `py2.py3`.
    pub fn python(&self) -> &str {
        &self.text[usize::from(self.starts[2])..usize::from(self.starts[3]) - 1]
    }

    /// The compressed set of ABI tags, such as `abi3`.
    pub fn abi(&self) -> &str {
        &self.text[usize::from(self.starts[3])..usize::from(self.starts[4]) - 1]
    }

    /// The compressed set of platform tags, such as `manylinux_2_28_x86_64`.
    pub fn platform(&self) -> &str {
        &self.text[usize::from(self.starts[4])..self.text.len() - ".whl".len()]
    }

    /// Whether each of its sets of tags is a single tag.
    pub fn is_uncompressed(&self) -> bool {
        self.compressed == 0
    }

    /// Every tag that the compressed sets stand for, in the order of the filename.
    pub fn tags(&self) -> impl Iterator<Item = String> + '_ {
        self.python().split('.').flat_map(move |python| {
            self.abi().split('.').flat_map(move |abi| {
                self.platform()
                    .split('.')
                    .map(move |platform| format!("{python}-{abi}-{platform}").to_ascii_lowercase())
            })
        })
    }
}

/// Of the sets of tags in a wheel's filename.
const PYTHON: u8 = 1;
const ABI: u8 = 2;
const PLATFORM: u8 = 4;

impl WheelFilename {
    fn beside(
        text: Arc<str>,
        before: Option<&Self>,
        versions: &mut Versions,
    ) -> Result<Self, FilenameError> {
        check_length(&text)?;
        let stem = text.strip_suffix(".whl").ok_or(FilenameError::Extension)?;
        let wrong = || FilenameError::Parts { found: stem.split('-').count() };
        // From its end: what it begins with is mostly what the one before begins with.
        let (rest, platform) = part(stem).ok_or_else(wrong)?;
        let (rest, abi) = part(rest).ok_or_else(wrong)?;
        let (rest, python) = part(rest).ok_or_else(wrong)?;
        let same = before.filter(|before| before.release_text() == rest);
        let (name, version, build) = if let Some(same) = same {
            (same.name_text(), same.version_text(), None)
        } else {
            let mut parts = rest.split('-');
            match (parts.next(), parts.next(), parts.next(), parts.next()) {
                (Some(name), Some(version), build, None) => (name, version, build),
                _ => return Err(wrong()),
            }
        };
        let before = before.filter(|before| same.is_some() || before.name_text() == name);
        let (version_at, behind_at) = (name.len() + 1, name.len() + version.len() + 2);
        let (name, has_normal_name) = match before {
            Some(before) => (before.name.clone(), before.has_normal_name),
            None if name.contains("__") => {
                return Err(FilenameError::Name { found: name.to_owned() });
            }
            None => {
                let normalized = parse_name(name)?;
                let bytes = normalized.as_str().bytes();
                let normal = bytes.map(|byte| if byte == b'-' { b'_' } else { byte });
                let has_normal_name = name.bytes().eq(normal);
                (normalized, has_normal_name)
            }
        };
        let (version, has_normal_version) = match same {
            Some(same) => (same.version.clone(), same.has_normal_version),
            None => versions.parse(version)?,
        };
        build.map(parse_build).transpose()?;
        let sets = [
            (PYTHON, python, before.map(Self::python)),
            (ABI, abi, before.map(Self::abi)),
            (PLATFORM, platform, before.map(Self::platform)),
        ];
        let mut compressed = 0;
        for (set, tags, known) in sets {
            compressed |= match before {
                Some(before) if known == Some(tags) => before.compressed & set,
                _ if check_tags(tags, set)? => set,
                _ => 0,
            };
        }
        let platform_at = stem.len() - platform.len();
        let abi_at = platform_at - 1 - abi.len();
        let python_at = abi_at - 1 - python.len();
        // `check_length` has bounded every offset by 255.
        let at = |start: usize| u8::try_from(start).unwrap_or(u8::MAX);
        let starts = [at(version_at), at(behind_at), at(python_at), at(abi_at), at(platform_at)];
        Ok(Self { text, name, version, has_normal_version, has_normal_name, compressed, starts })
    }

    /// Name and version as they are spelled in the filename.
    fn release_text(&self) -> &str {
        &self.text[..usize::from(self.starts[1]) - 1]
    }

    /// The name as it is spelled in the filename.
    pub fn name_text(&self) -> &str {
        &self.text[..usize::from(self.starts[0]) - 1]
    }
}

impl FromStr for WheelFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::beside(text.into(), None, &mut Versions::default())
    }
}

impl fmt::Display for WheelFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A source distribution's filename: `{name}-{version}.tar.gz`, or `.zip` as old ones have it.
///
/// Source: [source distribution format](https://packaging.python.org/en/latest/specifications/source-distribution-format/#source-distribution-file-name)
/// (PEP 625). Keeps the text verbatim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdistFilename {
    text: Arc<str>,
    name: ProjectName,
    version: Version,
}

impl SdistFilename {
    /// The filename, verbatim.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The project's normalized name.
    pub fn name(&self) -> &ProjectName {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &Version {
        &self.version
    }
}

impl SdistFilename {
    fn new(text: Arc<str>) -> Result<Self, FilenameError> {
        check_length(&text)?;
        let stem = text
            .strip_suffix(".tar.gz")
            .or_else(|| text.strip_suffix(".zip"))
            .ok_or(FilenameError::Extension)?;
        let (name, version) = stem.rsplit_once('-').ok_or(FilenameError::NoDash)?;
        let (name, version) = (parse_name(name)?, parse_version(version)?);
        Ok(Self { text, name, version })
    }
}

impl FromStr for SdistFilename {
    type Err = FilenameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text.into())
    }
}

impl fmt::Display for SdistFilename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

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
            Self::Wheel(wheel) if wheel.has_normal_version => wheel.version_text().into(),
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

/// The versions that were parsed, by their spellings: releases have many files, and projects
/// many of the same versions.
///
/// What it holds grows with what is read; who reads without end begins anew now and then.
#[derive(Debug, Default)]
pub struct Versions {
    /// With whether it is spelled in its normal form.
    parsed: HashMap<Box<str>, (Version, bool)>,
}

impl Versions {
    fn parse(&mut self, text: &str) -> Result<(Version, bool), FilenameError> {
        if let Some(found) = self.parsed.get(text) {
            return Ok(found.clone());
        }
        let version = parse_version(text)?;
        let is_normal = is_plainly_normal(text) || version.to_string() == text;
        self.parsed.insert(text.into(), (version.clone(), is_normal));
        Ok((version, is_normal))
    }
}

/// Whether a version is in its normal form at first sight, as most are: numbers, and behind `+`
/// numbers and words. Others may be.
fn is_plainly_normal(version: &str) -> bool {
    let is_number = |part: &str| {
        let is_padded = part.len() > 1 && part.starts_with('0');
        // Of more digits the parser may make something else.
        (1..=9).contains(&part.len()) && !is_padded && part.bytes().all(|it| it.is_ascii_digit())
    };
    let is_word = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_lowercase())
            && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    let (release, local) = version.split_once('+').unwrap_or((version, "0"));
    release.split('.').all(is_number)
        && local.split('.').all(|part| is_number(part) || is_word(part))
}

/// The last part between dashes, behind those before it.
fn part(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memrchr(b'-', text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
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

fn parse_version(part: &str) -> Result<Version, FilenameError> {
    let invalid = || FilenameError::Version { found: part.to_owned() };
    if part.is_empty() || part.contains(char::is_whitespace) {
        return Err(invalid());
    }
    part.parse().map_err(|_| invalid())
}

fn parse_build(part: &str) -> Result<BuildTag, FilenameError> {
    let invalid = || FilenameError::Build { found: part.to_owned() };
    let digits = part.bytes().take_while(u8::is_ascii_digit).count();
    let (number, suffix) = part.split_at(digits);
    if !suffix.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.') {
        return Err(invalid());
    }
    Ok(BuildTag { number: number.parse().map_err(|_| invalid())?, suffix: suffix.into() })
}

/// Whether a set of tags holds several.
fn check_tags(tags: &str, set: u8) -> Result<bool, FilenameError> {
    let (mut begins, mut several) = (true, false);
    for byte in tags.bytes() {
        let is_valid = match byte {
            // uv compares tags as they are written, so that capitals fit nothing.
            b'a'..=b'z' | b'_' => true,
            // `packaging` asks for an identifier.
            b'0'..=b'9' => !(begins && set == PYTHON),
            b'.' => !begins,
            _ => false,
        };
        if !is_valid {
            begins = true;
            break;
        }
        begins = byte == b'.';
        several |= begins;
    }
    // An empty one has not begun.
    if !begins {
        return Ok(several);
    }
    let part = match set {
        PYTHON => "python",
        ABI => "abi",
        _ => "platform",
    };
    Err(FilenameError::Tag { part, found: tags.to_owned() })
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

    #[test]
    fn most_versions_are_plainly_normal() {
        for plain in ["1", "0", "1.0.0", "2.8.3+cu128", "2024.10.1+cu126.torch2.9"] {
            assert!(is_plainly_normal(plain), "{plain}");
        }
        for other in ["01", "1.", "1.0+", "1.0+CU128", "1.0+01", "1.0rc1", "1!2", "1.0+a+b", ""] {
            assert!(!is_plainly_normal(other), "{other}");
        }
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
        fn what_is_plainly_normal_is_normal(
            version in "[0-9]{1,2}(\\.[0-9]{1,2}){0,3}(\\+[a-c0-3]{1,3}(\\.[a-c0-3]{1,3})?)?",
        ) {
            let normal = version.parse::<Version>()?.to_string();
            prop_assert!(!is_plainly_normal(&version) || normal == version);
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
