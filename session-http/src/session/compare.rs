//! Changing what another request may be changing, too.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use session_core::{FieldValue, IntoFieldName};

use crate::error::SessionError;
use crate::json::decode::{self, Form};
use crate::json::encode;
use crate::session::{Session, unless_unencodable};
use crate::sessions::Undecodable;

/// # Changing what others change
///
/// Two tabs share a session. What one of them computes from a field and [inserts](Session::insert)
/// takes the other's change away, if that came in between. These compare and set: the step is
/// refused where the field is no longer what was read, and is then repeated with what it has
/// become. They are applied at once, each in a step of its own; changes that wait go on waiting.
impl Session {
    /// Changes a field by what it holds, and loses no other request's change.
    ///
    /// `change` gets the value, or `None` where there is none, and returns the new one. It is
    /// called again where another request was faster.
    ///
    /// # Returns
    /// The new value.
    ///
    /// # Atomicity
    /// The field is changed if it still holds what `change` was given; else nothing is changed.
    ///
    /// # Errors
    /// [`Conflict`](session_core::ErrorKind::Conflict), when other requests were faster each of 16
    /// times. [`SessionError::Decode`], [`SessionError::Encode`], a limit,
    /// [`SessionError::Backend`]; [`SessionError::ChangesDropped`] when the session ended or was
    /// rotated; [`SessionError::Committed`].
    ///
    /// # Cancellation
    /// An update that has begun goes on, at the latest with the commit.
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// let cart: Vec<u32> = session
    ///     .update("cart", |cart: Option<Vec<u32>>| {
    ///         let mut cart = cart.unwrap_or_default();
    ///         cart.push(7);
    ///         cart
    ///     })
    ///     .await?;
    /// println!("{} things in the cart", cart.len());
    /// # Ok(())
    /// # }
    /// ```
    #[doc(alias = "compare_and_set")]
    pub async fn update<T, F>(
        &self,
        name: impl IntoFieldName,
        mut change: F,
    ) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnMut(Option<T>) -> T + Send + 'static,
    {
        self.replace(name, move |value| Choice::Set(change(value)))
            .await
    }

    /// Sets a field unless it has a value: the first of several requests decides. For what is drawn
    /// once per session, a token against forged requests (CSRF), say.
    ///
    /// # Returns
    /// The value that the field has now.
    ///
    /// # Atomicity
    /// As [`update`](Self::update).
    ///
    /// # Errors
    /// As [`update`](Self::update).
    ///
    /// # Cancellation
    /// As [`update`](Self::update).
    ///
    /// # Example
    /// ```
    /// # async fn example(session: session_http::Session) -> Result<(), session_http::SessionError> {
    /// let drawn = session_core::SessionId::random()?.expose().to_owned();
    /// let token: String = session.insert_if_absent("csrf_token", drawn).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn insert_if_absent<T>(
        &self,
        name: impl IntoFieldName,
        value: T,
    ) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Clone + Send + 'static,
    {
        self.replace(name, move |present| match present {
            Some(present) => Choice::Keep(present),
            None => Choice::Set(value.clone()),
        })
        .await
    }

    async fn replace<T, F>(
        &self,
        name: impl IntoFieldName,
        mut choose: F,
    ) -> Result<T, SessionError>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
        F: FnMut(Option<T>) -> Choice<T> + Send + 'static,
    {
        let name = name.into_field_name()?;
        self.open(|_| ())?;
        let removes_undecodable = self.settings().undecodable == Undecodable::Remove;
        let conversation = Arc::clone(self.conversation());
        let field = name.clone();
        let change = move |stored: Option<FieldValue>| {
            let stored = stored.map(|stored| decode::from_value(&stored, Form::Field));
            let value = match stored.transpose() {
                Err(fault) if removes_undecodable && !fault.is_of_type => None,
                decoded => {
                    decoded.map_err(|fault| fault.in_field(field.as_str()).undecodable::<T>())?
                }
            };
            Ok(match choose(value) {
                Choice::Keep(value) => (None, value),
                Choice::Set(value) => {
                    let text = unless_unencodable(&field, encode::to_text(&value))?;
                    (Some(text.map(FieldValue::from)), value)
                }
            })
        };
        let replace = async move { conversation.replace(name, change).await };
        self.run(replace).await
    }
}

/// What becomes of a field: its value is the answer.
enum Choice<T> {
    Keep(T),
    Set(T),
}
