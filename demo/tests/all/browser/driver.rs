//! Chromium and its chromedriver, from their start to their end.

use std::ops::Deref;
use std::process::Stdio;

use tempfile::TempDir;
use thirtyfour::{
    CapabilitiesHelper as _, ChromiumLikeCapabilities as _, DesiredCapabilities,
    LoggingPrefsLogLevel, WebDriver,
};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::within;

const HINT: &str = "scripts/setup-tests installs Chromium and chromedriver";

const ARGUMENTS: [&str; 10] = [
    "--headless",
    // Chromium's sandbox refuses to work for root, and containers often have no other user.
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,900",
];

/// A running Chromium with a profile of its own, and its chromedriver. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Browser {
    /// Dropped first, which closes Chromium, whether the test has passed or failed: killing
    /// chromedriver alone would leave it.
    driver: WebDriver,
    _process: Child,
    _output: BufReader<ChildStdout>,
    _profile: TempDir,
}

impl Browser {
    /// # Panics
    /// When there is none, with what to do about it.
    pub(crate) async fn start() -> Self {
        let profile = TempDir::new().unwrap();
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start chromedriver ({error}): {HINT}"));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let url = within("chromedriver to listen", listening(&mut output)).await;
        let mut chromium = DesiredCapabilities::chrome();
        let own = format!("--user-data-dir={}", profile.path().display());
        for argument in ARGUMENTS.into_iter().chain([&*own]) {
            chromium.add_arg(argument).unwrap();
        }
        let everything = LoggingPrefsLogLevel::All;
        chromium.set_browser_log_level(everything).unwrap();
        // A dialog would be a script that ran: no test may go on then.
        let fails = "dismiss and notify";
        chromium.set("unhandledPromptBehavior", fails).unwrap();
        // When the browser is dropped, nobody drives a connection that was kept.
        let client = reqwest::Client::builder()
            .no_proxy()
            .pool_max_idle_per_host(0);
        let driver = WebDriver::builder(url, chromium).client(client.build().unwrap());
        let driver = within("Chromium to start", driver.connect()).await;
        Self {
            driver: driver.unwrap_or_else(|error| panic!("no Chromium ({error}): {HINT}")),
            _process: process,
            _output: output,
            _profile: profile,
        }
    }
}

impl Deref for Browser {
    type Target = WebDriver;

    fn deref(&self) -> &WebDriver {
        &self.driver
    }
}

/// Waits for the line in which chromedriver says its port.
async fn listening(output: &mut BufReader<ChildStdout>) -> String {
    let mut line = String::new();
    loop {
        line.clear();
        let length = output.read_line(&mut line).await.unwrap();
        assert_ne!(length, 0, "chromedriver ended: {HINT}");
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            return format!("http://127.0.0.1:{}", port.trim().trim_end_matches('.'));
        }
    }
}
