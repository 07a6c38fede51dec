//! The races of the conformance suite on one server, many rounds of each; a part of them where each round is
//! long.

use crate::RedisHarness;

races_on! { RedisHarness,
    /// Nothing is under an id after its logout.
    logout_against_increments 1
    /// Updates of different fields are not lost.
    updates_of_different_fields 1
    /// Of 64 concurrent rotations one wins.
    rotations 1
    /// Increments follow a rotation or are told.
    increments_against_rotation 1
    /// A revocation ends every login before it; the survivors are listed.
    logins_against_revocation 1
    /// No rotation escapes a revocation.
    rotations_against_revocation 1
    /// What has expired is listed no more, and what lives is.
    expirations_against_listing 1
    /// Increments are distinct and gapless.
    increments 10
    /// No use revives a session.
    logout_against_uses 10
    /// A read shows whole updates.
    reads_against_updates 10
    /// A session that several bind by turns is in one list.
    bindings 10
    /// No more sessions than the limit, all of them listed.
    logins_against_limit 10
}
