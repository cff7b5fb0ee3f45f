//! Versions of CUDA, and what is known of each.

use std::fmt;
use std::str::FromStr;

use super::architecture::{ParseCudaError, number};
use super::text_in_serde;

/// A version of the CUDA toolkit, as far as it is known: `12.8`, or `12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CudaVersion {
    /// What decides about drivers and libraries.
    pub major: u16,
    /// What decides about features.
    pub minor: Option<u16>,
}

impl CudaVersion {
    /// A version of which the minor number is known.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor: Some(minor) }
    }

    /// A version of which the major number alone is known.
    pub const fn of_major(major: u16) -> Self {
        Self { major, minor: None }
    }

    /// Ten times the version, as old cubins state it in `e_version`.
    pub fn of_tenfold(number: u32) -> Option<Self> {
        let number = u16::try_from(number).ok().filter(|number| (50..1000).contains(number))?;
        Some(Self::new(number / 10, number % 10))
    }

    /// The toolkit whose compiler writes PTX of this version. 12.5 and 12.6 write the same one;
    /// the later is taken.
    ///
    /// Source: PTX ISA, "Release Notes".
    pub fn of_ptx(major: u16, minor: u16) -> Option<Self> {
        Some(match (major, minor) {
            (6, 0..=2) => Self::new(9, minor),
            (6, 3..=5) => Self::new(10, minor - 3),
            (7, 0..=8) => Self::new(11, minor),
            (8, 0..=4) => Self::new(12, minor),
            (8, 5..=8) => Self::new(12, minor + 1),
            (9, 0..=9) => Self::new(13, minor),
            _ => return None,
        })
    }

    /// Whether both may be one version, as far as they are known.
    pub fn agrees(self, other: Self) -> bool {
        let same = |(one, other): (u16, u16)| one == other;
        self.major == other.major && self.minor.zip(other.minor).is_none_or(same)
    }

    /// The oldest Linux driver that runs what this version made. From CUDA 11 on it depends on the
    /// major number alone, except that PTX is compiled only by a driver of its own version or later.
    ///
    /// Source: CUDA Compatibility, "Minor Version Compatibility"; CUDA Toolkit Release Notes.
    pub fn driver(self) -> Option<&'static str> {
        Some(match (self.major, self.minor) {
            (13, _) => "580.65.06",
            (12, _) => "525.60.13",
            (11, _) => "450.80.02",
            (10, Some(2)) => "440.33",
            (10, Some(1)) => "418.39",
            (10, _) => "410.48",
            (9, Some(2)) => "396.26",
            (9, Some(1)) => "390.46",
            (9, _) => "384.81",
            _ => return None,
        })
    }
}

impl fmt::Display for CudaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.minor {
            Some(minor) => write!(f, "{}.{minor}", self.major),
            None => write!(f, "{}", self.major),
        }
    }
}

impl FromStr for CudaVersion {
    type Err = ParseCudaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || match text.split_once('.') {
            Some((major, minor)) => Some(Self::new(number(major)?, number(minor)?)),
            None => Some(Self::of_major(number(text)?)),
        };
        let expected = "a CUDA version such as `12.8`";
        parsed().ok_or_else(|| ParseCudaError { expected, found: text.to_owned() })
    }
}

text_in_serde!(CudaVersion);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_files_state_becomes_a_version() {
        for (found, expected) in [
            (CudaVersion::of_tenfold(118), "11.8"),
            (CudaVersion::of_tenfold(92), "9.2"),
            (CudaVersion::of_ptx(6, 5), "10.2"),
            (CudaVersion::of_ptx(7, 8), "11.8"),
            (CudaVersion::of_ptx(8, 4), "12.4"),
            (CudaVersion::of_ptx(8, 5), "12.6"),
            (CudaVersion::of_ptx(8, 8), "12.9"),
            (CudaVersion::of_ptx(9, 5), "13.5"),
        ] {
            assert_eq!(found.expect(expected).to_string(), expected);
        }
        assert_eq!([CudaVersion::of_tenfold(1), CudaVersion::of_ptx(4, 0)], [None; 2]);
        let [twelve, later] = ["12", "12.8"].map(|text| text.parse::<CudaVersion>().expect(text));
        assert!(twelve.agrees(later) && !later.agrees(CudaVersion::new(12, 6)));
        assert_eq!((twelve.driver(), later.driver()), (Some("525.60.13"), Some("525.60.13")));
    }

    proptest! {
        #[test]
        fn round_trips(major in 0u16..=9999, minor in proptest::option::of(0u16..=9999)) {
            let version = CudaVersion { major, minor };
            prop_assert_eq!(version.to_string().parse::<CudaVersion>()?, version);
            prop_assert!(version.agrees(version));
        }

        #[test]
        fn never_panics(text in "[0-9.+ -]{0,8}", found: u32) {
            let _ = (text.parse::<CudaVersion>(), CudaVersion::of_tenfold(found));
        }
    }
}
