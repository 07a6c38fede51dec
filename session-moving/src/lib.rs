//! The pages of `docs/moving` as modules: their text as documentation, so that its examples are
//! doctests, and the code that they show, which the tests run beside the old libraries. Not
//! published.

pub mod from_actix_session;
pub mod from_axum_session;
pub mod from_express_session;
pub mod from_the_redis_guide;
pub mod from_tower_sessions;
pub mod take_over;
