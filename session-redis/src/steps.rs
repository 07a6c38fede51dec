//! The required steps of a backend, as async functions of an operation.
//!
//! Where a session may be stored in one of several key formats, each is tried in turn until one does not
//! say that there is no session.

mod cross_slot;
mod index;

use session_core::steps::{
    InsertAnswer, InsertRequest, ListRequest, ReadRequest, RemoveRequest, RenameAnswer,
    RenameRequest, RevokeRequest, SessionSummary, WriteAnswer, WriteRequest,
};
use session_core::{FieldChange, FieldName, Result, SessionRecord};

use crate::command::{ArgsBuilder, Command};
use crate::connection::{Connect, ReadForm};
use crate::key_format::KeyFormat;
use crate::operation::{Operation, Servers, evaluate};
use crate::reply::{self, Outcome, corrupt};
use crate::script_call::{self, FieldsBy, ScriptCall};

impl<C: Connect> Operation<'_, C> {
    pub(crate) async fn insert(&self, request: &InsertRequest) -> Result<InsertAnswer> {
        if self.keys.has_cross_slot_index() && request.session.principal().is_some() {
            return self.insert_bound(request).await;
        }
        match self
            .settled(&script_call::insert(self.keys, request, None))
            .await?
        {
            Outcome::Done(mut parts) => Ok(InsertAnswer::Inserted {
                deadline: reply::deadline(parts.next())?,
            }),
            Outcome::IdTaken => Ok(InsertAnswer::IdTaken),
            Outcome::Refused(refusal) => Ok(InsertAnswer::Refused(refusal)),
            _ => Err(corrupt()),
        }
    }

    pub(crate) async fn read(&self, request: &ReadRequest) -> Result<Option<SessionRecord>> {
        if C::READ_FORM == ReadForm::Pipeline
            && let Servers::Standalone(link) = self.servers
            && !self.keys.has_several_formats()
        {
            let connection = link.connection(self.deadline).await?;
            return self.read_pipelined(&connection, request).await;
        }
        for format in self.keys.formats() {
            let call = script_call::read(self.keys, *format, request, FieldsBy::Script);
            match self.outcome(&call).await? {
                Outcome::Done(mut parts) => {
                    let remaining = reply::remaining(parts.next())?;
                    return reply::record(remaining, parts.next().ok_or_else(corrupt)?);
                }
                Outcome::NotFound => {}
                _ => return Err(corrupt()),
            }
        }
        Ok(None)
    }

    /// By a script that slides the expiry, and `HGETALL` behind it in the same round trip. In a cluster, or
    /// where a session may have one of two keys, the slot or the key could change in between.
    async fn read_pipelined(
        &self,
        connection: &C::Connection,
        request: &ReadRequest,
    ) -> Result<Option<SessionRecord>> {
        let format = self.keys.storage().written();
        let call = script_call::read(self.keys, format, request, FieldsBy::Hgetall);
        let mut key = ArgsBuilder::default();
        key.push(&self.keys.session(&request.id));
        let fields = [Command::with_args("HGETALL", None, key.finish())];
        let [touch, fields] = evaluate(connection, [], &call, fields, self.deadline).await;
        let read = touch.and_then(|touch| reply::read(touch, fields));
        read.map_err(|error| call.checked(error))
    }

    pub(crate) async fn write(&self, request: &WriteRequest) -> Result<WriteAnswer> {
        let binds_across_slots =
            self.keys.has_cross_slot_index() && request.write.delta.principal().is_some();
        for format in self.keys.formats() {
            let answer = if binds_across_slots {
                self.write_binding(*format, request).await?
            } else {
                let call = script_call::write(self.keys, *format, request, None);
                match self.settled(&call).await? {
                    Outcome::Done(mut parts) => {
                        let counters = counters(request.write.delta.changes());
                        WriteAnswer::Written(reply::written(&mut parts, counters)?)
                    }
                    Outcome::NotFound => WriteAnswer::Gone,
                    Outcome::Refused(refusal) => WriteAnswer::Refused(refusal),
                    _ => return Err(corrupt()),
                }
            };
            if answer != WriteAnswer::Gone {
                return Ok(answer);
            }
        }
        Ok(WriteAnswer::Gone)
    }

    pub(crate) async fn rename(&self, request: &RenameRequest) -> Result<RenameAnswer> {
        for format in self.keys.formats() {
            let answer = if self.keys.has_cross_slot_index() {
                self.rename_across_slots(*format, request).await?
            } else {
                let formats = (*format, self.keys.storage().written());
                let call = script_call::rename(self.keys, formats, request, None);
                match self.settled(&call).await? {
                    Outcome::Done(mut parts) => {
                        let counters = counters(request.write.delta.changes());
                        RenameAnswer::Renamed(reply::written(&mut parts, counters)?)
                    }
                    Outcome::NotFound => RenameAnswer::Gone,
                    Outcome::IdTaken => RenameAnswer::IdTaken,
                    Outcome::Refused(refusal) => RenameAnswer::Refused(refusal),
                    _ => return Err(corrupt()),
                }
            };
            if answer != RenameAnswer::Gone {
                return Ok(answer);
            }
        }
        Ok(RenameAnswer::Gone)
    }

    pub(crate) async fn remove(&self, request: &RemoveRequest) -> Result<bool> {
        for format in self.keys.formats() {
            let call = script_call::remove(self.keys, *format, request);
            if self.end(&call, suffix(*format, request)).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(crate) async fn list(&self, request: &ListRequest) -> Result<Vec<SessionSummary>> {
        if self.keys.has_cross_slot_index() {
            self.list_across_slots(&request.principal).await
        } else {
            self.list_indexed(&request.principal).await
        }
    }

    pub(crate) async fn revoke(&self, request: &RevokeRequest) -> Result<u64> {
        if self.keys.has_cross_slot_index() {
            self.revoke_across_slots(request).await
        } else {
            self.revoke_indexed(request).await
        }
    }

    /// What a script says in the end: it is run again while it only removes entries of ended sessions.
    async fn settled(&self, call: &ScriptCall) -> Result<Outcome> {
        loop {
            match self.outcome(call).await? {
                Outcome::Again => {}
                outcome => return Ok(outcome),
            }
        }
    }
}

fn suffix(format: KeyFormat, request: &RemoveRequest) -> bytes::Bytes {
    crate::keys::suffix_in(format, &request.id).into()
}

/// The names of the fields that a delta counts, in their order.
fn counters<'a>(
    changes: impl Iterator<Item = (&'a FieldName, &'a FieldChange)>,
) -> impl Iterator<Item = &'a FieldName> {
    changes.filter_map(|(name, change)| matches!(change, FieldChange::Increment(_)).then_some(name))
}
