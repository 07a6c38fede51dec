//! One line of `MONITOR`'s output:
//! `+1700000000.123456 [0 127.0.0.1:50000] "SET" "key" "va\"lue"`.

use std::iter::Peekable;
use std::str::Bytes;

use super::MonitoredCommand;

/// Reads a line, without the line break. `None` if it is not of `MONITOR`'s form.
pub(super) fn parse(line: &str) -> Option<MonitoredCommand> {
    let (time, rest) = line.strip_prefix('+')?.split_once(" [")?;
    time.parse::<f64>().ok()?;
    let (db, rest) = rest.split_once(' ')?;
    // The source may itself hold brackets: `[::1]:50000`.
    let (source, rest) = rest.split_once("] \"")?;

    let mut bytes = rest.bytes().peekable();
    let mut raw_args = vec![quoted(&mut bytes)?];
    while bytes.next_if_eq(&b' ').is_some() {
        bytes.next_if_eq(&b'"')?;
        raw_args.push(quoted(&mut bytes)?);
    }
    if bytes.next().is_some() {
        return None;
    }
    let text = |arg: &Vec<u8>| String::from_utf8_lossy(arg).into_owned();
    Some(MonitoredCommand {
        db: db.parse().ok()?,
        source: source.to_owned(),
        args: raw_args.iter().map(text).collect(),
        raw_args,
    })
}

/// Reads a quoted string from behind its opening quote to behind its closing one.
fn quoted(bytes: &mut Peekable<Bytes<'_>>) -> Option<Vec<u8>> {
    let mut value = Vec::new();
    loop {
        match bytes.next()? {
            b'"' => return Some(value),
            b'\\' => value.push(escaped(bytes)?),
            plain => value.push(plain),
        }
    }
}

/// Reads an escape from behind its backslash.
fn escaped(bytes: &mut Peekable<Bytes<'_>>) -> Option<u8> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        parse(line).unwrap().args
    }

    #[test]
    fn a_plain_command() {
        let command = parse(r#"+1700000000.123456 [3 127.0.0.1:50000] "GET" "key""#).unwrap();
        assert_eq!(command.db, 3);
        assert_eq!(command.source, "127.0.0.1:50000");
        assert_eq!(command.args, ["GET", "key"]);
        assert!(!command.is_from_script());
    }

    #[test]
    fn other_sources() {
        let source = |line| parse(line).unwrap().source;
        assert_eq!(source(r#"+1.5 [0 lua] "GET" "k""#), "lua");
        assert_eq!(source(r#"+1.5 [0 [::1]:50000] "GET" "k""#), "[::1]:50000");
        assert_eq!(source(r#"+1.5 [0 unix:/run/r] "GET" "k""#), "unix:/run/r");
        assert!(parse(r#"+1.5 [0 lua] "GET" "k""#).unwrap().is_from_script());
    }

    #[test]
    fn quotes_and_escapes() {
        let line = r#"+1.5 [0 lua] "SET" "a\"] \"b" "\\ \n\r\t\a\b" """#;
        assert_eq!(args(line), ["SET", "a\"] \"b", "\\ \n\r\t\u{7}\u{8}", ""]);
    }

    #[test]
    fn bytes_in_hexadecimal() {
        assert_eq!(args(r#"+1.5 [0 lua] "\xc3\xa4\x00""#), ["ä\0"]);
        let line = r#"+1.5 [0 lua] "\xff""#;
        assert_eq!(args(line), ["\u{fffd}"]);
        assert_eq!(parse(line).unwrap().raw_args, [[0xff]]);
    }

    #[test]
    fn what_is_no_such_line() {
        for line in [
            "",
            "+OK",
            r#"+1.5 [0 lua] "GET"#,
            r#"+1.5 [0 lua] "GET" "#,
            r#"+1.5 [0 lua] "GET"x"#,
            r#"+1.5 [0 lua] "\xg0""#,
            r#"+1.5 [x lua] "GET""#,
            r#"+then [0 lua] "GET""#,
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
