//! Where the sessions may be, when none are found: an empty store is told from a wrong prefix.

use session_store::IdStorage;
use session_store::admin::{KeysSeen, PrefixSeen};

use crate::place::Place;
use crate::run::say;
use crate::text::counted;

/// How many keys are looked at: some milliseconds of the server's time, in twenty steps.
const MOST: u64 = 20_000;
/// How many prefixes are named.
const NAMED: usize = 5;

/// Says that there are no sessions, and where there may be some. A server that does not let the
/// account look is not asked again.
pub(crate) async fn say_that_none_are_found(place: &Place) {
    say("no sessions");
    let Ok(inspector) = place.inspector() else {
        return;
    };
    let Ok(seen) = inspector.keys_seen(MOST).await else {
        return;
    };
    let mut hints = hints(&seen, place);
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

/// Where keys look like sessions that this place does not find.
pub(crate) fn hints(seen: &KeysSeen, place: &Place) -> Vec<String> {
    let mut hints = Vec::new();
    let (own, others): (Vec<_>, Vec<_>) = seen
        .prefixes
        .iter()
        .partition(|it| it.prefix == place.prefix);
    for own in own.into_iter().filter(|it| !finds(place.storage, it)) {
        let (storage, keys) = (storage(own), counted(own.keys, "key"));
        hints.push(format!(
            "under this prefix {storage} ids are seen ({keys}): --id-storage {storage} finds them"
        ));
    }
    if !others.is_empty() {
        let named = others.iter().take(NAMED);
        let named: Vec<_> = named
            .map(|it| {
                let keys = counted(it.keys, "key");
                format!("{} ({keys}, {} ids)", it.prefix, storage(it))
            })
            .collect();
        let named = named.join(", ");
        hints.push(format!(
            "keys that look like sessions are under other prefixes: {named}; --prefix and \
             --id-storage say which"
        ));
    }
    hints
}

fn finds(storage: IdStorage, seen: &PrefixSeen) -> bool {
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
