//! What happens to the sessions.

use std::iter;

use crate::kit::Dice;

/// How a session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nobody uses it any more.
    Idleness,
    /// Its deadline comes, used or not.
    Deadline,
    /// Whichever comes first.
    Either,
    /// It is deleted.
    Logout,
    /// It is revoked by its handle.
    Revocation,
}

/// How a session comes to be bound.
#[derive(Debug, Clone, Copy)]
pub(super) enum Binding {
    Creation,
    Write,
    Rotation,
}

#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) fate: Fate,
    pub(super) binding: Binding,
    /// In seconds.
    pub(super) ttl: u64,
    pub(super) lifetime: u64,
    /// For how long after its creation somebody uses it, in milliseconds.
    pub(super) in_use_for: u64,
}

/// What a session is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
    WriteQuietly,
    Peek,
    AskTtl,
    /// In seconds.
    SetTtl(u64),
    Rotate,
    Delete,
    Revoke,
}

/// Long enough that no machine is so slow.
pub(super) const LONG: u64 = 600;
/// For how long sessions are used at most, in milliseconds.
const IN_USE: u64 = 1_200;

/// Plans for so many sessions that end by themselves, and for some more that somebody ends.
pub(super) fn plans(count: usize, dice: &mut Dice) -> Vec<Plan> {
    let by_themselves = [Fate::Idleness, Fate::Deadline, Fate::Either];
    let fates = (0..count).flat_map(|n| {
        let ended = match n % 10 {
            3 => Some(Fate::Logout),
            8 => Some(Fate::Revocation),
            _ => None,
        };
        iter::once(by_themselves[n % 3]).chain(ended)
    });
    fates.map(|fate| plan(fate, dice)).collect()
}

fn plan(fate: Fate, dice: &mut Dice) -> Plan {
    let (ttl, lifetime) = match fate {
        Fate::Idleness => (1 + dice.below(2), LONG),
        Fate::Deadline => (LONG, 1 + dice.below(2)),
        Fate::Either => (1, 2),
        Fate::Logout | Fate::Revocation => (LONG, LONG),
    };
    let binding = match dice.below(3) {
        0 => Binding::Creation,
        1 => Binding::Write,
        _ => Binding::Rotation,
    };
    Plan {
        fate,
        binding,
        ttl,
        lifetime,
        in_use_for: dice.below(IN_USE),
    }
}

impl Plan {
    /// What it is asked while it is in use.
    pub(super) fn next_use(&self, dice: &mut Dice) -> Use {
        match dice.below(16) {
            0..6 => Use::Read,
            6..8 => Use::Write,
            8 => Use::WriteQuietly,
            9 => Use::Peek,
            10..12 => Use::AskTtl,
            12 if self.ttl < LONG => Use::SetTtl(1 + dice.below(2)),
            _ => Use::Rotate,
        }
    }

    /// What ends it, if it does not end by itself.
    pub(super) fn last_use(&self) -> Option<Use> {
        match self.fate {
            Fate::Idleness | Fate::Deadline | Fate::Either => None,
            Fate::Logout => Some(Use::Delete),
            Fate::Revocation => Some(Use::Revoke),
        }
    }
}
