//! A web application on `session-store`, for looking at sessions as they run.
//!
//! It is written as an application would be: [`app`] puts the session layer around its routes, the
//! handlers take a `Session`, and which backend is behind it is decided once, at the start.
//!
//! | module | what it does |
//! |---|---|
//! | `args` | the command line |
//! | `run` | from there to the end of the process |
//! | `open` | from the command line to a backend |
//! | `serve`, `signals` | the server, from its start to its end |
//! | `app` | the router and what every request passes |
//! | `routes` | the handlers: what an application does with its session |
//! | `answer`, `failure` | the JSON they answer |
//! | `form` | what they are told, checked |
//! | `metrics` | what the process counts, for Prometheus |
//! | `device` | what a browser is called |
//! | `page` | the page and its files |

mod answer;
mod app;
mod args;
mod device;
mod failure;
mod form;
mod metrics;
mod open;
mod page;
mod routes;
mod run;
mod serve;
mod shared;
mod signals;

pub use self::app::app;
pub use self::metrics::Metrics;
pub use self::run::run;
pub use self::shared::{About, Closing};
