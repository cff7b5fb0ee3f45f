//! Which GPUs device code runs on.
//!
//! Source: CUDA C++ Programming Guide, "Compute Capabilities", with its sections on
//! architecture-specific and family-specific features; the macros of
//! `crt/host_defines.h` for families.

use std::fmt;
use std::str::FromStr;

use super::text_in_serde;

/// In what form device code is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CodeKind {
    /// Machine code, `sm_NN`.
    Cubin,
    /// Text that a driver compiles, `compute_NN`.
    Ptx,
}

/// How far code may leave the GPU that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suffix {
    /// As far as its kind goes.
    None,
    /// `a`: uses what only this one GPU has.
    Specific,
    /// `f`: uses what only this GPU and later ones of its family have.
    Family,
}

/// A target of device code, such as `sm_90a` or `compute_120f`.
///
/// ```
/// use wheelsite::cuda::Architecture;
/// let code: Architecture = "sm_86".parse()?;
/// assert!(code.runs_on("8.9".parse()?) && !code.runs_on("8.0".parse()?));
/// # Ok::<(), wheelsite::cuda::ParseCudaError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture {
    /// Cubins come before PTX, as tools list them.
    pub kind: CodeKind,
    /// Ten times the major number, and the minor number: 90, 120.
    pub number: u16,
    /// Whether it is bound to one GPU, or to a family.
    pub suffix: Suffix,
}

/// The version of a GPU's abilities, such as `8.6`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComputeCapability {
    /// The generation.
    pub major: u16,
    /// The member of the generation.
    pub minor: u16,
}

/// A text that is no version of CUDA, no architecture and no compute capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found `{found}`")]
pub struct ParseCudaError {
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// GPUs of Tegra and of its kin, whose machine code runs on no other GPU, nor theirs on it:
/// 3.2, 5.3, 6.2, 7.2, 8.7 and 10.1, which CUDA 13 calls 11.0. No desktop GPU is documented to
/// be 8.8, so that nothing is promised for it.
const APART: [u16; 8] = [32, 53, 62, 72, 87, 88, 101, 110];

/// Every compute capability that compilers since CUDA 9 have made code for.
const KNOWN: [u16; 26] = [
    30, 32, 35, 37, 50, 52, 53, 60, 61, 62, 70, 72, 75, 80, 86, 87, 88, 89, 90, 100, 101, 103, 107,
    110, 120, 121,
];

impl ComputeCapability {
    /// From the number behind `sm_`.
    pub const fn from_number(number: u16) -> Self {
        Self { major: number / 10, minor: number % 10 }
    }

    /// Those that are known, in order.
    pub fn known() -> impl Iterator<Item = Self> {
        KNOWN.into_iter().map(Self::from_number)
    }

    fn number(self) -> u16 {
        self.major.saturating_mul(10).saturating_add(self.minor)
    }
}

impl Architecture {
    /// The largest number that is taken for one.
    const MAX_NUMBER: u16 = 999;

    /// One without suffix; none where the number cannot be one.
    pub fn new(kind: CodeKind, number: u32) -> Option<Self> {
        let number = u16::try_from(number).ok()?;
        let plausible = (10..=Self::MAX_NUMBER).contains(&number);
        plausible.then_some(Self { kind, number, suffix: Suffix::None })
    }

    /// The GPU that it names.
    pub fn compute_capability(self) -> ComputeCapability {
        ComputeCapability::from_number(self.number)
    }

    /// Whether a GPU with a fitting driver can run it.
    ///
    /// Machine code runs on GPUs of its generation that are not older, Tegra apart; PTX on every
    /// one that is not older. `a` binds both to one GPU. `f` binds PTX to its generation, where
    /// 10.1 is a family of its own.
    pub fn runs_on(self, gpu: ComputeCapability) -> bool {
        let own = self.compute_capability();
        let generation = gpu.major == own.major && gpu.minor >= own.minor;
        let apart = APART.contains(&self.number) || APART.contains(&gpu.number());
        let kin = generation && (gpu == own || !apart);
        match (self.suffix, self.kind) {
            (Suffix::Specific, _) => gpu == own,
            (Suffix::Family, _) | (Suffix::None, CodeKind::Cubin) => kin,
            (Suffix::None, CodeKind::Ptx) => gpu >= own,
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CodeKind::Cubin => "sm",
            CodeKind::Ptx => "compute",
        };
        let suffix = match self.suffix {
            Suffix::None => "",
            Suffix::Specific => "a",
            Suffix::Family => "f",
        };
        write!(f, "{kind}_{}{suffix}", self.number)
    }
}

impl FromStr for Architecture {
    type Err = ParseCudaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (kind, rest) = match text.split_once('_')? {
                ("sm", rest) => (CodeKind::Cubin, rest),
                ("compute", rest) => (CodeKind::Ptx, rest),
                _ => return None,
            };
            let (digits, suffix) = match rest.as_bytes().last()? {
                b'a' => (&rest[..rest.len() - 1], Suffix::Specific),
                b'f' => (&rest[..rest.len() - 1], Suffix::Family),
                _ => (rest, Suffix::None),
            };
            Some(Self { suffix, ..Self::new(kind, number(digits)?.into())? })
        };
        let expected = "an architecture such as `sm_90a` or `compute_80`";
        parsed().ok_or_else(|| ParseCudaError { expected, found: text.to_owned() })
    }
}

impl fmt::Display for ComputeCapability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl FromStr for ComputeCapability {
    type Err = ParseCudaError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = || {
            let (major, minor) = text.split_once('.')?;
            let minor = number(minor).filter(|minor| *minor < 10)?;
            Some(Self { major: number(major)?, minor })
        };
        let expected = "a compute capability such as `8.6`";
        parsed().ok_or_else(|| ParseCudaError { expected, found: text.to_owned() })
    }
}

/// A number as it is written, without signs and leading zeros.
pub(super) fn number(text: &str) -> Option<u16> {
    let plain = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (plain && (text.len() == 1 || !text.starts_with('0'))).then(|| text.parse().ok())?
}

text_in_serde!(Architecture, ComputeCapability);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn runs_on(text: &str) -> Vec<String> {
        let code: Architecture = text.parse().expect(text);
        let gpus = ComputeCapability::known().filter(|gpu| code.runs_on(*gpu));
        gpus.map(|gpu| gpu.to_string()).collect()
    }

    #[test]
    fn code_runs_where_the_documentation_says() {
        for (code, expected) in [
            ("sm_70", "7.0 7.5"),
            ("sm_75", "7.5"),
            ("sm_72", "7.2"),
            ("sm_80", "8.0 8.6 8.9"),
            ("sm_86", "8.6 8.9"),
            ("sm_87", "8.7"),
            ("sm_90", "9.0"),
            ("sm_90a", "9.0"),
            ("compute_90a", "9.0"),
            ("sm_100", "10.0 10.3 10.7"),
            ("sm_100a", "10.0"),
            ("sm_100f", "10.0 10.3 10.7"),
            ("compute_100f", "10.0 10.3 10.7"),
            ("sm_103f", "10.3 10.7"),
            ("sm_101", "10.1"),
            ("compute_101f", "10.1"),
            ("sm_110f", "11.0"),
            ("sm_120", "12.0 12.1"),
            ("compute_120f", "12.0 12.1"),
            ("sm_121f", "12.1"),
            ("compute_120", "12.0 12.1"),
            ("compute_103", "10.3 10.7 11.0 12.0 12.1"),
            ("compute_86", "8.6 8.7 8.8 8.9 9.0 10.0 10.1 10.3 10.7 11.0 12.0 12.1"),
        ] {
            assert_eq!(runs_on(code).join(" "), expected, "{code}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in ["", "sm_", "sm_9", "sm_090", "sm_90b", "sm_90af", "SM_90", "sm_+90", "sm_1000"]
        {
            assert!(text.parse::<Architecture>().is_err(), "{text}");
        }
        for text in ["", "8", "8.", ".6", "8.60", "8.10", "8.06", "-8.6"] {
            assert!(text.parse::<ComputeCapability>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(ptx: bool, number in 10u16..=999, suffix in 0usize..3) {
            let kind = if ptx { CodeKind::Ptx } else { CodeKind::Cubin };
            let suffix = [Suffix::None, Suffix::Specific, Suffix::Family][suffix];
            let code = Architecture { kind, number, suffix };
            prop_assert_eq!(code.to_string().parse::<Architecture>()?, code);
            let json = serde_json::to_string(&code)?;
            prop_assert_eq!(json.clone(), format!("\"{code}\""));
            prop_assert_eq!(serde_json::from_str::<Architecture>(&json)?, code);
            let gpu = code.compute_capability();
            prop_assert_eq!(gpu.to_string().parse::<ComputeCapability>()?, gpu);
            prop_assert!(code.runs_on(gpu));
            // What is bound runs on no more than what is free, and machine code than PTX.
            for other in ComputeCapability::known().filter(|other| code.runs_on(*other)) {
                let free = Architecture { suffix: Suffix::None, ..code };
                let ptx = Architecture { kind: CodeKind::Ptx, ..code };
                prop_assert!(free.runs_on(other) && ptx.runs_on(other));
                prop_assert!(other >= gpu);
            }
        }

        #[test]
        fn never_panics(text in "\\PC{0,12}", like in "(sm|compute)_[0-9]{0,5}[af]?") {
            let _ = (text.parse::<Architecture>(), like.parse::<Architecture>());
            let _ = text.parse::<ComputeCapability>();
        }
    }
}
