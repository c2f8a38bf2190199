use std::hash::Hasher;

/// Hashes the numbers of tasks, which follow each other and which nobody chooses: without the cost
/// of the standard hasher, which is as much as all else that is done for an event.
#[derive(Debug, Default)]
pub(super) struct NumberHasher(u64);

/// Two to the 64th by the golden ratio, odd: it spreads numbers that follow each other.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

impl Hasher for NumberHasher {
    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(SPREAD);
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
