//! From the command line to a backend.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use session_store::{Connect, ConnectError, Error, IdStorage, SessionAdmin, SessionBackend};

use crate::app::About;
use crate::args::{BackendName, StoreArgs};

/// How long an operator waits for one answer. A server that is busy answers late, and a visitor, who would
/// sooner be told so, is not waiting here.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no backend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    /// A backend that this binary was built without.
    #[error("the backend {0} is not compiled in: build the demo with the cargo feature `{0}`")]
    FeatureOff(&'static str),
    /// A URL that means something else than a Redis server.
    #[error("--redis-url: expected a URL that begins with redis:// or rediss://")]
    NotRedis,
    /// Anything else that the backend finds wrong with its settings.
    #[error("the backend {0} cannot be used: {reason}", reason = chain(.1))]
    Unusable(BackendName, #[source] Error),
}

/// The backend that the command line asks for, and what the page says of it.
///
/// Nothing is asked of a server here: the demo starts without one.
pub(crate) fn open(args: &StoreArgs) -> Result<(Arc<dyn SessionBackend>, About), OpenError> {
    let backend = connect(args)?.build();
    let backend = backend.map_err(|error| unusable(args, error))?;
    Ok((backend, about(args)))
}

/// The administration of the sessions that the command line asks for. Asks nothing of a server, either.
pub(crate) fn open_admin(args: &StoreArgs) -> Result<Arc<dyn SessionAdmin>, OpenError> {
    let opened = connect(args)?.deadline(PATIENCE).build_with_admin();
    let (_, admin) = opened.map_err(|error| unusable(args, error))?;
    Ok(admin)
}

fn connect(args: &StoreArgs) -> Result<Connect, OpenError> {
    let connect = Connect::to(url(args)?).id_storage(args.id_storage());
    Ok(match &args.prefix {
        Some(prefix) => connect.key_prefix(prefix.as_str()),
        None => connect,
    })
}

fn unusable(args: &StoreArgs, error: Error) -> OpenError {
    match connect_error(&error) {
        Some(ConnectError::FeatureOff(feature)) => OpenError::FeatureOff(feature),
        _ => OpenError::Unusable(args.backend, error),
    }
}

/// The flags that were given and have no effect on this backend.
pub(crate) fn unused(args: &StoreArgs) -> Option<&'static str> {
    (args.backend == BackendName::Memory && args.concerns_redis()).then_some(
        "--redis-url, --prefix, --id-storage and --hash-ids concern Redis; the backend memory has no use for them",
    )
}

/// The URL by which the facade knows the backend.
fn url(args: &StoreArgs) -> Result<String, OpenError> {
    let scheme = match args.backend {
        BackendName::Memory => return Ok("memory:".to_owned()),
        BackendName::RedisRs => "",
        BackendName::Fred => "+fred",
    };
    let url = match &args.redis_url {
        Some(url) => url.clone(),
        None if args.redis_host.contains(':') => {
            format!("redis://[{}]:{}", args.redis_host, args.redis_port)
        }
        None => format!("redis://{}:{}", args.redis_host, args.redis_port),
    };
    match url.split_once("://") {
        Some((plain @ ("redis" | "rediss"), rest)) => Ok(format!("{plain}{scheme}://{rest}")),
        _ => Err(OpenError::NotRedis),
    }
}

fn about(args: &StoreArgs) -> About {
    let description = match args.backend {
        BackendName::Memory => "Sessions live in the memory of this process and end with it.",
        BackendName::RedisRs => "Sessions live on Redis, reached through the crate redis.",
        BackendName::Fred => "Sessions live on Redis, reached through the crate fred.",
    };
    About {
        backend: args.backend.as_str(),
        description,
        // Not before all of them are: in between, keys may still show ids.
        ids_hashed: args.id_storage() == IdStorage::Hashed && args.backend != BackendName::Memory,
    }
}

fn connect_error(error: &Error) -> Option<ConnectError> {
    error.source()?.downcast_ref().cloned()
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use clap::Parser as _;

    fn args(flags: &[&str]) -> StoreArgs {
        let args = Args::try_parse_from(["demo"].iter().chain(flags));
        args.unwrap().store
    }

    fn url_of(flags: &[&str]) -> String {
        url(&args(flags)).unwrap()
    }

    #[test]
    fn flags_become_the_facades_urls() {
        assert_eq!(url_of(&[]), "memory:");
        assert_eq!(url_of(&["--backend", "redis-rs"]), "redis://127.0.0.1:6379");
        let flags = [
            "--backend",
            "fred",
            "--redis-host",
            "db.example",
            "--redis-port",
            "7000",
        ];
        assert_eq!(url_of(&flags), "redis+fred://db.example:7000");
        let flags = ["--backend", "redis-rs", "--redis-host", "::1"];
        assert_eq!(url_of(&flags), "redis://[::1]:6379");
        let flags = ["--backend", "fred", "--redis-url", "rediss://u:p@host:1/2"];
        assert_eq!(url_of(&flags), "rediss+fred://u:p@host:1/2");
    }

    #[test]
    fn other_urls_are_refused_without_showing_them() {
        for url in [
            "http://u:SECRET@host",
            "redis+fred://u:SECRET@host",
            "u:SECRET@host",
            "",
        ] {
            let error =
                super::url(&args(&["--backend", "redis-rs", "--redis-url", url])).unwrap_err();
            assert!(matches!(error, OpenError::NotRedis), "{url}");
            assert!(!error.to_string().contains("SECRET"));
        }
    }

    #[cfg(any(feature = "redis-rs", feature = "fred"))]
    #[tokio::test]
    async fn a_prefix_that_is_none_is_said_so() {
        let backend = if cfg!(feature = "fred") {
            "fred"
        } else {
            "redis-rs"
        };
        let error = open(&args(&["--backend", backend, "--prefix", "a*"]))
            .map(|_| ())
            .unwrap_err();
        assert!(error.to_string().contains("not a key prefix"), "{error}");
    }

    #[cfg(not(feature = "fred"))]
    #[tokio::test]
    async fn a_backend_that_is_not_compiled_in_names_its_feature() {
        let error = open(&args(&["--backend", "fred"])).map(|_| ()).unwrap_err();
        assert!(
            error.to_string().contains("the cargo feature `fred`"),
            "{error}"
        );
    }

    #[test]
    fn ids_are_said_to_be_hashed_when_all_of_them_are() {
        for (flags, is_hashed) in [
            (&["--id-storage", "plain"][..], false),
            (&["--id-storage", "plain-before-hashed"], false),
            (&["--id-storage", "hashed-after-plain"], false),
            (&["--id-storage", "hashed"], true),
            (&["--hash-ids"], true),
        ] {
            let flags = [&["--backend", "fred"], flags].concat();
            assert_eq!(about(&args(&flags)).ids_hashed, is_hashed, "{flags:?}");
        }
    }

    #[cfg(feature = "memory")]
    #[tokio::test]
    async fn memory_hashes_no_ids_and_says_that_the_flag_is_idle() {
        for flags in [&["--hash-ids"][..], &["--id-storage", "hashed"]] {
            let args = args(flags);
            let (_, about) = open(&args).unwrap();
            assert!(!about.ids_hashed);
            assert!(unused(&args).is_some());
        }
        assert!(unused(&super::tests::args(&[])).is_none());
    }
}
