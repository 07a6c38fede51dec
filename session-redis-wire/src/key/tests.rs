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
fn a_hashed_key_shows_three_characters_of_the_id_and_gives_its_handle() {
    let keys = space(IdStorage::Hashed);
    let key = String::from_utf8(keys.session(&id())).unwrap();
    assert!(key.starts_with("session:{AAE}"));
    assert_eq!(key.len(), "session:{AAE}".len() + 43);
    assert!(!key.contains(&id().expose()[TAG..]));
    assert_eq!(keys.handle(&keys.name(&id())), Some(id().handle()));
}

#[test]
fn a_plain_name_gives_the_same_handle() {
    let keys = space(IdStorage::Plain);
    assert_eq!(keys.handle(&keys.name(&id())), Some(id().handle()));
    assert_eq!(keys.handle(b"someone else's member"), None);
}

#[test]
fn names_of_both_forms_are_known_whatever_new_ones_are() {
    let hashed = space(IdStorage::Hashed).name(&id());
    for storage in [
        IdStorage::Plain,
        IdStorage::PlainBeforeHashed,
        IdStorage::HashedAfterPlain,
        IdStorage::Hashed,
    ] {
        let keys = space(storage);
        for name in [id().expose().as_bytes(), &hashed] {
            assert_eq!(keys.handle(name), Some(id().handle()));
            let is_new = *name == keys.name(&id());
            assert_eq!(keys.is_in_other_form(name), !is_new);
            let is_found = is_new || keys.is_between_forms();
            assert_eq!(keys.handle_in_use(name).is_some(), is_found);
        }
        for broken in [&hashed[1..], &hashed[..hashed.len() - 1], &hashed[5..47]] {
            assert_eq!(keys.handle(broken), None);
        }
        assert!(keys.names(&id()).contains(&keys.name(&id())));
    }
}

#[test]
fn who_finds_both_forms_looks_for_hashed_sessions_last() {
    for storage in [IdStorage::PlainBeforeHashed, IdStorage::HashedAfterPlain] {
        let keys = space(storage).at(Topology::Cluster);
        assert!(keys.is_between_forms());
        let forms: Vec<_> = keys.places().iter().map(KeySpace::form).collect();
        assert_eq!(forms[0], keys.form());
        assert_eq!(forms[forms.len() - 2..], [Form::Plain, Form::Hashed]);
        let is_there = |place: &KeySpace| place.topology() == Topology::Cluster;
        assert!(keys.places().iter().all(is_there));
        assert_eq!(keys.names(&id()).len(), 2);
        let plain = Bytes::from(space(IdStorage::Plain).name(&id()));
        let hashed = Bytes::from(space(IdStorage::Hashed).name(&id()));
        let both = vec![plain.clone(), hashed.clone()];
        assert_eq!(keys.names_from(plain.clone()), both);
        assert_eq!(keys.names_from(hashed.clone()), [hashed]);
        let of_one_form = space(IdStorage::Hashed);
        assert_eq!(of_one_form.names_from(plain.clone()), both);
    }
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
