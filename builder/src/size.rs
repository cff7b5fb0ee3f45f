//! Amounts of bytes, as people write them.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes: `10GiB`, `500MB`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// What a container may have at most, as far as engines can count.
const MOST_MEMORY: u64 = i64::MAX.unsigned_abs();

/// Units, whatever their case; the last two are docker's.
const UNITS: [(&str, u64); 11] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
    ("g", 1 << 30),
    ("m", 1 << 20),
];

impl ByteSize {
    /// Reads a whole number with its unit; none where that is no amount, or more than can be counted.
    fn read(text: &str) -> Option<Self> {
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..end].parse().ok()?;
        let unit = match text[end..].trim() {
            // A bare number could be meant in any unit.
            "" if number == 0 => 1,
            unit => UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?.1,
        };
        number.checked_mul(unit).map(Self)
    }

    /// Reads what a container may have of memory: that is not nothing.
    pub(crate) fn of_memory(text: &str) -> Option<Self> {
        Self::read(text).filter(|size| (1..=MOST_MEMORY).contains(&size.0))
    }
}

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::read(text).ok_or_else(|| {
            let found = crate::engine::text::clean(text);
            format!("expected an amount such as `10GiB`, `500MB` or `0`, found `{found}`")
        })
    }
}

impl fmt::Display for ByteSize {
    /// As it can be read again: in the largest unit in which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return write!(f, "0");
        }
        let (name, unit) =
            UNITS.into_iter().find(|(_, unit)| self.0.is_multiple_of(*unit)).unwrap_or(("B", 1));
        write!(f, "{}{name}", self.0 / unit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_meant() {
        let amounts = [
            ("0", 0),
            ("10GiB", 10 << 30),
            ("10 gib", 10 << 30),
            ("10g", 10 << 30),
            ("512m", 512 << 20),
            ("500MB", 500_000_000),
            ("512 mb ", 512_000_000),
            ("1B", 1),
        ];
        for (text, bytes) in amounts {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "10", "GiB", "-1GiB", "1.5GiB", "10GiBs", "99999999999TiB", "1\u{e9}"] {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert!(error.contains("`10GiB`"), "{error}");
        }
    }

    #[test]
    fn memory_is_some_and_no_more_than_engines_count() {
        assert_eq!(ByteSize::of_memory("16GiB"), Some(ByteSize(16 << 30)));
        for text in ["", "0", "0GiB", "16", "9223372036854775808B", "16777215TiB"] {
            assert_eq!(ByteSize::of_memory(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn never_panics(any in ".*", like in "[0-9]{0,25} ?\\PC{0,4}") {
            for text in [any, like] {
                let _ = (text.parse::<ByteSize>(), ByteSize::of_memory(&text));
            }
        }
    }
}
