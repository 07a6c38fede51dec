//! The named fields of a session, as a small ordered map.

use std::fmt;
use std::sync::Arc;

use crate::field::{FieldName, FieldValue};

/// The named fields of a session, ordered by name, each name once.
///
/// ```
/// use session_core::{FieldName, Fields};
///
/// let fields = Fields::new()
///     .with(FieldName::new("username")?, "andrew")
///     .with(FieldName::new("page_views")?, 1);
/// assert_eq!(fields.get_str("username"), Some("andrew"));
/// assert_eq!(fields.len(), 2);
/// # Ok::<(), session_core::ReservedFieldName>(())
/// ```
///
/// Those of a record are shared: a clone of them copies nothing, and a change of a clone copies
/// them first.
// A sorted list: sessions have a handful of fields, and one allocation holds them all.
#[derive(Clone)]
pub struct Fields(List);

type Field = (FieldName, FieldValue);

#[derive(Clone)]
enum List {
    Own(Vec<Field>),
    /// Never empty: all empty ones would share one count of references, which every clone writes.
    Shared(Arc<[Field]>),
}

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Self(List::Own(Vec::new()))
    }

    /// These fields and one more; the value replaces an earlier one of the same name.
    #[must_use]
    pub fn with(mut self, name: FieldName, value: impl Into<FieldValue>) -> Self {
        self.insert(name, value.into());
        self
    }

    /// Sets a field and returns the value it replaced.
    pub fn insert(&mut self, name: FieldName, value: FieldValue) -> Option<FieldValue> {
        match self.position(name.as_str()) {
            Ok(index) => self.replace(index, value),
            Err(index) => {
                self.change(|fields| fields.insert(index, (name, value)));
                None
            }
        }
    }

    /// Sets a field, of which it copies the name only if there is none.
    pub(crate) fn set(&mut self, name: &FieldName, value: FieldValue) {
        match self.position(name.as_str()) {
            Ok(index) => drop(self.replace(index, value)),
            Err(index) => self.change(|fields| fields.insert(index, (name.clone(), value))),
        }
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<FieldValue> {
        let index = self.position(name).ok()?;
        Some(self.change(|fields| fields.remove(index).1))
    }

    /// Removes the fields whose names do not pass.
    pub(crate) fn retain(&mut self, passes: impl Fn(&FieldName) -> bool) {
        if !self.as_slice().iter().all(|(name, _)| passes(name)) {
            self.change(|fields| fields.retain(|(name, _)| passes(name)));
        }
    }

    /// The same fields, in a form whose clones share them.
    pub(crate) fn shared(self) -> Self {
        match self.0 {
            List::Own(fields) if fields.is_empty() => Self::new(),
            List::Own(fields) => Self(List::Shared(fields.into())),
            List::Shared(_) => self,
        }
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&FieldValue> {
        let index = self.position(name).ok()?;
        self.as_slice().get(index).map(|(_, value)| value)
    }

    /// The value of a field as text; `None` when it is absent or not UTF-8.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().ok()
    }

    /// Whether there is a field of this name.
    pub fn contains(&self, name: &str) -> bool {
        self.position(name).is_ok()
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The fields in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FieldName, &FieldValue)> + Clone {
        self.as_slice().iter().map(|(name, value)| (name, value))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.as_slice()
            .binary_search_by(|(probe, _)| probe.as_str().cmp(name))
    }

    fn as_slice(&self) -> &[Field] {
        match &self.0 {
            List::Own(fields) => fields,
            List::Shared(fields) => fields,
        }
    }

    /// Puts a value in the place of another: where it is if nobody shares it, else in a copy.
    fn replace(&mut self, index: usize, value: FieldValue) -> Option<FieldValue> {
        let put = |fields: &mut [Field]| {
            let (_, old) = fields.get_mut(index)?;
            Some(std::mem::replace(old, value))
        };
        match &mut self.0 {
            List::Own(fields) => put(fields),
            List::Shared(fields) => match Arc::get_mut(fields) {
                Some(fields) => put(fields),
                None => self.change(|fields| put(fields)),
            },
        }
    }

    /// Changes the fields, of which it makes a copy first if they may be shared.
    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Field>) -> T) -> T {
        let mut fields = match std::mem::take(&mut self.0) {
            List::Own(fields) => fields,
            List::Shared(fields) => {
                let fields = fields.iter();
                let copy = fields.map(|(name, value)| (name.clone(), value.detached()));
                copy.collect()
            }
        };
        let done = change(&mut fields);
        self.0 = List::Own(fields);
        done
    }
}

impl Default for List {
    fn default() -> Self {
        Self::Own(Vec::new())
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Fields {}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl FromIterator<(FieldName, FieldValue)> for Fields {
    fn from_iter<I: IntoIterator<Item = (FieldName, FieldValue)>>(iter: I) -> Self {
        let mut fields: Vec<_> = iter.into_iter().collect();
        // Stable sort, then keep the last of each name, as repeated `insert` would.
        fields.sort_by(|a, b| a.0.cmp(&b.0));
        fields.reverse();
        fields.dedup_by(|a, b| a.0 == b.0);
        fields.reverse();
        Self(List::Own(fields))
    }
}

impl Extend<(FieldName, FieldValue)> for Fields {
    fn extend<I: IntoIterator<Item = (FieldName, FieldValue)>>(&mut self, iter: I) {
        for (name, value) in iter {
            self.insert(name, value);
        }
    }
}

impl IntoIterator for Fields {
    type Item = (FieldName, FieldValue);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        let fields = match self.0 {
            List::Own(fields) => fields,
            List::Shared(fields) => fields.to_vec(),
        };
        fields.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &'static str) -> FieldName {
        FieldName::new(text).unwrap()
    }

    #[test]
    fn the_last_value_of_a_name_wins_however_the_fields_are_built() {
        let pairs = [("b", "1"), ("a", "2"), ("b", "3")];
        let collected: Fields = pairs
            .iter()
            .map(|(n, v)| (name(n), FieldValue::from(*v)))
            .collect();
        let mut extended = Fields::new();
        extended.extend(pairs.iter().map(|(n, v)| (name(n), FieldValue::from(*v))));
        assert_eq!(collected, extended);
        assert_eq!(collected.get_str("b"), Some("3"));
        assert_eq!(
            collected
                .iter()
                .map(|(n, _)| n.as_str())
                .collect::<Vec<_>>(),
            ["a", "b"]
        );
    }

    #[test]
    fn insert_and_remove_return_what_was_there() {
        let mut fields = Fields::new().with(name("a"), "1");
        assert_eq!(fields.insert(name("a"), "2".into()), Some("1".into()));
        assert_eq!(fields.remove("a"), Some("2".into()));
        assert_eq!(fields.remove("a"), None);
        assert!(fields.is_empty());
    }

    #[test]
    fn a_change_of_shared_fields_is_in_no_clone() {
        let fields = Fields::new().with(name("a"), "1").with(name("b"), "2");
        let changes: [fn(&mut Fields); 5] = [
            |fields| drop(fields.insert(name("a"), "3".into())),
            |fields| drop(fields.insert(name("c"), "3".into())),
            |fields| fields.set(&name("b"), "3".into()),
            |fields| drop(fields.remove("b")),
            |fields| fields.retain(|name| name.as_str() == "a"),
        ];
        for change in changes {
            let (mut own, shared) = (fields.clone(), fields.clone().shared());
            let (mut copy, mut only) = (shared.clone(), fields.clone().shared());
            assert!(matches!(copy.0, List::Shared(_)));
            for changed in [&mut own, &mut copy, &mut only] {
                change(changed);
            }
            assert_eq!((&copy, &only), (&own, &own));
            assert_ne!(own, fields);
            assert_eq!(shared, fields);
        }
        let emptied = Fields::new().with(name("a"), "1");
        let mut emptied = emptied.shared();
        emptied.remove("a");
        assert!(matches!(emptied.shared().0, List::Own(fields) if fields.capacity() == 0));
    }
}
