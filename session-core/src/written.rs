//! What a write did.

use std::fmt;

use crate::field::FieldName;
use crate::record::SessionRecord;
use crate::time::Remaining;

/// What a write did. `Debug` shows which counters there are, not their values.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The counters after the step, in order of the fields' names.
    pub counters: Vec<(FieldName, i64)>,
    /// What remains of the session's life after the step.
    pub ttl: Remaining,
    /// The session after the step, if it was asked for.
    pub record: Option<SessionRecord>,
}

impl Written {
    /// A write after which so much of the session's life remains.
    pub fn new(ttl: Remaining) -> Self {
        Self {
            counters: Vec::new(),
            ttl,
            record: None,
        }
    }

    /// The value of a counter after the step.
    pub fn counter(&self, name: &str) -> Option<i64> {
        let found = self
            .counters
            .iter()
            .find(|(counter, _)| counter.as_str() == name);
        found.map(|(_, value)| *value)
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counters: Vec<_> = self.counters.iter().map(|(name, _)| name).collect();
        f.debug_struct("Written")
            .field("counters", &counters)
            .field("ttl", &self.ttl)
            .field("record", &self.record)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_counters_value() {
        let mut written = Written::new(Remaining::NoExpiry);
        let name = FieldName::new("page_views").expect("a name");
        written.counters.push((name, 4711));
        let shown = format!("{written:?}");
        let is_silent = shown.contains("page_views") && !shown.contains("4711");
        assert!(is_silent, "{shown}");
    }
}
