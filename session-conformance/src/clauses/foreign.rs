//! Hashes that other clients wrote.

use session_core::{Delta, Touch};

use crate::harness::Harness;
use crate::kit::{
    Bench, ClientHash, GUIDE_CREATED_AT, Step, add, clients, fresh_principal, guide_hash, name,
    secs, set, ttl, with,
};

/// Each of the guide's clients writes a session, and its texts are shown as they are.
pub async fn a_hash_of_any_client_is_a_session(h: &dyn Harness) {
    let b = Bench::new(h).await;
    for ClientHash { client, hash } in clients() {
        let id = b.plant(hash.clone(), Some(secs(900))).await;
        let record = b.peek_session(&id).done().await.expect(client);
        assert_eq!(record.configured_ttl().as_secs(), 900, "{client}");
        assert_eq!(record.fields().len(), hash.len() - 3, "{client}");
        let created = record.created_at().expect(client).unix_seconds();
        let accessed = record.last_accessed_at().expect(client).unix_seconds();
        assert_eq!(accessed - created, 60, "{client}");
        for (name, value) in hash {
            let name = String::from_utf8(name).expect("text");
            let shown = match name.as_str() {
                "created_at" => record.created_at_text(),
                "last_accessed_at" => record.last_accessed_at_text(),
                "session_ttl" => "900".into(),
                field => record.fields().get(field).expect(client).clone(),
            };
            assert_eq!(shown.as_bytes(), value, "{client}: {name}");
        }
    }
}

/// A use changes the last access only.
pub async fn a_use_keeps_the_other_texts_of_any_client(h: &dyn Harness) {
    let b = Bench::new(h).await;
    b.clock.forward(secs(3600));
    for ClientHash { client, hash } in clients() {
        let id = b.plant(hash.clone(), Some(secs(900))).await;
        b.get(&id).await;
        let mut expected = with(hash, "last_accessed_at", b.clock.text());
        expected.sort();
        assert_eq!(b.stored(&id).await.fields(), expected, "{client}");
    }
}

/// A write changes what it names and the last access.
pub async fn a_write_keeps_what_it_does_not_name_of_any_client(h: &dyn Harness) {
    let b = Bench::new(h).await;
    b.clock.forward(secs(3600));
    for ClientHash { client, hash } in clients() {
        let id = b.plant(hash.clone(), Some(secs(900))).await;
        assert_eq!(b.count(&id, "page_views", 2).await, 5, "{client}");
        let delta = set("theme", "dark").remove(name("username"));
        b.update(&id, delta).await;
        assert!(b.set_session_ttl(&id, ttl(60)).done().await);
        let rotated = b.rotate_session(&id, Delta::new()).done().await;
        let id = rotated.expect(client).id;
        let mut expected = crate::kit::without(hash, "username");
        for (name, value) in [
            ("page_views", "5"),
            ("theme", "dark"),
            ("session_ttl", "60"),
            ("last_accessed_at", &b.clock.text()),
        ] {
            expected = with(expected, name, value);
        }
        expected.sort();
        assert_eq!(b.stored(&id).await.fields(), expected, "{client}");
    }
}

/// A name that is not UTF-8, and one that a lossy conversion would make the same as another.
const HIDDEN: [&[u8]; 3] = [
    &[0xff, 0xfe],
    &[b'a', 0xf0, 0x9f],
    &[0xef, 0xbf, 0xbd, 0x80],
];

fn hash_with_hidden_fields() -> crate::harness::RawHash {
    let hash = with(guide_hash("100"), "\u{fffd}", "visible");
    HIDDEN
        .iter()
        .fold(hash, |hash, field| with(hash, field, "kept\0"))
}

/// Such a field is in no record, and its session is one.
pub async fn fields_with_foreign_names_are_hidden(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(hash_with_hidden_fields(), Some(secs(100))).await;
    let delta = Delta::new().returning_record();
    let (peeked, got) = (b.peek(&id).await, b.get(&id).await);
    let written = b.update(&id, delta).await.record.expect("a record");
    for record in [peeked, got, written] {
        let fields = record.fields().iter();
        let names: Vec<_> = fields.map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["page_views", "username", "\u{fffd}"]);
    }
}

/// Every operation but deletion keeps it.
pub async fn fields_with_foreign_names_survive(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let id = b.plant(hash_with_hidden_fields(), Some(secs(100))).await;
    b.get(&id).await;
    let all = set("username", "x").increment(name("n"), 1).ttl(ttl(50));
    let named = all.remove(name("page_views")).remove(name("\u{fffd}"));
    let quiet = add("n", 1).touch(Touch::Never);
    for delta in [named, quiet, Delta::new()] {
        b.update(&id, delta).await;
    }
    let refused = b.increment_field(&id, name("username"), 1).await;
    assert!(refused.is_err());
    let id = b.rotate(&id, add("n", 1)).await.id;
    let key = b.stored(&id).await;
    for field in HIDDEN {
        assert_eq!(key.field(field), Some(b"kept\0".as_slice()));
    }
    let created = key.field("created_at");
    assert_eq!(created, Some(GUIDE_CREATED_AT.as_bytes()));
    assert!(b.delete(&id).await);
    assert_eq!(h.dump(&id).await, None);
}

/// A text that is no principal binds nobody, hinders nothing and stays.
pub async fn a_foreign_text_as_principal_binds_nobody(h: &dyn Harness) {
    let b = Bench::new(h).await;
    let long = vec![b'x'; 257];
    for text in [b"".as_slice(), &[0xff, 0xfe], &long] {
        let hash = with(guide_hash("100"), "session_principal", text);
        let id = b.plant(hash, Some(secs(100))).await;
        let record = b.get(&id).await;
        assert_eq!(record.principal(), None);
        b.update(&id, add("n", 1)).await;
        let id = b.rotate(&id, Delta::new()).await.id;
        let key = b.stored(&id).await;
        assert_eq!(key.field("session_principal"), Some(text));
        let ann = fresh_principal("ann");
        let bind = Delta::new().bind(ann.clone());
        b.update(&id, bind).await;
        b.assert_listed(&ann, [&id]).await;
        assert!(b.delete(&id).await);
    }
}
