use std::collections::HashMap;
use std::sync::Arc;

use super::super::event::{Event, NameId, Text, What};

/// After so many bytes everything is named again: a program that gives each of millions of tasks a
/// name of its own must not have all of them in memory, and where a part of the file is damaged,
/// what comes long after it is to be understood.
const RENAMED: usize = 4 << 20;

/// Turns events into bytes: texts into numbers, each text written before it is meant.
#[derive(Default)]
pub(super) struct Scribe {
    functions: HashMap<usize, NameId>,
    words: HashMap<Arc<str>, NameId>,
    last: u32,
    /// What the run is, which is told again with the names.
    started: Option<Event<Text>>,
    /// Bytes since the names were told last.
    since: usize,
    /// Encoded events.
    bytes: Vec<u8>,
    count: u32,
}

impl Scribe {
    /// Adds an event to the list.
    pub(super) fn add(&mut self, event: &Event<Text>) {
        let at = event.at;
        if let What::RunStarted(_) = event.what {
            self.started = Some(event.clone());
        }
        if self.since >= RENAMED {
            self.functions.clear();
            self.words.clear();
            self.since = 0;
            if let Some(started) = &self.started {
                let started = started.map(&mut |_| NameId(0));
                self.put(&started);
            }
        }
        let event = event.map(&mut |text| self.name(at, text));
        self.put(&event);
    }

    fn name(&mut self, at: u64, text: &Text) -> NameId {
        let words = match text {
            Text::Function(info) => {
                let key = std::ptr::from_ref(*info).addr();
                if let Some(known) = self.functions.get(&key) {
                    return *known;
                }
                let name = self.define(at, &info.registered_name());
                self.functions.insert(key, name);
                return name;
            }
            Text::Words(words) => words,
        };
        if let Some(known) = self.words.get(words) {
            return *known;
        }
        let name = self.define(at, words);
        self.words.insert(Arc::clone(words), name);
        name
    }

    fn define(&mut self, at: u64, text: &str) -> NameId {
        // Four billion names need more than their count in bytes; the file is full before.
        self.last = self.last.wrapping_add(1);
        let name = NameId(self.last);
        let text = text.to_owned();
        let what = What::Named { name, text };
        self.put(&Event { at, what });
        name
    }

    fn put(&mut self, event: &Event<NameId>) {
        let bytes = std::mem::take(&mut self.bytes);
        let before = bytes.len();
        // Writing to memory fails for what postcard has no form for; an event has none of that.
        match postcard::to_extend(event, bytes) {
            Ok(bytes) => {
                self.count += u32::from(bytes.len() > before);
                self.since += bytes.len() - before;
                self.bytes = bytes;
            }
            Err(_) => self.count = 0,
        }
    }

    /// How many events have come together, names among them.
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// How many bytes have come together.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The list, for one frame; none where it is empty.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        if self.count == 0 {
            return None;
        }
        // As postcard writes a list: its length, then its elements.
        let mut payload = Vec::with_capacity(self.bytes.len() + 5);
        payload = postcard::to_extend(&self.count, payload).unwrap_or_default();
        payload.extend_from_slice(&self.bytes);
        self.bytes.clear();
        self.count = 0;
        Some(payload)
    }
}
