//! What is sent to a server.

use std::fmt;
use std::io::Write as _;

use bytes::Bytes;

/// One command: its name, perhaps a second word, and its other arguments.
///
/// The first two words are constants of this crate; all else lies in one buffer, from which a
/// client takes each argument without copying it. A clone shares the buffer.
#[derive(Clone)]
pub struct Command {
    name: &'static str,
    word: Option<&'static str>,
    args: Args,
}

impl Command {
    /// A command without arguments.
    pub(crate) fn new(name: &'static str, word: Option<&'static str>) -> Self {
        Self::with_args(name, word, Args::default())
    }

    pub(crate) fn with_args(name: &'static str, word: Option<&'static str>, args: Args) -> Self {
        Self { name, word, args }
    }

    /// Its name, such as `EVALSHA`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its second word, if that is a constant: a script's SHA-1 or source, a subcommand.
    pub fn word(&self) -> Option<&'static str> {
        self.word
    }

    /// Its other arguments.
    pub fn args(&self) -> &Args {
        &self.args
    }
}

/// Arguments can be ids and values, so their number is shown and not they.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({}, {} arguments)", self.name, self.args.len())
    }
}

/// Arguments, one behind the other in one buffer.
#[derive(Clone, Default)]
pub struct Args {
    data: Bytes,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Args {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of all of them together.
    pub fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Each in turn.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let arg = self.data.get(start..*end).unwrap_or_default();
            start = *end;
            arg
        })
    }

    /// Each in turn, sharing the buffer.
    pub fn shared(&self) -> impl ExactSizeIterator<Item = Bytes> + '_ {
        self.iter().map(|arg| self.data.slice_ref(arg))
    }
}

impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Args({})", self.len())
    }
}

/// Arguments in the making.
#[derive(Default)]
pub(crate) struct ArgsBuilder {
    data: Vec<u8>,
    ends: Vec<usize>,
}

impl ArgsBuilder {
    pub(crate) fn with_capacity(args: usize, bytes: usize) -> Self {
        Self {
            data: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(args),
        }
    }

    /// An argument.
    pub(crate) fn push(&mut self, arg: &[u8]) {
        self.push_all(&[arg]);
    }

    /// One argument of several parts.
    pub(crate) fn push_all(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.data.extend_from_slice(part);
        }
        self.ends.push(self.data.len());
    }

    /// A number as an argument.
    pub(crate) fn push_number(&mut self, number: impl fmt::Display) {
        // Writing to a buffer in memory cannot fail.
        let _ = write!(self.data, "{number}");
        self.ends.push(self.data.len());
    }

    /// "1" or "0".
    pub(crate) fn push_flag(&mut self, flag: bool) {
        self.push(if flag { b"1" } else { b"0" });
    }

    /// The argument, or the empty text in its place.
    pub(crate) fn push_or_empty(&mut self, arg: Option<&[u8]>) {
        self.push(arg.unwrap_or_default());
    }

    /// The number, or the empty text in its place.
    pub(crate) fn push_number_or_empty(&mut self, number: Option<impl fmt::Display>) {
        match number {
            Some(number) => self.push_number(number),
            None => self.push(b""),
        }
    }

    pub(crate) fn finish(self) -> Args {
        Args {
            data: self.data.into(),
            ends: self.ends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_argument() {
        let mut args = ArgsBuilder::default();
        args.push(b"SECRET");
        let command = Command::with_args("GET", None, args.finish());
        assert_eq!(format!("{command:?}"), "Command(GET, 1 arguments)");
        assert_eq!(format!("{:?}", command.args()), "Args(1)");
    }
}
