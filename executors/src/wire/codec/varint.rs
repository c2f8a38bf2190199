//! Numbers in as few bytes as they need: seven bits in each, the lowest first, and the eighth bit
//! set in all but the last. Signed ones are folded first, so that small negative ones stay short.

/// The most bytes of a `u64`.
pub(super) const LONGEST_U64: usize = 10;
/// The most bytes of a `u128`.
const LONGEST_U128: usize = 19;

#[inline]
pub(super) fn write_u64(value: u64, out: &mut Vec<u8>) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    let mut bytes = [0; LONGEST_U64];
    let mut rest = value;
    let mut length = 0;
    for byte in &mut bytes {
        length += 1;
        *byte = rest as u8 & 0x7f;
        rest >>= 7;
        if rest == 0 {
            break;
        }
        *byte |= 0x80;
    }
    out.extend_from_slice(&bytes[..length]);
}

#[inline]
pub(super) fn write_u128(value: u128, out: &mut Vec<u8>) {
    let mut rest = value;
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Why no number could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoNumber {
    /// The bytes end before it does.
    Truncated,
    /// It is larger than its type.
    TooLarge,
    /// It has more bytes than it needs; every value has but one form.
    Overlong,
}

/// Reads a number of at most `largest` from the front of `bytes`, which then hold the rest.
#[inline]
pub(super) fn read_u64(bytes: &mut &[u8], largest: u64) -> Result<u64, NoNumber> {
    let Some((&first, rest)) = bytes.split_first() else {
        return Err(NoNumber::Truncated);
    };
    if first < 0x80 {
        *bytes = rest;
        return Ok(u64::from(first));
    }
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(LONGEST_U64).enumerate() {
        // The tenth byte has room for one bit.
        if place == LONGEST_U64 - 1 && byte > 1 {
            return Err(NoNumber::TooLarge);
        }
        value |= u64::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            if value > largest {
                return Err(NoNumber::TooLarge);
            }
            if byte == 0 {
                return Err(NoNumber::Overlong);
            }
            *bytes = &bytes[place + 1..];
            return Ok(value);
        }
    }
    Err(NoNumber::Truncated)
}

/// The same for the largest type there is.
pub(super) fn read_u128(bytes: &mut &[u8]) -> Result<u128, NoNumber> {
    let mut value = 0;
    for (place, &byte) in bytes.iter().take(LONGEST_U128).enumerate() {
        // The nineteenth byte has room for two bits.
        if place == LONGEST_U128 - 1 && byte > 3 {
            return Err(NoNumber::TooLarge);
        }
        value |= u128::from(byte & 0x7f) << (7 * place);
        if byte < 0x80 {
            if byte == 0 && place > 0 {
                return Err(NoNumber::Overlong);
            }
            *bytes = &bytes[place + 1..];
            return Ok(value);
        }
    }
    Err(NoNumber::Truncated)
}

#[inline]
pub(super) const fn fold(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
pub(super) const fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub(super) const fn fold_i128(value: i128) -> u128 {
    ((value << 1) ^ (value >> 127)) as u128
}

pub(super) const fn unfold_i128(value: u128) -> i128 {
    (value >> 1) as i128 ^ -((value & 1) as i128)
}
