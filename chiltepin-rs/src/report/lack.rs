//! What a task lacks of an executor's room. Pure.

use std::collections::BTreeMap;

use serde::Serialize;

use super::event::Room;
use super::record::{AttemptRecord, TaskRecord};

/// What there is too little of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Lack {
    /// There is no room of any kind.
    Everything,
    /// No place there is has so much.
    TooSmall(Amounts),
    /// Others have it.
    Taken(Amounts),
    /// There is enough of each, and not of all in one place.
    Together,
}

/// Of something that a task needs, as `cores`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Amounts {
    pub(crate) what: &'static str,
    pub(crate) needed: u64,
    /// The most that is free in one place.
    pub(crate) free: u64,
    /// The most that one place has in all.
    pub(crate) most: u64,
}

/// One of the figures of room.
type Figure = fn(&Room) -> u64;

/// What of the room that a task needs is not there.
pub(super) fn lack(
    rooms: &BTreeMap<u32, Room>,
    running: &[(&TaskRecord, &AttemptRecord)],
    needed: &Room,
) -> Option<Lack> {
    if rooms.is_empty() {
        return Some(Lack::Everything);
    }
    let mut free = rooms.clone();
    for (task, attempt) in running {
        if let Some(room) = attempt.offer.and_then(|offer| free.get_mut(&offer)) {
            let taken = &task.needs.room;
            room.async_bodies = room.async_bodies.saturating_sub(taken.async_bodies);
            room.cores = room.cores.saturating_sub(taken.cores);
            room.memory = room.memory.saturating_sub(taken.memory);
            room.gpus = room.gpus.saturating_sub(taken.gpus);
        }
    }
    let kinds: [(&str, Figure); 4] = [
        ("async bodies", |room| room.async_bodies.into()),
        ("cores", |room| room.cores.into()),
        ("memory", |room| room.memory),
        ("GPUs", |room| room.gpus.into()),
    ];
    let most = |rooms: &BTreeMap<u32, Room>, of: Figure| rooms.values().map(of).max();
    let amounts = kinds.map(|(what, of)| Amounts {
        what,
        needed: of(needed),
        free: most(&free, of).unwrap_or_default(),
        most: most(rooms, of).unwrap_or_default(),
    });
    let first = |is_lacking: fn(&&Amounts) -> bool| amounts.iter().find(is_lacking).cloned();
    if let Some(amounts) = first(|amounts| amounts.needed > amounts.most) {
        return Some(Lack::TooSmall(amounts));
    }
    if let Some(amounts) = first(|amounts| amounts.needed > amounts.free) {
        return Some(Lack::Taken(amounts));
    }
    let fits = |room: &Room| kinds.iter().all(|(_, of)| of(needed) <= of(room));
    (!free.values().any(fits)).then_some(Lack::Together)
}
