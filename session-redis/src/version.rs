//! Which servers are served.

use session_core::{Effect, Error, ErrorKind};

use crate::reply::Reply;
use crate::server_error::ServerError;

/// The server is older than the scripts need.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{server} {found} is too old: {server} {least} or newer is needed")]
pub struct ServerTooOld {
    server: &'static str,
    found: String,
    least: &'static str,
}

/// Checks the reply to `INFO server`: Redis from 7.0, Valkey from 7.2. A server that says neither
/// passes: it may be one that speaks the protocol under another name. So does one that may not
/// tell.
///
/// # Errors
/// [`ErrorKind::Config`], with [`ServerTooOld`] as its source; and the error that came in place of
/// an answer. Nothing but this was asked, so nothing was changed.
pub(crate) fn check(answer: Result<Reply, Error>) -> Result<(), Error> {
    match answer {
        Ok(Reply::Bytes(info)) => check_info(&String::from_utf8_lossy(&info)),
        Ok(_) => Ok(()),
        Err(error) if may_not_tell(&error) => Ok(()),
        Err(error) => Err(error.with_effect(Effect::NotApplied)),
    }
}

fn may_not_tell(error: &Error) -> bool {
    ServerError::of(error).is_some_and(|server| server.code() == "NOPERM")
}

fn check_info(info: &str) -> Result<(), Error> {
    let field = |name: &str| {
        let mut lines = info
            .lines()
            .filter_map(|line| line.trim_end().split_once(':'));
        lines.find(|(key, _)| *key == name).map(|(_, value)| value)
    };
    let (server, found, least, needed) = match (field("valkey_version"), field("redis_version")) {
        (Some(found), _) => ("Valkey", found, "7.2", (7, 2)),
        (None, Some(found)) => ("Redis", found, "7.0", (7, 0)),
        (None, None) => return Ok(()),
    };
    let mut numbers = found
        .split('.')
        .map(|part| part.parse::<u32>().unwrap_or_default());
    let version = (
        numbers.next().unwrap_or_default(),
        numbers.next().unwrap_or_default(),
    );
    if version >= needed {
        return Ok(());
    }
    let found = found
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    Err(
        Error::new(ErrorKind::Config, Effect::NotApplied).with_source(ServerTooOld {
            server,
            found,
            least,
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_from_the_stated_versions_on_pass() {
        for info in [
            "# Server\r\nredis_version:7.0.15\r\n",
            "redis_version:8.2.3",
            "redis_version:10.0.0",
            "redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:9.1.2\r\n",
            "something_else:1",
        ] {
            assert!(check_info(info).is_ok(), "{info}");
        }
    }

    #[test]
    fn a_server_that_may_not_tell_passes_and_other_errors_changed_nothing() {
        assert!(check(Err(ServerError::into_error("NOPERM", "no permissions"))).is_ok());
        let error = check(Err(ServerError::into_error("ERR", "unknown"))).unwrap_err();
        assert_eq!(error.effect(), Effect::NotApplied);
    }
}
