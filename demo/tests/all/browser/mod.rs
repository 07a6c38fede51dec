//! The page, in Chromium.
//!
//! `scripts/setup-tests` installs it, and the chromedriver by which it is driven.

mod driver;
mod page;
mod picture;
mod scenarios;
mod two;
