//! Typed values by serde.

pub(crate) mod decode;
pub(crate) mod encode;
mod fault;
mod typed;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::fault::Fault;
pub use self::typed::Typed;
use crate::error::SessionError;
use crate::session::Session;
use crate::state::Purpose;

/// # Structs
///
/// A struct can live in the session, one field per member, each stored as
/// [`insert`](Session::insert) stores it.
impl Session {
    /// A struct whose members are fields of the session, one each.
    ///
    /// [`Typed::store`] then changes only the fields whose members have changed, so that concurrent
    /// requests that change different members do not lose each other's.
    ///
    /// # Returns
    /// The struct, with serde's defaults for members whose fields are absent: `None` for an
    /// `Option`, what `#[serde(default)]` says for others. Without a session all fields are absent.
    ///
    /// # Errors
    /// [`SessionError::Decode`] when a field holds something else than its member's type (unless
    /// [`Undecodable`](crate::Undecodable) says otherwise), or is absent and has no default. Always
    /// for a type that does not say which members it has: a map, or a struct with a flattened
    /// member. [`SessionError::Encode`] for a default that no field can hold, and
    /// [`SessionError::Backend`].
    ///
    /// # Example
    /// ```
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Serialize, Deserialize, Default)]
    /// #[serde(default)]
    /// struct Visitor {
    ///     username: Option<String>,
    ///     cart: Vec<u32>,
    /// }
    ///
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// let mut visitor = session.load_struct::<Visitor>().await?;
    /// visitor.cart.push(7);
    /// visitor.store()?; // changes the field `cart`, and no other
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load_struct<T>(&self) -> Result<Typed<T>, SessionError>
    where
        T: Serialize + DeserializeOwned,
    {
        let generation = self.with(|state| state.changes.generation());
        let mut fields = self.fields().await?;
        loop {
            let fault = match decode::from_fields(&fields) {
                Ok(value) => return Typed::new(value, generation, self.clone()),
                Err(fault) => fault,
            };
            let taken = fault.field().and_then(|name| fields.remove(name));
            if taken.is_none() {
                return Err(fault.undecodable::<T>());
            }
            self.has_undecodable::<T>(&fault, Purpose::Use)?;
        }
    }
}

#[cfg(test)]
mod tests;
