//! What a delta makes of a session's fields.

use super::{Delta, Expectation, FieldChange};
use crate::field::FieldName;
use crate::fields::Fields;
use crate::integer::parse_integer;
use crate::limits::Size;
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
        let counters = self.check(fields, before)?;
        self.apply_checked(fields, before, &counters);
        Ok(counters)
    }

    /// What can be refused of it: the expectations, then the counters, whose new values it returns.
    pub(crate) fn check(
        &self,
        fields: &Fields,
        before: Option<&Principal>,
    ) -> Result<Vec<(FieldName, i64)>, Refusal> {
        let kept = self.kept_of(before);
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
        Ok(counters)
    }

    /// The size of a session, hidden fields included, once these fields of it have been changed.
    /// `was` is its size before, `counters` are those of [`Delta::check`].
    pub(crate) fn size_after(
        &self,
        was: Size,
        fields: &Fields,
        before: Option<&Principal>,
        counters: &[(FieldName, i64)],
    ) -> Size {
        let kept = self.kept_of(before);
        let is_kept = |name: &FieldName| kept.is_none_or(|kept| kept.contains(name));
        let mut size = match kept {
            Some(_) => {
                let kept = fields.iter().filter(|(name, _)| is_kept(name));
                kept.fold(Size::default(), |size, (name, value)| {
                    size.with(name, value.len())
                })
            }
            None => was,
        };
        let mut counters = counters.iter();
        for (name, change) in self.changes() {
            if let Some(old) = fields.get(name.as_str()).filter(|_| is_kept(name)) {
                size = size.without(name, old.len());
            }
            let len = match change {
                FieldChange::Set(value) => Some(value.len()),
                FieldChange::Remove => None,
                FieldChange::Increment(_) => counters.next().map(|(_, value)| text_len(*value)),
            };
            size = len.map_or(size, |len| size.with(name, len));
        }
        size
    }

    /// Changes the fields, which have been checked.
    pub(crate) fn apply_checked(
        &self,
        fields: &mut Fields,
        before: Option<&Principal>,
        counters: &[(FieldName, i64)],
    ) {
        if let Some(kept) = self.kept_of(before) {
            fields.retain(|name| kept.contains(name));
        }
        for (name, change) in self.changes() {
            match change {
                FieldChange::Set(value) => fields.set(name, value.detached()),
                FieldChange::Remove => drop(fields.remove(name.as_str())),
                FieldChange::Increment(_) => {}
            }
        }
        for (name, value) in counters {
            fields.set(name, (*value).into());
        }
    }
}

/// The length of a number as text.
fn text_len(number: i64) -> usize {
    let digits = number.unsigned_abs().checked_ilog10().unwrap_or(0) + 1;
    usize::try_from(digits).unwrap_or_default() + usize::from(number < 0)
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

    #[test]
    fn the_size_of_what_a_delta_makes_is_known_before() {
        let size = |fields: &Fields| {
            let fields = fields.iter();
            fields.fold(Size::default(), |size, (name, value)| {
                size.with(name, value.len())
            })
        };
        for by in [0, 5, -5, -6, 94, 95, i64::MIN, i64::MAX - 5] {
            for delta in [
                Delta::new().increment(name("n"), by),
                Delta::new().increment(name("new"), by).set(name("s"), "x"),
                Delta::new().remove(name("s")).set(name("t"), "longer"),
                Delta::new()
                    .keep_only([name("s")])
                    .increment(name("n"), by)
                    .remove(name("u")),
            ] {
                let mut changed = fields();
                let counters = delta.apply_to(&mut changed, None).unwrap();
                let known = delta.size_after(size(&fields()), &fields(), None, &counters);
                assert_eq!(known, size(&changed), "{delta:?}");
            }
        }
    }
}
