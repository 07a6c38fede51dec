//! Converting sessions that are stored under plain ids.

use session_store::IdStorage;

use super::failure::Failure;

/// Whether there is a form to convert to. To a store whose new sessions are plain there is nothing to convert,
/// and "0" would read as if the step to hashed ids had been taken.
pub(super) fn check(storage: IdStorage) -> Result<(), Failure> {
    match storage {
        IdStorage::HashedAfterPlain | IdStorage::Hashed => Ok(()),
        _ => Err(Failure::NotConverting),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_keys_are_converted_to() {
        assert!(check(IdStorage::HashedAfterPlain).is_ok() && check(IdStorage::Hashed).is_ok());
        for storage in [IdStorage::Plain, IdStorage::PlainBeforeHashed] {
            let refused = check(storage).unwrap_err().to_string();
            assert!(
                refused.contains("--id-storage hashed-after-plain"),
                "{refused}"
            );
        }
    }
}
