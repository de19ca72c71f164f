//! What a file's header tells of it beside what it is: the types of its numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::storage::weights::{BlockFormat, StoredTensor, WeightHeader};

/// The part of a file that a type must have to be named.
const NAMED_SHARE: f64 = 0.01;

/// Returns the types of most of a file's numbers.
pub(super) fn precisions(header: &WeightHeader) -> BTreeSet<String> {
    let mut bytes: BTreeMap<String, usize> = BTreeMap::new();
    for (_, stored) in &header.tensors {
        *bytes.entry(type_name(stored)).or_default() += stored.len();
    }
    let least = bytes.values().sum::<usize>() as f64 * NAMED_SHARE;
    bytes.into_iter().filter(|(_, bytes)| *bytes as f64 >= least).map(|(name, _)| name).collect()
}

/// Returns what a type of numbers is called, in small letters. A block format says more than what its numbers become.
pub(super) fn type_name(stored: &StoredTensor) -> String {
    match stored.blocks {
        Some(BlockFormat::Q8_0) => "q8_0".to_owned(),
        None => stored.dtype.to_string().to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use safetensors::Dtype;

    #[test]
    fn a_type_that_is_hardly_there_is_not_named() {
        let precisions = |rows: usize| {
            let stored =
                |dtype, len| StoredTensor { dtype, range: 0..len, ..StoredTensor::made(&[], 1, String::new()) };
            let tensors =
                vec![("a".to_owned(), stored(Dtype::F16, rows * 100)), ("b".to_owned(), stored(Dtype::I64, 8))];
            precisions(&WeightHeader { tensors, metadata: std::collections::HashMap::new(), bytes: 0 })
        };
        assert_eq!(precisions(4).into_iter().collect::<Vec<_>>(), ["f16", "i64"]);
        assert_eq!(precisions(400).into_iter().collect::<Vec<_>>(), ["f16"]);
    }
}
