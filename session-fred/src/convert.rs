//! Commands for the client, and its values and errors as the backend knows them.

use std::fmt;

use fred::error::{Error as FredError, ErrorKind as ClientErrorKind};
use fred::types::{CustomCommand, Resp3Frame, Value};
use session_core::{Effect, Error, ErrorKind};
use session_redis::{Command, Reply, ServerError};

/// An error of the client. Its text shows the kind, and of an I/O error what the system says: the
/// client's own texts can hold keys and values. [`get_ref`](Self::get_ref) gives the whole.
pub struct ClientError(FredError);

impl ClientError {
    /// The client's error. Its text may hold keys and values.
    pub fn get_ref(&self) -> &FredError {
        &self.0
    }
}

impl From<FredError> for ClientError {
    fn from(error: FredError) -> Self {
        Self(error)
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the fred client failed: {}", self.0.kind().to_str())?;
        match self.0.kind() {
            ClientErrorKind::IO => write!(f, ": {}", self.0.details()),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ClientError").field(self.0.kind()).finish()
    }
}

impl std::error::Error for ClientError {}

/// What the client says of a command that it did not send since it is not connected.
const NOT_SENT: &str = "Connection closed unexpectedly.";

/// What a failed command means.
pub(crate) fn error(error: FredError) -> Error {
    if let Some((code, detail)) = server_error(&error) {
        let error = ServerError::into_error(code, detail);
        return match code {
            // The client gives these to all commands under way on the connection, those too that
            // were done: the first by itself, the others where the application has turned its
            // feature `custom-reconnect-errors` on, or has its own client connect again after
            // errors of authentication.
            "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "READONLY" | "NOAUTH" | "WRONGPASS" => {
                error.with_effect(Effect::Unknown)
            }
            _ => error,
        };
    }
    let (kind, effect) = match error.kind() {
        ClientErrorKind::Timeout => (ErrorKind::Timeout, Effect::Unknown),
        ClientErrorKind::Backpressure => (ErrorKind::Unavailable, Effect::NotApplied),
        ClientErrorKind::Canceled if error.details() == NOT_SENT => {
            (ErrorKind::Unavailable, Effect::NotApplied)
        }
        ClientErrorKind::Auth => (ErrorKind::Denied, Effect::NotApplied),
        ClientErrorKind::Config | ClientErrorKind::Url => (ErrorKind::Config, Effect::NotApplied),
        ClientErrorKind::Parse | ClientErrorKind::Protocol | ClientErrorKind::NotFound => {
            (ErrorKind::CorruptReply, Effect::Unknown)
        }
        _ => (ErrorKind::Unavailable, Effect::Unknown),
    };
    Error::new(kind, effect).with_source(ClientError(error))
}

/// A command, as the client sends it: its arguments share the command's buffer.
pub(crate) fn command(command: &Command) -> (CustomCommand, Vec<Value>) {
    let name = CustomCommand::new_static(command.name(), None::<u16>, false);
    let mut args = Vec::with_capacity(1 + command.args().len());
    args.extend(command.word().map(Value::from_static_str));
    args.extend(command.args().shared().map(Value::Bytes));
    (name, args)
}

/// The code word and the text of an error reply. The client keeps no mark of
/// these, but gives their text as it came: it begins with a word in capitals.
fn server_error(error: &FredError) -> Option<(&str, &str)> {
    if matches!(
        error.kind(),
        ClientErrorKind::IO | ClientErrorKind::Timeout | ClientErrorKind::Canceled
    ) {
        return None;
    }
    let (code, detail) = error
        .details()
        .split_once(' ')
        .unwrap_or((error.details(), ""));
    let is_code = code.len() >= 3 && code.bytes().all(|b| b.is_ascii_uppercase());
    is_code.then_some((code, detail))
}

/// The reply to a command as it was received: the client's own form of it takes longer to make than
/// all else here.
pub(crate) fn frame(received: Resp3Frame) -> Result<Reply, Error> {
    let refused = |text: &str| {
        Err(error(FredError::new(
            ClientErrorKind::Unknown,
            text.to_owned(),
        )))
    };
    Ok(match received {
        Resp3Frame::Null => Reply::Nil,
        Resp3Frame::Number { data, .. } => Reply::Integer(data),
        Resp3Frame::Boolean { data, .. } => Reply::Integer(data.into()),
        Resp3Frame::BlobString { data, .. }
        | Resp3Frame::SimpleString { data, .. }
        | Resp3Frame::VerbatimString { data, .. } => Reply::Bytes(data),
        Resp3Frame::Array { data, .. } => {
            Reply::Array(data.into_iter().map(frame).collect::<Result<_, _>>()?)
        }
        Resp3Frame::Set { data, .. } => {
            Reply::Array(data.into_iter().map(frame).collect::<Result<_, _>>()?)
        }
        Resp3Frame::Map { data, .. } => {
            let values = data.into_iter().flat_map(|(name, value)| [name, value]);
            Reply::Array(values.map(frame).collect::<Result<_, _>>()?)
        }
        Resp3Frame::SimpleError { data, .. } => return refused(&data),
        Resp3Frame::BlobError { data, .. } => return refused(&String::from_utf8_lossy(&data)),
        _ => return Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
    })
}

/// The same of several commands, which the client has in its own form only.
pub(crate) fn reply(value: Value) -> Result<Reply, Error> {
    Ok(match value {
        Value::Null => Reply::Nil,
        Value::Integer(number) => Reply::Integer(number),
        Value::Boolean(truth) => Reply::Integer(truth.into()),
        Value::Bytes(bytes) => Reply::Bytes(bytes),
        Value::String(text) => Reply::Bytes(text.into_inner()),
        Value::Array(values) => {
            Reply::Array(values.into_iter().map(reply).collect::<Result<_, _>>()?)
        }
        Value::Map(pairs) => {
            let pairs = pairs.inner().into_iter();
            let values = pairs.flat_map(|(name, value)| [Value::Bytes(name.into_bytes()), value]);
            Reply::Array(values.map(reply).collect::<Result<_, _>>()?)
        }
        _ => return Err(Error::new(ErrorKind::CorruptReply, Effect::Unknown)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_texts_do_not_pass() {
        let error = error(FredError::new(
            ClientErrorKind::Parse,
            "SECRET in small letters",
        ));
        assert_eq!(error.kind(), ErrorKind::Rejected);
        let source = std::error::Error::source(&error).unwrap();
        assert!(!format!("{error} {error:?} {source}").contains("small letters"));
    }

    #[test]
    fn the_servers_errors_are_told_from_the_clients() {
        let of = |kind, text| error(FredError::new(kind, text)).kind();
        assert_eq!(
            of(ClientErrorKind::Unknown, "OOM command not allowed"),
            ErrorKind::StoreFull
        );
        assert_eq!(
            of(ClientErrorKind::Unknown, "Client is not initialized."),
            ErrorKind::Unavailable
        );
        assert_eq!(
            of(ClientErrorKind::Timeout, "Request timed out."),
            ErrorKind::Timeout
        );
    }
}
