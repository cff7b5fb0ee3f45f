//! Filenames of wheels, read from their end.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use pep440_rs::Version;

use super::{FilenameError, Versions, check_length, parse_name};
use crate::wheel::project_name::ProjectName;

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
    pub(super) fn beside(
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

/// The last part between dashes, behind those before it.
fn part(text: &str) -> Option<(&str, &str)> {
    let at = memchr::memrchr(b'-', text.as_bytes())?;
    Some((&text[..at], &text[at + 1..]))
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
