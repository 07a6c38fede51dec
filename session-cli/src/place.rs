//! Where the sessions are: from flags, environment and files to a store.

mod url;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use session_store::admin::{KeyPrefix, ServerInspector, SessionAdmin};
use session_store::{Connect, Credentials, IdStorage, Pem, SessionBackend, Tls};

use self::url::{address, has_password, user_name, with_part, without_user};
use crate::args::StoreArgs;
use crate::database::{Database, Engine};
use crate::failure::Failure;
use crate::secret;

/// The sessions, and the admin API of them.
type Opened = (Arc<dyn SessionBackend>, Arc<dyn SessionAdmin>);

/// The deadline of an operator's operations: longer than a visitor's, so that a busy server can
/// still finish them.
const DEADLINE: Duration = Duration::from_secs(5);

const NO_URL: &str = "where are the sessions? Say it by --url, by the environment variable \
    SESSION_URL, or by a file (--url-file, SESSION_URL_FILE): such as redis://127.0.0.1:6379";

const NO_PASSWORD: &str = "the URL names a user and no password: say it by the environment variable \
    SESSION_PASSWORD, or by a file (--password-file, SESSION_PASSWORD_FILE)";

const IN_A_PROCESS: &str = "the URL is `memory:`, whose sessions are in the memory of the process \
    that serves them, where no other program can reach them: they end with that process";

const TLS_OF_POSTGRES: &str = "TLS to PostgreSQL is said by its URL: \
    ?sslmode=verify-full&sslrootcert=PATH&sslcert=PATH&sslkey=PATH";

/// Where the sessions are.
#[derive(Debug)]
pub(crate) struct Place {
    connect: Connect,
    /// Where it is no Redis.
    pub(crate) database: Option<Database>,
    /// For people: the server and the prefix, or the table; no password.
    pub(crate) name: String,
    pub(crate) prefix: KeyPrefix,
    pub(crate) storage: IdStorage,
    /// What to tell the operator before anything else.
    pub(crate) warnings: Vec<String>,
}

impl Place {
    /// What the flags say, then the environment. Does not connect.
    pub(crate) fn of(
        args: &StoreArgs,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, Failure> {
        let mut warnings = Vec::new();
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let file = |flag: Option<&PathBuf>, name: &str| match flag {
            Some(path) => Some(path.clone()),
            None => variable(name).map(PathBuf::from),
        };
        let url = match (&args.url, &args.url_file, variable("SESSION_URL")) {
            (Some(url), _, _) => url.clone(),
            (None, None, Some(url)) => secret::of_variable(url, "SESSION_URL")?,
            _ => match file(args.url_file.as_ref(), "SESSION_URL_FILE") {
                Some(path) => read(&path, "URL", &mut warnings)?,
                None => return Err(Failure::usage(NO_URL)),
            },
        };
        let (bare, user) = without_user(&url);
        if args.url.as_deref().is_some_and(has_password) {
            warnings.push(
                "all users of this machine can read the password in --url: use SESSION_URL, \
                 SESSION_PASSWORD or --password-file"
                    .to_owned(),
            );
        }
        if bare.to_ascii_lowercase().starts_with("memory:") {
            return Err(Failure::usage(IN_A_PROCESS));
        }
        let password = match (&args.password_file, variable("SESSION_PASSWORD")) {
            (None, Some(password)) => Some(secret::of_variable(password, "SESSION_PASSWORD")?),
            (flag, _) => match file(flag.as_ref(), "SESSION_PASSWORD_FILE") {
                Some(path) => Some(read(&path, "password", &mut warnings)?),
                None => None,
            },
        };
        warnings.extend(args.key_file.as_deref().and_then(open_to_all));
        let storage = args.id_storage.map_or(IdStorage::Plain, IdStorage::from);
        let prefix = args.prefix.clone().unwrap_or_default();
        let deadline = args.deadline.unwrap_or(DEADLINE);
        let tls = tls(args)?;
        let (connect, database, keys) = match Engine::of(&url) {
            Some(_) if tls.is_some() => return Err(Failure::usage(TLS_OF_POSTGRES)),
            Some(engine) => {
                let url = match (engine, password) {
                    (Engine::Postgres, Some(password)) => with_part(&url, "password", &password),
                    // A file that is not there is none of an application's.
                    (Engine::Sqlite, _) if !url.contains("mode=") => with_part(&url, "mode", "rw"),
                    _ => url,
                };
                let table = args.table.as_deref().unwrap_or("sessions");
                let connect = Connect::to(url.as_str()).table(table);
                let keys = format!("table {}", crate::text::escaped(table));
                let database = Database::new(engine, url, table.to_owned(), deadline);
                // An operator's command changes no schema and deletes nothing unasked.
                let connect = connect.migrate(false).purge_every(None);
                (connect, Some(database), keys)
            }
            None => {
                let has_name = |user: &str| !user.is_empty() && !user.contains(':');
                let mut connect = match (password, user) {
                    (None, Some(user)) if has_name(user) => {
                        return Err(Failure::usage(NO_PASSWORD));
                    }
                    (None, _) => Connect::to(url.as_str()),
                    (Some(password), user) => {
                        let credentials = match user {
                            Some(user) => Credentials::new(user_name(user)?, password),
                            None => Credentials::password(password),
                        };
                        Connect::to(bare.as_str()).credentials(Arc::new(credentials))
                    }
                };
                if let Some(tls) = tls {
                    connect = connect.tls(tls);
                }
                let connect = connect.key_prefix(prefix.as_str()).id_storage(storage);
                (connect, None, format!("keys {prefix}*"))
            }
        };
        Ok(Self {
            connect: connect.deadline(deadline),
            database,
            name: format!("{}, {keys}", address(&bare)),
            prefix,
            storage,
            warnings,
        })
    }

    /// The sessions, and the admin API of them. Does not connect either.
    pub(crate) fn open(&self) -> Result<Opened, Failure> {
        let opened = self.connect.clone().build_with_admin();
        opened.map_err(Failure::Open)
    }

    /// What asks the servers what they are.
    pub(crate) fn inspector(&self) -> Result<Arc<dyn ServerInspector>, Failure> {
        self.connect
            .clone()
            .build_inspector()
            .map_err(Failure::Open)
    }
}

fn read(path: &Path, what: &str, warnings: &mut Vec<String>) -> Result<String, Failure> {
    let text = secret::of_file(path, what)?;
    warnings.extend(open_to_all(path));
    Ok(text)
}

/// What to tell of a file with a secret that is open to all.
fn open_to_all(path: &Path) -> Option<String> {
    let shown = path.display();
    secret::is_open_to_all(path).then(|| {
        format!("all users of this machine can read {shown}: take that right away (chmod o-r)")
    })
}

/// What the flags say of TLS, if they say anything.
fn tls(args: &StoreArgs) -> Result<Option<Tls>, Failure> {
    let pem = |path: &Option<PathBuf>| path.as_deref().map(Pem::file);
    let (authorities, name) = (pem(&args.ca_file), args.server_name.as_deref());
    let client = pem(&args.cert_file).zip(pem(&args.key_file));
    if authorities.is_none() && client.is_none() && name.is_none() {
        return Ok(None);
    }
    let mut tls = Tls::new();
    if let Some(authorities) = authorities {
        tls = tls.authorities(authorities);
    }
    if let Some((certificate, key)) = client {
        tls = tls.client_certificate(certificate, key);
    }
    match name {
        Some(name) => tls.server_name(name).map(Some).map_err(Failure::Open),
        None => Ok(Some(tls)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn place(
        words: &[(&str, &str)],
        change: impl FnOnce(&mut StoreArgs),
    ) -> Result<Place, Failure> {
        let mut args = StoreArgs::default();
        change(&mut args);
        Place::of(&args, |name| {
            let found = words.iter().find(|(it, _)| *it == name);
            found.map(|(_, value)| value.into())
        })
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    #[test]
    fn flags_come_before_the_environment_and_urls_before_their_files() {
        let of_flag = file("redis://flag-file/1\n");
        let of_variable = file("redis://variable-file");
        let of_variable = of_variable.path().to_str().unwrap();
        let all = [
            ("SESSION_URL", "redis://x"),
            ("SESSION_URL_FILE", of_variable),
        ];
        let path = || Some(of_flag.path().to_owned());
        let name = |words: &[_], change: fn(&mut StoreArgs)| place(words, change).unwrap().name;
        assert_eq!(
            name(&all, |args| args.url = Some("redis://a:b@flag".to_owned())),
            "flag, keys session:*"
        );
        let named = place(&all, |args| args.url_file = path()).unwrap().name;
        assert_eq!(named, "flag-file/1, keys session:*");
        assert_eq!(name(&all, |_| {}), "x, keys session:*");
        assert_eq!(name(&all[1..], |_| {}), "variable-file, keys session:*");
        let nothing = place(&[("SESSION_URL", "")], |_| {}).err().unwrap();
        assert!(nothing.to_string().contains("--url"), "{nothing}");
    }

    #[test]
    fn what_is_risky_is_warned_of_and_what_cannot_be_is_refused_without_secrets() {
        for (url, warnings) in [
            ("redis://u:SECRET@h", 1),
            ("redis-sentinel://h?service=m&sentinel_password=S", 1),
            ("redis-sentinel://h?service=m", 0),
        ] {
            let warned = place(&[], |args| args.url = Some(url.to_owned())).unwrap();
            assert_eq!(warned.warnings.len(), warnings, "{url}");
        }
        let open = file("SECRET");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |mode| std::fs::Permissions::from_mode(mode);
            let path = Some(open.path().to_owned());
            for (bits, warnings) in [(0o600, 0), (0o640, 0), (0o644, 1)] {
                std::fs::set_permissions(open.path(), mode(bits)).unwrap();
                let url = [("SESSION_URL", "redis://u@h")];
                let by_password = place(&url, |args| args.password_file = path.clone());
                let by_key = place(&[("SESSION_URL", "rediss://h")], |args| {
                    (args.cert_file, args.key_file) = (path.clone(), path.clone());
                });
                for place in [by_password, by_key] {
                    assert_eq!(place.unwrap().warnings.len(), warnings, "{bits:o}");
                }
            }
        }
        let empty = file(" \n").path().to_owned();
        for (url, said) in [
            ("memory:", "no other program can reach them"),
            ("MEMORY://", "no other program can reach them"),
            ("redis://u@h", "SESSION_PASSWORD"),
            ("http://u:SECRET@h", "names no backend"),
            ("redis://u:SECRET@h/x", "database"),
            ("redis://u:SECRET@", "not the URL of a server"),
            ("postgres://u:SECRET@h/d?sslmod=SECRET", "part `sslmod`"),
            ("sqlite:x?SECRET=1", "part `…`"),
            ("redis://u:SECRET@h?SECRET=1#SECRET", "percent-encoded"),
        ] {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let _entered = runtime.enter();
            let refused = place(&[("SESSION_URL", url)], |_| {}).and_then(|it| it.open());
            let refused = refused.err().unwrap();
            let text = refused.to_string();
            assert!(text.contains(said), "{url}: {text}");
            assert_eq!((refused.code(), text.contains("SECRET")), (2, false));
        }
        for path in [empty, "/nowhere/at/all".into()] {
            let url = [("SESSION_URL", "redis://h")];
            let refused = place(&url, |args| args.password_file = Some(path)).err();
            assert_eq!(refused.unwrap().code(), 2);
        }
    }
}
