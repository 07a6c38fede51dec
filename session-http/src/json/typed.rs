//! A struct that lives in the session, one field per member.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use session_core::FieldName;

use super::encode::to_members;
use crate::error::SessionError;
use crate::session::Session;

/// A struct whose members are fields of the session, one each. Had from [`Session::load_struct`];
/// with the feature `axum` it is an extractor.
///
/// It is the struct (it derefs to it) and what the struct was when it was loaded. What is changed
/// in it is changed in the session by [`store`](Self::store), and not by dropping it: an error
/// there could not be told.
pub struct Typed<T> {
    value: T,
    before: BTreeMap<String, String>,
    session: Session,
}

impl<T: Serialize> Typed<T> {
    pub(super) fn new(value: T, session: Session) -> Result<Self, SessionError> {
        let before = members(&value)?;
        Ok(Self {
            value,
            before,
            session,
        })
    }

    /// Changes the fields whose members differ from what was loaded, or stored last; the changes
    /// wait as those of [`insert`](Session::insert) do. A member that has become `None` has its
    /// field removed.
    ///
    /// # Errors
    /// [`SessionError::Encode`] when a member has no JSON form; a member with a reserved name;
    /// [`SessionError::Committed`]. Then nothing is changed.
    pub fn store(&mut self) -> Result<(), SessionError> {
        let now = members(&self.value)?;
        let named = |name: &String| FieldName::new(name.clone());
        let mut changes = Vec::new();
        for (name, text) in &now {
            if self.before.get(name) != Some(text) {
                changes.push((named(name)?, Some(text.clone())));
            }
        }
        for name in self.before.keys() {
            if !now.contains_key(name) {
                changes.push((named(name)?, None));
            }
        }
        for (name, text) in changes {
            match text {
                Some(text) => self.session.insert_raw(name, text)?,
                None => self.session.remove(name)?,
            }
        }
        self.before = now;
        Ok(())
    }

    /// The struct alone. Changes that were not stored are forgotten by the session.
    pub fn into_inner(self) -> T {
        self.value
    }
}

fn members<T: Serialize>(value: &T) -> Result<BTreeMap<String, String>, SessionError> {
    to_members(value).map_err(|why| SessionError::Encode {
        what: std::any::type_name::<T>().to_owned(),
        why,
    })
}

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Typed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Shows no value.
impl<T> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed")
            .field("type", &std::any::type_name::<T>())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
