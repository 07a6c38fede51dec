//! Where the sessions may be, when none are found: an empty store is told from a wrong prefix.

use session_store::IdStorage;
use session_store::admin::{KeysSeen, PrefixSeen};

use crate::place::Place;
use crate::run::say;
use crate::text::counted;

pub(crate) const NO_SESSIONS: &str = "no sessions";
pub(crate) const NONE_OF_PRINCIPAL: &str = "no sessions of that principal";

/// How many keys are looked at: some milliseconds of the server's time, in twenty steps.
const MOST: u64 = 20_000;
/// How many prefixes are named.
const NAMED: usize = 5;

/// Says what is not found, and where there may be some. A server that does not let the account look
/// is not asked again.
pub(crate) async fn say_that_none_are_found(place: &Place, what: &str) {
    say(what);
    let Ok(inspector) = place.inspector() else {
        return;
    };
    let Ok(seen) = inspector.keys_seen(MOST).await else {
        return;
    };
    let mut hints = of_other_forms(&seen, place);
    hints.extend(of_other_prefixes(&seen, place));
    if hints.is_empty() {
        let facts = inspector.server_reports().await.unwrap_or_default();
        let facts = facts.into_iter().filter_map(|(_, facts)| facts.ok());
        let databases = facts.filter_map(|facts| facts.databases).next();
        hints.extend(databases.and_then(|it| of_databases(&it, seen.hashes)));
    }
    for hint in hints {
        say(&hint);
    }
}

/// Which keys look like this place's sessions, and are not found with its form of ids.
pub(crate) fn of_other_forms(seen: &KeysSeen, place: &Place) -> Vec<String> {
    let own = seen.prefixes.iter().filter(|it| it.prefix == place.prefix);
    own.filter(|it| !finds(place.storage, it))
        .map(|own| {
            let (storage, keys) = (storage(own), counted(own.keys, "key"));
            format!(
                "under this prefix {storage} ids are seen ({keys}): --id-storage {storage} finds them"
            )
        })
        .collect()
}

/// Which keys look like sessions of other places.
pub(crate) fn of_other_prefixes(seen: &KeysSeen, place: &Place) -> Option<String> {
    let others = seen.prefixes.iter().filter(|it| it.prefix != place.prefix);
    let named: Vec<_> = others
        .take(NAMED)
        .map(|it| {
            let keys = counted(it.keys, "key");
            format!("{} ({keys}, {} ids)", it.prefix, storage(it))
        })
        .collect();
    (!named.is_empty()).then(|| {
        let named = named.join(", ");
        format!(
            "keys that look like sessions are under other prefixes: {named}; --prefix and \
             --id-storage say which"
        )
    })
}

/// Whether sessions with such keys are found where ids are stored so.
pub(crate) fn finds(storage: IdStorage, seen: &PrefixSeen) -> bool {
    match storage {
        IdStorage::Plain | IdStorage::Hashed => storage == seen.storage,
        _ => true,
    }
}

fn storage(seen: &PrefixSeen) -> &'static str {
    match seen.storage {
        IdStorage::Hashed => "hashed",
        _ => "plain",
    }
}

/// Where the databases of a server have keys.
fn of_databases(databases: &[(u16, u64)], hashes: u64) -> Option<String> {
    if databases.is_empty() {
        return Some("the server has no keys at all".to_owned());
    }
    if hashes > 0 {
        return None;
    }
    let named = databases
        .iter()
        .map(|(number, keys)| format!("{number} ({})", counted(*keys, "key")));
    let named = named.collect::<Vec<_>>().join(", ");
    Some(format!(
        "the URL's database has no such keys; databases with keys: {named}"
    ))
}
