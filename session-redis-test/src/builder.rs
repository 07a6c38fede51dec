//! What a server is started with.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::RedisServer;
use crate::files::quoted;
use crate::launch::StartError;
use crate::ports::Port;

/// The environment variable that names the server binary.
const BINARY_VARIABLE: &str = "SESSION_TEST_SERVER";
/// The server binary when the variable is not set.
const DEFAULT_BINARY: &str = "redis-server";
/// How many ports are tried. Losing a port to somebody else is rare, twice in a row is odd.
const PORTS_TRIED: usize = 10;

/// Settings of a server to start; see [`RedisServer::builder`].
#[derive(Clone, Debug)]
pub struct RedisServerBuilder {
    pub(crate) binary: PathBuf,
    pub(crate) configuration: Vec<String>,
    pub(crate) is_sentinel: bool,
}

impl RedisServerBuilder {
    pub(crate) fn new() -> Self {
        let binary = env::var_os(BINARY_VARIABLE)
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| OsString::from(DEFAULT_BINARY));
        Self {
            binary: binary.into(),
            configuration: Vec::new(),
            is_sentinel: false,
        }
    }

    /// The server binary, in place of the environment's choice.
    #[must_use]
    pub fn binary(mut self, binary: impl Into<PathBuf>) -> Self {
        self.binary = binary.into();
        self
    }

    /// Sets the directive `name` to one `value`, whatever characters it has.
    #[must_use]
    pub fn arg(self, name: &str, value: impl AsRef<str>) -> Self {
        self.config_line(format!("{name} {}", quoted(value.as_ref())))
    }

    /// Adds a line to the configuration file: for directives of several values, such as
    /// `user app on >secret ~* +@all`.
    #[must_use]
    pub fn config_line(mut self, line: impl Into<String>) -> Self {
        self.configuration.push(line.into());
        self
    }

    /// A sentinel in the place of a server.
    #[must_use]
    pub(crate) fn sentinel(mut self) -> Self {
        self.is_sentinel = true;
        self
    }

    /// Starts the server on a free port and waits until it answers.
    pub async fn start(self) -> RedisServer {
        start_anywhere(|| self.clone()).await
    }
}

/// Starts a server on a free port, with new settings for each port that turns out to be taken.
pub(crate) async fn start_anywhere(
    mut settings: impl FnMut() -> RedisServerBuilder,
) -> RedisServer {
    for _ in 0..PORTS_TRIED {
        match RedisServer::start_on(Port::reserve(), &settings()).await {
            Ok(server) => return server,
            Err(StartError::AddressInUse) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("{PORTS_TRIED} ports in a row were free and then taken by somebody else");
}
