//! A browser, as far as requests and cookies go.

use std::cell::RefCell;
use std::fmt::Write as _;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, Method, Request, header};
use serde_json::Value;

use super::{Server, rules};

/// Somebody with one cookie.
#[derive(Debug)]
pub(crate) struct Visitor {
    server: Server,
    cookie: RefCell<Option<String>>,
    agent: Option<HeaderValue>,
}

impl Visitor {
    pub(crate) fn of(server: &Server) -> Self {
        Self {
            server: server.clone(),
            cookie: RefCell::default(),
            agent: None,
        }
    }

    /// The same visitor, with a cookie of this value.
    pub(crate) fn with_cookie(self, value: impl Into<String>) -> Self {
        self.cookie.replace(Some(value.into()));
        self
    }

    /// The same visitor, with a browser that says what it is.
    pub(crate) fn with_agent(mut self, agent: &'static str) -> Self {
        self.agent = Some(HeaderValue::from_static(agent));
        self
    }

    /// The value of the cookie: the session's id.
    pub(crate) fn cookie(&self) -> Option<String> {
        self.cookie.borrow().clone()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(request(Method::GET, path, &[])).await
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(request(Method::POST, path, form)).await
    }

    pub(crate) async fn log_in(&self, username: &str, ttl: &str) -> Answer {
        let form = [("username", username), ("ttl", ttl)];
        let answer = self.post("/login", &form).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer
    }

    /// The sessions of the visitor's user.
    pub(crate) async fn list(&self) -> Vec<Value> {
        let answer = self.get("/sessions").await;
        assert_eq!(answer.set_cookie(), None);
        answer.json()["sessions"].as_array().unwrap().clone()
    }

    pub(crate) async fn is_logged_in(&self) -> bool {
        self.get("/session").await.json()["authenticated"] == true
    }

    /// Sends a request with the cookie, and heeds what the answer does to it.
    pub(crate) async fn send(&self, mut request: Request<Bytes>) -> Answer {
        let agent = self.agent.clone().map(|agent| (header::USER_AGENT, agent));
        request.headers_mut().extend(agent);
        let cookie = self.cookie();
        if let Some(value) = &cookie {
            let line = format!("sid={value}").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, line);
        }
        let (parts, body) = self.server.send(request).await.into_parts();
        let answer = Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body: String::from_utf8(body.into()).unwrap(),
        };
        rules::hold(&answer, cookie.as_deref());
        if let Some(value) = answer.new_cookie() {
            let kept = (!value.is_empty()).then(|| value.to_owned());
            self.cookie.replace(kept);
        }
        answer
    }
}

/// What the demo answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// # Panics
    /// When it does not say with this status that this is wrong.
    #[track_caller]
    pub(crate) fn assert_error(&self, status: u16, why: &str) {
        let json = self.json();
        let said = (self.status, json["error"].as_str());
        assert_eq!(said, (status, Some(why)), "{self:?}");
    }

    /// A field of the session in the answer.
    pub(crate) fn field(&self, name: &str) -> String {
        let json = self.json();
        let value = json["session"][name].as_str();
        let value = value.unwrap_or_else(|| panic!("no {name}: {json}"));
        value.to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The one `Set-Cookie` line, if there is any.
    pub(crate) fn set_cookie(&self) -> Option<&str> {
        assert!(self.headers.get_all(header::SET_COOKIE).iter().count() <= 1);
        self.header("set-cookie")
    }

    /// For how many seconds the browser keeps the cookie; `None`: until it ends.
    pub(crate) fn max_age(&self) -> Option<u64> {
        let (_, age) = self.set_cookie()?.split_once("; Max-Age=")?;
        Some(age.parse().unwrap())
    }

    /// The value that the cookie gets; empty when it is taken away.
    pub(crate) fn new_cookie(&self) -> Option<&str> {
        let line = self.set_cookie()?.strip_prefix("sid=").unwrap();
        line.split(';').next()
    }
}

/// A request; with a form, if it is a `POST`.
pub(crate) fn request(method: Method, path: &str, form: &[(&str, &str)]) -> Request<Bytes> {
    let mut request = Request::builder().method(&method).uri(path);
    let mut body = String::new();
    if method == Method::POST {
        request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in form {
            write!(body, "&{name}=").unwrap();
            for byte in value.bytes() {
                write!(body, "%{byte:02X}").unwrap();
            }
        }
    }
    request.body(body.into()).unwrap()
}
