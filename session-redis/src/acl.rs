//! What a server's ACL must grant, read off the scripts.

use std::collections::BTreeSet;

use crate::script::ALL;

/// Something that an account needs rights for, beside `~prefix*`: the keys below the store's
/// prefix.
///
/// ```
/// use session_redis::AclFeature::{Admin, Principals, Sessions};
///
/// let rights = [Sessions, Principals, Admin].map(|it| it.rights().join(" "));
/// assert!(rights[0].contains("+hset") && rights[1].contains("+zadd") && rights[2] == "+scan");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AclFeature {
    /// Sessions that are bound to nobody.
    Sessions,
    /// Log-ins: sessions that are bound to a principal, their lists, limits and revocation.
    Principals,
    /// The admin API.
    Admin,
    /// A Redis Cluster.
    Cluster,
    /// First contact: the server's version, mode and eviction policy, which stay unknown otherwise.
    Info,
    /// A database in the URL.
    Database,
    /// A client name in the URL.
    ClientName,
    /// The account of a sentinel.
    Sentinel,
    /// A near cache.
    NearCache,
}

/// Words in capitals that scripts say to commands, or look for in replies.
const NOT_COMMANDS: [&str; 6] = ["COUNT", "LIMIT", "MATCH", "TYPE", "WITHSCORES", "WRONGTYPE"];

impl AclFeature {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 9] = [
        Self::Sessions,
        Self::Principals,
        Self::Admin,
        Self::Cluster,
        Self::Info,
        Self::Database,
        Self::ClientName,
        Self::Sentinel,
        Self::NearCache,
    ];

    /// The rights that it needs, beyond those of sessions where it builds on them, as `ACL SETUSER`
    /// takes them: `+` and the command. Sorted.
    pub fn rights(self) -> Vec<String> {
        let others: &[&str] = match self {
            Self::Sessions => &["EVAL", "EVALSHA"],
            Self::Principals | Self::Admin => &[],
            Self::Cluster => &["ASKING", "CLUSTER|SLOTS"],
            Self::Info => &["INFO"],
            Self::Database => &["SELECT"],
            Self::ClientName => &["CLIENT|SETNAME"],
            Self::Sentinel => &["SENTINEL|MASTER"],
            Self::NearCache => &["CLIENT|TRACKING"],
        };
        let of_scripts = ALL.iter().flat_map(|script| commands_of(script.source()));
        let of_scripts = of_scripts.filter(|command| feature_of(command) == self);
        let commands: BTreeSet<_> = of_scripts.chain(others.iter().copied()).collect();
        let right = |command: &str| format!("+{}", command.to_lowercase());
        commands.into_iter().map(right).collect()
    }
}

/// What a command of a script is for: only an index is a sorted set.
fn feature_of(command: &str) -> AclFeature {
    match command {
        "SCAN" => AclFeature::Admin,
        _ if command.starts_with('Z') => AclFeature::Principals,
        _ => AclFeature::Sessions,
    }
}

/// The commands that a script names: words in capitals, in quotes.
fn commands_of(source: &str) -> impl Iterator<Item = &str> {
    let quoted = source.split('\'');
    let is_word = |word: &&str| word.len() > 2 && word.bytes().all(|it| it.is_ascii_uppercase());
    quoted
        .filter(is_word)
        .filter(|word| !NOT_COMMANDS.contains(word))
}
