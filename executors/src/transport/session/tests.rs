use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::transport::bundle::Bundles;
use crate::wire::{FrameReader, split_message};

/// A sender, a receiver, and a connection between them that is lost now and then.
struct World {
    sender: Session,
    receiver: Session,
    reader: FrameReader,
    waiting: Bundles,
    added: u64,
    came: u64,
    /// Told by the receiver over this connection, and not yet read by the sender.
    told: Vec<u64>,
}

#[derive(Clone, Debug)]
enum Step {
    /// So many frames with bodies of this length.
    Add(u64, usize),
    Take,
    /// So many pieces of at most this many bytes.
    Carry(usize, usize),
    Tell,
    HearAll,
    /// The connection is lost, with what is under way in both directions.
    Lose,
    /// The peer says that it has so many more frames than it has.
    Lie(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let length =
        prop_oneof![4 => 0_usize..200, 2 => 1000_usize..20_000, 1 => 60_000_usize..200_000];
    prop_oneof![
        6 => (1_u64..40, length).prop_map(|(count, length)| Step::Add(count, length)),
        6 => Just(Step::Take),
        8 => (1_usize..60, prop_oneof![1_usize..300, 10_000_usize..65_519])
            .prop_map(|(count, most)| Step::Carry(count, most)),
        4 => Just(Step::Tell),
        4 => Just(Step::HearAll),
        2 => Just(Step::Lose),
        1 => (1_u64..2000).prop_map(Step::Lie),
    ]
}

impl World {
    fn new() -> Self {
        Self {
            sender: Session::default(),
            receiver: Session::default(),
            reader: reader(),
            waiting: Bundles::default(),
            added: 0,
            came: 0,
            told: Vec::new(),
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Add(count, length) => {
                for _ in 0..count {
                    let body = Bytes::from(vec![9; length]);
                    self.waiting
                        .add(&(self.added, length), &body, usize::MAX)
                        .unwrap();
                    self.added += 1;
                }
            }
            Step::Take => {
                let memory = self.sender.memory();
                self.waiting.take(memory, |bundle| self.sender.add(bundle));
            }
            Step::Carry(count, most) => {
                for _ in 0..count {
                    if !self.carry(most) {
                        break;
                    }
                }
            }
            Step::Tell => self.told.push(self.receiver.tell()),
            Step::HearAll => {
                for told in self.told.drain(..) {
                    self.sender.confirm(told).unwrap();
                }
            }
            Step::Lose => self.lose(),
            Step::Lie(more) => {
                // More than what was sent is refused, and changes nothing.
                let claim = self.sender.reached() + more;
                self.sender.confirm(claim).unwrap_err();
                if let Some(claim) = self.sender.confirmed.checked_sub(1) {
                    self.sender.confirm(claim).unwrap_err();
                }
            }
        }
        self.check();
    }

    /// Carries one piece; false if there is none.
    fn carry(&mut self, most: usize) -> bool {
        let Some(piece) = self.sender.piece(most) else {
            return false;
        };
        assert!(!piece.is_empty() && piece.len() <= most);
        let mut piece = piece;
        while !piece.is_empty() {
            let room = self.reader.spare();
            let length = room.len().min(piece.len());
            room[..length].copy_from_slice(&piece[..length]);
            self.reader.filled(length);
            piece = &piece[length..];
            while let Some(frame) = self.reader.next().unwrap() {
                let ((number, length), body) = split_message::<(u64, usize)>(&frame).unwrap();
                assert_eq!(number, self.came, "in order, each once");
                assert_eq!(body.len(), length);
                assert!(body.iter().all(|byte| *byte == 9));
                self.came += 1;
                self.receiver.receive(frame.len());
            }
        }
        assert!(
            !(self.sender.is_between_frames() && self.reader.is_within_frame()),
            "what is said between frames does not cut one"
        );
        true
    }

    fn lose(&mut self) {
        self.reader = reader();
        self.told.clear();
        let more = self.sender.highest.max(self.sender.reached()) + 1;
        assert!(self.sender.resume(more).is_err());
        self.sender.resume(self.receiver.tell()).unwrap();
    }

    fn check(&self) {
        let sender = &self.sender;
        assert_eq!(self.receiver.received, self.came);
        assert!(sender.before <= sender.confirmed && sender.confirmed <= self.came);
        assert!(
            sender.reached() >= self.came,
            "the receiver may say all it has"
        );
        let kept: u64 = sender.bundles.iter().map(Bundle::frames).sum();
        assert!(sender.before + kept <= self.added);
        // What is known to be there is not kept, but for the rest of one bundle.
        let first = sender.bundles.front();
        assert!(first.is_none_or(|first| sender.before + first.frames() > sender.confirmed));
        assert!(sender.place.bundle == 0 || sender.place.bundle < sender.bundles.len());
    }

    /// All comes in the end, and nothing is kept.
    fn finish(&mut self) {
        self.step(Step::Take);
        while self.carry(65_519) {}
        assert_eq!(self.came, self.added);
        self.step(Step::Tell);
        self.step(Step::HearAll);
        assert!(self.sender.bundles.is_empty());
    }
}

fn reader() -> FrameReader {
    FrameReader::new(1 << 20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn each_frame_comes_once_and_in_order_however_often_the_connection_is_lost(
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.finish();
    }

    /// A peer that has the key may still be wrong.
    #[test]
    fn no_claim_does_harm(
        claims in prop::collection::vec((any::<bool>(), 0_u64..60, 1_usize..100_000), 1..40),
    ) {
        let mut world = World::new();
        world.step(Step::Add(50, 4000));
        world.step(Step::Take);
        let mut confirmed = 0;
        for (resumes, claim, most) in claims {
            let taken = if resumes {
                world.sender.resume(claim)
            } else {
                world.sender.confirm(claim)
            };
            if taken.is_ok() {
                assert!((confirmed..=50).contains(&claim));
                confirmed = claim;
            }
            let _piece = world.sender.piece(most);
        }
    }
}

#[test]
fn the_peer_is_told_after_many_frames_or_bytes() {
    let mut session = Session::default();
    for _ in 1..ACKNOWLEDGED_FRAMES {
        session.receive(1);
        assert!(!session.has_to_tell());
    }
    session.receive(1);
    assert!(session.has_to_tell());
    assert_eq!(session.tell(), ACKNOWLEDGED_FRAMES);
    assert!(!session.has_to_tell());
    session.receive(ACKNOWLEDGED_BYTES);
    assert!(session.has_to_tell());
}

#[test]
fn a_false_claim_is_told_in_words() {
    let error = Session::default().confirm(3).unwrap_err();
    assert_eq!(
        error.to_string(),
        "it claims to have 3 messages, where it had 0 and was sent 0"
    );
}
