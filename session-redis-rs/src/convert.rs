//! Commands for the client, and its values and errors as the backend knows them.

use std::fmt;

use redis::{Cmd, ErrorKind as ClientErrorKind, PushInfo, PushKind, RedisError, Value};
use session_core::{Effect, Error, ErrorKind};
use session_redis::{Command, Push, Reply, ServerError};

/// An error of the client. Its text shows the kind only: the client's own texts can hold keys and
/// values. [`get_ref`](Self::get_ref) gives the whole.
pub struct ClientError(RedisError);

impl ClientError {
    /// The client's error. Its text may hold keys and values.
    pub fn get_ref(&self) -> &RedisError {
        &self.0
    }
}

impl From<RedisError> for ClientError {
    fn from(error: RedisError) -> Self {
        Self(error)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the redis client failed: {}", self.0.category())
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientError").field(&self.0.kind()).finish()
    }
}

impl std::error::Error for ClientError {}

/// What a failed command means.
pub(crate) fn error(error: RedisError) -> Error {
    if let Some(code) = error.code() {
        return ServerError::into_error(code, error.detail().unwrap_or_default());
    }
    let (kind, effect) = if error.is_connection_refusal() {
        (ErrorKind::Unavailable, Effect::NotApplied)
    } else if error.is_timeout() {
        (ErrorKind::Timeout, Effect::Unknown)
    } else {
        match error.kind() {
            ClientErrorKind::AuthenticationFailed => (ErrorKind::Denied, Effect::NotApplied),
            ClientErrorKind::InvalidClientConfig => (ErrorKind::Config, Effect::NotApplied),
            ClientErrorKind::Parse | ClientErrorKind::UnexpectedReturnType => {
                (ErrorKind::CorruptReply, Effect::Unknown)
            }
            _ => (ErrorKind::Unavailable, Effect::Unknown),
        }
    };
    Error::new(kind, effect).with_source(ClientError(error))
}

/// What a failed handshake means: nothing else was sent.
pub(crate) fn not_connected(failed: RedisError) -> Error {
    error(failed).with_effect(Effect::NotApplied)
}

/// A command, as the client packs it.
pub(crate) fn command(command: &Command) -> Cmd {
    let args = command.args();
    let words = [Some(command.name()), command.word()];
    let words = words.into_iter().flatten();
    let bytes = words.clone().map(str::len).sum::<usize>() + args.bytes();
    let mut cmd = Cmd::with_capacity(2 + args.len(), bytes);
    for word in words {
        cmd.arg(word);
    }
    for arg in args.iter() {
        cmd.arg(arg);
    }
    cmd
}

/// The reply to a command, in RESP2 or RESP3.
pub(crate) fn reply(value: Value) -> Result<Reply, Error> {
    Ok(match value {
        Value::Nil => Reply::Nil,
        Value::Int(number) => Reply::Integer(number),
        Value::Boolean(truth) => Reply::Integer(truth.into()),
        Value::BulkString(bytes) => Reply::Bytes(bytes.into()),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Reply::Bytes(text.into()),
        Value::Okay => Reply::Bytes("OK".into()),
        Value::Array(values) | Value::Set(values) => {
            Reply::Array(values.into_iter().map(reply).collect::<Result<_, _>>()?)
        }
        Value::Map(pairs) => {
            let values = pairs.into_iter().flat_map(|(name, value)| [name, value]);
            Reply::Array(values.map(reply).collect::<Result<_, _>>()?)
        }
        Value::ServerError(server) => return Err(error(server.into())),
        _ => return Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
    })
}

/// What the server says without being asked, if it is of keys.
pub(crate) fn push(push: PushInfo) -> Option<Push> {
    if push.kind != PushKind::Invalidate {
        return None;
    }
    match push.data.into_iter().next() {
        Some(Value::Array(keys)) => {
            let keys = keys.into_iter().map(|key| match reply(key) {
                Ok(Reply::Bytes(key)) => Some(key),
                _ => None,
            });
            // What cannot be read may be any key.
            Some(
                keys.collect::<Option<_>>()
                    .map_or(Push::AllInvalidated, Push::Invalidated),
            )
        }
        _ => Some(Push::AllInvalidated),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_texts_do_not_pass() {
        let secret = RedisError::from((
            ClientErrorKind::UnexpectedReturnType,
            "text",
            "SECRET".to_owned(),
        ));
        let error = error(secret);
        assert_eq!(error.kind(), ErrorKind::CorruptReply);
        let source = std::error::Error::source(&error).unwrap();
        assert!(!format!("{error} {error:?} {source} {source:?}").contains("SECRET"));
        let client = source.downcast_ref::<ClientError>().unwrap();
        assert_eq!(client.get_ref().detail(), Some("SECRET"));
    }

    #[test]
    fn a_map_is_a_flat_array() {
        let map = Value::Map(vec![(Value::Int(1), Value::Int(2))]);
        let flat = Reply::Array(vec![Reply::Integer(1), Reply::Integer(2)]);
        assert_eq!(reply(map).unwrap(), flat);
    }
}
