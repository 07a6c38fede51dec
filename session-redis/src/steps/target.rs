//! Where the session of a target may be stored.

use bytes::Bytes;
use session_core::steps::Target;
use session_core::{Effect, Error, ErrorKind, Principal, PublicId, Result};

use crate::connection::Connect;
use crate::key_format::KeyFormat;
use crate::keys::{KeySpace, suffix_of};
use crate::operation::Operation;
use crate::reply::{self, Outcome, corrupt};
use crate::script_call::{self, Owner};

/// How many entries one look for a public id looks at: under a millisecond of the server's time.
const ENTRIES: usize = 1_000;

/// How often an index is looked at when the sessions of its entries are not found: each time one
/// was moved in between.
const LOOKS: usize = 3;

/// A key where the session may be stored.
pub(super) struct Candidate<'a> {
    pub(super) key: Vec<u8>,
    /// The session is to be this one; where none is given, whichever is there.
    pub(super) owner: Option<Owner<'a>>,
}

impl Candidate<'_> {
    /// The key's, behind the prefix of these keys.
    pub(super) fn suffix(&self, keys: &KeySpace) -> Bytes {
        let suffix = self.key.get(keys.prefix().as_str().len()..);
        Bytes::copy_from_slice(suffix.unwrap_or_default())
    }
}

/// The keys where the session of a target may be stored, in the order in which they are tried.
pub(super) struct Candidates<'a> {
    target: &'a Target,
    /// The formats that are left.
    formats: std::slice::Iter<'static, KeyFormat>,
    /// The entries that were found, and are left.
    entries: Vec<Bytes>,
    /// How often the index may still be looked at.
    looks: usize,
}

impl<'a> Candidates<'a> {
    pub(super) fn of(target: &'a Target, keys: &KeySpace) -> Self {
        Self {
            target,
            formats: keys.formats().iter(),
            entries: Vec::new(),
            looks: LOOKS,
        }
    }
}

impl<C: Connect> Operation<'_, C> {
    /// The next key to try; `None` when the session is not found.
    pub(super) async fn next_candidate<'a>(
        &self,
        candidates: &mut Candidates<'a>,
    ) -> Result<Option<Candidate<'a>>> {
        match candidates.target {
            Target::Id(id) => {
                let format = candidates.formats.next();
                Ok(format.map(|format| Candidate {
                    key: self.keys.session_in(*format, id),
                    owner: None,
                }))
            }
            Target::PublicId {
                principal,
                public_id,
            } => {
                if candidates.entries.is_empty() && candidates.looks > 0 {
                    candidates.looks -= 1;
                    candidates.entries = Box::pin(self.find(principal, public_id)).await?;
                }
                let entry = candidates.entries.pop();
                Ok(entry.map(|entry| Candidate {
                    key: self.keys.with_suffix(suffix_of(&entry)),
                    owner: Some(Owner {
                        principal: principal.as_str().as_bytes(),
                        public_id: public_id.as_str().as_bytes(),
                    }),
                }))
            }
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    /// The entries of a public id in its principal's indexes: one, or none; two while a session is
    /// being moved in a cluster.
    async fn find(&self, principal: &Principal, public_id: &PublicId) -> Result<Vec<Bytes>> {
        let mut entries = Vec::new();
        for index in self.keys.indexes(principal) {
            let mut cursor = Bytes::from_static(b"0");
            loop {
                let call = script_call::find(&index, public_id.as_str(), &cursor, ENTRIES);
                let Outcome::Done(mut parts) = self.run(&call).await? else {
                    return Err(corrupt());
                };
                cursor = reply::bytes(parts.next())?;
                for entry in parts {
                    entries.push(reply::bytes(Some(entry))?);
                }
                if &*cursor == b"0" {
                    break;
                }
            }
        }
        Ok(entries)
    }
}
