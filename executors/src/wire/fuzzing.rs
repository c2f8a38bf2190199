//! What must hold for any bytes whatever: the fuzz targets' bodies, which the ordinary tests run
//! too. Each panics where it does not hold.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::frame::{FrameReader, Message, read_message, write_frame};
use super::{FromWorker, ToWorker, codec};

/// The longest frame in these streams; above what a reader sets aside at first.
const LIMIT: usize = 256 * 1024;

/// What a stream comes to: its frames, and whether an error ended it.
#[derive(Debug, PartialEq)]
struct Read {
    frames: Vec<Bytes>,
    refused: bool,
    within_frame: bool,
}

/// Reads a stream that comes in pieces of these lengths, over and over.
fn read_in_pieces(mut stream: &[u8], lengths: &[u8]) -> Read {
    let mut lengths = lengths.iter().cycle();
    let mut reader = FrameReader::new(LIMIT);
    let mut frames = Vec::new();
    let mut refused = false;
    while !stream.is_empty() && !refused {
        let room = reader.spare();
        assert!(!room.is_empty(), "an empty read would look like the end");
        assert!(
            room.len() <= LIMIT + 4,
            "memory is set aside for frames that are allowed"
        );
        // Short pieces cut heads and lengths, long ones hold many frames.
        let length = match lengths.next() {
            Some(&length) if length < 128 => usize::from(length).max(1),
            Some(&length) => usize::from(length) * 64,
            None => stream.len(),
        };
        let length = length.min(stream.len()).min(room.len());
        let (piece, rest) = stream.split_at(length);
        room[..length].copy_from_slice(piece);
        reader.filled(length);
        stream = rest;
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => {
                    refused = true;
                    break;
                }
            }
        }
    }
    let within_frame = reader.is_within_frame();
    Read {
        frames,
        refused,
        within_frame,
    }
}

/// The same by the definition of a frame.
fn read_at_once(mut stream: &[u8]) -> Read {
    let mut frames = Vec::new();
    let mut refused = false;
    while let Some((prefix, rest)) = stream.split_first_chunk() {
        let length = u32::from_le_bytes(*prefix) as usize;
        refused = length > LIMIT;
        if refused || length > rest.len() {
            break;
        }
        let (frame, rest) = rest.split_at(length);
        frames.push(Bytes::copy_from_slice(frame));
        stream = rest;
    }
    Read {
        frames,
        refused,
        within_frame: !stream.is_empty(),
    }
}

/// Any pieces of a stream give the same frames. The first byte says how many lengths of pieces
/// follow it; the rest is the stream.
pub fn frames(input: &[u8]) {
    let Some((&count, rest)) = input.split_first() else {
        return;
    };
    let (lengths, stream) = rest.split_at(usize::from(count % 16).min(rest.len()));
    assert_eq!(read_in_pieces(stream, lengths), read_at_once(stream));
}

/// What is taken for a message is written as it was read.
pub(crate) fn message<M: Message + Debug>(frame: &[u8]) {
    let frame = Bytes::copy_from_slice(frame);
    let Ok((message, body)) = read_message::<M>(&frame) else {
        return;
    };
    let mut again = Vec::new();
    let written = write_frame(&mut again, &message, &body);
    assert!(
        written.is_ok(),
        "{message:?} cannot be written again: {written:?}"
    );
    assert_eq!(&again[4..], &frame[..], "{message:?}");
}

/// A frame that a worker reads.
pub fn to_worker(frame: &[u8]) {
    message::<ToWorker>(frame);
}

/// A frame that a driver reads.
pub fn from_worker(frame: &[u8]) {
    message::<FromWorker>(frame);
}

#[derive(Debug, Serialize, Deserialize)]
struct Model {
    name: String,
    grid: Vec<Vec<f64>>,
    steps: Option<u32>,
    boundary: Boundary,
    origin: (i64, i64),
    folder: PathBuf,
    limit: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
enum Boundary {
    Open,
    Fixed(f32),
    Wall { height: i16, marks: BTreeSet<char> },
    Both(Box<Boundary>, Box<Boundary>),
}

#[derive(Debug, Serialize, Deserialize)]
struct List {
    value: i128,
    rest: Option<Box<List>>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tree(Vec<Tree>);

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Untagged {
    Number(u64),
    Text(String),
}

/// What is taken for a value is written and read again; where `exact`, it is written as it was
/// read.
fn value<T: Serialize + DeserializeOwned + Debug + 'static>(bytes: &[u8], exact: bool) {
    let Ok(value) = codec::decode::<T>(bytes) else {
        return;
    };
    let mut again = Vec::new();
    let written = codec::encode(&value, &mut again);
    assert!(
        written.is_ok(),
        "{value:?} cannot be written again: {written:?}"
    );
    if exact {
        assert_eq!(again, bytes, "{value:?}");
    }
    let read = codec::decode::<T>(&again);
    assert!(read.is_ok(), "{value:?} cannot be read again: {read:?}");
}

/// The bytes of a value; the first one says of which type.
pub fn values(input: &[u8]) {
    let Some((&kind, bytes)) = input.split_first() else {
        return;
    };
    match kind % 12 {
        0 => value::<(i64, i64)>(bytes, true),
        1 => value::<Vec<u8>>(bytes, true),
        2 => value::<Vec<String>>(bytes, true),
        // Sets and maps forget repeated keys, and the order of hashed ones is any.
        3 => value::<Model>(bytes, false),
        4 => value::<List>(bytes, true),
        5 => value::<Tree>(bytes, true),
        6 => value::<HashMap<String, Vec<()>>>(bytes, false),
        7 => value::<BTreeMap<(), ()>>(bytes, false),
        8 => value::<Vec<Vec<Vec<()>>>>(bytes, true),
        9 => value::<(Option<Result<u128, char>>, [u16; 4], bool)>(bytes, true),
        10 => value::<Vec<Untagged>>(bytes, true),
        _ => value::<Vec<(f32, Option<f64>)>>(bytes, true),
    }
}
