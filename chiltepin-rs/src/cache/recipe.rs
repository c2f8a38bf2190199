//! What a cache key is made of, and how two of these differ.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{CacheKey, KeyPart};
use crate::config::CacheMode;

/// All that decides a task's result: equal recipes, equal results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recipe {
    /// The function's stable name.
    pub(crate) function: String,
    /// What the user wrote as `version`; empty when nothing.
    pub(crate) version: String,
    pub(crate) code: Code,
    /// In the order of the function's parameters.
    pub(crate) arguments: Vec<Argument>,
}

/// Which code computes the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Code {
    /// The hash of the function's normalised body.
    Body([u8; 16]),
    /// The hash of the whole program.
    Binary([u8; 32]),
}

/// One argument of a call, by its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) digest: [u8; 32],
}

/// Under this name, which no parameter can have, the key holds which files a command declares.
pub(super) const FILES: &str = "(files)";

/// Under this one, it holds which exit codes are values.
pub(super) const EXIT_CODES: &str = "(exit codes)";

impl Recipe {
    /// The key under which the result is kept.
    ///
    /// Each part is preceded by its length, so that no two recipes share an encoding; the
    /// prefix changes whenever the encoding does.
    pub(crate) fn key(&self) -> CacheKey {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"chiltepin recipe 1\n");
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(self.function.as_bytes());
        part(self.version.as_bytes());
        match &self.code {
            Code::Body(hash) => part(hash),
            Code::Binary(hash) => part(hash),
        }
        for argument in &self.arguments {
            part(argument.name.as_bytes());
            part(&argument.digest);
        }
        CacheKey(*hasher.finalize().as_bytes())
    }
}

/// In what `now` differs from `before`; nothing when the keys are equal.
pub(crate) fn difference(before: &Recipe, now: &Recipe) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    if before.function != now.function {
        let before = before.function.clone();
        parts.push(KeyPart::Function { before });
    }
    if before.version != now.version {
        let (before, now) = (before.version.clone(), now.version.clone());
        parts.push(KeyPart::Version { before, now });
    }
    match (&before.code, &now.code) {
        (before, now) if before == now => {}
        (Code::Body(_), Code::Body(_)) => parts.push(KeyPart::Body),
        (Code::Binary(_), Code::Binary(_)) => parts.push(KeyPart::Program),
        (_, Code::Body(_)) => parts.push(KeyPart::Mode {
            now: CacheMode::Body,
        }),
        (_, Code::Binary(_)) => parts.push(KeyPart::Mode {
            now: CacheMode::Binary,
        }),
    }
    let had = by_name(&before.arguments);
    let has = by_name(&now.arguments);
    let changed = parts.len();
    let mut add = |name: &str, part: fn(String) -> KeyPart| {
        parts.push(match name {
            FILES => KeyPart::Files,
            EXIT_CODES => KeyPart::ExitCodes,
            name => part(name.to_owned()),
        });
    };
    for (name, digests) in &has {
        match had.get(name) {
            None => add(name, KeyPart::ArgumentAdded),
            Some(previous) if previous != digests => add(name, KeyPart::Argument),
            Some(_) => {}
        }
    }
    for name in had.keys().filter(|name| !has.contains_key(*name)) {
        add(name, KeyPart::ArgumentRemoved);
    }
    if parts.len() == changed && before.arguments != now.arguments {
        parts.push(KeyPart::ArgumentOrder);
    }
    parts
}

fn by_name(arguments: &[Argument]) -> BTreeMap<&str, Vec<[u8; 32]>> {
    let mut named: BTreeMap<&str, Vec<[u8; 32]>> = BTreeMap::new();
    for argument in arguments {
        named
            .entry(&argument.name)
            .or_default()
            .push(argument.digest);
    }
    named
}

/// The candidate that differs from `recipe` in the fewest parts; of several the first.
pub(crate) fn nearest<T>(
    recipe: &Recipe,
    candidates: impl IntoIterator<Item = (T, Recipe)>,
) -> Option<(T, Vec<KeyPart>)> {
    candidates
        .into_iter()
        .filter(|(_, candidate)| candidate.function == recipe.function)
        .map(|(name, candidate)| (name, difference(&candidate, recipe)))
        .min_by_key(|(_, parts)| parts.len())
}
