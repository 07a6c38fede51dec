//! Requests and responses as a framework keeps them: what an adapter says of types of its own.

use std::fmt;

use http::header::Entry;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

/// The header lines of a request or a response, as a framework keeps them. Those of the crate
/// `http` are such; for a framework with types of its own the adapter implements it.
pub trait Headers {
    /// The lines of this name, in their order.
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// Shows each line of this name to `is_secret`, in their order, and marks those as sensitive of
    /// which it says so.
    fn hide(&mut self, name: &HeaderName, is_secret: impl FnMut(&[u8]) -> bool);

    /// Puts this line in the place of all that have the name.
    fn insert(&mut self, name: &HeaderName, line: HeaderLine);

    /// Adds this line to those that have the name.
    fn append(&mut self, name: &HeaderName, line: HeaderLine);
}

/// A response as a framework keeps it: status, headers, extensions. That of the crate `http` is
/// one.
pub trait ResponseHead {
    /// Its header lines.
    type Headers: Headers;

    /// The status.
    fn status(&self) -> StatusCode;

    /// The header lines.
    fn headers_mut(&mut self) -> &mut Self::Headers;

    /// The extension of this type.
    fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T>;

    /// Puts an extension in the place of the one of its type.
    fn set_extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T);
}

/// The value of a header line that is written: bytes that a header may have. `Debug` shows none
/// that is sensitive.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HeaderLine {
    /// A text that is the same for all.
    Static(&'static str),
    /// What was made for this response.
    Owned(Vec<u8>),
    /// The same, which no log and no table of a header compression may have.
    Sensitive(Vec<u8>),
}

impl HeaderLine {
    pub(crate) fn seconds(seconds: u64) -> Self {
        Self::Owned(seconds.to_string().into_bytes())
    }

    /// The value.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Static(text) => text.as_bytes(),
            Self::Owned(bytes) | Self::Sensitive(bytes) => bytes,
        }
    }
}

/// What is made here are header values, so there always is one.
fn value(line: HeaderLine) -> Option<HeaderValue> {
    match line {
        HeaderLine::Static(text) => Some(HeaderValue::from_static(text)),
        HeaderLine::Owned(bytes) => HeaderValue::try_from(bytes).ok(),
        HeaderLine::Sensitive(bytes) => {
            let mut value = HeaderValue::try_from(bytes).ok()?;
            value.set_sensitive(true);
            Some(value)
        }
    }
}

impl Headers for HeaderMap {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).into_iter().map(HeaderValue::as_bytes)
    }

    fn hide(&mut self, name: &HeaderName, mut is_secret: impl FnMut(&[u8]) -> bool) {
        if let Entry::Occupied(mut lines) = self.entry(name) {
            for line in lines.iter_mut() {
                if is_secret(line.as_bytes()) {
                    line.set_sensitive(true);
                }
            }
        }
    }

    fn insert(&mut self, name: &HeaderName, line: HeaderLine) {
        if let Some(value) = value(line) {
            HeaderMap::insert(self, name, value);
        }
    }

    fn append(&mut self, name: &HeaderName, line: HeaderLine) {
        if let Some(value) = value(line) {
            HeaderMap::append(self, name, value);
        }
    }
}

impl<B> ResponseHead for Response<B> {
    type Headers = HeaderMap;

    fn status(&self) -> StatusCode {
        self.status()
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        self.headers_mut()
    }

    fn extension<T: Clone + Send + Sync + 'static>(&self) -> Option<T> {
        self.extensions().get().cloned()
    }

    fn set_extension<T: Clone + Send + Sync + 'static>(&mut self, extension: T) {
        self.extensions_mut().insert(extension);
    }
}

impl fmt::Debug for HeaderLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sensitive(_) => f.write_str("Sensitive"),
            shown => write!(f, "{:?}", String::from_utf8_lossy(shown.as_bytes())),
        }
    }
}
