//! Values that are more than a text: toolkits, months, words, times, amounts of memory.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::row::{Cuda, CudaRelease};
use crate::size::ByteSize;

/// A toolkit: whole, or without its patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CudaSpec {
    /// `12.9.1`.
    Whole(Cuda),
    /// `12.9`: the newest patch that is known.
    Release(CudaRelease),
}

impl CudaSpec {
    /// Whether a toolkit is meant.
    pub fn matches(self, cuda: Cuda) -> bool {
        match self {
            Self::Whole(whole) => whole == cuda,
            Self::Release(release) => release == cuda.release(),
        }
    }
}

impl fmt::Display for CudaSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(cuda) => cuda.fmt(f),
            Self::Release(release) => release.fmt(f),
        }
    }
}

impl FromStr for CudaSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let release = || text.parse().map(Self::Release);
        text.parse()
            .map(Self::Whole)
            .or_else(|_: String| release())
            .map_err(|_| format!("`{text}` is no version of CUDA: expected `12.9.1`, or `12.9`"))
    }
}

/// A month, as `2026-10`; a day behind it is passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(u32, u32);

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.0, self.1)
    }
}

impl FromStr for Month {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let mut parts = text.splitn(3, '-');
            let mut digits = |count: usize| {
                let part = parts.next()?;
                (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
                    .then(|| part.parse::<u32>().ok())
                    .flatten()
            };
            let (year, month) = (digits(4)?, digits(2)?);
            (1..=12).contains(&month).then_some(Self(year, month))
        };
        parse().ok_or_else(|| format!("`{text}` is no month: expected `2026-10`"))
    }
}

/// Words as a shell would part them: they are handed on as they are, to no shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

impl FromStr for Words {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = shlex::split(text).ok_or_else(|| format!("`{text}`: a quote is not closed"))?;
        Ok(Self(words))
    }
}

/// A time that something may take: `6h`, `90m`, `1h30m`, `45s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time(pub Duration);

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (mut rest, mut seconds) = (text, 0_u64);
            for (unit, factor) in [('h', 3_600), ('m', 60), ('s', 1)] {
                if let Some((amount, after)) = rest.split_once(unit) {
                    seconds += u64::from(crate::row::number(amount)?) * factor;
                    rest = after;
                }
            }
            (rest.is_empty() && seconds > 0).then_some(Self(Duration::from_secs(seconds)))
        };
        parse().ok_or_else(|| format!("`{text}` is no time: expected `6h`, `90m` or `45s`"))
    }
}

/// A number of bytes: `16GiB`, `512MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl FromStr for Bytes {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let size = ByteSize::of_memory(text).map(|size| Self(size.0));
        size.ok_or_else(|| format!("`{text}` is no amount of memory: expected `16GiB`"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn no_text_stops_the_program(any in "\\PC{0,24}", like in "[a-z0-9_.:/@{}+;=<>, \\[\\]-]{0,24}") {
            for text in [any.as_str(), &like] {
                let _ = text.parse::<Words>();
                let _ = text.parse::<Time>();
                let _ = text.parse::<Bytes>();
                let _ = text.parse::<Month>();
                let _ = text.parse::<CudaSpec>();
            }
        }
    }

    #[test]
    fn values_are_read() {
        assert_eq!("1h30m".parse(), Ok(Time(Duration::from_secs(5_400))));
        assert_eq!("45s".parse(), Ok(Time(Duration::from_secs(45))));
        assert!("0h".parse::<Time>().is_err() && "1m1h".parse::<Time>().is_err());
        assert_eq!("16GiB".parse(), Ok(Bytes(16 << 30)));
        assert!("16".parse::<Bytes>().is_err());
        assert_eq!("a 'b c'".parse(), Ok(Words(vec!["a".into(), "b c".into()])));
    }
}
