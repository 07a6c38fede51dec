//! A toy: sessions in files, one each, and the harness that proves it. The rules are those of
//! `session_core::rules`; what a store adds is atomicity (here: one lock) and the looking up.

#![allow(clippy::unwrap_used, reason = "a toy, and a test")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use session_conformance::{CallPath, Harness, RawHash, RawKey, Runner, Suite};
use session_core::rules::{self, State};
use session_core::steps::{
    InsertOutcome, InsertRequest, ListRequest, ReadOutcome, ReadRequest, Refusal, RemoveOutcome,
    RemoveRequest, RenameOutcome, RenameRequest, RevokeRequest, RevokeTarget, Target, WriteOutcome,
    WriteRequest,
};
use session_core::{
    Effect, Error, ErrorKind, ListPosition, ListedPage, ListedSession, OnExcess, Principal,
    PrincipalLimit, PublicId, Result, RevokedPage, SessionBackend, SessionId, SessionPolicy,
    StoredSession, Tombstone, UnixMillis, async_trait,
};

/// A folder of sessions. The time is part of it, so that a test can let it pass.
#[derive(Debug)]
struct Store {
    folder: PathBuf,
    now: UnixMillis,
}

/// What a file holds: a hash and its expiry, or something else.
type Content = (Option<RawHash>, Option<UnixMillis>);

impl Store {
    fn path(&self, id: &SessionId) -> PathBuf {
        self.folder.join(id.expose())
    }

    /// What is stored under an id; nothing once it has expired.
    fn load(&self, path: &Path) -> Option<Content> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut lines = text.lines();
        let expires_at = lines.next()?.parse().ok().map(UnixMillis::new);
        if expires_at.is_some_and(|at| at < self.now) {
            std::fs::remove_file(path).unwrap();
            return None;
        }
        let is_hash = lines.next() == Some("hash");
        let pairs = lines.map(|line| line.split_once(' ').unwrap());
        let hash = pairs.map(|(name, value)| (from_hex(name), from_hex(value)));
        Some((is_hash.then(|| hash.collect()), expires_at))
    }

    fn save(&self, path: &Path, (hash, expires_at): Content) {
        let mut text = expires_at.map_or("-".to_owned(), |at| at.get().to_string());
        text.push_str(if hash.is_some() {
            "\nhash\n"
        } else {
            "\nother\n"
        });
        for (name, value) in hash.into_iter().flatten() {
            writeln!(text, "{} {}", to_hex(&name), to_hex(&value)).unwrap();
        }
        std::fs::write(path, text).unwrap();
    }

    fn put(&self, id: &SessionId, state: &State) {
        let hash = state.session.to_hash().into_iter();
        let hash = hash.map(|(name, value)| (name.to_vec(), value.as_bytes().to_vec()));
        self.save(&self.path(id), (Some(hash.collect()), state.expires_at));
    }

    /// The tombstone under an id, if it counts.
    fn tombstone(&self, id: &SessionId) -> Option<Tombstone> {
        let (hash, _) = self.load(&self.path(id))?;
        let mut hash = hash?.into_iter();
        let (_, value) = hash.find(|(name, _)| name == b"session_rotated")?;
        Tombstone::parse(&value).filter(|tombstone| tombstone.counts(self.now))
    }

    fn bury(&self, id: &SessionId, tombstone: &Tombstone) {
        let value = tombstone.to_value().as_bytes().to_vec();
        let hash = vec![(b"session_rotated".to_vec(), value)];
        self.save(&self.path(id), (Some(hash), Some(tombstone.until())));
    }

    fn live_at(&self, path: &Path) -> Option<State> {
        let (hash, expires_at) = self.load(path)?;
        let session = StoredSession::parse(hash?).ok()?;
        let state = State {
            session,
            expires_at,
        };
        state.is_live(self.now).then_some(state)
    }

    fn live(&self, id: &SessionId) -> Option<State> {
        self.live_at(&self.path(id))
    }

    /// The listed sessions of a principal, in the order of a list.
    fn of(&self, principal: &Principal) -> Vec<(SessionId, State)> {
        let files = std::fs::read_dir(&self.folder)
            .unwrap()
            .map(|file| file.unwrap());
        let mut found: Vec<_> = files
            .filter_map(|file| {
                let id = SessionId::parse(file.file_name().to_str()?).ok()?;
                let state = self.live(&id)?;
                let (owner, deadline, public_id) = state.session.listing()?;
                (owner == *principal).then_some((deadline, public_id, id, state))
            })
            .collect();
        found.sort_by(|a, b| (a.0, a.1.as_str()).cmp(&(b.0, b.1.as_str())));
        found
            .into_iter()
            .map(|(_, _, id, state)| (id, state))
            .collect()
    }

    fn resolve(&self, target: &Target) -> Result<Option<SessionId>> {
        match target {
            Target::Id(id) => Ok(Some(id.clone())),
            Target::PublicId {
                principal,
                public_id,
            } => {
                let mut known = self.of(principal).into_iter();
                let is_meant = |state: &State| state.session.public_id() == Some(*public_id);
                Ok(known.find(|(_, state)| is_meant(state)).map(|(id, _)| id))
            }
            _ => Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        }
    }

    /// Sees to it that the session may be bound to the principal.
    fn make_room(
        &self,
        id: &SessionId,
        principal: Option<&Principal>,
        limit: Option<PrincipalLimit>,
    ) -> Result<(), Refusal> {
        let (Some(principal), Some(limit)) = (principal, limit) else {
            return Ok(());
        };
        let mut others = self.of(principal);
        others.retain(|(other, _)| other != id);
        let surplus = (others.len() + 1).saturating_sub(usize::from(limit.max.get()));
        if surplus > 0 && limit.on_excess == OnExcess::Refuse {
            return Err(Refusal::TooManySessions);
        }
        // One without a log-in sorts before all others.
        others.sort_by_key(|(_, it)| (it.session.login_at(), it.session.public_id()));
        for (other, _) in others.iter().take(surplus) {
            std::fs::remove_file(self.path(other)).unwrap();
        }
        Ok(())
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(byte).collect()
}

/// Sessions in files.
#[derive(Debug, Clone)]
struct FileBackend {
    store: Arc<Mutex<Store>>,
    policy: SessionPolicy,
}

#[async_trait]
impl SessionBackend for FileBackend {
    async fn insert(&self, request: &InsertRequest) -> Result<InsertOutcome> {
        let store = self.store.lock().unwrap();
        if store.load(&store.path(&request.id)).is_some() {
            return Ok(InsertOutcome::IdTaken);
        }
        let principal = request.session.principal();
        if let Err(why) = store.make_room(&request.id, principal.as_ref(), request.principal_limit)
        {
            return Ok(InsertOutcome::Refused(why));
        }
        let state = rules::insert(request, store.now);
        store.put(&request.id, &state);
        Ok(InsertOutcome::Inserted(state.record(store.now)))
    }

    async fn read(&self, request: &ReadRequest) -> Result<ReadOutcome> {
        let store = self.store.lock().unwrap();
        let Some(id) = store.resolve(&request.target)? else {
            return Ok(ReadOutcome::NotFound);
        };
        let Some(mut state) = store.live(&id) else {
            return Ok(match store.tombstone(&id) {
                Some(_) => ReadOutcome::Rotated,
                None => ReadOutcome::NotFound,
            });
        };
        let record = rules::read(&mut state, request, store.now);
        store.put(&id, &state);
        Ok(ReadOutcome::Found(record))
    }

    async fn write(&self, request: &WriteRequest) -> Result<WriteOutcome> {
        let store = self.store.lock().unwrap();
        let Some(id) = store.resolve(&request.target)? else {
            return Ok(WriteOutcome::NotFound);
        };
        let Some(mut state) = store.live(&id) else {
            return Ok(match store.tombstone(&id) {
                Some(_) => WriteOutcome::Rotated,
                None => WriteOutcome::NotFound,
            });
        };
        let write = &request.write;
        let done = rules::write(&mut state, write, store.now).and_then(|done| {
            store.make_room(&id, write.delta.principal(), write.principal_limit)?;
            Ok(done)
        });
        Ok(match done {
            Ok(written) => {
                store.put(&id, &state);
                WriteOutcome::Written(written)
            }
            Err(refusal) => WriteOutcome::Refused(refusal),
        })
    }

    async fn rename(&self, request: &RenameRequest) -> Result<RenameOutcome> {
        let store = self.store.lock().unwrap();
        let Some(before) = store.live(&request.from) else {
            return Ok(match store.tombstone(&request.from) {
                Some(_) => RenameOutcome::Rotated,
                None => RenameOutcome::NotFound,
            });
        };
        if store.load(&store.path(&request.to)).is_some() {
            return Ok(RenameOutcome::IdTaken);
        }
        let write = &request.write;
        let mut after = before.clone();
        let done = rules::write(&mut after, write, store.now).and_then(|done| {
            store.make_room(
                &request.from,
                write.delta.principal(),
                write.principal_limit,
            )?;
            Ok(done)
        });
        Ok(match done {
            Ok(written) => {
                let to = request.to.expose().into();
                let tombstone = rules::tombstone(request, &before, &after, to, store.now);
                store.put(&request.to, &after);
                store.bury(&request.from, &tombstone);
                RenameOutcome::Renamed(written)
            }
            Err(refusal) => RenameOutcome::Refused(refusal),
        })
    }

    async fn remove(&self, request: &RemoveRequest) -> Result<RemoveOutcome> {
        let store = self.store.lock().unwrap();
        let mut id = store.resolve(&request.target)?;
        let mut followed = Vec::new();
        while let Some(at) = id.filter(|id| !followed.contains(id)) {
            if store.live(&at).is_some() {
                std::fs::remove_file(store.path(&at)).unwrap();
                return Ok(RemoveOutcome::Removed);
            }
            let Some(tombstone) = store.tombstone(&at) else {
                break;
            };
            let successor = tombstone.successor().map(SessionId::parse);
            id = successor.and_then(|id| id.ok());
            followed.push(at);
        }
        Ok(match followed.is_empty() {
            true => RemoveOutcome::NotFound,
            false => RemoveOutcome::Rotated,
        })
    }

    async fn list(&self, request: &ListRequest) -> Result<ListedPage> {
        let position = ListPosition::of(&request.page)?;
        let mut states = self.store.lock().unwrap().of(&request.principal);
        let place = |state: &State| state.session.listing().map(|it| (it.1, it.2)).unwrap();
        states.retain(|(_, state)| position.is_before(place(state).0, place(state).1));
        let size = request.page.size.get().into();
        let is_last = states.len() <= size;
        states.truncate(size);
        let last = states
            .last()
            .filter(|_| !is_last)
            .map(|(_, state)| place(state));
        let next = last.map(|(deadline, it)| ListPosition::behind(deadline, it).cursor());
        let listed = |(_, state): &(_, State)| ListedSession::of(&state.session, &request.fields);
        Ok(ListedPage::new(
            states.iter().filter_map(listed).collect(),
            next,
        ))
    }

    async fn revoke(&self, request: &RevokeRequest) -> Result<RevokedPage> {
        let store = self.store.lock().unwrap();
        let keep = match &request.target {
            RevokeTarget::All => None,
            RevokeTarget::AllExcept(id) => Some(id),
            _ => return Err(Error::new(ErrorKind::Unsupported, Effect::NotApplied)),
        };
        ListPosition::of(&request.page)?;
        let mut others = store.of(&request.principal);
        others.retain(|(id, _)| Some(id) != keep);
        let size = request.page.size.get().into();
        for (id, _) in others.iter().take(size) {
            std::fs::remove_file(store.path(id)).unwrap();
        }
        // What has ended is on no page any more.
        let next = (others.len() > size).then(|| ListPosition::BEGINNING.cursor());
        Ok(RevokedPage::new(others.len().min(size) as u64, next))
    }

    async fn ping(&self) -> Result<()> {
        Ok(())
    }

    fn policy(&self) -> &SessionPolicy {
        &self.policy
    }
}

/// An empty folder of its own for each case.
struct FileHarness(Arc<Mutex<Store>>);

impl FileHarness {
    fn new() -> Self {
        let name = PublicId::random().unwrap();
        let folder = std::env::temp_dir().join(format!("sessions-{name}"));
        std::fs::create_dir(&folder).unwrap();
        let now = UnixMillis::from_system_time(SystemTime::now());
        Self(Arc::new(Mutex::new(Store { folder, now })))
    }
}

impl Drop for FileHarness {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.lock().unwrap().folder);
    }
}

#[async_trait]
impl Harness for FileHarness {
    async fn backend_with(&self, policy: SessionPolicy) -> Arc<dyn SessionBackend> {
        let store = Arc::clone(&self.0);
        Arc::new(FileBackend { store, policy })
    }

    async fn plant(&self, id: &SessionId, hash: RawHash, expires_in: Option<Duration>) {
        let store = self.0.lock().unwrap();
        let millis = |left: Duration| u64::try_from(left.as_millis()).unwrap();
        let expires_at = expires_in.map(|left| store.now.plus_millis(millis(left)));
        store.save(&store.path(id), (Some(hash), expires_at));
    }

    async fn plant_other_type(&self, id: &SessionId) {
        let store = self.0.lock().unwrap();
        store.save(&store.path(id), (None, None));
    }

    async fn dump(&self, id: &SessionId) -> Option<RawKey> {
        let store = self.0.lock().unwrap();
        let (hash, expires_at) = store.load(&store.path(id))?;
        let expires_in = expires_at.map(|at| at.since(store.now));
        Some(match hash {
            Some(hash) => RawKey::hash(hash, expires_in),
            None => RawKey::other_type(expires_in),
        })
    }

    async fn advance(&self, by: Duration) {
        let mut store = self.0.lock().unwrap();
        store.now = store
            .now
            .plus_millis(u64::try_from(by.as_millis()).unwrap());
    }

    async fn now(&self) -> UnixMillis {
        self.0.lock().unwrap().now
    }

    async fn index_len(&self, principal: &Principal) -> Option<usize> {
        let store = self.0.lock().unwrap();
        Some(store.of(principal).len()).filter(|len| *len > 0)
    }

    fn clock_stands_still(&self) -> bool {
        true
    }
}

fn main() -> ExitCode {
    let suite = Suite::new("files", || async { FileHarness::new() });
    let suite = suite
        .by(&[CallPath::Direct])
        .without_admin()
        .without_faults();
    Runner::new().suite(suite).run()
}
