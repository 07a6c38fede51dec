//! What a server says of itself.

use session_core::{Effect, Error, ErrorKind, Result, ServerFacts};

/// The server is older than the scripts need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} {found} is too old: {server} {least} or newer is needed")]
pub struct ServerTooOld {
    server: &'static str,
    found: String,
    least: &'static str,
}

/// How a server serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Standalone,
    Cluster,
    Sentinel,
}

/// The reply to `INFO`. What it does not say, or says in an odd way, is unknown.
pub(crate) struct Info(String);

impl Info {
    pub(crate) fn parse(reply: &[u8]) -> Self {
        Self(String::from_utf8_lossy(reply).into_owned())
    }

    /// The value of a field, if it is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.field(name).filter(|value| !value.is_empty())
    }

    fn field(&self, name: &str) -> Option<&str> {
        let lines = self.0.lines().map(str::trim_end);
        let mut fields = lines.filter_map(|line| line.split_once(':'));
        fields.find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The name of an engine of its own that speaks the protocol.
    pub(crate) fn engine(&self) -> Option<&'static str> {
        let engines = [
            ("dragonfly_version", "Dragonfly"),
            ("garnet_version", "Garnet"),
            ("kvrocks_version", "Kvrocks"),
            ("upstash_version", "Upstash"),
            ("mvcc_depth", "KeyDB"),
        ];
        let mut found = engines.into_iter();
        found
            .find(|(field, _)| self.field(field).is_some())
            .map(|(_, name)| name)
    }

    /// What it is, and its version. That of an engine of its own is not the one of Redis that it
    /// gives.
    pub(crate) fn software(&self) -> Option<(&'static str, Option<String>)> {
        if let Some(engine) = self.engine() {
            return Some((engine, None));
        }
        let own = [("valkey_version", "Valkey"), ("redis_version", "Redis")];
        let mut own = own.into_iter();
        own.find_map(|(field, name)| Some((name, Some(of_version(self.text(field)?)))))
    }

    /// How many keys each database has that has any.
    pub(crate) fn databases(&self) -> Vec<(u16, u64)> {
        let database = |line: &str| {
            let (name, facts) = line.trim_end().strip_prefix("db")?.split_once(':')?;
            let keys = facts.split(',').find_map(|fact| fact.strip_prefix("keys="));
            Some((name.parse().ok()?, keys?.parse().ok()?))
        };
        self.0.lines().filter_map(database).collect()
    }

    /// Redis from 7.0, Valkey from 7.2. An engine of its own passes, since the version of Redis
    /// that it gives says little of it: what it lacks is found by the scripts. So does a server
    /// that says neither: it may be one that speaks the protocol under another name.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], with [`ServerTooOld`] as its source.
    pub(crate) fn check_version(&self) -> Result<()> {
        let valkey = self
            .field("valkey_version")
            .map(|found| ("Valkey", found, "7.2", (7, 2)));
        let redis = self
            .field("redis_version")
            .map(|found| ("Redis", found, "7.0", (7, 0)));
        let own = valkey.or(redis).filter(|_| self.engine().is_none());
        let Some((server, found, least, needed)) = own else {
            return Ok(());
        };
        let mut numbers = found.split('.').map(str::parse::<u32>);
        let Some(Ok(major)) = numbers.next() else {
            return Ok(());
        };
        let minor = numbers
            .next()
            .and_then(|minor| minor.ok())
            .unwrap_or_default();
        if (major, minor) >= needed {
            return Ok(());
        }
        let found = of_version(found);
        let too_old = ServerTooOld {
            server,
            found,
            least,
        };
        Err(Error::new(ErrorKind::Config, Effect::NotApplied).with_source(too_old))
    }

    pub(crate) fn mode(&self) -> Option<Mode> {
        match self
            .field("redis_mode")
            .or_else(|| self.field("server_mode"))?
        {
            "standalone" => Some(Mode::Standalone),
            "cluster" => Some(Mode::Cluster),
            "sentinel" => Some(Mode::Sentinel),
            _ => None,
        }
    }

    /// What is shown of it.
    pub(crate) fn facts(&self) -> ServerFacts {
        let is_of_policy = |c: &char| c.is_ascii_lowercase() || *c == '-';
        let mut facts = ServerFacts::default();
        if let Some((product, version)) = self.software() {
            facts.product = Some(product);
            facts.version = version.filter(|version| !version.is_empty());
        }
        facts.eviction_policy = self
            .field("maxmemory_policy")
            .map(|policy| shown(policy, 32, is_of_policy));
        facts.may_evict = self.evicting_policy().is_some();
        facts
    }

    /// The policy by which keys may be evicted, if any may.
    pub(crate) fn evicting_policy(&self) -> Option<&str> {
        let has_limit = self.field("maxmemory").is_some_and(|bytes| bytes != "0");
        let policy = self
            .field("maxmemory_policy")
            .filter(|policy| *policy != "noeviction");
        policy.filter(|_| has_limit)
    }
}

/// As much of a text as may be shown, whatever a server says.
fn shown(text: &str, most: usize, is_allowed: impl Fn(&char) -> bool) -> String {
    text.chars().take(most).filter(is_allowed).collect()
}

/// What of a text can be a version.
fn of_version(text: &str) -> String {
    shown(text, 16, |c| c.is_ascii_digit() || *c == '.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn info(text: &str) -> Info {
        Info::parse(text.as_bytes())
    }

    #[test]
    fn servers_from_the_stated_versions_on_pass_and_so_do_odd_ones() {
        for text in [
            "# Server\r\nredis_version:7.0.15\r\n",
            "redis_version:8.2.3",
            "redis_version:10.0.0",
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n",
            "redis_version:6.3.4\r\nmvcc_depth:0\r\n",
            "redis_version:4.0.0\r\nkvrocks_version:2.9.0\r\n",
            "something_else:1",
            "redis_version:",
            "redis_version:unstable",
            "",
            "::::\r\n\u{fffd}",
        ] {
            assert!(info(text).check_version().is_ok(), "{text}");
        }
    }

    #[test]
    fn older_servers_are_refused_by_name() {
        for (text, expected) in [
            (
                "redis_version:6.2.14\r\n",
                "Redis 6.2.14 is too old: Redis 7.0 or newer is needed",
            ),
            (
                "valkey_version:7.1",
                "Valkey 7.1 is too old: Valkey 7.2 or newer is needed",
            ),
        ] {
            let error = info(text).check_version().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.source().unwrap().to_string(), expected);
        }
    }

    #[test]
    fn modes_are_known_by_either_name() {
        for (text, expected) in [
            ("redis_mode:standalone\r\n", Some(Mode::Standalone)),
            ("server_mode:cluster", Some(Mode::Cluster)),
            ("redis_mode:sentinel", Some(Mode::Sentinel)),
            ("redis_mode:other", None),
            ("", None),
        ] {
            assert_eq!(info(text).mode(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_a_server_is_clean_and_short() {
        for (text, product, version, policy) in [
            (
                "redis_version:8.2.3\r\nmaxmemory_policy:noeviction\r\n",
                Some("Redis"),
                Some("8.2.3"),
                Some("noeviction"),
            ),
            (
                "redis_version:7.2.4\r\nvalkey_version:9.1.2\r\nmaxmemory_policy:allkeys-lru",
                Some("Valkey"),
                Some("9.1.2"),
                Some("allkeys-lru"),
            ),
            (
                "redis_version:6.3\r\nmvcc_depth:0",
                Some("KeyDB"),
                None,
                None,
            ),
            (
                "redis_version:7.<b>0\r\nmaxmemory_policy:a\"}\u{e9}B-c",
                Some("Redis"),
                Some("7.0"),
                Some("a-c"),
            ),
            ("", None, None, None),
        ] {
            let facts = info(text).facts();
            assert_eq!(facts.product, product, "{text}");
            assert_eq!(facts.version.as_deref(), version, "{text}");
            assert_eq!(facts.eviction_policy.as_deref(), policy, "{text}");
        }
    }

    #[test]
    fn keys_may_be_evicted_under_a_limit_and_a_policy() {
        for (text, expected) in [
            (
                "maxmemory:100\r\nmaxmemory_policy:allkeys-lru\r\n",
                Some("allkeys-lru"),
            ),
            ("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n", None),
            ("maxmemory:100\r\nmaxmemory_policy:noeviction\r\n", None),
            ("maxmemory_policy:volatile-ttl\r\n", None),
        ] {
            assert_eq!(info(text).evicting_policy(), expected, "{text}");
        }
    }
}
