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

// The last part is the step, which `end.lua` runs; the others are what it uses.
//
// The header's flags decide what the server does before it runs a script: without `allow-oom` it
// refuses the script when its memory is full, so that no script is stopped midway. Scripts that do
// not grow anything carry the flag: reads, touches, rotations and deletions work on a full server.
macro_rules! scripts {
    ($($(#[$doc:meta])* $name:ident, $writes:literal, $header:literal, [$($part:literal),*; $step:literal];)*) => {$(
        $(#[$doc])*
        pub(crate) static $name: Script = Script {
            source: concat!(
                $header, "\n",
                $(include_str!(concat!("lua/", $part, ".lua")),)*
                "\nlocal function step()\n",
                include_str!(concat!("lua/", $step, ".lua")),
                "\nend\n",
                include_str!("lua/end.lua"),
            ),
            writes: $writes,
            sha: LazyLock::new(|| hex(&Sha1::digest($name.source))),
        };
    )*

        /// All scripts.
        pub static ALL: &[&Script] = &[$(&$name),*];
    };
}

scripts! {
    /// Stores a session under a free key.
    INSERT, true, "#!lua", ["session", "index_entry", "index"; "insert"];
    /// Reads a session and slides its expiry if that is due.
    READ, true, "#!lua flags=allow-oom", ["session", "index_entry"; "read"];
    /// Reads a session and changes nothing.
    PEEK, false, "#!lua flags=no-writes", ["session", "index_entry"; "read"];
    /// Changes a session.
    WRITE, true, "#!lua", ["session", "index_entry", "index", "integers", "apply"; "write"];
    /// Changes a session without growing it.
    WRITE_WITHOUT_GROWTH, true, "#!lua flags=allow-oom", ["session", "index_entry", "index", "integers", "apply"; "write"];
    /// Moves a session to a free key and changes it.
    RENAME, true, "#!lua", ["session", "index_entry", "index", "integers", "apply"; "rename"];
    /// Moves a session to a free key and changes it without growing it.
    RENAME_WITHOUT_GROWTH, true, "#!lua flags=allow-oom", ["session", "index_entry", "index", "integers", "apply"; "rename"];
    /// Deletes a session.
    REMOVE, true, "#!lua flags=allow-oom", ["session", "index_entry", "index"; "remove"];
    /// One page of a principal's sessions.
    LIST, true, "#!lua flags=allow-oom", ["session", "index_entry", "index"; "list"];
    /// The entries of a public id in an index of either kind.
    FIND, false, "#!lua flags=no-writes", ["session"; "find"];
    /// Ends sessions of a principal.
    REVOKE, true, "#!lua flags=allow-oom", ["session", "index_entry", "index"; "revoke"];
    /// Adds an entry to a cross-slot index.
    INDEX_ADD, true, "#!lua", ["session", "cross_slot_index"; "index_add"];
    /// Adds an entry to a cross-slot index in the place of another.
    INDEX_ADD_WITHOUT_GROWTH, true, "#!lua flags=allow-oom", ["session", "cross_slot_index"; "index_add"];
    /// Removes entries from a cross-slot index.
    INDEX_REMOVE, true, "#!lua flags=allow-oom", ["session", "cross_slot_index"; "index_remove"];
    /// One page of a cross-slot index.
    INDEX_PAGE, true, "#!lua flags=allow-oom", ["session", "cross_slot_index"; "index_page"];
    /// What a list shows of a session.
    MEMBER, false, "#!lua flags=no-writes", ["session"; "member"];
    /// One page of a server's keys.
    SCAN, false, "#!lua flags=no-writes", ["session"; "scan"];
    /// One page of the keys of a node of a cluster.
    SCAN_NODE, false, "#!lua flags=no-writes,allow-cross-slot-keys", ["session"; "scan"];
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
