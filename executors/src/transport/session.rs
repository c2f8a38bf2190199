use std::collections::VecDeque;

use super::bundle::Bundle;

/// A side says which frames it has after so many bytes of them, or so many frames, at the latest.
const ACKNOWLEDGED_BYTES: usize = 256 << 10;
const ACKNOWLEDGED_FRAMES: u64 = 4096;

/// How much memory of bundles is kept for the next ones.
const SPARE: usize = 2;
const LARGEST_SPARE: usize = 128 << 10;

/// The peer says that it has frames which it was not sent, or no more those that it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it claims to have {claimed} messages, where it had {known} and was sent {sent}")]
pub(super) struct FalseClaim {
    claimed: u64,
    known: u64,
    sent: u64,
}

/// Which frames each side has sent and has. Frames are numbered by counting, and kept until the
/// peer has said that it has them; over a new connection they are sent again from where it is.
#[derive(Debug, Default)]
pub(super) struct Session {
    /// Not known to be there, in order.
    bundles: VecDeque<Bundle>,
    /// How many frames are before the first bundle.
    before: u64,
    /// How many the peer says to have.
    confirmed: u64,
    place: Place,
    /// The most that any connection has carried.
    highest: u64,
    /// How many frames have come, how many of these the peer knows to be here, and how many bytes
    /// the others have.
    received: u64,
    told: u64,
    untold_bytes: usize,
    spare: Vec<Vec<u8>>,
}

/// How far sending is, over this connection.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// The bundle, among those that are kept.
    bundle: usize,
    /// How much of it is sent.
    offset: usize,
    /// How many frames are before that bundle.
    before: u64,
    /// How many frames have been sent in full when the last frame's end was reached.
    passed: u64,
    /// Sending is within the bundle.
    is_within: bool,
}

impl Session {
    /// Adds frames to be sent.
    pub(super) fn add(&mut self, bundle: Bundle) {
        let bundle = match self.bundles.back_mut() {
            Some(last) => match last.merge(bundle) {
                Ok(memory) => {
                    self.recycle(memory);
                    return;
                }
                Err(bundle) => bundle,
            },
            None => bundle,
        };
        self.bundles.push_back(bundle);
    }

    /// The next bytes to be sent, no more than that; none if all is sent.
    pub(super) fn piece(&mut self, most: usize) -> Option<&[u8]> {
        let place = &mut self.place;
        let mut bundle = self.bundles.get(place.bundle)?;
        if place.offset >= bundle.len() {
            let next = self.bundles.get(place.bundle + 1)?;
            place.bundle += 1;
            place.offset = 0;
            place.before += bundle.frames();
            bundle = next;
        }
        let piece = bundle.from(place.offset);
        let piece = &piece[..piece.len().min(most)];
        place.offset += piece.len();
        place.is_within = place.offset < bundle.len();
        if !place.is_within {
            place.passed = place.before + bundle.frames();
        }
        Some(piece)
    }

    /// Whether what is sent so far ends with a frame.
    pub(super) fn is_between_frames(&self) -> bool {
        !self.place.is_within
    }

    /// How many frames the peer may have of those sent over this connection and before.
    fn reached(&self) -> u64 {
        match self.bundles.get(self.place.bundle) {
            // All but the one that is not sent in full.
            Some(bundle) if self.place.is_within => self.place.before + bundle.frames() - 1,
            _ => self.place.passed,
        }
    }

    /// The peer has so many frames.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn confirm(&mut self, claimed: u64) -> Result<(), FalseClaim> {
        self.check(claimed, self.reached())?;
        while let Some(first) = self.bundles.front() {
            let end = self.before + first.frames();
            if end > claimed {
                break;
            }
            self.before = end;
            self.place.bundle = match self.place.bundle.checked_sub(1) {
                Some(bundle) => bundle,
                None => {
                    // It was sent to its end, as that was reached.
                    self.place.offset = 0;
                    self.place.before = end;
                    0
                }
            };
            if let Some(first) = self.bundles.pop_front() {
                self.recycle(first.into_memory());
            }
        }
        Ok(())
    }

    /// Goes on over a new connection, whose peer has so many frames.
    ///
    /// # Errors
    /// It cannot.
    pub(super) fn resume(&mut self, claimed: u64) -> Result<(), FalseClaim> {
        self.highest = self.highest.max(self.reached());
        self.check(claimed, self.highest)?;
        while let Some(first) = self.bundles.front() {
            let end = self.before + first.frames();
            if end > claimed {
                break;
            }
            self.before = end;
            self.bundles.pop_front();
        }
        let first = self.bundles.front();
        self.place = Place {
            bundle: 0,
            offset: first.map_or(0, |first| first.after(claimed - self.before)),
            before: self.before,
            passed: claimed,
            is_within: false,
        };
        // What was told over the last connection may not have come through; the peer is told anew
        // by what this side says at the beginning.
        self.told = self.received;
        self.untold_bytes = 0;
        Ok(())
    }

    fn check(&mut self, claimed: u64, sent: u64) -> Result<(), FalseClaim> {
        let known = self.confirmed;
        if claimed < known || claimed > sent {
            return Err(FalseClaim {
                claimed,
                known,
                sent,
            });
        }
        self.confirmed = claimed;
        Ok(())
    }

    /// A frame has come, of so many bytes.
    pub(super) fn receive(&mut self, bytes: usize) {
        self.received += 1;
        self.untold_bytes = self.untold_bytes.saturating_add(bytes);
    }

    /// Whether the peer should be told what has come, so that it need not keep it.
    pub(super) fn has_to_tell(&self) -> bool {
        self.untold_bytes >= ACKNOWLEDGED_BYTES || self.received - self.told >= ACKNOWLEDGED_FRAMES
    }

    /// How many frames have come, to be told to the peer.
    pub(super) fn tell(&mut self) -> u64 {
        self.told = self.received;
        self.untold_bytes = 0;
        self.received
    }

    /// Memory for what comes next.
    pub(super) fn memory(&mut self) -> Vec<u8> {
        self.spare.pop().unwrap_or_default()
    }

    fn recycle(&mut self, mut memory: Vec<u8>) {
        if self.spare.len() < SPARE && memory.capacity() <= LARGEST_SPARE {
            memory.clear();
            self.spare.push(memory);
        }
    }
}

#[cfg(test)]
mod tests;
