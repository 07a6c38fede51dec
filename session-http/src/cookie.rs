//! The session's cookie: its name, its attributes, and the header lines that set and clear it.

mod builder;
mod invalid;
mod reading;
mod rules;

use std::time::Duration;

use http::header::SET_COOKIE;
use session_core::SessionId;

pub use self::builder::{SameSite, SessionCookieBuilder};
pub use self::invalid::InvalidCookie;
use crate::change::CookieChange;
use crate::head::{HeaderLine, Headers};
use crate::state::Former;

/// The cookie that carries the session's id: its name, its attributes, and how long a browser keeps
/// it.
///
/// The default is `__Host-id` with `Secure`, `HttpOnly`, `SameSite=Lax` and `Path=/`, kept until
/// the browser ends. `HttpOnly` is always set: no script ever needs the id.
///
/// | constructor | name | for |
/// |---|---|---|
/// | [`host`](Self::host) | `__Host-…` | almost every application |
/// | [`secure`](Self::secure) | `__Secure-…` | a cookie that subdomains share, or of one path only |
/// | [`named`](Self::named) | as given | a name that is fixed by something else |
/// | [`insecure_for_development`](Self::insecure_for_development) | as given, without `Secure` | plain HTTP on a developer's machine |
///
/// # When the cookie is sent
/// Only when it changes: with a new session and with a rotated id. If it is
/// [persistent](SessionCookieBuilder::persistent), the browser keeps it until the session's
/// deadline, and that of a session without one for 400 days (RFC 6265bis' cap). It is cleared, with
/// the same attributes and `Max-Age=0`, when the request ended the session, or when its value can
/// never be one. A request that finds no session leaves it: a response to another request may have
/// set it meanwhile. Each `Set-Cookie` comes with `Cache-Control: no-store`.
///
/// ```
/// use session_http::{SameSite, SessionCookie};
///
/// let cookie = SessionCookie::host("sid").same_site(SameSite::Strict).persistent().build()?;
/// assert_eq!(cookie.name(), "__Host-sid");
///
/// // What a browser would refuse cannot be built.
/// assert!(SessionCookie::host("sid").domain("example.com").build().is_err());
/// # Ok::<(), session_http::InvalidCookie>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionCookie {
    name: String,
    /// `; Path=/; …`: all attributes but `Max-Age`, the same for setting and for clearing.
    attributes: String,
    is_persistent: bool,
    /// What the session's cookie was before. None of these has former ones of its own.
    former: Vec<SessionCookie>,
}

impl SessionCookie {
    /// A cookie of the name `__Host-{name}`: browsers accept it only over HTTPS, for this host
    /// alone and for all of its paths, so that no other host can plant one.
    pub fn host(name: impl AsRef<str>) -> SessionCookieBuilder {
        SessionCookieBuilder::new(format!("__Host-{}", name.as_ref()), true)
    }

    /// A cookie of the name `__Secure-{name}`: browsers accept it only over HTTPS. Neighbouring
    /// subdomains can plant one; prefer [`SessionCookie::host`].
    pub fn secure(name: impl AsRef<str>) -> SessionCookieBuilder {
        SessionCookieBuilder::new(format!("__Secure-{}", name.as_ref()), true)
    }

    /// A cookie of exactly this name, sent over HTTPS only. Without a prefix a neighbouring
    /// subdomain, or anybody on a plain HTTP connection to this host, can plant one; prefer
    /// [`SessionCookie::host`].
    pub fn named(name: impl Into<String>) -> SessionCookieBuilder {
        SessionCookieBuilder::new(name.into(), true)
    }

    /// A cookie of exactly this name, without `Secure`: it works over plain HTTP, where everybody
    /// on the way can read it. **For development on one's own machine only**; building a layer
    /// with it logs a warning.
    pub fn insecure_for_development(name: impl Into<String>) -> SessionCookieBuilder {
        SessionCookieBuilder::new(name.into(), false)
    }

    /// A cookie that earlier versions of the application used in this one's place: another name, or
    /// the same name with other attributes. So a cookie can be renamed, and its scope changed,
    /// without logging anybody out. What was former to it is former to this one, too.
    ///
    /// A former name is read only where the present one is absent. When the handler uses the
    /// session, its id is rotated in the same request, the new one sent under the present name, and
    /// the former cookie cleared. Where one name has several values, as after a change of its
    /// scope, the session that lives counts.
    ///
    /// ```
    /// use session_http::SessionCookie;
    ///
    /// let before = SessionCookie::named("sid").build()?;
    /// let cookie = SessionCookie::host("id").build()?.with_former(before);
    /// # Ok::<(), session_http::InvalidCookie>(())
    /// ```
    #[must_use]
    pub fn with_former(mut self, mut former: SessionCookie) -> Self {
        let earlier = std::mem::take(&mut former.former);
        self.former.push(former);
        self.former.extend(earlier);
        self
    }

    /// The cookie's name, prefix included.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the browser keeps the cookie beyond its own end.
    pub fn is_persistent(&self) -> bool {
        self.is_persistent
    }

    /// Whether the cookie travels over HTTPS only.
    pub(crate) fn is_secure(&self) -> bool {
        self.attributes.contains("; Secure")
    }

    /// Writes what becomes of the cookie; where nothing does, there is nothing to write.
    pub(crate) fn write(&self, headers: &mut impl Headers, change: &CookieChange, former: Former) {
        let line = match change {
            CookieChange::Set { id, max_age } => self.set(id, *max_age),
            CookieChange::Keep => return,
            CookieChange::Clear => self.clear(),
        };
        if former != Former::Nowhere {
            for former in self.former.iter().map(Self::clear) {
                headers.append(&SET_COOKIE, former);
            }
        }
        headers.append(&SET_COOKIE, line);
    }

    /// The `Set-Cookie` value that gives the browser this id.
    fn set(&self, id: &SessionId, max_age: Option<Duration>) -> HeaderLine {
        let Self {
            name, attributes, ..
        } = self;
        let id = id.expose();
        let Some(max_age) = max_age else {
            return line(format!("{name}={id}{attributes}"));
        };
        let begun = u64::from(max_age.subsec_nanos() > 0);
        let age = max_age.as_secs().saturating_add(begun);
        line(format!("{name}={id}{attributes}; Max-Age={age}"))
    }

    /// The `Set-Cookie` value that takes the cookie from the browser. A cookie is identified by
    /// name, domain and path, and the prefixes' rules hold for this line, too: hence all
    /// attributes.
    fn clear(&self) -> HeaderLine {
        let Self {
            name, attributes, ..
        } = self;
        line(format!("{name}={attributes}; Max-Age=0"))
    }
}

impl Default for SessionCookie {
    fn default() -> Self {
        Self {
            name: "__Host-id".to_owned(),
            attributes: "; Path=/; Secure; HttpOnly; SameSite=Lax".to_owned(),
            is_persistent: false,
            former: Vec::new(),
        }
    }
}

/// Every part was checked when the cookie was built, so it is the value of a header.
fn line(text: String) -> HeaderLine {
    // Keeps the id out of `Debug`, and out of HTTP/2's header compression tables.
    HeaderLine::Sensitive(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_millis(3_599_001);

    /// What sets the cookie, and what clears it.
    fn lines(cookie: &SessionCookie, ttl: Option<Duration>) -> [HeaderLine; 2] {
        let id = SessionId::from_bytes(&[0; 32]);
        [cookie.set(&id, ttl), cookie.clear()]
    }

    #[test]
    fn the_header_lines_are_these() {
        let default = SessionCookie::default();
        assert_eq!(SessionCookie::host("id").build().as_ref(), Ok(&default));
        let all = SessionCookie::secure("id")
            .domain("example.com")
            .path("/shop")
            .same_site(SameSite::None)
            .partitioned()
            .persistent();
        let all = all.build().unwrap();
        let development = SessionCookie::insecure_for_development("sid");
        let development = development.build().unwrap();
        assert!(!development.is_secure());
        for (cookie, ttl, name, attributes, age) in [
            (
                &default,
                None,
                "__Host-id",
                "Path=/; Secure; HttpOnly; SameSite=Lax",
                "",
            ),
            (
                &all,
                Some(HOUR),
                "__Secure-id",
                "Path=/shop; Domain=example.com; Secure; HttpOnly; SameSite=None; Partitioned",
                "; Max-Age=3600",
            ),
            (
                &development,
                None,
                "sid",
                "Path=/; HttpOnly; SameSite=Lax",
                "",
            ),
        ] {
            let set = format!("{name}={}; {attributes}{age}", "A".repeat(43));
            let clear = format!("{name}=; {attributes}; Max-Age=0");
            let lines = lines(cookie, ttl);
            assert_eq!(
                lines.each_ref().map(HeaderLine::as_bytes),
                [&set, &clear].map(|it| it.as_bytes())
            );
            // A header line hides its value from logs.
            assert!(!format!("{lines:?}").contains("AAAA"));
        }
    }
}
