//! Key prefixes that no two tests share.

const LETTERS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 12;

/// A random prefix for all keys of one test, such as `t-4k0zq81vw6yx:`.
///
/// Tests that keep to their prefix can share a server and run at the same time.
#[must_use]
pub fn unique_prefix() -> String {
    let letters = LETTERS.map(char::from);
    let random: String = (0..LENGTH)
        .filter_map(|_| letters.get(rand::random_range(0..letters.len())))
        .collect();
    format!("t-{random}:")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn prefixes_have_the_documented_shape() {
        let prefix = unique_prefix();
        let random = prefix
            .strip_prefix("t-")
            .unwrap()
            .strip_suffix(':')
            .unwrap();
        assert_eq!(random.len(), LENGTH);
        assert!(random.bytes().all(|letter| LETTERS.contains(&letter)));
    }

    #[test]
    fn prefixes_differ() {
        let prefixes: HashSet<_> = (0..1000).map(|_| unique_prefix()).collect();
        assert_eq!(prefixes.len(), 1000);
    }
}
