//! A store that many machines share: records as objects of an object store, under keys that are never changed.
//!
//! A record is one object, `v1/<project>/<time>-<id>.zst`: a folder for each project, the time of the run in
//! milliseconds, 15 digits, and its ID, which is the digest of its content. So writers need no lock: two of them can only
//! write the same bytes under the same key. Keys of a project sort by time; a reader lists those that it may not know,
//! and keeps the records in a store of its own.

mod address;
mod http;
mod key;

use std::{fmt, io, path::PathBuf, sync::Arc, time::Duration};

use futures_util::{StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, path::Path};
use runner_shared::bounds::{RECORD_PACKED_BYTES, SHARED_BATCH_BYTES, SHARED_RECORDS};
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::{Instant, timeout_at},
};

use crate::{Packed, RecordId};

pub use address::configures_shared_store;
pub use key::SharedKey;

/// The folder of this layout.
const LAYOUT: &str = "v1";
/// Records that are fetched at the same time: those that are waited for, and as many behind them. If so many can't be read
/// one after the other, none can.
const AT_ONCE: usize = 32;
/// Bytes of an object that is fetched together with others.
const SMALL_BYTES: u64 = SHARED_BATCH_BYTES / 32;
const _: () = assert!(AT_ONCE == 32, "as many small ones as there is room for");

/// An object that is a record by its name.
#[derive(Debug, Clone)]
pub(crate) struct Listed {
    pub key: SharedKey,
    /// A digest of what the server says of its content: one that was replaced has another one.
    pub state: RecordId,
}

impl AsRef<SharedKey> for Listed {
    fn as_ref(&self) -> &SharedKey {
        &self.key
    }
}

impl AsRef<Self> for SharedKey {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// The things that will be asked of a shared store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Records are read. A folder has to be there.
    Read,
    /// Records are added. A folder is made in the one above it.
    Write,
}

/// The time that a shared store may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// As long as requests may take, with all their tries: somebody has asked for it.
    Long,
    /// So long from its opening on, for all that is asked of it together.
    Within(Duration),
}

/// A shared store. What is asked of it blocks; it must not be used inside of an asynchronous runtime.
pub struct SharedStore {
    objects: Arc<dyn ObjectStore>,
    folder: Path,
    /// `None` once it is closed.
    runtime: Option<Runtime>,
    /// The time that it may take, and the end of that.
    deadline: Option<(Duration, Instant)>,
    address: String,
    place: String,
}

/// The reason why a shared store can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SharedError {
    /// The address is wrong.
    #[error("`{address}` is not the address of a shared store: {reason}")]
    Address {
        /// The address, without secrets.
        address: String,
        /// The fault.
        reason: String,
    },
    /// Credentials would go over a line that anybody can read.
    #[error("`{variable}` is an address without encryption (`http://`) on another machine")]
    OpenLine {
        /// The variable of the environment.
        variable: String,
    },
    /// The folder of a `file://` store can't be made.
    #[error("could not create `{}`", runner_shared::text::shown(path))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// There is no folder that a `file://` address names.
    #[error("there is no shared store in `{}`", runner_shared::text::shown(path))]
    NoFolder {
        /// The folder.
        path: PathBuf,
    },
    /// It took more time than it may.
    #[error("the object store did not answer within {} s", within.as_secs())]
    Late {
        /// The bound.
        within: Duration,
    },
    /// The object store refused, or could not be reached.
    #[error("the object store failed")]
    Objects(#[from] object_store::Error),
    /// More records than are listed.
    #[error("the shared store has more than {most} records")]
    Many {
        /// The bound.
        most: usize,
    },
    /// An object is larger than any record.
    #[error("`{key}` has more bytes than a record may have ({most})")]
    Long {
        /// The object.
        key: String,
        /// The bound.
        most: u64,
    },
    /// The runtime could not be made.
    #[error("could not prepare the connection")]
    Runtime(#[source] io::Error),
}

impl SharedStore {
    /// Opens the store at an address such as `s3://bucket/folder`. Nothing is asked of it yet. Credentials and
    /// endpoints are in `variables`, under the names that the tools of each provider use (`AWS_ACCESS_KEY_ID`,
    /// `AWS_ENDPOINT_URL`, `GOOGLE_APPLICATION_CREDENTIALS`, `AZURE_STORAGE_ACCOUNT_NAME`, ...).
    ///
    /// # Errors
    ///
    /// A wrong address or setting.
    pub fn open(
        address: &str,
        variables: impl Iterator<Item = (String, String)>,
        purpose: Purpose,
        patience: Patience,
    ) -> Result<Self, SharedError> {
        let deadline = match patience {
            Patience::Long => None,
            Patience::Within(time) => Some((time, Instant::now() + time)),
        };
        let address::Reached { objects, folder, servers } =
            address::open(address, variables, purpose)?;
        let runtime =
            Builder::new_current_thread().enable_all().build().map_err(SharedError::Runtime)?;
        let (folder, address) = (folder.join(LAYOUT), address::shown(address));
        let place = format!("{address} {}", servers.join(" "));
        Ok(Self { objects, folder, runtime: Some(runtime), deadline, address, place })
    }

    /// Waits for the end of some work, or for the end of the time.
    fn block_on<T, E: From<SharedError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let Some(runtime) = &self.runtime else {
            return Err(SharedError::Runtime(io::ErrorKind::NotConnected.into()).into());
        };
        let Some((within, end)) = self.deadline else { return runtime.block_on(work) };
        runtime.block_on(async {
            match timeout_at(end, work).await {
                Ok(done) => done,
                Err(_) => Err(SharedError::Late { within }.into()),
            }
        })
    }

    /// Returns its address, without secrets.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Returns what tells it from every other one: its address, and the server that the environment names.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Returns the keys of its records in the order of their times: of one project or all, and only those from
    /// `since_ms` on if that is given. Objects that are no records are left out.
    ///
    /// # Errors
    ///
    /// The object store can't be read, or has more records than [`SHARED_RECORDS`].
    pub fn keys(
        &self,
        project: Option<&str>,
        since_ms: Option<u64>,
    ) -> Result<Vec<SharedKey>, SharedError> {
        let listed = self.list(project, since_ms)?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }

    /// Returns the keys in the folder of a project from a time on.
    pub(crate) fn keys_in(
        &self,
        folder: &str,
        since_ms: u64,
    ) -> Result<Vec<SharedKey>, SharedError> {
        let listed = self.list_in(Some(folder), Some(since_ms))?;
        Ok(listed.into_iter().map(|listed| listed.key).collect())
    }

    /// Returns the objects with these keys.
    ///
    /// # Errors
    ///
    /// As those of [`keys`](Self::keys).
    pub(crate) fn list(
        &self,
        project: Option<&str>,
        since_ms: Option<u64>,
    ) -> Result<Vec<Listed>, SharedError> {
        self.list_in(project.map(key::folder_of).as_deref(), since_ms)
    }

    fn list_in(
        &self,
        folder: Option<&str>,
        since_ms: Option<u64>,
    ) -> Result<Vec<Listed>, SharedError> {
        let folder = folder.map(|folder| self.folder.clone().join(folder));
        let list = match (&folder, since_ms) {
            (Some(folder), Some(time)) => {
                let first = folder.clone().join(key::time(time));
                self.objects.list_with_offset(Some(folder), &first)
            }
            (folder, _) => self.objects.list(folder.as_ref().or(Some(&self.folder))),
        };
        // Some servers list more than they are asked for.
        let is_wanted = |key: &SharedKey| since_ms.is_none_or(|since| key.time_ms >= since);
        let listed = list.try_filter_map(|object| {
            let key = self.key(&object.location).filter(is_wanted);
            let listed = key.map(|key| Listed { key, state: state(&object) });
            std::future::ready(Ok(listed))
        });
        let most = SHARED_RECORDS;
        let mut listed: Vec<Listed> = self.block_on(async {
            listed.take(most + 1).try_collect().await.map_err(SharedError::from)
        })?;
        if listed.len() > most {
            return Err(SharedError::Many { most });
        }
        listed.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        listed.dedup_by(|one, other| one.key == other.key);
        Ok(listed)
    }

    /// Returns the key that an object is, if it is one.
    fn key(&self, object: &Path) -> Option<SharedKey> {
        let parts = object.prefix_match(&self.folder)?;
        let parts: Vec<String> = parts.map(|part| part.as_ref().to_owned()).collect();
        parts.join("/").parse().ok()
    }

    /// Returns whether a record is there.
    ///
    /// # Errors
    ///
    /// The object store can't be reached.
    pub fn has(&self, key: &SharedKey) -> Result<bool, SharedError> {
        let path = self.path(key);
        self.block_on(async {
            match self.objects.head(&path).await {
                Ok(_) => Ok(true),
                Err(object_store::Error::NotFound { .. }) => Ok(false),
                Err(other) => Err(other.into()),
            }
        })
    }

    /// Adds a record. One that is there is replaced by the same.
    ///
    /// # Errors
    ///
    /// The object store refuses it or can't be reached.
    pub fn add(&self, key: &SharedKey, packed: &Packed) -> Result<(), SharedError> {
        self.block_on(self.put(&self.path(key), packed))
    }

    /// Without a condition, so that a cut connection is tried again: whoever comes first, the bytes mean the same.
    async fn put(&self, path: &Path, packed: &Packed) -> Result<(), SharedError> {
        self.objects.put(path, PutPayload::from(packed.bytes.clone())).await?;
        Ok(())
    }

    /// Fetches records, several small ones at the same time, and hands each to `take` in the order of `keys`; of one that
    /// is too long or can't be read, the reason. One that has gone since it was listed is left out.
    ///
    /// # Errors
    ///
    /// The object store can't be read: many objects one after the other failed; the first error of `take`.
    pub fn fetch<K: AsRef<SharedKey>, E: From<SharedError>>(
        &self,
        keys: &[K],
        mut take: impl FnMut(&K, Result<Vec<u8>, SharedError>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut failures = 0;
        self.block_on(async {
            let mut groups = keys.chunks(AT_ONCE / 2).map(|group| (group, self.start(group)));
            let mut next = groups.next();
            while let Some((group, small)) = next {
                // These come while those before them are put away.
                next = groups.next();
                for (key, found) in group.iter().zip(arrived(small).await?) {
                    let found = match found {
                        // Alone: there is no room for several of these.
                        Err(SharedError::Long { .. }) => {
                            fetch_one(&*self.objects, &self.path(key.as_ref()), RECORD_PACKED_BYTES)
                                .await
                        }
                        other => other,
                    };
                    let is_failure = matches!(&found, Err(SharedError::Objects(_)));
                    failures = if is_failure { failures + 1 } else { 0 };
                    match found.transpose() {
                        None => {}
                        Some(Err(err)) if failures >= AT_ONCE => return Err(err.into()),
                        Some(found) => take(key, found)?,
                    }
                }
            }
            Ok(())
        })
    }

    /// Begins to fetch small objects. Each is a task of its own, which is read whatever else is waited for.
    fn start<K: AsRef<SharedKey>>(&self, group: &[K]) -> Coming {
        let mut coming = Coming::new();
        for (place, key) in group.iter().enumerate() {
            let (objects, path) = (Arc::clone(&self.objects), self.path(key.as_ref()));
            coming.spawn(async move { (place, fetch_one(&*objects, &path, SMALL_BYTES).await) });
        }
        coming
    }

    fn path(&self, key: &SharedKey) -> Path {
        self.folder.clone().join(key.folder.as_str()).join(key.name())
    }
}

/// Objects that are on their way, each with its place among them. They stay away once nobody waits for them.
type Coming = JoinSet<(usize, Fetched)>;
/// The bytes of an object; `None` if there is no such object.
type Fetched = Result<Option<Vec<u8>>, SharedError>;

/// Waits for objects, and returns them in their order.
async fn arrived(mut coming: Coming) -> Result<Vec<Fetched>, SharedError> {
    let mut all: Vec<(usize, Fetched)> = Vec::with_capacity(coming.len());
    while let Some(one) = coming.join_next().await {
        all.push(one.map_err(|err| SharedError::Runtime(io::Error::other(err)))?);
    }
    all.sort_unstable_by_key(|(place, _)| *place);
    Ok(all.into_iter().map(|(_, fetched)| fetched).collect())
}

/// Fetches an object of at most so many bytes.
async fn fetch_one(objects: &dyn ObjectStore, path: &Path, most: u64) -> Fetched {
    let found = match objects.get(path).await {
        Ok(found) => found,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    let long = || SharedError::Long { key: path.to_string(), most };
    if found.meta.size > most {
        return Err(long());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(found.meta.size).unwrap_or(0));
    let mut pieces = found.into_stream();
    while let Some(piece) = pieces.try_next().await? {
        // A server may send more than it has announced.
        if u64::try_from(bytes.len() + piece.len()).is_ok_and(|length| length > most) {
            return Err(long());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(Some(bytes))
}

/// Returns what tells the content of an object from another one under the same key.
fn state(object: &ObjectMeta) -> RecordId {
    let ObjectMeta { last_modified, size, e_tag, .. } = object;
    let tag = e_tag.as_deref().unwrap_or_default();
    RecordId::of(format!("{} {size} {tag}", last_modified.timestamp_millis()).as_bytes())
}

impl Drop for SharedStore {
    /// Leaves what still waits, such as the search for the address of a server: the time may be over.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for SharedStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedStore").field("address", &self.address).finish_non_exhaustive()
    }
}
