//! The page, in Chromium.
//!
//! The browser is driven through chromedriver by a WebDriver client of two hundred lines: the
//! protocol is JSON over HTTP, and the tests need a dozen of its commands. `scripts/setup-tests`
//! installs both.

mod driver;
mod page;
mod picture;
mod scenarios;
mod two;
