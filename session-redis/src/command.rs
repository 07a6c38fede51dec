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

/// Arguments, one behind the other in one buffer. A clone shares it.
#[derive(Clone, Default)]
pub struct Args {
    /// Of each its length and itself.
    data: Bytes,
    count: usize,
}

/// How many bytes say an argument's length.
const PREFIX: usize = size_of::<usize>();

impl Args {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The bytes of all of them together.
    pub fn bytes(&self) -> usize {
        self.data.len() - self.count * PREFIX
    }

    /// Each in turn.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = &*self.data;
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk()?;
            let (arg, behind) = behind.split_at_checked(usize::from_ne_bytes(*length))?;
            rest = behind;
            Some(arg)
        })
    }

    /// Each in turn, sharing the buffer.
    pub fn shared(&self) -> impl Iterator<Item = Bytes> + '_ {
        self.iter().map(|arg| self.data.slice_ref(arg))
    }

    /// The one behind so many others, alone, sharing the buffer; nothing if there is none.
    pub(crate) fn only(&self, index: usize) -> Self {
        let before: usize = self.iter().take(index).map(|arg| PREFIX + arg.len()).sum();
        let Some(arg) = self.iter().nth(index) else {
            return Self::default();
        };
        Self {
            data: self.data.slice(before..before + PREFIX + arg.len()),
            count: 1,
        }
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
    count: usize,
}

impl ArgsBuilder {
    pub(crate) fn with_capacity(args: usize, bytes: usize) -> Self {
        Self {
            data: Vec::with_capacity(args * PREFIX + bytes),
            count: 0,
        }
    }

    /// An argument, which this writes.
    fn push_written(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.data.len();
        self.data.extend_from_slice(&[0; PREFIX]);
        write(&mut self.data);
        let length = self.data.len() - start - PREFIX;
        if let Some(prefix) = self.data.get_mut(start..start + PREFIX) {
            prefix.copy_from_slice(&length.to_ne_bytes());
        }
        self.count += 1;
    }

    /// An argument.
    pub(crate) fn push(&mut self, arg: &[u8]) {
        self.push_written(|data| data.extend_from_slice(arg));
    }

    /// One argument of several parts.
    pub(crate) fn push_all(&mut self, parts: &[&[u8]]) {
        self.push_written(|data| {
            for part in parts {
                data.extend_from_slice(part);
            }
        });
    }

    /// A number as an argument.
    pub(crate) fn push_number(&mut self, number: impl fmt::Display) {
        // Writing to a buffer in memory cannot fail.
        self.push_written(|data| drop(write!(data, "{number}")));
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
            count: self.count,
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
