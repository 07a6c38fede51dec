//! Requests through the layer, on the memory backend.

#![cfg(test)]
#![allow(missing_docs, unreachable_pub, reason = "a test is read, not linked")]

#[cfg(feature = "axum")]
mod axum_app;
mod common;
mod comparing;
mod concurrent;
mod cookie_headers;
mod cookies;
mod counting;
mod devices;
mod ending;
mod fixation;
mod header_transport;
mod layers;
mod readiness;
mod redaction;
mod reserved_names;
mod responses;
mod round_trips;
mod saving;
mod scopes;
mod store_failing;
mod two_layers;
mod typed;
mod waiting;
mod watching;
