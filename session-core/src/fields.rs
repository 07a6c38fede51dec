//! The named fields of a session, as a small ordered map.

use std::fmt;

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
// A sorted vector: sessions have a handful of fields, and one allocation holds them all.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields(Vec<(FieldName, FieldValue)>);

impl Fields {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
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
            Ok(index) => self
                .0
                .get_mut(index)
                .map(|slot| std::mem::replace(&mut slot.1, value)),
            Err(index) => {
                self.0.insert(index, (name, value));
                None
            }
        }
    }

    /// Removes a field and returns its value.
    pub fn remove(&mut self, name: &str) -> Option<FieldValue> {
        self.position(name).ok().map(|index| self.0.remove(index).1)
    }

    /// Removes the fields whose names do not pass.
    pub(crate) fn retain(&mut self, passes: impl Fn(&FieldName) -> bool) {
        self.0.retain(|(name, _)| passes(name));
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<&FieldValue> {
        let index = self.position(name).ok()?;
        self.0.get(index).map(|(_, value)| value)
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
        self.0.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields in order of their names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&FieldName, &FieldValue)> + Clone {
        self.0.iter().map(|(name, value)| (name, value))
    }

    fn position(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(probe, _)| probe.as_str().cmp(name))
    }
}

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
        Self(fields)
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
        self.0.into_iter()
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
}
