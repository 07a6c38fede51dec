//! The demo's page, as a person uses it.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use serde_json::Value;
use thirtyfour::{By, Cookie, WebElement, WindowHandle};

use super::driver::Browser;
use crate::support::{Demo, until};

/// The page in a browser. Its elements are named by their id; those of lists by their class.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) browser: Browser,
    url: String,
}

impl Page {
    /// Opens the page in a browser of its own.
    pub(crate) async fn of(demo: &Demo) -> Self {
        let browser = Browser::start().await;
        let url = String::new();
        let mut page = Self { browser, url };
        page.go_to(demo).await;
        page
    }

    /// Goes on with another demo.
    pub(crate) async fn go_to(&mut self, demo: &Demo) {
        self.url = format!("http://localhost:{}/", demo.address.port());
        self.load().await;
    }

    /// Loads the page again, in the present tab.
    pub(crate) async fn reload(&self) {
        self.browser.goto(&*self.url).await.unwrap();
    }

    /// Loads the page again, and waits until it knows whether there is a session.
    pub(crate) async fn load(&self) {
        self.reload().await;
        let known = async || self.is_shown("view-in").await || self.is_shown("view-out").await;
        until("the page has asked for its session", known, |known| *known).await;
        self.idle().await;
    }

    /// Fills in the form and sends it.
    pub(crate) async fn log_in(&self, username: &str, ttl: &str) {
        self.fill("username", username).await;
        self.fill("ttl", ttl).await;
        self.click("login").await;
        self.shows("view-in").await;
        self.idle().await;
    }

    /// Waits until the page is idle, and clicks as a person does: what is covered or hidden cannot
    /// be clicked.
    pub(crate) async fn click(&self, name: &str) {
        self.element(name).await.click().await.unwrap();
    }

    /// Empties a field and types into it.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.element(name).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    async fn element(&self, name: &str) -> WebElement {
        self.idle().await;
        self.browser.find(By::Css(selector(name))).await.unwrap()
    }

    /// Waits until no request is under way.
    pub(crate) async fn idle(&self) {
        let busy = async || {
            self.evaluate("document.body.classList.contains('busy')")
                .await
        };
        until("the page is idle", busy, |busy| *busy == false).await;
    }

    /// The text of the element, or of the first of that name; empty when there is none.
    pub(crate) async fn text(&self, name: &str) -> String {
        self.text_of(&selector(name)).await
    }

    /// The value of a field of the stored session, as the page shows it.
    pub(crate) async fn stored(&self, field: &str) -> String {
        self.text_of(&format!("[data-field={field}] .hash-value"))
            .await
    }

    async fn text_of(&self, selector: &str) -> String {
        let text = format!("document.querySelector('{selector}')?.textContent.trim() ?? ''");
        self.evaluate(&text).await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn number(&self, name: &str) -> i64 {
        self.text(name).await.parse().unwrap_or(-1)
    }

    /// Whether a person sees it.
    pub(crate) async fn is_shown(&self, name: &str) -> bool {
        let element = format!("document.querySelector('{}')", selector(name));
        let shown = format!("{element}?.checkVisibility({{ visibilityProperty: true }})");
        self.evaluate(&shown).await == true
    }

    pub(crate) async fn count(&self, name: &str) -> u64 {
        let count = format!("document.querySelectorAll('{}').length", selector(name));
        self.evaluate(&count).await.as_u64().unwrap()
    }

    /// What this expression is in the page.
    pub(crate) async fn evaluate(&self, expression: &str) -> Value {
        let script = format!("return {expression}");
        let value = self.browser.execute(script, vec![]).await.unwrap();
        value.json().clone()
    }

    /// The page's cookie, as the browser keeps it.
    pub(crate) async fn cookie(&self) -> Option<Cookie> {
        let mut cookies = self.browser.get_all_cookies().await.unwrap();
        assert!(cookies.len() <= 1, "{cookies:?}");
        cookies.pop()
    }

    /// The value of the page's cookie.
    pub(crate) async fn id(&self) -> String {
        self.cookie().await.unwrap().value
    }

    /// Goes on in another tab, which exists already.
    pub(crate) async fn switch_to(&self, tab: &WindowHandle) {
        self.browser.switch_to_window(tab.clone()).await.unwrap();
    }

    /// What the console shows since the last call: errors, warnings, violated policies. Not that an
    /// response had an error's status, which the browser notes by itself.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let entries = self.browser.browser_log().await.unwrap().into_iter();
        let is_ours = |text: &String| !text.contains("Failed to load resource");
        entries.map(|entry| entry.message).filter(is_ours).collect()
    }

    // ---- Waiting --------------------------------------------------------------------------------

    pub(crate) async fn shows(&self, name: &str) {
        let shown = async || (self.is_shown(name).await, self.text("message").await);
        until(&format!("{name} is shown"), shown, |(shown, _)| *shown).await;
    }

    /// Waits until the page says that something else has ended its session, which must be so within
    /// two seconds from then.
    pub(crate) async fn learns_soon(&self, began: Instant) {
        self.shows("view-out").await;
        let took = began.elapsed();
        assert!(took < Duration::from_secs(2), "{took:?}");
        self.says("ended elsewhere").await;
    }

    pub(crate) async fn says(&self, part: &str) {
        let message = async || self.text("message").await;
        let is_said = |text: &String| text.contains(part);
        until(&format!("the page says {part:?}"), message, is_said).await;
    }

    pub(crate) async fn has_text(&self, name: &str, text: &str) {
        let shown = async || self.text(name).await;
        until(&format!("{name} is {text:?}"), shown, |shown| shown == text).await;
    }

    /// Waits for a countdown within these bounds.
    pub(crate) async fn counts(&self, bounds: RangeInclusive<i64>) {
        let left = async || self.number("countdown").await;
        let is_within = |left: &i64| bounds.contains(left);
        until(&format!("the countdown is in {bounds:?}"), left, is_within).await;
    }

    pub(crate) async fn has(&self, count: u64, name: &str) {
        let counted = async || self.count(name).await;
        let is_it = |counted: &u64| *counted == count;
        until(&format!("there are {count} of {name}"), counted, is_it).await;
    }

    /// Nothing went wrong that a person would not see: no policy was violated, no script failed.
    pub(crate) async fn had_no_complaints(&self) {
        assert_eq!(self.complaints().await, [""; 0]);
    }
}

fn selector(name: &str) -> String {
    format!("#{name}, .{name}")
}
