//! The pages of `docs/moving`: their code, which the tests run, and the pages themselves as
//! doctests. Not published.

pub mod from_actix_session;
pub mod from_axum_session;
pub mod from_express_session;
pub mod from_the_redis_guide;
pub mod from_tower_sessions;
pub mod take_over;
