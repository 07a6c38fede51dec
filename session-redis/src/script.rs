//! The catalogue of scripts.

use std::sync::LazyLock;

use sha1::{Digest as _, Sha1};

/// A script that the server runs as one atomic step.
#[derive(Debug)]
pub struct Script {
    source: &'static str,
    writes: bool,
    sha: LazyLock<String>,
}

impl Script {
    /// The source, for `EVAL`.
    pub fn source(&self) -> &'static str {
        self.source
    }

    /// The source's SHA-1 in hex, for `EVALSHA`.
    pub fn sha(&self) -> &str {
        &self.sha
    }

    /// Whether the script can change anything. If not, a lost reply leaves no doubt.
    pub fn writes(&self) -> bool {
        self.writes
    }
}

/// A file of `lua/`.
macro_rules! lua {
    ($name:literal) => {
        include_str!(concat!("lua/", $name, ".lua"))
    };
}

/// The reserved fields that say whether there is a session, and what a touch must know of it.
macro_rules! checked_fields {
    () => {
        "'created_at', 'last_accessed_at', 'session_ttl', 'session_deadline', \
         'session_principal', 'session_public_id', 'session_rotated'"
    };
}

/// All reserved fields, the former first.
macro_rules! reserved_fields {
    () => {
        concat!(
            checked_fields!(),
            ", 'session_login_at', 'session_persistent'"
        )
    };
}

/// The rule that makes a key a session. The principal's text matters only where there is no
/// deadline.
macro_rules! check {
    () => {
        concat!(
            lua!("check"),
            "if not code and v[5] and not v[4] then\n",
            lua!("principal"),
            "if principal_of(v[5]) then code = NO_SESSION end\nend\n",
        )
    };
}

/// The limit of fields.
macro_rules! room {
    () => {
        concat!(
            lua!("room"),
            "if may_be_too_many then\nlocal reserved = redis.call('HMGET', key, ",
            reserved_fields!(),
            ")\n",
            lua!("too_many_fields"),
            "end\n",
        )
    };
}

/// Index entries.
macro_rules! index_entry {
    () => {
        concat!(
            "local function index_of(index_prefix, principal, key)\n",
            lua!("index_key"),
            "return index\nend\n",
            lua!("index_entry"),
        )
    };
}

/// A step on any number of sessions: files that it uses, and its own, which `end.lua` runs.
///
/// A rule that the steps on one session have too is in a file without a function around it, which
/// is put around it here.
macro_rules! step {
    ($header:literal, [$($part:literal),*; $step:literal]) => {
        concat!(
            $header, "\n",
            lua!("codes"),
            "local RESERVED = { ", reserved_fields!(), " }\n",
            "local function check(key, v)\n", check!(), "return code, ttl, deadline, now, v, successor\nend\n",
            "local function expiry_of(ttl, deadline, now)\n", lua!("expiry"),
            "return remaining, expire, expiry\nend\n",
            "local function due(key, ttl, deadline, now, policy)\n", lua!("due"), "return is_due\nend\n",
            lua!("principal"), lua!("texts"), index_entry!(),
            $(lua!($part),)*
            "local function step()\n", lua!($step), "end\n",
            lua!("end"),
        )
    };
}

/// A step on one session that is not looked for by its public id, as most are: without functions,
/// which a server would make again at each call. The reserved fields (and an argument) are in `v`.
macro_rules! hot_step {
    ($header:literal, $fields:expr, [$($part:expr),*]) => {
        concat!(
            $header, "\n",
            lua!("codes"), lua!("head"),
            "local v = redis.pcall('HMGET', key, ", $fields, ")\n",
            check!(), lua!("found"), lua!("expiry"), lua!("rights"),
            $($part,)*
            // The session's entry may have been lost, as when the server has evicted the index.
            "if deadline and index_prefix ~= '' and v[5] and v[6] then\nlocal principal = v[5]\n",
            lua!("index_key"), lua!("is_unlisted"),
            "if is_unlisted then\n", lua!("principal"), lua!("texts"), index_entry!(), lua!("heal"), "end\nend\n",
            lua!("returned"),
        )
    };
}

// The header's flags decide what the server does before it runs a script: without `allow-oom` it
// refuses the script when its memory is full, so that no script is stopped midway. Scripts that do
// not grow anything carry the flag: reads, touches, rotations and deletions work on a full server.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident, $writes:literal, $source:expr;)*) => {$(
        $(#[$doc])*
        pub(crate) static $name: Script = Script {
            source: $source,
            writes: $writes,
            sha: LazyLock::new(|| hex(&Sha1::digest($name.source))),
        };
    )*

        /// All scripts.
        pub static ALL: &[&Script] = &[$(&$name),*];

        /// Their names.
        #[cfg(test)]
        pub(crate) static NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

scripts! {
    /// Stores a session under a free key.
    INSERT, true, step!("#!lua", ["session", "index"; "insert"]);
    /// Touches a session, if that is due.
    TOUCH, true, hot_step!("#!lua flags=allow-oom", checked_fields!(), [
        "local policy = ARGV[4]\nif policy ~= 'A' then\n", lua!("throttled"), lua!("due"), lua!("untouched"), "end\n",
        lua!("touch")
    ]);
    /// Touches a session and sets fields of it.
    UPDATE, true, hot_step!("#!lua", checked_fields!(), [
        "local max_fields, FIRST = tonumber(ARGV[4]), 5\n", room!(), lua!("update")
    ]);
    /// Touches a session and increments a field of it.
    INCREMENT, true, hot_step!("#!lua", concat!(checked_fields!(), ", ARGV[5]"), [
        lua!("counter"),
        "if is_long then\n", lua!("integers"), "value, why = sum(before, by)\nend\n",
        "if why then return { REFUSED, why } end\n",
        "if not v[8] then\n", room!(), "end\n",
        lua!("increment")
    ]);
    /// Reads a session that its principal knows by its public id, and slides its expiry if that is
    /// due.
    READ, true, step!("#!lua flags=allow-oom", ["session"; "read"]);
    /// Reads a session and changes nothing.
    PEEK, false, concat!(
        "#!lua flags=no-writes\n",
        lua!("codes"),
        "local key = KEYS[1]\nlocal v = redis.pcall('HMGET', key, ", checked_fields!(), ")\n",
        check!(), lua!("found"), lua!("peek"),
    );
    /// Changes a session.
    WRITE, true, step!("#!lua", ["session", "index", "integers", "apply"; "write"]);
    /// Changes a session without growing it.
    WRITE_WITHOUT_GROWTH, true, step!("#!lua flags=allow-oom", ["session", "index", "integers", "apply"; "write"]);
    /// Moves a session to a free key and changes it.
    RENAME, true, step!("#!lua", ["session", "index", "integers", "apply"; "rename"]);
    /// Moves a session to a free key and changes it without growing it.
    RENAME_WITHOUT_GROWTH, true, step!("#!lua flags=allow-oom", ["session", "index", "integers", "apply"; "rename"]);
    /// Deletes a session.
    REMOVE, true, step!("#!lua flags=allow-oom", ["session", "index"; "remove"]);
    /// One page of a principal's sessions.
    LIST, true, step!("#!lua flags=allow-oom", ["session", "index", "position"; "list"]);
    /// The entries of a public id in an index of either kind.
    FIND, false, step!("#!lua flags=no-writes", ["session"; "find"]);
    /// Ends sessions of a principal.
    REVOKE, true, step!("#!lua flags=allow-oom", ["session", "index"; "revoke"]);
    /// Adds an entry to a cross-slot index.
    INDEX_ADD, true, step!("#!lua", ["session", "cross_slot_index"; "index_add"]);
    /// Adds an entry to a cross-slot index in the place of another.
    INDEX_ADD_WITHOUT_GROWTH, true, step!("#!lua flags=allow-oom", ["session", "cross_slot_index"; "index_add"]);
    /// Removes entries from a cross-slot index.
    INDEX_REMOVE, true, step!("#!lua flags=allow-oom", ["session", "cross_slot_index"; "index_remove"]);
    /// One page of a cross-slot index.
    INDEX_PAGE, true, step!("#!lua flags=allow-oom", ["session", "cross_slot_index", "position"; "index_page"]);
    /// What a list shows of a session.
    MEMBER, false, step!("#!lua flags=no-writes", ["session"; "member"]);
    /// One page of a server's keys.
    SCAN, false, step!("#!lua flags=no-writes", ["session"; "scan"]);
    /// One page of the keys of a node of a cluster.
    SCAN_NODE, false, step!("#!lua flags=no-writes,allow-cross-slot-keys", ["session"; "scan"]);
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_has_a_header_and_builds_no_code_from_data() {
        for script in ALL {
            let source = script.source();
            assert!(source.starts_with("#!lua") && !source.contains("loadstring"));
        }
    }
}
