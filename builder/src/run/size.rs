//! Amounts of bytes, as people write them.

use std::fmt;
use std::str::FromStr;

/// An amount of bytes: `10GiB`, `500MB`, `0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || {
            let found = crate::engine::text::clean(text);
            format!("expected an amount such as `10GiB`, `500MB` or `0`, found `{found}`")
        };
        let end = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
        let number: u64 = text[..end].parse().map_err(|_| wrong())?;
        let unit = match text[end..].trim_start() {
            // A bare number could be meant in any unit.
            "" if number == 0 => 1,
            unit => {
                let mut units = UNITS.iter();
                units.find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?.1
            }
        };
        number.checked_mul(unit).map(Self).ok_or_else(wrong)
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
        for (text, bytes) in
            [("0", 0), ("10GiB", 10 << 30), ("10 gib", 10 << 30), ("500MB", 500_000_000), ("1B", 1)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "10", "GiB", "-1GiB", "1.5GiB", "10GiBs", "99999999999TiB", "1\u{e9}"] {
            let error = text.parse::<ByteSize>().expect_err(text);
            assert!(error.contains("`10GiB`"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(bytes: u64) {
            prop_assert_eq!(ByteSize(bytes).to_string().parse(), Ok(ByteSize(bytes)));
        }

        #[test]
        fn never_panics(text in ".*") {
            let _ = text.parse::<ByteSize>();
        }
    }
}
