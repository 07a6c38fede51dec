//! What a delta makes of a session's fields.

use super::{Delta, Expectation, FieldChange};
use crate::field::FieldName;
use crate::fields::Fields;
use crate::integer::parse_integer;
use crate::principal::Principal;
use crate::refusal::Refusal;

impl Delta {
    /// Applies the delta to fields: checks the expectations, removes what is not kept, then changes
    /// fields in order of their names.
    ///
    /// `before` is the principal that the session is bound to: a write that takes it away may keep
    /// less ([`Delta::kept_of`]).
    ///
    /// Returns the counters with their new values, in order of the names.
    ///
    /// # Errors
    /// [`Refusal::Conflict`], [`Refusal::NotAnInteger`] or [`Refusal::Overflow`]: `fields` is
    /// unchanged. Expectations come first, then counters in order of the names.
    pub fn apply_to(
        &self,
        fields: &mut Fields,
        before: Option<&Principal>,
    ) -> Result<Vec<(FieldName, i64)>, Refusal> {
        let kept = self.kept_of(before);
        // Whatever can be refused is refused before anything is changed.
        if !self.expectations().all(|(name, expected)| match expected {
            Expectation::Equals(value) => fields.get(name.as_str()) == Some(value),
            Expectation::Absent => !fields.contains(name.as_str()),
        }) {
            return Err(Refusal::Conflict);
        }
        let mut counters = Vec::new();
        for (name, change) in self.changes() {
            if let FieldChange::Increment(by) = change {
                let is_kept = kept.is_none_or(|kept| kept.contains(name));
                let current = fields.get(name.as_str()).filter(|_| is_kept);
                let current = match current {
                    Some(value) => parse_integer(value.as_bytes()).ok_or(Refusal::NotAnInteger)?,
                    None => 0,
                };
                let value = current.checked_add(*by).ok_or(Refusal::Overflow)?;
                counters.push((name.clone(), value));
            }
        }
        if let Some(kept) = kept {
            fields.retain(|name| kept.contains(name));
        }
        for (name, change) in self.changes() {
            match change {
                FieldChange::Set(value) => {
                    fields.insert(name.clone(), value.clone());
                }
                FieldChange::Remove => {
                    fields.remove(name.as_str());
                }
                FieldChange::Increment(_) => {}
            }
        }
        for (name, value) in &counters {
            fields.insert(name.clone(), (*value).into());
        }
        Ok(counters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> FieldName {
        FieldName::new(text).unwrap()
    }

    fn fields() -> Fields {
        Fields::new().with(name("n"), 5).with(name("s"), "text")
    }

    #[test]
    fn a_refusal_leaves_the_fields_as_they_were() {
        let grow = Delta::new().set(name("a"), "1").keep_only([name("s")]);
        for (delta, refusal) in [
            (grow.clone().expect_absent(name("s")), Refusal::Conflict),
            (grow.increment(name("s"), 1), Refusal::NotAnInteger),
        ] {
            let mut actual = fields();
            assert_eq!(delta.apply_to(&mut actual, None), Err(refusal));
            assert_eq!(actual, fields());
        }
        let delta = Delta::new().increment(name("n"), i64::MAX);
        assert_eq!(delta.apply_to(&mut fields(), None), Err(Refusal::Overflow));
    }
}
