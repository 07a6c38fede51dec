//! Who may log in, and logging in and out.

use std::convert::Infallible;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordVerifier};
use serde::Deserialize;
use session_store::auth::{Auth, AuthHash, UserLoader, safe_next};
use session_store::{InvalidPrincipal, Lifetime, Principal, Session, SessionTtl};
use tokio::task::spawn_blocking;

use super::pages::page;
use super::{Answer, Shown, see};

const DAY: u64 = 24 * 60 * 60;

pub(crate) type User = &'static Account;

/// A row of the users' table.
pub(crate) struct Account {
    pub(crate) name: &'static str,
    password_hash: &'static str,
    permissions: &'static [&'static str],
}

/// In place of a database. The passwords are in the front page of this example.
static ACCOUNTS: [Account; 3] = [
    Account {
        name: "ann",
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$V8rKBJ+nbVjYuz/fl/t8dg$a7eWxnlFIJHBZ+enhpNUhO0JyYiLimkS9D1tTGHP5eU",
        permissions: &[],
    },
    Account {
        name: "bob",
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$mB+h7VthvYrIW1AasW0PSA$wXGYtuJgL9y+yLmwSnU2zZr6YqpB4SrjVv5OqjRZa6I",
        permissions: &[],
    },
    Account {
        name: "root",
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$VNEM+9BztAfQ2k0ekBJS0Q$eLYIaYnOH4vWXj5dq8Hhb3VUMw5NN4FscDSVn9VW4oU",
        permissions: &["sessions"],
    },
];
/// Nobody's password: a name that does not exist takes as long to refuse as one that does.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$e2I6Dz++LaVAyaqg+wjWuw$P+RN8oGPDQIBrWVeYREMcruzgVuIoW9RLDsHq/OdiPs";

fn find(name: &str) -> Option<User> {
    ACCOUNTS.iter().find(|account| account.name == name)
}

/// How a session finds its user.
pub(crate) struct Users;

impl UserLoader for Users {
    type User = User;
    type Error = Infallible;

    async fn load(&self, principal: &Principal) -> Result<Option<User>, Infallible> {
        Ok(find(principal.as_str()))
    }

    fn principal(&self, user: &User) -> Result<Principal, InvalidPrincipal> {
        Principal::new(user.name)
    }

    fn auth_hash(&self, user: &User) -> Option<AuthHash> {
        Some(AuthHash::of(user.password_hash))
    }

    fn has_permission(&self, user: &User, permission: &str) -> bool {
        user.permissions.contains(&permission)
    }
}

#[derive(Deserialize)]
pub(crate) struct Login {
    username: String,
    password: String,
    /// A checkbox: there, or not.
    remember: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct After {
    next: Option<String>,
}

pub(crate) fn log_in_page() -> Shown {
    page(
        200,
        "Log in",
        r#"<form method="post">
<label>Name <input name="username" autocomplete="username"></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<label><input name="remember" type="checkbox"> Remember me for a month</label>
<button>Log in</button></form>"#,
    )
}

/// Logs in under a fresh id, with the cart that the visitor has filled, and goes back to where the
/// person wanted to go.
pub(crate) async fn log_in(
    auth: Auth<User>,
    after: After,
    device: Option<&str>,
    login: Login,
) -> Answer {
    // A password takes a while to check, and must not hold up other requests.
    let checked = spawn_blocking(move || check(&login.username, &login.password)).await;
    let Ok(Some(user)) = checked else {
        let text = "<p>Wrong name or password.</p>";
        return Ok(page(401, "Log in", text));
    };
    // Unused for so long, and in any case after so long, the session ends.
    let remember = login.remember.is_some();
    let (ttl, lifetime) = if remember {
        (7 * DAY, 30 * DAY)
    } else {
        (DAY / 48, DAY / 2)
    };
    let (lifetime, ttl) = (Lifetime::from_secs(lifetime)?, SessionTtl::from_secs(ttl)?);
    auth.log_in_with(&user, |it| {
        it.lifetime(lifetime).ttl(ttl).persistent(remember)
    })?;
    let session = auth.session();
    session.insert("device", device)?;
    session.insert("notice", format!("Welcome, {}!", user.name))?;
    let next = after.next.as_deref().and_then(safe_next);
    see(next.unwrap_or("/"))
}

/// The cart stays with the visitor.
pub(crate) fn log_out(session: &Session) -> Answer {
    session.log_out_keeping(["cart"])?;
    see("/")
}

fn check(name: &str, password: &str) -> Option<User> {
    let user = find(name);
    let hash = user.map_or(NOBODY, |user| user.password_hash);
    let hash = PasswordHash::new(hash).ok()?;
    let password = password.as_bytes();
    let verified = Argon2::default().verify_password(password, &hash);
    verified.ok().and(user)
}
