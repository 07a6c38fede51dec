//! Collectors of metrics and spans: real ones, each in a process of its own.

use std::fmt::Debug;
use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// A collector. Dropping it kills it.
pub(crate) struct Collector {
    _child: Child,
    files: TempDir,
}

impl Collector {
    /// This program with these arguments, and a directory of its own.
    pub(crate) fn start(
        program: impl AsRef<Path>,
        args: impl FnOnce(&Path) -> Vec<String>,
    ) -> Self {
        let files = TempDir::new().unwrap();
        let args = args(files.path());
        let log = File::create(files.path().join("log")).unwrap();
        let program = program.as_ref();
        let child = Command::new(program)
            .args(args)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn();
        let child = child.unwrap_or_else(|error| {
            let program = program.display();
            panic!("{program}: {error}; scripts/setup-tests installs it")
        });
        Self {
            _child: child,
            files,
        }
    }

    /// What it has written to its standard output and error.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.files.path().join("log")).unwrap()
    }
}

/// Asks until there is an answer.
pub(crate) async fn until<T, E: Debug>(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let began = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if began.elapsed() > Duration::from_secs(30) => {
                panic!("waited in vain for {what}: {error:?}")
            }
            Err(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}
