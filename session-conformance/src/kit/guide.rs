//! Hashes as the guide's clients in other languages write them.

use crate::harness::RawHash;

/// The `created_at` of [`guide_hash`].
pub(crate) const GUIDE_CREATED_AT: &str = "2026-01-31T23:59:59+00:00";
/// The `last_accessed_at` of [`guide_hash`].
const GUIDE_LAST_ACCESSED_AT: &str = "2026-02-01T00:00:07+00:00";

/// A hash as the guide has it, with this `session_ttl`.
pub(crate) fn guide_hash(ttl: impl AsRef<[u8]>) -> RawHash {
    let fields: [(&str, &[u8]); 5] = [
        ("username", b"andrew"),
        ("page_views", b"3"),
        ("session_ttl", ttl.as_ref()),
        ("created_at", GUIDE_CREATED_AT.as_bytes()),
        ("last_accessed_at", GUIDE_LAST_ACCESSED_AT.as_bytes()),
    ];
    fields
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// The hash with this field, in the place of one of the same name.
pub(crate) fn with(hash: RawHash, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> RawHash {
    let mut hash = without(hash, name.as_ref());
    hash.push((name.as_ref().into(), value.as_ref().into()));
    hash
}

/// The hash without this field.
pub(crate) fn without(mut hash: RawHash, name: impl AsRef<[u8]>) -> RawHash {
    hash.retain(|(n, _)| n != name.as_ref());
    hash
}

/// What one of the guide's clients writes.
pub(crate) struct ClientHash {
    /// The client.
    pub(crate) client: &'static str,
    /// The fields of a session with `username` = andrew and `page_views` = 3 that was created a
    /// minute before its last use, TTL 900, and of whatever else its language writes its own way.
    pub(crate) hash: RawHash,
}

/// One hash per client of the guide. They differ in how the UTC offset is written, and in what
/// becomes of values that are no strings.
pub(crate) fn clients() -> Vec<ClientHash> {
    const OFFSET: [&str; 2] = ["2026-04-02T12:33:56+00:00", "2026-04-02T12:34:56+00:00"];
    const ZULU: [&str; 2] = ["2026-04-02T12:33:56Z", "2026-04-02T12:34:56Z"];
    let client = |client, [created, accessed]: [&str; 2], odd: &[(&str, &str)]| {
        let mut hash = guide_hash("900");
        hash = with(hash, "created_at", created);
        hash = with(hash, "last_accessed_at", accessed);
        for (name, value) in odd {
            hash = with(hash, name, value);
        }
        ClientHash { client, hash }
    };
    vec![
        client("redis-py", OFFSET, &[("admin", "True"), ("ratio", "0.1")]),
        client(
            "node-redis",
            OFFSET,
            &[("cart", "[object Object]"), ("gone", "undefined")],
        ),
        client("go-redis", OFFSET, &[("empty", "")]),
        client("jedis", ZULU, &[("nickname", "null")]),
        client(
            "lettuce",
            ZULU,
            &[("nickname", "null"), ("price", "1.0E10")],
        ),
        client("predis", OFFSET, &[("admin", "1"), ("banned", "")]),
        client("redis-rb", ZULU, &[("role", ":admin"), ("gone", "")]),
        client("StackExchange.Redis", OFFSET, &[("admin", "True")]),
        client("redis-rs", OFFSET, &[("quoted", "Some(\"x\")")]),
    ]
}
