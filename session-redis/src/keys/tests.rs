use super::IdStorage::{Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};
use super::*;

fn id() -> SessionId {
    SessionId::parse("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
}

fn space(storage: IdStorage) -> KeySpace {
    KeySpace::new(KeyPrefix::default(), storage)
}

#[test]
fn the_prefix_of_a_key_is_found() {
    let id = id();
    for storage in [Plain, Hashed] {
        let keys = KeySpace::new("shop.eu:".parse().unwrap(), storage);
        let (prefix, format) = prefix_and_format(&keys.session(&id)).unwrap();
        assert_eq!((prefix.as_str(), format), ("shop.eu:", storage.written()));
        let [sessions, indexes] = keys.shapes();
        assert_eq!(prefix_and_format(&sessions[0]), Some((prefix, format)));
        assert!(prefix_and_format(&indexes[0]).is_none());
    }
    for key in ["", "session:", "session:@ann", "no{abc}", id.expose()] {
        assert!(prefix_and_format(key.as_bytes()).is_none());
    }
}

#[test]
fn a_plain_key_is_the_guides_and_a_hashed_one_shows_three_characters_of_the_id() {
    let key = |storage| String::from_utf8(space(storage).session(&id())).unwrap();
    assert_eq!(key(Plain), format!("session:{}", id().expose()));
    let hash = URL_SAFE_NO_PAD.encode(id().digest());
    assert_eq!(key(Hashed), format!("session:{{AAE}}{hash}"));
    assert!(!hash.contains(&id().expose()[TAG..]));
}

#[test]
fn keys_of_both_formats_are_known_whatever_new_ones_are() {
    let hashed = space(Hashed).suffix(&id());
    for storage in [Plain, PlainBeforeHashed, HashedAfterPlain, Hashed] {
        let keys = space(storage);
        assert!(keys.suffixes(&id()).contains(&keys.suffix(&id())));
        for suffix in [id().expose().as_bytes(), &hashed] {
            let is_looked_for = keys.suffixes(&id()).contains(&suffix.to_vec());
            let public_id = is_looked_for.then(|| PublicId::of_unbound(&id()));
            assert_eq!(keys.public_id_of_unbound(suffix), public_id);
        }
        let broken = [&hashed[1..], &hashed[..hashed.len() - 1], &hashed[5..47]];
        for suffix in broken.into_iter().chain([&b"someone else's"[..]]) {
            assert_eq!(keys.public_id_of_unbound(suffix), None);
        }
    }
}

#[test]
fn an_index_is_named_as_its_sessions_are_and_no_two_are_the_same() {
    let ann = Principal::new("ann").unwrap();
    // `printf %s ann | sha1sum | head -c 32`
    let hashed = "session:#744cb9a9fb3d5583744ea3ece9b4d819";
    let named = |keys: &KeySpace| {
        let names = keys.indexes(&ann).into_iter().map(String::from_utf8);
        names.map(Result::unwrap).collect::<Vec<_>>()
    };
    for (storage, expected) in [
        (Plain, &["session:@ann"][..]),
        (PlainBeforeHashed, &["session:@ann", hashed]),
        (HashedAfterPlain, &[hashed, "session:@ann"]),
        (Hashed, &[hashed]),
    ] {
        for topology in [Topology::Standalone, Topology::Cluster] {
            let keys = space(storage).at(topology);
            assert_eq!(named(&keys), expected);
            assert_eq!(Some(&keys.index(&ann)), keys.indexes(&ann).first());
            let entry = entry_of(&[b'A'; PublicId::LEN], &keys.suffix(&id()));
            assert_eq!(keys.index_of(b"ann", &entry), keys.index(&ann));
        }
    }
}

#[test]
fn an_entry_of_somebody_elses_names_nothing() {
    assert!(suffix_of(b"short").is_empty() && public_id_of(b"short").is_empty());
}

#[test]
fn prefixes_with_other_characters_are_refused() {
    // With `@` or `#` the index of one prefix could be a session of another.
    let long = "a".repeat(65);
    let refused = [
        "", "a*", "a?", "[a]", "{a}", "a b", "a\r\n", "é", "a@", "a#", "a\\", &long,
    ];
    for text in refused {
        assert_eq!(text.parse::<KeyPrefix>(), Err(InvalidPrefix), "{text:?}");
    }
}
