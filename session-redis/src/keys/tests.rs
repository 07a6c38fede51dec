use super::*;

fn id() -> SessionId {
    SessionId::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
}

fn space(storage: IdStorage) -> KeySpace {
    KeySpace::new(KeyPrefix::default(), storage)
}

#[test]
fn a_plain_key_is_the_guides() {
    let key = space(IdStorage::Plain).session(&id());
    assert_eq!(key, b"session:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
}

#[test]
fn a_hashed_key_shows_three_characters_of_the_id_and_gives_its_public_id() {
    let keys = space(IdStorage::Hashed);
    let key = String::from_utf8(keys.session(&id())).unwrap();
    assert!(key.starts_with("session:{AAE}"));
    assert_eq!(key.len(), "session:{AAE}".len() + 43);
    assert!(!key.contains(&id().expose()[TAG..]));
    assert_eq!(
        keys.public_id_of_unbound(&keys.suffix(&id())),
        Some(PublicId::of_unbound(&id()))
    );
}

#[test]
fn a_plain_key_gives_the_same_public_id() {
    let keys = space(IdStorage::Plain);
    assert_eq!(
        keys.public_id_of_unbound(&keys.suffix(&id())),
        Some(PublicId::of_unbound(&id()))
    );
    assert_eq!(keys.public_id_of_unbound(b"someone else's member"), None);
}

#[test]
fn keys_of_both_formats_are_known_whatever_new_ones_are() {
    let hashed = space(IdStorage::Hashed).suffix(&id());
    for storage in [
        IdStorage::Plain,
        IdStorage::PlainBeforeHashed,
        IdStorage::HashedAfterPlain,
        IdStorage::Hashed,
    ] {
        let keys = space(storage);
        assert!(keys.suffixes(&id()).contains(&keys.suffix(&id())));
        for suffix in [id().expose().as_bytes(), &hashed] {
            let is_looked_for = keys.suffixes(&id()).contains(&suffix.to_vec());
            let public_id = is_looked_for.then(|| PublicId::of_unbound(&id()));
            assert_eq!(keys.public_id_of_unbound(suffix), public_id);
        }
        for broken in [&hashed[1..], &hashed[..hashed.len() - 1], &hashed[5..47]] {
            assert_eq!(keys.public_id_of_unbound(broken), None);
        }
    }
}

#[test]
fn an_entry_is_a_public_id_and_a_suffix() {
    let public_id = PublicId::of_unbound(&id());
    for storage in [IdStorage::Plain, IdStorage::Hashed] {
        let suffix = space(storage).suffix(&id());
        let entry = entry_of(public_id.as_str().as_bytes(), &suffix);
        assert_eq!(suffix_of(&entry), suffix);
        assert_eq!(public_id_of(&entry), public_id.as_str().as_bytes());
    }
    assert!(suffix_of(b"short").is_empty() && public_id_of(b"short").is_empty());
}

#[test]
fn prefixes_with_other_characters_are_refused() {
    for text in [
        "",
        "a*",
        "a?",
        "[a]",
        "{a}",
        "a b",
        "a\r\n",
        "é",
        "a@",
        "a\\",
        &"a".repeat(65),
    ] {
        assert_eq!(text.parse::<KeyPrefix>(), Err(InvalidPrefix), "{text:?}");
    }
}

#[test]
fn no_index_key_of_one_prefix_is_a_session_key_of_another() {
    let index = space(IdStorage::Plain).index(&Principal::new(id().expose()).unwrap());
    let marker = index.iter().position(|b| *b == b'@').unwrap();
    let as_prefix = std::str::from_utf8(&index[..=marker]).unwrap();
    assert_eq!(as_prefix.parse::<KeyPrefix>(), Err(InvalidPrefix));
}
