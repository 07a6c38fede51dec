//! The page, in Chromium, on every backend.
//!
//! The browser is driven through chromedriver by a WebDriver client of two hundred lines: the
//! protocol is JSON over HTTP, and the tests need a dozen of its commands. `scripts/setup-tests`
//! installs both.

mod driver;
mod page;
mod picture;
mod scenarios;
mod store;
mod two;
