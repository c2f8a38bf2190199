use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chiltepin_executors::registry::{Parameter, TaskInfo};
use chiltepin_executors::wire::codec;
use chiltepin_executors::{Failure, FailureKind};

use super::EncodeError;
use super::encoder::refused;
use crate::Value;
use crate::file::{FileHashes, UnreadFile};

/// What the value of one argument comes down to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgumentDigest {
    /// The argument's name.
    pub(crate) name: &'static str,
    /// The BLAKE3 hash of its value's canonical form.
    pub(crate) digest: [u8; 32],
}

/// What the arguments of a call come down to.
#[derive(Debug, Default)]
#[cfg_attr(
    not(feature = "records"),
    expect(dead_code, reason = "results that are kept alone ask for it")
)]
pub(crate) struct Digests {
    pub(crate) arguments: Vec<ArgumentDigest>,
    /// The files that they name, each with the hash of what it held.
    pub(crate) files: Vec<(PathBuf, [u8; 32])>,
}

/// Makes digests of the arguments of a call, but for those that are left out of the cache key.
///
/// The arguments are under a lock meanwhile that others wait for, and files can be large: what they
/// hold is not looked up there. A first pass only asks for it, and where it did, a second one has
/// the answers.
pub struct Digester {
    info: &'static TaskInfo,
    /// The place of the next argument.
    place: usize,
    digests: Vec<ArgumentDigest>,
    files: Files,
}

/// What is known of files, and what is to be known for the next pass.
#[derive(Default)]
struct Files {
    known: HashMap<PathBuf, [u8; 32]>,
    /// Each with the place of its argument.
    asked: Vec<(usize, PathBuf)>,
}

/// Makes the digest of one value.
pub(crate) struct Digest<'a> {
    place: usize,
    files: &'a mut Files,
    hasher: blake3::Hasher,
}

impl Digester {
    pub(super) fn new(info: &'static TaskInfo) -> Self {
        Self {
            info,
            place: 0,
            digests: Vec::with_capacity(info.parameters.len()),
            files: Files::default(),
        }
    }

    /// Looks at the next argument.
    pub(super) fn argument(
        &mut self,
        digest: impl FnOnce(&mut Digest<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), Failure> {
        let parameter = self.info.parameters.get(self.place);
        if parameter.is_none_or(|parameter| !parameter.is_ignored) {
            let mut of_value = Digest {
                place: self.place,
                files: &mut self.files,
                hasher: blake3::Hasher::new(),
            };
            digest(&mut of_value).map_err(|error| match error {
                EncodeError::Value(error) => refused(
                    parameter,
                    format_args!("cannot be part of a cache key: {error}"),
                ),
                EncodeError::Unfaithful(error) => {
                    refused(parameter, format_args!("{}: {error}", error.problem()))
                }
                EncodeError::Missing(error) => {
                    Failure::permanent(FailureKind::Dependency(Arc::new(error)))
                }
            })?;
            let digest = of_value.hasher.finalize().into();
            let name = parameter.map_or("", |parameter| parameter.name);
            self.digests.push(ArgumentDigest { name, digest });
        }
        self.place += 1;
        Ok(())
    }

    /// Ends a pass: gives the digests, or none if there must be another pass.
    pub(super) fn finish(&mut self, hashes: &FileHashes) -> Result<Option<Digests>, Failure> {
        self.place = 0;
        let arguments = std::mem::take(&mut self.digests);
        if self.files.asked.is_empty() {
            let files = self.files.known.drain().collect();
            return Ok(Some(Digests { arguments, files }));
        }
        for (place, path) in std::mem::take(&mut self.files.asked) {
            if self.files.known.contains_key(&path) {
                continue;
            }
            let digest = hashes
                .digest(&path)
                .map_err(|error| unread(self.info.parameters.get(place), &error))?;
            self.files.known.insert(path, digest);
        }
        Ok(None)
    }
}

fn unread(parameter: Option<&Parameter>, error: &UnreadFile) -> Failure {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    refused(
        parameter,
        format_args!(
            "cannot be part of a cache key: {error}: {}",
            cause.unwrap_or_default()
        ),
    )
}

impl Digest<'_> {
    /// Takes a value in.
    pub(crate) fn value<T: Value>(&mut self, value: &T) -> Result<(), EncodeError> {
        let Self {
            place,
            files,
            hasher,
        } = self;
        let mut of_file = |path: &Path| {
            Ok(files.known.get(path).copied().unwrap_or_else(|| {
                files.asked.push((*place, path.to_owned()));
                [0; 32]
            }))
        };
        let mut sink = |bytes: &[u8]| {
            hasher.update(bytes);
        };
        codec::encode_canonical(value, &mut of_file, &mut sink).map_err(EncodeError::Value)
    }
}
