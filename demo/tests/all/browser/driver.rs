//! Chromium, driven through chromedriver by the WebDriver protocol.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{Method, Request};
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
    /// Where the commands go.
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
        let value = command(&server, Method::POST, "/session", &capabilities(&profile)).await;
        Self {
            session: format!("/session/{}", value["sessionId"].as_str().unwrap()),
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

    /// What this expression is in the page.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        let body = json!({ "script": script, "args": [] });
        self.post("/execute/sync", body).await
    }

    /// Clicks as a person does: what is covered, hidden or disabled cannot be clicked.
    pub(crate) async fn click(&self, selector: &str) {
        self.on_element(selector, "click", json!({})).await;
    }

    /// Empties a field and types into it.
    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.on_element(selector, "clear", json!({})).await;
        let typed = json!({ "text": text });
        self.on_element(selector, "value", typed).await;
    }

    async fn on_element(&self, selector: &str, what: &str, body: Value) {
        let asked = json!({ "using": "css selector", "value": selector });
        let found = self.post("/element", asked).await;
        let element = found[ELEMENT].as_str().unwrap();
        self.post(&format!("/element/{element}/{what}"), body).await;
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
        let entries = entries.as_array().unwrap().iter();
        let texts = entries.map(|entry| entry["message"].to_string());
        let is_ours = |text: &String| !text.contains("Failed to load resource");
        texts.filter(is_ours).collect()
    }

    /// A command of Chromium's own protocol.
    pub(crate) async fn devtools(&self, method: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": method, "params": parameters });
        self.post("/goog/cdp/execute", body).await
    }

    async fn get(&self, path: &str) -> Value {
        let path = format!("{}{path}", self.session);
        command(&self.server, Method::GET, &path, &Value::Null).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let path = format!("{}{path}", self.session);
        command(&self.server, Method::POST, &path, &body).await
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
                "DELETE {session} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
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
        let length = output.read_line(&mut line).await.unwrap();
        assert_ne!(length, 0, "chromedriver ended: {HINT}");
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

/// Sends a command of the protocol; its value.
async fn command(server: &Server, method: Method, path: &str, body: &Value) -> Value {
    let text = match body {
        Value::Null => String::new(),
        body => body.to_string(),
    };
    let request = Request::builder().method(method).uri(path);
    let answer = server.send(request.body(Bytes::from(text)).unwrap()).await;
    let json: Value = serde_json::from_slice(answer.body()).unwrap();
    let value = &json["value"];
    assert!(
        answer.status().is_success(),
        "{path} {body}: {value}; {HINT}"
    );
    value.clone()
}
