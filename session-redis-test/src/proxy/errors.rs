//! Scripts that are not run, and have an error for a reply.

use std::sync::Mutex;

/// A command in the place of one that is not run, and its reply, which the error takes the place
/// of.
const STAND_IN: &[u8] = b"*2\r\n$4\r\nECHO\r\n$12\r\nnot-run-here\r\n";
const ITS_REPLY: &[u8] = b"$12\r\nnot-run-here\r\n";
const SCRIPT: &[u8] = b"EVALSHA";

/// The errors of one connection.
#[derive(Debug, Default)]
pub(super) struct Errors(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    scripts: u64,
    error: Option<&'static str>,
}

impl Errors {
    /// Puts the stand-in into the place of every second script. What is not whole commands passes.
    pub(super) fn replace_requests(&self, bytes: Vec<u8>, error: &'static str) -> Vec<u8> {
        let mut state = self.0.lock().expect("not poisoned");
        state.error = Some(error);
        let (mut rest, mut replaced) = (&*bytes, Vec::new());
        while let Some(length) = command_length(rest) {
            let (command, behind) = rest.split_at(length);
            let is_script = command.windows(SCRIPT.len()).any(|part| part == SCRIPT);
            state.scripts += u64::from(is_script);
            let is_run = !is_script || state.scripts.is_multiple_of(2);
            replaced.extend_from_slice(if is_run { command } else { STAND_IN });
            rest = behind;
        }
        replaced.extend_from_slice(rest);
        replaced
    }

    /// Puts the error into the place of each reply to a stand-in.
    pub(super) fn replace_replies(&self, bytes: &mut Vec<u8>) {
        let Some(error) = self.0.lock().expect("not poisoned").error else {
            return;
        };
        let is_stand_in = |part: &[u8]| part == ITS_REPLY;
        while let Some(at) = bytes.windows(ITS_REPLY.len()).position(is_stand_in) {
            let error = format!("-{error}\r\n").into_bytes();
            bytes.splice(at..at + ITS_REPLY.len(), error);
        }
    }
}

/// How long the command is that these bytes begin with; nothing if it is not all there.
fn command_length(bytes: &[u8]) -> Option<usize> {
    let number = |at: usize, sign: u8| {
        let line = bytes.get(at..)?.strip_prefix(&[sign])?;
        let end = line.iter().position(|byte| *byte == b'\r')?;
        let number: usize = std::str::from_utf8(line.get(..end)?).ok()?.parse().ok()?;
        Some((number, at + 1 + end + 2))
    };
    let (words, mut at) = number(0, b'*')?;
    for _ in 0..words {
        let (length, begins) = number(at, b'$')?;
        at = begins + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_script_is_replaced_and_the_order_kept() {
        let errors = Errors::default();
        let script = b"*3\r\n$7\r\nEVALSHA\r\n$2\r\nab\r\n$1\r\n0\r\n";
        let sent = [
            &script[..],
            b"*1\r\n$4\r\nPING\r\n",
            script,
            b"*2\r\n$4\r\nEC",
        ]
        .concat();
        let replaced = errors.replace_requests(sent, "BUSY really");
        let expected = [STAND_IN, b"*1\r\n$4\r\nPING\r\n", script, b"*2\r\n$4\r\nEC"].concat();
        assert_eq!(replaced, expected);
        let mut replies = [ITS_REPLY, b"+PONG\r\n:1\r\n"].concat();
        errors.replace_replies(&mut replies);
        assert_eq!(replies, b"-BUSY really\r\n+PONG\r\n:1\r\n");
    }
}
