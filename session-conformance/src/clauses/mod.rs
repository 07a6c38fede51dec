//! The cases, one module per group of clauses.
//!
//! A case is a plain async function over a [`Harness`](crate::Harness), and panics where the
//! backend breaks its clause. [`cases`](crate::cases) says which clause each
//! one proves.

pub mod binding;
pub mod bytes;
pub mod clock;
pub mod cursor;
pub mod delete;
pub mod expecting;
pub mod expiry;
pub mod fault;
pub mod foreign;
pub mod identity;
pub mod increment;
pub mod keeping;
pub mod lifetime;
pub mod limits;
pub mod listing;
pub mod login;
pub mod looking;
pub mod operation;
pub mod operator;
pub mod overview;
pub mod paging;
pub mod quota;
pub mod range;
pub mod record;
pub mod refusal;
pub mod returning;
pub mod revocation;
pub mod rotation;
pub mod scan;
pub mod seeing;
pub mod taken;
pub mod target;
pub mod throttle;
pub mod tombstone;
pub mod touch;
pub mod unshown;
pub mod unusual;
pub mod validity;
pub mod write;
