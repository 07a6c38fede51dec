//! Why a cookie cannot be built.

/// Why a cookie cannot be built: browsers would refuse it, or read something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidCookie {
    /// The name is empty but for a prefix, or holds something else than letters, digits and
    /// ``!#$%&'*+-.^_`|~``.
    #[error("the cookie's name is not a token")]
    Name,
    /// Name and value together exceed 4096 bytes, or an attribute 1024.
    #[error("the cookie is longer than browsers keep")]
    TooLong,
    /// The path does not begin with `/`, or holds something else than printable ASCII without `;`.
    #[error("the cookie's path is not a path")]
    Path,
    /// The domain is no host name.
    #[error("the cookie's domain is not a host name")]
    Domain,
    /// A name that begins with `__Host-` or `__Secure-` needs `Secure`.
    #[error("a cookie of this prefix must be secure")]
    PrefixNeedsSecure,
    /// A `__Host-` cookie belongs to one host.
    #[error("a __Host- cookie cannot have a domain")]
    HostPrefixWithDomain,
    /// A `__Host-` cookie belongs to all of the host's paths.
    #[error("a __Host- cookie must have the path /")]
    HostPrefixWithPath,
    /// `SameSite=None` needs `Secure`.
    #[error("SameSite=None needs a secure cookie")]
    SameSiteNoneNeedsSecure,
    /// `Partitioned` needs `Secure`.
    #[error("a partitioned cookie must be secure")]
    PartitionedNeedsSecure,
}
