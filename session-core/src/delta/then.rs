//! Two deltas in one.
//!
//! In this file *earlier* and *later* are the two deltas. The test that random pairs of them do the
//! same in one step as in two is in `rules`.

use std::collections::BTreeMap;

use super::{Binding, Delta, Expectation, FieldChange, KeepOnly, KeepWhen, Touch};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::field::FieldName;
use crate::integer::parse_integer;
use crate::log_in::LogIn;
use crate::refusal::Refusal;

impl Delta {
    /// One delta that does in one step what this one and then the later one do, wherever both
    /// succeed.
    ///
    /// Of TTLs the later one counts, if it is given. The two count as one use of the session: of
    /// the touch policies the stronger one decides ([`Touch::Always`] over [`Touch::IfOlderThan`],
    /// a shorter age over a longer one, [`Touch::Never`] last). The record is returned if either
    /// asks for it. A counter that is set and then incremented is a field that is set: its value is
    /// not among [`Written::counters`](crate::Written::counters). With a quota that evicts, only
    /// the last principal's sessions are evicted.
    ///
    /// # Errors
    /// Nothing was applied, of course. [`ErrorKind::Conflict`], [`ErrorKind::NotAnInteger`],
    /// [`ErrorKind::Overflow`] when the later delta would be refused after the earlier one, or two
    /// increments together leave the range of `i64`. [`ErrorKind::Unsupported`] when no single step
    /// does the same: the later one expects something of a field that the earlier one increments or
    /// that it removes conditionally; it unbinds what the earlier one bound; two removals of all
    /// other fields depend on different principals. Apply the earlier one first, then.
    ///
    /// ```
    /// use session_core::{Delta, FieldChange, FieldName};
    ///
    /// let views = FieldName::new("page_views")?;
    /// let earlier = Delta::new().set(views.clone(), 1);
    /// let both = earlier.then(Delta::new().increment(views, 2))?;
    /// assert_eq!(both.change("page_views"), Some(&FieldChange::Set(3.into())));
    /// # Ok::<(), session_core::Error>(())
    /// ```
    pub fn then(self, later: Self) -> Result<Self> {
        let earlier = self.spelled_out();
        let later = later.spelled_out().knowing_principal_of(&earlier)?;
        let mut both = Self {
            expectations: expectations(&earlier, &later)?,
            changes: changes(&earlier, &later)?,
            kept: kept(&earlier, &later)?,
            binding: binding(earlier.binding, later.binding)?,
            ttl: later.ttl.or(earlier.ttl),
            touch: stronger(earlier.touch, later.touch),
            returning_record: earlier.returning_record || later.returning_record,
        };
        if both.is_fresh() {
            // The log-in says it.
            both.kept = None;
        }
        Ok(both)
    }

    /// Says of the fields what it does: without a binding the principal does not change, and a
    /// conditional removal does nothing; a fresh log-in keeps none.
    fn spelled_out(mut self) -> Self {
        if self.is_fresh() {
            self = self.keep_only([]);
        } else if self.binding.is_none() {
            self.kept.take_if(|kept| is_conditional(kept));
        }
        self
    }

    /// Where the earlier delta says who the principal is, it is known whether the later one changes
    /// it.
    fn knowing_principal_of(mut self, earlier: &Self) -> Result<Self> {
        if earlier.binding.is_some() && self.kept.as_ref().is_some_and(is_conditional) {
            if self.changes_principal(earlier.principal()) {
                // The session starts again, but whether it does so in one step depends on the
                // principal before both.
                return Err(unsupported());
            }
            self.kept = None;
        }
        Ok(self)
    }
}

fn is_conditional(kept: &KeepOnly) -> bool {
    kept.when == KeepWhen::IfPrincipalChanges
}

fn unsupported() -> Error {
    Error::new(ErrorKind::Unsupported, Effect::NotApplied)
        .with_source("no single step does what the two changes do: apply them one after the other")
}

/// What the later delta finds in a field.
enum Found {
    /// What was there before both.
    AsBefore,
    /// This, whatever was there.
    Known(Expectation),
    /// It depends on what was there, or on the principal.
    Unknown,
}

fn found(earlier: &Delta, name: &FieldName) -> Found {
    match (earlier.changes.get(name), &earlier.kept) {
        (Some(FieldChange::Set(value)), _) => Found::Known(Expectation::Equals(value.clone())),
        (Some(FieldChange::Remove), _) => Found::Known(Expectation::Absent),
        (Some(FieldChange::Increment(_)), _) => Found::Unknown,
        (None, Some(kept)) if !kept.names.contains(name) => match kept.when {
            KeepWhen::Always => Found::Known(Expectation::Absent),
            KeepWhen::IfPrincipalChanges => Found::Unknown,
        },
        (None, _) => Found::AsBefore,
    }
}

fn expectations(earlier: &Delta, later: &Delta) -> Result<BTreeMap<FieldName, Expectation>> {
    let mut all = earlier.expectations.clone();
    for (name, expected) in &later.expectations {
        let holds = match found(earlier, name) {
            Found::AsBefore => {
                *all.entry(name.clone()).or_insert_with(|| expected.clone()) == *expected
            }
            Found::Known(known) => known == *expected,
            Found::Unknown => return Err(unsupported()),
        };
        if !holds {
            return Err(Refusal::Conflict.into());
        }
    }
    Ok(all)
}

fn kept(earlier: &Delta, later: &Delta) -> Result<Option<KeepOnly>> {
    match (&earlier.kept, &later.kept) {
        (_, kept) if later.is_fresh() => Ok(kept.clone()),
        (Some(kept), None)
            if is_conditional(kept)
                && later.binding.is_some()
                && later.principal() != earlier.principal() =>
        {
            // Whether the earlier one removes fields depends on another principal.
            Err(unsupported())
        }
        (kept, None) | (None, kept) => Ok(kept.clone()),
        (Some(a), Some(b)) if is_conditional(a) || is_conditional(b) => Err(unsupported()),
        (Some(a), Some(b)) => Ok(Some(KeepOnly {
            names: a.names.intersection(&b.names).cloned().collect(),
            when: KeepWhen::Always,
        })),
    }
}

fn changes(earlier: &Delta, later: &Delta) -> Result<BTreeMap<FieldName, FieldChange>> {
    let mut all = earlier.changes.clone();
    if let Some(kept) = &later.kept {
        for (name, change) in &earlier.changes {
            if kept.names.contains(name) {
                continue;
            }
            match (kept.when, change, later.changes.get(name)) {
                // The later one removes the field first, whatever the earlier one made of it.
                (KeepWhen::Always, ..) => {
                    all.remove(name);
                }
                // The field ends the same, removed or not.
                (_, FieldChange::Remove, _)
                | (_, _, Some(FieldChange::Set(_) | FieldChange::Remove)) => {}
                _ => return Err(unsupported()),
            }
        }
    }
    for (name, change) in &later.changes {
        let change = match (all.get(name), change) {
            (Some(FieldChange::Set(value)), FieldChange::Increment(by)) => {
                let value = parse_integer(value.as_bytes()).ok_or(Refusal::NotAnInteger)?;
                FieldChange::Set(sum(value, *by)?.into())
            }
            (Some(FieldChange::Remove), FieldChange::Increment(by)) => {
                FieldChange::Set((*by).into())
            }
            (Some(FieldChange::Increment(earlier)), FieldChange::Increment(by)) => {
                FieldChange::Increment(sum(*earlier, *by)?)
            }
            (_, change) => change.clone(),
        };
        all.insert(name.clone(), change);
    }
    Ok(all)
}

fn sum(a: i64, b: i64) -> Result<i64, Refusal> {
    a.checked_add(b).ok_or(Refusal::Overflow)
}

fn binding(earlier: Option<Binding>, later: Option<Binding>) -> Result<Option<Binding>> {
    Ok(match (earlier, later) {
        // The binding fixes a deadline that stays, which unbinding alone does not.
        (Some(Binding::Bind(_)), Some(Binding::Unbind)) => return Err(unsupported()),
        // So does one that another follows, unless the session starts again with that; what else
        // it brings, that one replaces or removes.
        (Some(Binding::Bind(earlier)), Some(Binding::Bind(later))) if !later.fresh => {
            Some(Binding::Bind(LogIn {
                lifetime: later.lifetime.or(earlier.lifetime),
                fresh: earlier.fresh,
                ..later
            }))
        }
        (earlier, later) => later.or(earlier),
    })
}

fn stronger(a: Touch, b: Touch) -> Touch {
    match (a, b) {
        (Touch::Always, _) | (_, Touch::Always) => Touch::Always,
        (Touch::IfOlderThan(a), Touch::IfOlderThan(b)) => Touch::IfOlderThan(a.min(b)),
        (Touch::IfOlderThan(age), Touch::Never) | (Touch::Never, Touch::IfOlderThan(age)) => {
            Touch::IfOlderThan(age)
        }
        (Touch::Never, Touch::Never) => Touch::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifetime::Lifetime;
    use crate::principal::Principal;
    use crate::ttl::SessionTtl;
    use std::time::Duration;

    fn name(text: &'static str) -> FieldName {
        FieldName::new(text).unwrap()
    }

    fn principal(text: &'static str) -> Principal {
        Principal::new(text).unwrap()
    }

    fn kind(earlier: Delta, later: Delta) -> ErrorKind {
        let error = earlier.then(later).unwrap_err();
        assert_eq!(error.effect(), Effect::NotApplied);
        error.kind()
    }

    #[test]
    fn changes_of_one_field_become_one() {
        let earlier = Delta::new()
            .set(name("set"), "40")
            .remove(name("removed"))
            .increment(name("counted"), 40)
            .set(name("stays"), "1");
        let add = Delta::new()
            .increment(name("set"), 2)
            .increment(name("removed"), 2)
            .increment(name("counted"), 2);
        let both = earlier.clone().then(add).unwrap();
        let expected = Delta::new()
            .set(name("set"), "42")
            .set(name("removed"), "2")
            .increment(name("counted"), 42)
            .set(name("stays"), "1");
        assert_eq!(both, expected);
        let text = Delta::new().set(name("set"), "text");
        let one = || Delta::new().increment(name("set"), 1);
        assert_eq!(kind(text, one()), ErrorKind::NotAnInteger);
        let most = Delta::new().set(name("set"), i64::MAX);
        assert_eq!(kind(most, one()), ErrorKind::Overflow);
        let most = Delta::new().increment(name("set"), i64::MAX);
        assert_eq!(kind(most, one()), ErrorKind::Overflow);
    }

    #[test]
    fn a_later_removal_of_all_others_swallows_what_came_before_it() {
        let earlier = Delta::new()
            .set(name("kept"), "1")
            .set(name("swallowed"), "2")
            .increment(name("restarts"), 5)
            .keep_only([name("a"), name("b")]);
        let later = Delta::new()
            .keep_only([name("b"), name("c"), name("kept")])
            .increment(name("restarts"), 1);
        let expected = Delta::new()
            .keep_only([name("b")])
            .set(name("kept"), "1")
            .increment(name("restarts"), 1);
        assert_eq!(earlier.then(later).unwrap(), expected);
    }

    #[test]
    fn later_expectations_are_checked_where_the_value_is_known() {
        let earlier = || {
            Delta::new()
                .expect_value(name("old"), "1")
                .set(name("set"), "2")
                .remove(name("removed"))
                .increment(name("counted"), 1)
        };
        let later = Delta::new()
            .expect_value(name("old"), "1")
            .expect_value(name("set"), "2")
            .expect_absent(name("removed"))
            .expect_absent(name("new"));
        let expected = earlier().expect_absent(name("new"));
        assert_eq!(earlier().then(later).unwrap(), expected);
        for conflict in [
            Delta::new().expect_value(name("old"), "2"),
            Delta::new().expect_absent(name("old")),
            Delta::new().expect_value(name("set"), "1"),
            Delta::new().expect_absent(name("set")),
            Delta::new().expect_value(name("removed"), ""),
        ] {
            assert_eq!(kind(earlier(), conflict), ErrorKind::Conflict);
        }
        let counted = Delta::new().expect_value(name("counted"), "1");
        assert_eq!(kind(earlier(), counted), ErrorKind::Unsupported);
        let cleared = || Delta::new().keep_only([name("kept")]);
        let absent = Delta::new().expect_absent(name("x"));
        assert_eq!(cleared().then(absent).unwrap(), cleared());
    }

    #[test]
    fn bindings_become_one_where_one_does_the_same() {
        let (ann, bob) = (principal("ann"), principal("bob"));
        let (short, long) = (Lifetime::MIN, Lifetime::MAX);
        let bind = || Delta::new().bind_for(ann.clone(), short);
        let both = bind().then(Delta::new().bind(bob.clone())).unwrap();
        assert_eq!(both, Delta::new().bind_for(bob.clone(), short));
        let both = bind().then(Delta::new().bind_for(bob.clone(), long));
        assert_eq!(both.unwrap(), Delta::new().bind_for(bob.clone(), long));
        // A log-in that does not say whether it is persistent removes what the former said.
        for later in [None, Some(false)] {
            let persistent = Delta::new().bind(LogIn::new(ann.clone()).persistent(true));
            let mut log_in = LogIn::new(ann.clone());
            log_in.persistent = later;
            let log_in = Delta::new().bind(log_in);
            assert_eq!(persistent.then(log_in.clone()).unwrap(), log_in);
        }
        // A fresh one leaves nothing of what came before it, and one that follows it leaves that
        // so.
        let fresh = |who: &Principal| Delta::new().bind(LogIn::new(who.clone()).fresh());
        let before = bind().set(name("cart"), "1").keep_only([name("cart")]);
        assert_eq!(before.clone().then(fresh(&bob)).unwrap(), fresh(&bob));
        let cart = Delta::new().expect_absent(name("cart"));
        assert_eq!(fresh(&bob).then(cart).unwrap(), fresh(&bob));
        let both = fresh(&ann).then(before).unwrap();
        let mut log_in = LogIn::new(ann.clone()).lifetime(short);
        log_in.fresh = true;
        assert_eq!(both, Delta::new().bind(log_in).set(name("cart"), "1"));
        let both = Delta::new().unbind().then(bind());
        assert_eq!(both.unwrap(), bind());
        assert_eq!(kind(bind(), Delta::new().unbind()), ErrorKind::Unsupported);
    }

    #[test]
    fn removals_that_depend_on_the_principal_are_one_step_or_none() {
        let (ann, bob) = (principal("ann"), principal("bob"));
        let log_in = |who: &Principal| {
            Delta::new()
                .bind(who.clone())
                .keep_only_if_principal_changes([name("theme")])
        };
        // The same principal again: the later removal does nothing.
        assert_eq!(log_in(&ann).then(log_in(&ann)).unwrap(), log_in(&ann));
        assert_eq!(kind(log_in(&ann), log_in(&bob)), ErrorKind::Unsupported);
        let bind = |who: &Principal| Delta::new().bind(who.clone());
        assert_eq!(kind(log_in(&ann), bind(&bob)), ErrorKind::Unsupported);
        assert_eq!(kind(bind(&ann), log_in(&bob)), ErrorKind::Unsupported);
        // A removal without a binding does nothing, and must not be given one.
        let idle = Delta::new().keep_only_if_principal_changes([]);
        assert_eq!(idle.clone().then(bind(&ann)).unwrap(), bind(&ann));
        assert_eq!(bind(&ann).then(idle).unwrap(), bind(&ann));
        // A field that was set before must go if the principal changes, and stay if not.
        let set = Delta::new().set(name("cart"), "1");
        assert_eq!(kind(set, log_in(&ann)), ErrorKind::Unsupported);
        // One that ends the same in either case may come before.
        let removed = || Delta::new().remove(name("cart"));
        let both = removed().then(log_in(&ann)).unwrap();
        assert_eq!(both, log_in(&ann).remove(name("cart")));
        let set = Delta::new().set(name("cart"), "1");
        let again = || log_in(&ann).set(name("cart"), "2");
        assert_eq!(set.then(again()).unwrap(), again());
        let set = Delta::new().set(name("theme"), "dark");
        let both = set.then(log_in(&ann)).unwrap();
        assert_eq!(both, log_in(&ann).set(name("theme"), "dark"));
    }

    #[test]
    fn the_stronger_touch_and_the_later_ttl_count() {
        let age = |secs| Touch::IfOlderThan(Duration::from_secs(secs));
        let order = [Touch::Always, age(1), age(2), Touch::Never];
        for (i, a) in order.into_iter().enumerate() {
            for (j, b) in order.into_iter().enumerate() {
                let stronger = order[i.min(j)];
                let both = Delta::new().touch(a).then(Delta::new().touch(b)).unwrap();
                assert_eq!(both.touch_policy(), stronger);
            }
        }
        let earlier = Delta::new().ttl(SessionTtl::MIN).returning_record();
        let both = earlier.clone().then(Delta::new()).unwrap();
        assert_eq!(both, earlier);
        let both = earlier.then(Delta::new().ttl(SessionTtl::MAX)).unwrap();
        assert_eq!(both.new_ttl(), Some(SessionTtl::MAX));
    }
}
