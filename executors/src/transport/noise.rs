use snow::{Builder, HandshakeState, TransportState};

use super::Key;

/// How both sides prove that they have the key, and what they encrypt with.
///
/// On a machine with instructions for AES, a short record, as most are, takes a sixth of the time
/// in AES-GCM that it takes in ChaCha20-Poly1305, and a full one takes about the same
/// (`cargo test --release -p chiltepin-executors ciphers -- --ignored --nocapture`).
#[cfg(not(target_arch = "aarch64"))]
const PATTERN: &str = "Noise_NNpsk0_25519_AESGCM_BLAKE2s";

/// There the instructions for AES are used by a program alone that is built for them by name, and
/// AES without them is slow. Both ends are the same program, so they always have the same.
#[cfg(target_arch = "aarch64")]
const PATTERN: &str = "Noise_NNpsk0_25519_ChaChaPoly_BLAKE2s";

/// The bytes of a record's length.
pub(super) const LENGTH: usize = 2;
/// What a record has beyond its content.
const TAG: usize = 16;
/// The longest record, without its length.
pub(super) const LONGEST_RECORD: usize = 65_535;
/// The most that one record holds.
pub(super) const MOST_CONTENT: usize = LONGEST_RECORD - TAG;

/// The longest message before the other side has proven anything, in bytes without its length.
pub(super) const LONGEST_UNPROVEN: usize = 256;

/// The other side does not have the key, or what it sent was changed on its way.
#[derive(Debug, thiserror::Error)]
#[error("what came was not made with the key of this run, or was changed on its way ({0})")]
pub(super) struct NoiseError(#[from] snow::Error);

/// The two messages by which both sides prove that they have the key.
pub(super) struct Handshake(HandshakeState);

impl Handshake {
    /// Of the side that begins. The prologue is what both have seen before.
    pub(super) fn initiator(key: &Key, prologue: &[u8]) -> Result<Self, NoiseError> {
        let builder = builder(PATTERN, key, prologue)?;
        Ok(Self(builder.build_initiator()?))
    }

    /// Of the side that answers.
    pub(super) fn responder(key: &Key, prologue: &[u8]) -> Result<Self, NoiseError> {
        let builder = builder(PATTERN, key, prologue)?;
        Ok(Self(builder.build_responder()?))
    }

    /// Adds this side's message, with its length, to what is to be sent.
    pub(super) fn write(&mut self, out: &mut Vec<u8>) -> Result<(), NoiseError> {
        let mut message = [0; LONGEST_UNPROVEN];
        let length = self.0.write_message(&[], &mut message)?;
        // It is no longer than the array.
        out.extend_from_slice(&u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
        out.extend_from_slice(&message[..length]);
        Ok(())
    }

    /// Takes the other side's message, without its length.
    pub(super) fn read(&mut self, message: &[u8]) -> Result<(), NoiseError> {
        let mut content = [0; LONGEST_UNPROVEN];
        match self.0.read_message(message, &mut content)? {
            0 => Ok(()),
            _ => Err(snow::Error::Input.into()),
        }
    }

    /// What follows once each side has had its turn.
    pub(super) fn finish(self) -> Result<Records, NoiseError> {
        Ok(Records(self.0.into_transport_mode()?))
    }
}

fn builder<'a>(
    pattern: &str,
    key: &'a Key,
    prologue: &'a [u8],
) -> Result<Builder<'a>, snow::Error> {
    Builder::new(pattern.parse()?)
        .psk(0, key.secret())?
        .prologue(prologue)
}

/// Encrypts and decrypts, each record once and in order.
pub(super) struct Records(TransportState);

impl Records {
    /// How much room a record with so much content takes, with its length.
    pub(super) fn room(content: usize) -> usize {
        LENGTH + content + TAG
    }

    /// How long the content of a record is at most, by the record's length.
    pub(super) fn content(record: usize) -> usize {
        record.saturating_sub(TAG)
    }

    /// Writes a record to the front of `out`; tells how many bytes it has, with its length.
    pub(super) fn seal(&mut self, content: &[u8], out: &mut [u8]) -> Result<usize, NoiseError> {
        let (prefix, rest) = out
            .split_first_chunk_mut::<LENGTH>()
            .ok_or(snow::Error::Input)?;
        let length = self.0.write_message(content, rest)?;
        let number = u16::try_from(length).map_err(|_| snow::Error::Input)?;
        *prefix = number.to_le_bytes();
        Ok(LENGTH + length)
    }

    /// Writes the content of a record, given without its length, to the front of `out`; tells how
    /// many bytes it has.
    pub(super) fn open(&mut self, record: &[u8], out: &mut [u8]) -> Result<usize, NoiseError> {
        Ok(self.0.read_message(record, out)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of both sides, without their lengths, and the records that follow.
    fn introduced(
        (key, prologue): (&Key, &[u8]),
        (other_key, other_prologue): (&Key, &[u8]),
    ) -> Result<(Records, Records), NoiseError> {
        let mut initiator = Handshake::initiator(key, prologue)?;
        let mut responder = Handshake::responder(other_key, other_prologue)?;
        let mut message = Vec::new();
        initiator.write(&mut message)?;
        assert!(message.len() <= LENGTH + LONGEST_UNPROVEN);
        responder.read(&message[LENGTH..])?;
        let mut message = Vec::new();
        responder.write(&mut message)?;
        assert!(message.len() <= LENGTH + LONGEST_UNPROVEN);
        initiator.read(&message[LENGTH..])?;
        Ok((initiator.finish()?, responder.finish()?))
    }

    fn pair() -> (Records, Records) {
        let key = Key::generate().unwrap();
        introduced((&key, b"same"), (&key, b"same")).unwrap()
    }

    #[test]
    fn both_need_the_same_key_and_the_same_prologue() {
        let (one, other) = (Key::generate().unwrap(), Key::generate().unwrap());
        introduced((&one, b"same"), (&one, b"same")).unwrap();
        assert!(introduced((&one, b"same"), (&other, b"same")).is_err());
        assert!(introduced((&one, b"same"), (&one, b"other")).is_err());
    }

    #[test]
    fn records_hold_what_was_put_in_up_to_the_most() {
        let (mut one, mut other) = pair();
        let content = vec![3; MOST_CONTENT];
        let mut sealed = vec![0; Records::room(MOST_CONTENT)];
        let mut opened = vec![0; LONGEST_RECORD];
        for length in [0, 1, 1000, MOST_CONTENT] {
            let sealed_length = one.seal(&content[..length], &mut sealed).unwrap();
            assert_eq!(sealed_length, Records::room(length));
            let record = &sealed[LENGTH..sealed_length];
            assert_eq!(Records::content(record.len()), length);
            assert_eq!(other.open(record, &mut opened).unwrap(), length);
            assert_eq!(opened[..length], content[..length]);
        }
        let longer = vec![0; MOST_CONTENT + 1];
        let mut room = vec![0; Records::room(longer.len())];
        one.seal(&longer, &mut room).unwrap_err();
        one.seal(b"much", &mut [0; 1]).unwrap_err();
        one.seal(b"much", &mut [0; 20]).unwrap_err();
    }

    #[test]
    fn a_record_is_taken_once_in_its_place_and_from_the_other_side() {
        let (mut one, mut other) = pair();
        let mut records = Vec::new();
        for content in [b"a", b"b"] {
            let mut sealed = vec![0; 64];
            let length = one.seal(content, &mut sealed).unwrap();
            records.push(sealed[LENGTH..length].to_vec());
        }
        let mut out = [0; 64];
        one.open(&records[0], &mut out).unwrap_err();
        other.open(&records[1], &mut out).unwrap_err();
        other.open(&records[0], &mut out).unwrap();
        other.open(&records[0], &mut out).unwrap_err();
        other.open(&records[1], &mut out).unwrap();
        assert_eq!(out[0], b'b');
    }

    /// How many nanoseconds this thread has run: other programs take none of them.
    fn busy() -> u128 {
        let status = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
        status.split(' ').next().unwrap().parse().unwrap()
    }

    /// Prints how fast each cipher is, to see which one to take.
    #[test]
    #[ignore = "a measurement, for release builds"]
    fn ciphers() {
        let key = Key::generate().unwrap();
        for cipher in ["AESGCM", "ChaChaPoly"] {
            let pattern = format!("Noise_NNpsk0_25519_{cipher}_BLAKE2s");
            let build = || builder(&pattern, &key, b"").unwrap();
            let mut one = Handshake(build().build_initiator().unwrap());
            let mut other = Handshake(build().build_responder().unwrap());
            let mut message = Vec::new();
            one.write(&mut message).unwrap();
            other.read(&message[LENGTH..]).unwrap();
            message.clear();
            other.write(&mut message).unwrap();
            one.read(&message[LENGTH..]).unwrap();
            let (mut one, mut other) = (one.finish().unwrap(), other.finish().unwrap());
            for length in [100, 4_000, MOST_CONTENT] {
                let content = vec![7; length];
                let (mut sealed, mut opened) = (vec![0; Records::room(length)], vec![0; length]);
                let rounds = 50_000_000 / (length + 1000);
                let start = busy();
                for _ in 0..rounds {
                    let length = one.seal(&content, &mut sealed).unwrap();
                    other.open(&sealed[LENGTH..length], &mut opened).unwrap();
                }
                let nanoseconds = busy() - start;
                println!(
                    "{cipher}, {length} bytes: {} MB/s both ways, {} ns each",
                    (rounds * length) as u128 * 1000 / nanoseconds,
                    nanoseconds / rounds as u128
                );
            }
        }
    }
}
