//! The races of the conformance suite, many rounds of each; a part of them where the race is not about the
//! cluster's separate steps, or each round is long.

use crate::ClusterHarness;

races_on! { ClusterHarness,
    /// Of 64 concurrent rotations one wins.
    rotations 1
    /// Increments follow a rotation or are told.
    increments_against_rotation 1
    /// A revocation ends every login before it; the survivors are listed.
    logins_against_revocation 1
    /// No rotation escapes a revocation.
    rotations_against_revocation 1
    /// Nothing is under an id after its logout.
    logout_against_increments 4
    /// A session that several bind by turns is in one list.
    bindings 10
    /// No more sessions than the limit, all of them listed.
    logins_against_limit 10
    /// What has expired is listed no more, and what lives is.
    expirations_against_listing 1
}
