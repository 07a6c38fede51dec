//! A browser, as far as requests and cookies go.

use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, Request, header};
use serde_json::Value;

use super::{Server, rules};

/// Somebody with one cookie.
#[derive(Debug)]
pub(crate) struct Visitor {
    server: Server,
    cookie: Mutex<Option<String>>,
}

/// What the demo answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Visitor {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            server: server.clone(),
            cookie: Mutex::default(),
        }
    }

    /// Somebody whose cookie has this value.
    pub(crate) fn with_cookie(server: &Server, value: impl Into<String>) -> Self {
        let visitor = Self::of(server);
        visitor.set_cookie(Some(value.into()));
        visitor
    }

    /// The value of the cookie: the session's id.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set_cookie(&self, value: Option<String>) {
        *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = value;
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[])).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(request(Method::POST, path, form)).await
    }

    pub(crate) async fn log_in(&self, username: &str, ttl: &str) -> Answer {
        let answer = self
            .post("/login", &[("username", username), ("ttl", ttl)])
            .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// Sends a request with the cookie, and heeds what the answer does to it.
    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Answer {
        if let Some(value) = self.cookie() {
            let line = format!("sid={value}").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, line);
        }
        let (parts, body) = self.server.send(request).await.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        };
        rules::hold(&answer, self.cookie().as_deref());
        if let Some(line) = answer.set_cookie() {
            let value = line
                .strip_prefix("sid=")
                .unwrap()
                .split(';')
                .next()
                .unwrap();
            self.set_cookie(
                Some(value)
                    .filter(|value| !value.is_empty())
                    .map(str::to_owned),
            );
        }
        answer
    }
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// Status and text of an answer that says what is wrong.
    pub(crate) fn error(&self) -> (u16, String) {
        let json = self.json();
        let text = json["error"]
            .as_str()
            .unwrap_or_else(|| panic!("no error: {self:?}"));
        (self.status, text.to_owned())
    }

    /// A field of the session in the answer.
    pub(crate) fn field(&self, name: &str) -> String {
        let json = self.json();
        let value = json["session"][name].as_str();
        value
            .unwrap_or_else(|| panic!("no {name}: {json}"))
            .to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The one `Set-Cookie` line, if there is any.
    pub(crate) fn set_cookie(&self) -> Option<&str> {
        assert!(self.headers.get_all(header::SET_COOKIE).iter().count() <= 1);
        self.header("set-cookie")
    }
}

/// A request; with a form, if it is a `POST`.
pub(crate) fn request(method: Method, path: &str, form: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = Request::builder().method(&method).uri(path);
    let mut body = Bytes::new();
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        body = encoded(form).into();
    }
    request.body(body).unwrap()
}

fn encoded(form: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in form {
        if !text.is_empty() {
            text.push('&');
        }
        write!(text, "{name}=").unwrap();
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => text.push(char::from(byte)),
                other => write!(text, "%{other:02X}").unwrap(),
            }
        }
    }
    text
}
