//! Building a cookie that browsers accept.

use super::SessionCookie;
use super::invalid::InvalidCookie;

/// Which requests that other sites cause carry the cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SameSite {
    /// None of them. A person who follows a link to the application arrives without the session,
    /// and so does one who comes back from a payment page or an OAuth login.
    Strict,
    /// Those that follow a link, and no others. The default.
    #[default]
    Lax,
    /// All of them. Needs `Secure`, and protection of its own against cross-site request forgery.
    None,
}

impl SameSite {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Strict => "Strict",
            Self::Lax => "Lax",
            Self::None => "None",
        }
    }
}

/// Builds a [`SessionCookie`]. Created by its constructors.
///
/// | setting | default |
/// |---|---|
/// | [`same_site`](Self::same_site) | [`SameSite::Lax`] |
/// | [`path`](Self::path) | `/` |
/// | [`domain`](Self::domain) | none: this host only |
/// | [`partitioned`](Self::partitioned) | no |
/// | [`persistent`](Self::persistent) | no: until the browser ends |
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it builds"]
pub struct SessionCookieBuilder {
    pub(super) name: String,
    pub(super) is_secure: bool,
    pub(super) same_site: SameSite,
    pub(super) path: String,
    pub(super) domain: Option<String>,
    pub(super) is_partitioned: bool,
    is_persistent: bool,
}

impl SessionCookieBuilder {
    pub(super) fn new(name: String, is_secure: bool) -> Self {
        Self {
            name,
            is_secure,
            same_site: SameSite::default(),
            path: "/".to_owned(),
            domain: None,
            is_partitioned: false,
            is_persistent: false,
        }
    }

    /// Which requests that other sites cause carry the cookie.
    pub fn same_site(mut self, same_site: SameSite) -> Self {
        self.same_site = same_site;
        self
    }

    /// Only requests under this path carry the cookie. That is no protection: pages of one host can
    /// reach each other's cookies.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// All subdomains of this domain share the cookie, and each of them can replace it.
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = Some(domain.into());
        self
    }

    /// The cookie is a separate one under each site that embeds the application (CHIPS). Usually
    /// with [`SameSite::None`].
    pub fn partitioned(mut self) -> Self {
        self.is_partitioned = true;
        self
    }

    /// The browser keeps the cookie beyond its own end: until the session's deadline (`Max-Age`),
    /// and for a session without one for 400 days, as long as browsers do at most (RFC 6265bis).
    /// Whether there still is a session only the backend says.
    pub fn persistent(mut self) -> Self {
        self.is_persistent = true;
        self
    }

    /// The cookie.
    ///
    /// # Errors
    /// [`InvalidCookie`] says what browsers would refuse.
    pub fn build(self) -> Result<SessionCookie, InvalidCookie> {
        self.check_texts()?;
        self.check_combinations()?;
        let mut attributes = format!("; Path={}", self.path);
        if let Some(domain) = &self.domain {
            attributes.push_str("; Domain=");
            attributes.push_str(domain);
        }
        if self.is_secure {
            attributes.push_str("; Secure");
        }
        attributes.push_str("; HttpOnly; SameSite=");
        attributes.push_str(self.same_site.as_str());
        if self.is_partitioned {
            attributes.push_str("; Partitioned");
        }
        Ok(SessionCookie {
            name: self.name,
            attributes,
            is_persistent: self.is_persistent,
            former: Vec::new(),
        })
    }
}
