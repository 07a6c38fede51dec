//! A struct that lives in the session, one field per member.

use std::any::type_name;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::Serialize;
use session_core::FieldName;

use super::encode::{MemberTexts, to_members};
use super::fault::Fault;
use crate::error::SessionError;
use crate::session::Session;

/// A struct whose members are fields of the session, one each. Created by [`Session::load_struct`];
/// with the feature `axum` it is an extractor.
///
/// It is the struct (it derefs to it) and what the struct was when it was loaded. What is changed
/// in it is changed in the session by [`store`](Self::store), and not by dropping it: an error
/// there could not be told. One that is dropped with changes that were not stored is warned of in
/// the log.
pub struct Typed<T: Serialize> {
    value: T,
    /// Whether somebody could change the value since it was loaded, or stored last.
    is_borrowed: bool,
    before: MemberTexts,
    /// The session that `before` was found in, among those of the request.
    generation: u32,
    session: Session,
}

impl<T: Serialize> Typed<T> {
    pub(super) fn new(value: T, generation: u32, session: Session) -> Result<Self, SessionError> {
        let before = members(&value)?;
        Ok(Self {
            value,
            is_borrowed: false,
            before,
            generation,
            session,
        })
    }

    /// Changes the fields whose members differ from what was loaded, or stored last; the changes
    /// wait as those of [`insert`](Session::insert) do. A member that has become `None` has its
    /// field removed.
    ///
    /// After the session was [ended](Session::destroy), or another was begun, all members are
    /// stored: none of them is in the new session.
    ///
    /// # Errors
    /// [`SessionError::Encode`] when a member has no form as a field; a member with a reserved
    /// name; [`SessionError::Committed`]. Then nothing is changed.
    pub fn store(&mut self) -> Result<(), SessionError> {
        let now = members(&self.value)?;
        let generation = self.session.with(|state| state.changes.generation());
        if generation != self.generation {
            self.before.clear();
        }
        let mut changes = Vec::new();
        for (name, text) in &now {
            if self.before.get(name) != Some(text) {
                changes.push((FieldName::new(*name)?, text.clone()));
            }
        }
        // What a struct skips is absent, too.
        for name in self.before.keys().filter(|name| !now.contains_key(*name)) {
            changes.push((FieldName::new(*name)?, None));
        }
        for (name, text) in changes {
            match text {
                Some(text) => self.session.insert_raw(name, text)?,
                None => self.session.remove(name)?,
            }
        }
        (self.before, self.generation, self.is_borrowed) = (now, generation, false);
        Ok(())
    }
}

fn members<T: Serialize>(value: &T) -> Result<MemberTexts, SessionError> {
    to_members(value).map_err(Fault::unencodable::<T>)
}

/// Changes that nobody stored are lost, which is a mistake unless the handler is on its way out.
impl<T: Serialize> Drop for Typed<T> {
    fn drop(&mut self) {
        if self.is_borrowed
            && !std::thread::panicking()
            && to_members(&self.value).ok().as_ref() != Some(&self.before)
        {
            let type_name = type_name::<T>();
            tracing::warn!(
                type_name,
                "a struct was changed and not stored: its changes are lost"
            );
        }
    }
}

impl<T: Serialize> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> DerefMut for Typed<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.is_borrowed = true;
        &mut self.value
    }
}

/// Shows no value.
impl<T: Serialize> fmt::Debug for Typed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Typed")
            .field("type", &type_name::<T>())
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
