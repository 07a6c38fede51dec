//! Why a backend refuses a step.

use crate::delta::{Delta, FieldChange};
use crate::error::{Effect, Error, ErrorKind, Limit};
use crate::field::FieldName;
use crate::policy::SessionPolicy;

/// Why a backend refuses a step that it understood: nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// A field is not as the delta expects it.
    Conflict,
    /// A counter's field holds something else than an integer.
    NotAnInteger,
    /// A counter would leave the range of `i64`.
    Overflow,
    /// The session would exceed a limit of its size.
    Limit(Limit),
    /// The principal has as many sessions as it may.
    TooManySessions,
}

impl Refusal {
    /// The error that names the fields and the limit that it is about.
    pub fn explained(self, policy: &SessionPolicy, delta: &Delta) -> Error {
        let counted = || {
            let is_counted = |change: &FieldChange| matches!(change, FieldChange::Increment(_));
            let changes = delta.changes().filter(|(_, change)| is_counted(change));
            list(changes.map(|(name, _)| name))
        };
        let why = match self {
            Self::Conflict => list(delta.expectations().map(|(name, _)| name)),
            Self::NotAnInteger | Self::Overflow => counted(),
            Self::Limit(Limit::Fields) => {
                format!("Limits::with_fields allows {}", policy.limits().fields())
            }
            Self::Limit(Limit::SessionBytes) => {
                let max = policy.limits().session_bytes().unwrap_or_default();
                format!("Limits::with_session_bytes allows {max}")
            }
            Self::Limit(_) => return self.into(),
            Self::TooManySessions => {
                let max = policy.principal_limit().map_or(0, |limit| limit.max.get());
                format!("SessionPolicy::with_principal_limit allows {max}")
            }
        };
        Error::from(self).with_source(why)
    }
}

/// Names of fields, for a person.
fn list<'a>(names: impl Iterator<Item = &'a FieldName>) -> String {
    let names: Vec<_> = names.map(|name| format!("`{name}`")).collect();
    match names.len() {
        1 => format!("the field is {}", names.concat()),
        _ => format!("the field is one of {}", names.join(", ")),
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        let kind = match refusal {
            Refusal::Conflict => ErrorKind::Conflict,
            Refusal::NotAnInteger => ErrorKind::NotAnInteger,
            Refusal::Overflow => ErrorKind::Overflow,
            Refusal::Limit(limit) => return limit.into(),
            Refusal::TooManySessions => ErrorKind::TooManySessions,
        };
        Self::new(kind, Effect::NotApplied)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    #[test]
    fn an_error_names_the_fields_and_the_limit() {
        let name = |text: &'static str| FieldName::new(text).unwrap();
        let delta = Delta::new()
            .increment(name("n"), 1)
            .set(name("a"), "1")
            .expect_absent(name("b"))
            .expect_absent(name("c"));
        for (refusal, why) in [
            (Refusal::Conflict, "the field is one of `b`, `c`"),
            (Refusal::Overflow, "the field is `n`"),
            (
                Refusal::Limit(Limit::Fields),
                "Limits::with_fields allows 128",
            ),
            (
                Refusal::TooManySessions,
                "SessionPolicy::with_principal_limit allows 100",
            ),
        ] {
            let error = refusal.explained(&SessionPolicy::new(), &delta);
            assert_eq!(error.source().unwrap().to_string(), why);
        }
    }
}
