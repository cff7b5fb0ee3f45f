//! The name of a channel, and how files tell theirs.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::cuda::CudaVersion;

/// A sub-index for one CUDA version, such as `cu128`; `cpu`, `rocm6.4` and names of one's own too.
///
/// Ordered from old to new: those of CUDA above all others, by version.
///
/// ```
/// use wheelsite::index::Channel;
/// let mut channels: Vec<Channel> =
///     ["cu130", "cpu", "cu118", "cu128"].iter().map(|name| name.parse()).collect::<Result<_, _>>()?;
/// channels.sort();
/// assert_eq!(channels.iter().map(ToString::to_string).collect::<Vec<_>>(), ["cpu", "cu118", "cu128", "cu130"]);
/// # Ok::<(), wheelsite::index::ParseChannelError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Channel(Arc<str>);

/// A text that names no channel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseChannelError {
    /// It would not be a plain folder of the site.
    #[error(
        "expected a channel such as `cu128`: lowercase letters, digits and single `.` or `-`, found `{0}`"
    )]
    Form(String),
    /// The site has something else there.
    #[error("`{0}` is no name for a channel: the site has something else there")]
    Reserved(String),
}

/// What else a site has at its top.
const RESERVED: [&str; 9] =
    ["simple", "files", "packages", "assets", "state", "all", "rejected", "coverage", "search"];

impl FromStr for Channel {
    type Err = ParseChannelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(40).collect();
        let plain = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        let is_form = text.len() <= 40
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.split(['.', '-']).all(plain);
        if RESERVED.contains(&text) {
            Err(ParseChannelError::Reserved(shown()))
        } else if is_form {
            Ok(Self(text.into()))
        } else {
            Err(ParseChannelError::Form(shown()))
        }
    }
}

impl Channel {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The channel that a local version names: `cu128`, `cu128torch2.9cxx11abitrue`, `cpu`, `rocm6.4`.
    pub fn of_local_version(local: &str) -> Option<Self> {
        let starts = local.match_indices(['.', '-', '_']).map(|(at, _)| at + 1);
        std::iter::once(0).chain(starts).find_map(|start| Self::at_start(&local[start..]))
    }

    /// The channel that a folder, a key or a tag names: `cu128` in `wheels/cu128`, `v2-cu128`, `cuda-12.8`.
    pub fn of_place(place: &str) -> Option<Self> {
        let place = place.to_ascii_lowercase();
        let parts: Vec<&str> = place.split(['/', '-', '_', '+', ' ']).collect();
        parts.iter().enumerate().rev().find_map(|(at, part)| {
            // `cuda-12.8` is two parts.
            let after_cuda = at > 0 && matches!(parts[at - 1], "cuda" | "cu");
            if let Some(channel) = after_cuda.then(|| Self::of_cuda(part)).flatten() {
                return Some(channel);
            }
            let numbers = part.strip_prefix("cuda").or_else(|| part.strip_prefix("cu"));
            match numbers {
                Some(numbers) if numbers.contains('.') => Self::of_cuda(numbers),
                _ => Self::at_start(part).filter(|channel| channel.as_str() == *part),
            }
        })
    }

    /// The channel of a CUDA version such as `12.8` or `12.8.1`.
    pub fn of_cuda(version: &str) -> Option<Self> {
        let mut numbers = version.split('.').map(str::parse::<u16>);
        match (numbers.next()?.ok()?, numbers.next()?.ok()?) {
            (major @ 8..=99, minor @ 0..=9) => format!("cu{major}{minor}").parse().ok(),
            _ => None,
        }
    }

    /// The channel of a toolkit, as exactly as its version is known.
    pub fn of_toolkit(version: CudaVersion) -> Option<Self> {
        match version.minor {
            Some(minor) => Self::of_cuda(&format!("{}.{minor}", version.major)),
            None => format!("cu{}", version.major).parse().ok(),
        }
    }

    fn at_start(text: &str) -> Option<Self> {
        let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
        if let Some(rest) = text.strip_prefix("cu")
            && matches!(digits(rest), 2 | 3)
        {
            return text[..2 + digits(rest)].parse().ok();
        }
        if let Some(rest) = text.strip_prefix("rocm")
            && digits(rest) > 0
        {
            let length = rest.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.');
            return text[..4 + length.count()].trim_end_matches('.').parse().ok();
        }
        ["cpu", "xpu"].into_iter().find_map(|name| {
            let rest = text.strip_prefix(name)?;
            let ends = !rest.starts_with(|next: char| next.is_ascii_alphanumeric());
            ends.then(|| name.parse().ok()).flatten()
        })
    }

    /// CUDA's major and minor version; the minor is none for `cu12`, which says no more.
    pub fn cuda(&self) -> Option<(u16, Option<u16>)> {
        let digits = self.0.strip_prefix("cu")?;
        let number: u16 = digits.parse().ok()?;
        match digits.len() {
            // There was a CUDA 9.2, and there will be no CUDA 92.
            2 if number < 20 => Some((number, None)),
            2 | 3 => Some((number / 10, Some(number % 10))),
            _ => None,
        }
    }
}

impl Ord for Channel {
    fn cmp(&self, other: &Self) -> Ordering {
        self.cuda().cmp(&other.cuda()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Channel {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Channel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Channel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::from_text::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(channel: Option<Channel>) -> Option<String> {
        channel.map(|channel| channel.to_string())
    }

    #[test]
    fn local_versions_name_channels() {
        for (local, expected) in [
            ("cu128", Some("cu128")),
            ("cu128torch2.9cxx11abitrue", Some("cu128")),
            ("cu12torch2.8cxx11abifalse", Some("cu12")),
            ("torch2.8.cu126", Some("cu126")),
            ("pt24cu118", None),
            ("cpu", Some("cpu")),
            ("cpu.cxx11.abi", Some("cpu")),
            ("cpus", None),
            ("rocm6.4", Some("rocm6.4")),
            ("rocm6.4.torch2", Some("rocm6.4")),
            ("xpu", Some("xpu")),
            ("cu1", None),
            ("cu1234", None),
            ("g1234567", None),
            ("", None),
        ] {
            assert_eq!(name(Channel::of_local_version(local)).as_deref(), expected, "{local}");
        }
    }

    #[test]
    fn places_name_channels() {
        for (place, expected) in [
            ("wheels/cu128", Some("cu128")),
            ("v2026-01-28-cu130", Some("cu130")),
            ("cuda-12.8", Some("cu128")),
            ("cuda12.6.3/linux", Some("cu126")),
            ("CU121", Some("cu121")),
            ("nightly/cpu/x", Some("cpu")),
            ("v2026-01-28", None),
            ("cu128torch29", None),
            ("occult", None),
            ("", None),
        ] {
            assert_eq!(name(Channel::of_place(place)).as_deref(), expected, "{place}");
        }
    }

    #[test]
    fn versions_decide_the_order() {
        let mut channels: Vec<Channel> =
            ["cu92", "nightly", "cu130", "cu12", "cpu", "cu126", "cu118"]
                .iter()
                .map(|name| name.parse().expect("parses"))
                .collect();
        channels.sort();
        let names: Vec<&str> = channels.iter().map(Channel::as_str).collect();
        assert_eq!(names, ["cpu", "nightly", "cu92", "cu118", "cu12", "cu126", "cu130"]);
    }

    #[test]
    fn names_are_plain_folders() {
        for text in
            ["", "all", "simple", "coverage", "../x", "Cu128", "cu 128", "a..b", "-a", "a/b"]
        {
            assert!(text.parse::<Channel>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(text in "[a-z][a-z0-9]{0,8}([.-][a-z0-9]{1,4})?") {
            if let Ok(channel) = text.parse::<Channel>() {
                prop_assert_eq!(channel.to_string(), text);
            }
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<Channel>();
            let _ = Channel::of_local_version(&text);
            let _ = Channel::of_place(&text);
            let _ = Channel::of_cuda(&text);
        }
    }
}
