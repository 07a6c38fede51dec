//! Which server answers, from its `INFO server`.

use std::fmt;

/// Who makes a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Redis.
    Redis,
    /// Valkey.
    Valkey,
}

/// A server's product and version. Displays as `Redis 7.0.15`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerVersion {
    /// Who makes it.
    pub product: Product,
    /// First number of the product's own version.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl ServerVersion {
    /// Reads the answer to `INFO server`.
    pub(crate) fn from_info(info: &str) -> Option<Self> {
        // Valkey's `redis_version` is the Redis it is compatible with.
        let (product, text) = match info_field(info, "valkey_version") {
            Some(text) => (Product::Valkey, text),
            None => (Product::Redis, info_field(info, "redis_version")?),
        };
        let mut numbers = text.split('.').map(str::parse);
        Some(Self {
            product,
            major: numbers.next()?.ok()?,
            minor: numbers.next()?.ok()?,
            patch: numbers.next()?.ok()?,
        })
    }
}

impl fmt::Display for ServerVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let product = match self.product {
            Product::Redis => "Redis",
            Product::Valkey => "Valkey",
        };
        write!(f, "{product} {}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// The value of the line `NAME:value` in an answer to `INFO` or `CLUSTER INFO`.
pub(crate) fn info_field<'i>(info: &'i str, name: &str) -> Option<&'i str> {
    info.lines()
        .find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_is_known_by_its_version() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:0\r\n";
        let version = ServerVersion::from_info(info).unwrap();
        assert_eq!(version.to_string(), "Redis 7.0.15");
    }

    #[test]
    fn valkey_is_known_by_its_own_version() {
        let info = "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n";
        let version = ServerVersion::from_info(info).unwrap();
        assert_eq!(version.to_string(), "Valkey 9.1.2");
    }

    #[test]
    fn other_answers_have_no_version() {
        assert_eq!(ServerVersion::from_info("-LOADING"), None);
        assert_eq!(ServerVersion::from_info("redis_version:seven\r\n"), None);
    }
}
