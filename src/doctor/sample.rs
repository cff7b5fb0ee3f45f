//! Which of many are looked at: the same ones in every run, from all over the list.

/// So many places of a list, spread evenly, the first and the last among them.
pub(super) fn spread(length: usize, count: Option<usize>) -> Vec<usize> {
    match count {
        None => (0..length).collect(),
        Some(count) if count >= length => (0..length).collect(),
        Some(0) => Vec::new(),
        Some(1) => vec![0],
        Some(count) => (0..count).map(|step| step * (length - 1) / (count - 1)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_place_twice_and_none_beyond(length in 0..5000usize, count in 0..60usize) {
            let places = spread(length, Some(count));
            prop_assert_eq!(places.len(), count.min(length));
            prop_assert!(places.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(places.iter().all(|place| *place < length));
            prop_assert_eq!(places.first(), (count > 0 && length > 0).then_some(&0));
            prop_assert_eq!(spread(length, None).len(), length);
        }
    }
}
