//! One line of `MONITOR`'s output:
//! `+1700000000.123456 [0 127.0.0.1:50000] "SET" "key" "va\"lue"`.

use super::MonitoredCommand;

/// Reads a line, without the line break. `None` if it is not of `MONITOR`'s form.
pub(super) fn parse(line: &str) -> Option<MonitoredCommand> {
    let (_, rest) = line.strip_prefix('+')?.split_once(" [")?;
    let (_, rest) = rest.split_once(' ')?;
    // The source may itself hold brackets: `[::1]:50000`.
    let (source, rest) = rest.split_once("] ")?;
    let (mut args, mut bytes) = (Vec::new(), rest.bytes());
    while bytes.next() == Some(b'"') {
        args.push(quoted(&mut bytes)?);
        if bytes.next().is_none_or(|byte| byte != b' ') {
            break;
        }
    }
    Some(MonitoredCommand {
        source: source.to_owned(),
        args,
    })
}

/// Reads a quoted string from behind its opening quote to behind its closing one.
fn quoted(bytes: &mut impl Iterator<Item = u8>) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    loop {
        let byte = match bytes.next()? {
            b'"' => return Some(value),
            b'\\' => escaped(bytes)?,
            plain => plain,
        };
        value.push(byte);
    }
}

/// Reads an escape from behind its backslash.
fn escaped(bytes: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(match bytes.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 0x07,
        b'b' => 0x08,
        b'x' => {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            u8::try_from(digit()? * 16 + digit()?).ok()?
        }
        same @ (b'"' | b'\\') => same,
        _ => return None,
    })
}
