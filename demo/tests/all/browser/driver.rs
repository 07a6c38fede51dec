//! Chromium, driven through chromedriver by the WebDriver protocol.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::support::{Server, within};

/// What the protocol calls the reference of an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

const HINT: &str = "scripts/setup-tests installs Chromium and chromedriver";

/// A running Chromium with a profile of its own, and its chromedriver. Dropping it ends both.
#[derive(Debug)]
pub(crate) struct Browser {
    session: String,
    address: SocketAddr,
    server: Server,
    // Dropped after the session was closed.
    _driver: Child,
    _output: BufReader<ChildStdout>,
    _profile: TempDir,
}

impl Browser {
    /// # Panics
    /// When there is none, with what to do about it.
    pub(crate) async fn start() -> Self {
        let profile = TempDir::new().unwrap();
        let mut driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start chromedriver ({error}): {HINT}"));
        let mut output = BufReader::new(driver.stdout.take().unwrap());
        let address = within("chromedriver to listen", listening(&mut output)).await;
        let server = Server::there(address);
        let answer = command(&server, Method::POST, "/session", &capabilities(&profile)).await;
        let value = answer.unwrap_or_else(|why| panic!("cannot start Chromium ({why}): {HINT}"));
        Self {
            session: value["sessionId"].as_str().unwrap().to_owned(),
            address,
            server,
            _driver: driver,
            _output: output,
            _profile: profile,
        }
    }

    pub(crate) async fn open(&self, url: &str) {
        self.post("/url", json!({ "url": url })).await;
    }

    /// Runs the body of a function in the page; the arguments are `arguments`.
    pub(crate) async fn run(&self, script: &str, arguments: Value) -> Value {
        self.post(
            "/execute/sync",
            json!({ "script": script, "args": arguments }),
        )
        .await
    }

    /// Clicks as a person does: what is covered, hidden or disabled cannot be clicked.
    pub(crate) async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/click"), json!({}))
            .await;
    }

    /// Empties a field and types into it.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.post(&format!("/element/{element}/clear"), json!({}))
            .await;
        self.post(
            &format!("/element/{element}/value"),
            json!({ "text": text }),
        )
        .await;
    }

    async fn find(&self, selector: &str) -> String {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", asked).await;
        found[ELEMENT].as_str().unwrap().to_owned()
    }

    /// The cookies of the page, as the browser keeps them.
    pub(crate) async fn cookies(&self) -> Vec<Value> {
        self.get("/cookie").await.as_array().unwrap().clone()
    }

    /// Opens another tab, and goes on in it.
    pub(crate) async fn new_tab(&self) -> String {
        let tab = self.post("/window/new", json!({ "type": "tab" })).await;
        let handle = tab["handle"].as_str().unwrap().to_owned();
        self.switch_to(&handle).await;
        handle
    }

    pub(crate) async fn tab(&self) -> String {
        self.get("/window").await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn switch_to(&self, tab: &str) {
        self.post("/window", json!({ "handle": tab })).await;
    }

    /// What the console shows since the last call: errors, warnings, violated policies. Not that an
    /// answer had an error's status, which the browser notes by itself.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.post("/se/log", json!({ "type": "browser" })).await;
        let texts = entries
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["message"].to_string());
        texts
            .filter(|text| !text.contains("Failed to load resource"))
            .collect()
    }

    /// A picture (PNG) of the page at this width, from its top to a little below this element.
    pub(crate) async fn picture(&self, width: u32, last: &str) -> Vec<u8> {
        let metrics =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics)
            .await;
        // The height depends on the width.
        let script = "return Math.ceil(document.querySelector(arguments[0]).getBoundingClientRect().bottom) + 24";
        let height = self.run(script, json!([last])).await;
        let clip = json!({ "x": 0, "y": 0, "width": width, "height": height, "scale": 1 });
        let asked = json!({ "format": "png", "clip": clip, "captureBeyondViewport": true });
        let picture = self.devtools("Page.captureScreenshot", asked).await;
        STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    async fn devtools(&self, method: &str, parameters: Value) -> Value {
        self.post(
            "/goog/cdp/execute",
            json!({ "cmd": method, "params": parameters }),
        )
        .await
    }

    async fn get(&self, path: &str) -> Value {
        self.command(Method::GET, path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.command(Method::POST, path, &body).await
    }

    async fn command(&self, method: Method, path: &str, body: &Value) -> Value {
        let whole = format!("/session/{}{path}", self.session);
        let answer = command(&self.server, method, &whole, body).await;
        answer.unwrap_or_else(|why| panic!("{path} {body}: {why}"))
    }
}

/// Closes the browser, whether the test passed or failed. Killing chromedriver alone would leave
/// it.
impl Drop for Browser {
    fn drop(&mut self) {
        let close = || -> std::io::Result<()> {
            let mut connection = TcpStream::connect(self.address)?;
            connection.set_read_timeout(Some(Duration::from_secs(10)))?;
            let (session, address) = (&self.session, self.address);
            write!(
                connection,
                "DELETE /session/{session} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
            )?;
            // The answer comes when the browser has ended; chromedriver keeps the connection.
            connection.read_exact(&mut [0])?;
            Ok(())
        };
        if let Err(error) = close() {
            eprintln!("Chromium may still run: {error}");
        }
    }
}

/// Waits for the line in which chromedriver tells its port.
async fn listening(output: &mut BufReader<ChildStdout>) -> SocketAddr {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(
            output.read_line(&mut line).await.unwrap(),
            0,
            "chromedriver ended: {HINT}"
        );
        if let Some((_, port)) = line.split_once("started successfully on port ") {
            let port = port.trim().trim_end_matches('.').parse().unwrap();
            return SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        }
    }
}

fn capabilities(profile: &TempDir) -> Value {
    let arguments = [
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
        &format!("--user-data-dir={}", profile.path().display()),
    ];
    json!({ "capabilities": { "alwaysMatch": {
        "goog:chromeOptions": { "args": arguments },
        "goog:loggingPrefs": { "browser": "ALL" },
        // A dialog would be a script that ran: no test may go on then.
        "unhandledPromptBehavior": "dismiss and notify",
    }}})
}

/// Sends a command of the protocol; its value, or why it failed.
async fn command(
    server: &Server,
    method: Method,
    path: &str,
    body: &Value,
) -> Result<Value, String> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Bytes::from(body))
        .unwrap();
    let answer = server.send(request).await;
    let mut json: Value =
        serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
    let value = json["value"].take();
    if answer.status().is_success() {
        Ok(value)
    } else {
        let (error, message) = (&value["error"], &value["message"]);
        Err(format!("{error}: {message}"))
    }
}
