//! What must hold of a request's headers and of fields, whatever their bytes. For fuzzers: no part
//! of the API.

use std::collections::BTreeMap;
use std::fmt::Debug;

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use session_core::{FieldValue, SessionId};

use crate::json::decode::{self, Form};
use crate::json::encode;
use crate::presented::Presented;
use crate::state::Former;
use crate::{SessionCookie, SessionHeader};

/// Stands for what no text may show: an id, a value, a password.
const SECRET: &str = "hunter2";

/// A request presents the ids that its lines hold under the name that counts, in their order, at
/// most three; and the lines of that name are sensitive.
pub fn cookies(data: &[u8]) {
    let Ok(former) = SessionCookie::named("sid").build() else {
        unreachable!("it is a token");
    };
    let cookie = SessionCookie::default().with_former(former);
    let (mut headers, lines) = headers(COOKIE, data);
    let of_name = |name: &str| values(&lines, |line| pairs(line, name));
    let (present, before) = (of_name(cookie.name()), of_name("sid"));
    let (expected, is_former) = match (present.is_empty(), before.is_empty()) {
        (true, false) => (&before, Former::Instead),
        (false, false) => (&present, Former::Beside),
        _ => (&present, Former::Nowhere),
    };
    let (presented, former) = cookie.read(&mut headers);
    assert_presented(&presented, expected);
    assert!(former == is_former);
    assert_sensitive(&headers, &COOKIE, |line| {
        !pairs(line, cookie.name()).is_empty() || !pairs(line, "sid").is_empty()
    });

    let (mut headers, lines) = self::headers(AUTHORIZATION, data);
    // Other tokens are another's.
    let mut tokens = values(&lines, tokens);
    tokens.retain(|token| SessionId::parse(token).is_ok());
    assert_presented(&SessionHeader::bearer().read(&mut headers), &tokens);
    assert_sensitive(&headers, &AUTHORIZATION, |line| {
        !self::tokens(line).is_empty()
    });

    let (mut headers, lines) = self::headers(HeaderName::from_static("x-session"), data);
    let Ok(header) = SessionHeader::named("x-session") else {
        unreachable!("it is a token");
    };
    let all = |line| split(line, b',');
    assert_presented(&header.read(&mut headers), &values(&lines, all));
}

/// A value of any type is read or refused without a word of it, and what was read is written as
/// what reads the same.
pub fn fields(data: &[u8]) {
    let value = FieldValue::from(data);
    round_trip::<bool>(&value);
    round_trip::<i64>(&value);
    round_trip::<u128>(&value);
    round_trip::<f64>(&value);
    round_trip::<char>(&value);
    round_trip::<(i8, String)>(&value);
    round_trip::<Vec<Option<f32>>>(&value);
    round_trip::<BTreeMap<i32, String>>(&value);
    round_trip::<Kind>(&value);
    round_trip::<Shape>(&value);
    round_trip::<String>(&value);
    let text = decode::from_value::<String>(&value, Form::Field).ok();
    assert_eq!(text.as_deref(), std::str::from_utf8(data).ok());
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Shape {
    name: Option<String>,
    size: Option<f64>,
    kind: Kind,
    parts: Vec<Shape>,
    #[serde(default)]
    counts: BTreeMap<String, u8>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Kind {
    Plain,
    Sized(u16),
    Named { first: String, last: Option<char> },
}

fn round_trip<T: Debug + PartialEq + Serialize + DeserializeOwned>(value: &FieldValue) {
    for form in [Form::Field, Form::Json] {
        match decode::from_value::<T>(value, form) {
            Ok(read) => {
                let written = match form {
                    Form::Json => encode::to_json(&read).ok(),
                    _ => encode::to_text(&read).ok().flatten(),
                };
                let written = written.map(FieldValue::from);
                let again = written.and_then(|it| decode::from_value::<T>(&it, form).ok());
                assert_eq!(again.as_ref(), Some(&read));
            }
            Err(fault) => {
                let error = fault.in_field("field").undecodable::<T>();
                let text = format!("{error} {error:?}");
                assert!(!text.contains(SECRET), "{text}");
            }
        }
    }
}

/// The lines that can be headers at all.
fn headers(name: HeaderName, data: &[u8]) -> (HeaderMap, Vec<&[u8]>) {
    let mut headers = HeaderMap::new();
    let mut lines = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        if let Ok(value) = HeaderValue::from_bytes(line) {
            headers.append(&name, value);
            lines.push(line);
        }
    }
    (headers, lines)
}

fn values<'a>(lines: &[&'a [u8]], of_line: impl Fn(&'a [u8]) -> Vec<&'a [u8]>) -> Vec<&'a [u8]> {
    lines.iter().flat_map(|line| of_line(line)).collect()
}

fn split(line: &[u8], separator: u8) -> Vec<&[u8]> {
    let parts = line.split(|byte| *byte == separator);
    parts.map(<[u8]>::trim_ascii).collect()
}

/// The values of the cookies of this name.
fn pairs<'a>(line: &'a [u8], name: &str) -> Vec<&'a [u8]> {
    let value = |pair: &'a [u8]| {
        let end = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at(end);
        (found.trim_ascii() == name.as_bytes()).then(|| value.trim_ascii_start())
    };
    let values = split(line, b';').into_iter().filter_map(value);
    values
        .map(|value| value.strip_prefix(b"=").unwrap_or(value).trim_ascii())
        .collect()
}

fn tokens(line: &[u8]) -> Vec<&[u8]> {
    let token = |value: &mut &[u8]| {
        let is_space = u8::is_ascii_whitespace;
        let end = value.iter().position(is_space).unwrap_or(value.len());
        let (scheme, token) = value.split_at(end);
        *value = token.trim_ascii();
        scheme.eq_ignore_ascii_case(b"bearer") && end > 0 && !token.is_empty()
    };
    let mut values = split(line, b',');
    values.retain_mut(token);
    values
}

fn assert_presented(presented: &Presented, values: &[&[u8]]) {
    let mut ids = Vec::new();
    for id in values
        .iter()
        .filter_map(|value| SessionId::parse(value).ok())
    {
        if ids.len() < 3 && !ids.contains(&id) {
            ids.push(id);
        }
    }
    assert_eq!(presented.ids(), ids);
    assert_eq!(*presented == Presented::Nothing, values.is_empty());
}

fn assert_sensitive(headers: &HeaderMap, name: &HeaderName, of: impl Fn(&[u8]) -> bool) {
    for line in headers.get_all(name) {
        assert!(line.is_sensitive() || !of(line.as_bytes()));
    }
}
