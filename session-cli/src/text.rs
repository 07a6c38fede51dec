//! Text for a terminal.
//!
//! A user name is foreign text, and so is a timestamp that another program stored. On a terminal
//! such text could move the cursor, forge lines or reverse the reading direction.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use serde::Serialize;

/// The text with everything escaped that is not seen as what it is: control and format characters,
/// line separators, blanks other than the space; and the backslash, so that an escape is told from
/// text.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            // They delimit nothing here.
            '"' | '\'' => shown.push(character),
            // After a letter, where the standard library lets marks be that belong to letters.
            _ => shown.extend(String::from_iter(['a', character]).escape_debug().skip(1)),
        }
    }
    shown
}

/// The text, escaped, or a dash. A text that looks like the dash or like nothing is put in quotes.
pub(crate) fn or_dash(text: Option<&str>) -> String {
    match text {
        None => "-".to_owned(),
        Some(text) if text == "-" || text.trim() != text => format!("\"{}\"", escaped(text)),
        Some(text) => escaped(text),
    }
}

/// The text's beginning, of at most so many characters.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((at, _)) => Cow::Owned(format!("{}…", text.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

/// A line of JSON that acts on no terminal.
pub(crate) fn json(value: &impl Serialize) -> io::Result<String> {
    Ok(ascii_controls(&serde_json::to_string(value)?))
}

/// JSON with the characters escaped that `serde_json` leaves as they are and a terminal may obey.
/// They can be in its strings only, where the escape means the same.
fn ascii_controls(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        let is_foreign = !character.is_ascii() || character == '\u{7f}';
        if is_foreign && !escaped(character.encode_utf8(&mut [0; 4])).starts_with(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string does not fail.
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(character);
        }
    }
    text
}

/// Seconds as people read them, exactly: `59s`, `15m`, `1h05s`.
pub(crate) fn duration(seconds: u64) -> String {
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "m"),
        (seconds % 60, "s"),
    ];
    let mut text = String::new();
    for (number, unit) in parts.into_iter().filter(|(number, _)| *number > 0) {
        // Writing to a string does not fail.
        let _ = match text.is_empty() {
            true => write!(text, "{number}{unit}"),
            false => write!(text, "{number:02}{unit}"),
        };
    }
    if text.is_empty() {
        text.push_str("0s");
    }
    text
}

/// A number with its noun.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let ending = if number == 1 { "" } else { "s" };
    format!("{grouped} {noun}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_and_what_acts_is_escaped() {
        for (text, shown) in [
            ("Ann", "Ann"),
            ("Zoë 日本語 🦀", "Zoë 日本語 🦀"),
            // Marks that belong to letters.
            ("กิ e\u{301}", "กิ e\u{301}"),
            ("O'Neil", "O'Neil"),
            ("\u{1b}[31m", "\\u{1b}[31m"),
            ("a\r\n\tb\0", "a\\r\\n\\tb\\0"),
            ("\u{9b}x\u{7f}", "\\u{9b}x\\u{7f}"),
            (
                "\u{202e}\u{2066}\u{200b}\u{2028}",
                "\\u{202e}\\u{2066}\\u{200b}\\u{2028}",
            ),
            ("\\u{1b}", "\\\\u{1b}"),
            ("", ""),
        ] {
            assert_eq!(escaped(text), shown);
        }
    }

    #[test]
    fn a_name_is_told_from_none() {
        let shown = [None, Some("-"), Some(" Ann"), Some("A n")].map(or_dash);
        assert_eq!(shown, ["-", "\"-\"", "\" Ann\"", "A n"]);
    }

    #[test]
    fn json_means_the_same_and_acts_on_no_terminal() {
        let text = "a\u{1b}\u{9b}\u{7f}\u{202e}\u{feff}\u{2029}\u{e0041} Zoë กิ e\u{301} 🦀 \"\\";
        let json = ascii_controls(&serde_json::to_string(text).unwrap());
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        let shown = "\"a\\u001b\\u009b\\u007f\\u202e\\ufeff\\u2029\\udb40\\udc41 Zoë กิ e\u{301} 🦀 \\\"\\\\\"";
        assert_eq!(json, shown);
    }

    #[test]
    fn durations_are_exact() {
        let texts = [0, 59, 60, 61, 3605, 90_061, u32::MAX.into()].map(duration);
        let expected = "0s 59s 1m 1m01s 1h05s 1d01h01m01s 49710d06h28m15s";
        assert_eq!(texts.join(" "), expected);
    }

    #[test]
    fn cutting_heeds_characters() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöü", 2), "äö…");
    }

    #[test]
    fn numbers_are_grouped_and_nouns_agree() {
        let texts = [0, 1, 999, 1_000, 1_234_567].map(|number| counted(number, "session"));
        assert_eq!(
            texts.join("; "),
            "0 sessions; 1 session; 999 sessions; 1,000 sessions; 1,234,567 sessions"
        );
    }
}
