use bytes::Bytes;
use serde::{Serialize, Serializer};

use super::frame::{FrameError, FrameReader, read_message, split_message, write_frame, write_head};
use super::{CallEnd, FromWorker, ToWorker, WireValue, codec, examples};

const LIMIT: usize = 16 << 20;
const KIBIBYTE: usize = 1024;

/// Gives the reader all these bytes, as much at once as it has room for, and collects the frames.
fn feed(reader: &mut FrameReader, mut bytes: &[u8]) -> Result<Vec<Bytes>, FrameError> {
    let mut frames = Vec::new();
    loop {
        while let Some(frame) = reader.next()? {
            frames.push(frame);
        }
        if bytes.is_empty() {
            return Ok(frames);
        }
        let room = reader.spare();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        reader.filled(count);
        bytes = &bytes[count..];
    }
}

fn frame_of(body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    write_frame(&mut frame, &body.len(), body).unwrap();
    frame
}

#[test]
fn a_frame_is_its_length_the_head_and_the_body() {
    let mut out = b"before".to_vec();
    write_frame(&mut out, &(1_u8, "ab"), b"body").unwrap();
    assert_eq!(out, b"before\x08\0\0\0\x01\x02abbody");
    let mut apart = b"before".to_vec();
    write_head(&mut apart, &(1_u8, "ab"), 4).unwrap();
    apart.extend_from_slice(b"body");
    assert_eq!(apart, out);
}

#[test]
fn a_frame_that_cannot_be_written_leaves_the_buffer_as_it_was() {
    struct Fails;

    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }

    let mut out = b"before".to_vec();
    let error = write_frame(&mut out, &("some", Fails), b"body").unwrap_err();
    assert!(matches!(error, FrameError::Encode(_)), "{error}");
    let error = write_head(&mut out, &"head", u32::MAX as usize - 4).unwrap_err();
    assert!(
        matches!(
            error,
            FrameError::TooLong {
                length: 0x1_0000_0000,
                limit: 0xffff_ffff,
            }
        ),
        "{error}"
    );
    assert_eq!(out, b"before");
    write_head(&mut out, &"head", u32::MAX as usize - 5).unwrap();
    assert_eq!(out, b"before\xff\xff\xff\xff\x04head");
}

#[test]
fn frames_are_slices_of_what_was_read() {
    let mut reader = FrameReader::new(LIMIT);
    let sent = [frame_of(b"one"), frame_of(b"two")].concat();
    let room = reader.spare();
    room[..sent.len()].copy_from_slice(&sent);
    let start = room.as_ptr();
    reader.filled(sent.len());
    let one = reader.next().unwrap().unwrap();
    let two = reader.next().unwrap().unwrap();
    assert_eq!(one.as_ptr(), start.wrapping_add(4));
    assert_eq!(two.as_ptr(), start.wrapping_add(4 + one.len() + 4));
    assert_eq!(
        split_message::<usize>(&one).unwrap(),
        (3, Bytes::from_static(b"one"))
    );
    assert_eq!(
        split_message::<usize>(&two).unwrap(),
        (3, Bytes::from_static(b"two"))
    );
    assert!(reader.next().unwrap().is_none());
    assert!(!reader.is_within_frame());
}

#[test]
fn a_large_frame_is_read_in_place_and_its_memory_goes_with_it() {
    let body: Vec<u8> = (0..10_u32 << 20).map(|place| (place % 251) as u8).collect();
    let sent = frame_of(&body);
    let mut reader = FrameReader::new(LIMIT);
    // The first read ends in the middle of it.
    let room = reader.spare();
    let count = room.len();
    assert!((64 * KIBIBYTE..256 * KIBIBYTE).contains(&count));
    room.copy_from_slice(&sent[..count]);
    reader.filled(count);
    assert!(reader.next().unwrap().is_none());
    assert!(reader.is_within_frame());
    // The second has room for the rest and no more, the third for what the second left.
    let room = reader.spare();
    assert_eq!(room.len(), sent.len() - count);
    let start = room.as_ptr();
    room[..1000].copy_from_slice(&sent[count..count + 1000]);
    reader.filled(1000);
    let room = reader.spare();
    assert_eq!(room.as_ptr(), start.wrapping_add(1000));
    room.copy_from_slice(&sent[count + 1000..]);
    let rest = room.len();
    reader.filled(rest);
    let frame = reader.next().unwrap().unwrap();
    let (length, received) = split_message::<usize>(&frame).unwrap();
    assert_eq!((length, received.len()), (body.len(), body.len()));
    assert!(received == body);
    // The value is alone in its memory: nothing of the reader keeps it.
    drop(frame);
    assert!(received.is_unique());
    assert!(reader.spare().len() <= 256 * KIBIBYTE);
    assert_eq!(feed(&mut reader, &frame_of(b"next")).unwrap().len(), 1);
}

#[test]
fn what_is_read_behind_a_large_frame_does_not_keep_its_memory() {
    let large = frame_of(&[0; 300 * KIBIBYTE]);
    let small = frame_of(b"small");
    let mut reader = FrameReader::new(LIMIT);
    let mut bytes = &large[..];
    // Nobody takes the large one before the small one is there.
    while !bytes.is_empty() {
        let room = reader.spare();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
        reader.filled(count);
        bytes = &bytes[count..];
    }
    reader.spare()[..small.len()].copy_from_slice(&small);
    reader.filled(small.len());
    let first = reader.next().unwrap().unwrap();
    assert_eq!(first, large[4..]);
    assert!(first.is_unique());
    assert_eq!(reader.next().unwrap().unwrap(), small[4..]);
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn there_is_always_room_to_read_into() {
    let mut reader = FrameReader::new(LIMIT);
    let frame = frame_of(&[7; 1000]);
    for _ in 0..1000 {
        let room = reader.spare();
        assert!(room.len() >= 64 * KIBIBYTE);
        // Nobody takes the frames meanwhile.
        room[..frame.len()].copy_from_slice(&frame);
        reader.filled(frame.len());
    }
    let mut count = 0;
    while let Some(one) = reader.next().unwrap() {
        assert_eq!(one, &frame[4..]);
        count += 1;
    }
    assert_eq!(count, 1000);
}

#[test]
fn a_frame_above_the_limit_is_refused_before_it_is_read() {
    let mut reader = FrameReader::new(1000);
    let sent = [frame_of(&[0; 998]), vec![0xe9, 0x03, 0, 0]].concat();
    reader.spare()[..sent.len()].copy_from_slice(&sent);
    reader.filled(sent.len());
    assert_eq!(reader.next().unwrap().map(|frame| frame.len()), Some(1000));
    let error = reader.next().unwrap_err();
    assert!(matches!(
        error,
        FrameError::AboveLimit {
            length: 1001,
            limit: 1000
        }
    ));
    assert_eq!(
        error.to_string(),
        "the peer announced a message of 1001 bytes, where 1000 are allowed"
    );
    // It stays so, and nothing is set aside for it.
    assert!(reader.next().is_err());
    let mut reader = FrameReader::new(LIMIT);
    reader.spare()[..4].copy_from_slice(&u32::MAX.to_le_bytes());
    reader.filled(4);
    assert!(reader.next().is_err());
    assert!(reader.spare().len() <= 256 * KIBIBYTE);
}

fn finished(value: WireValue) -> FromWorker {
    let example = examples::from_worker()
        .into_iter()
        .find_map(|one| match one.message {
            FromWorker::Finished(call) => Some(call),
            _ => None,
        });
    let mut call = example.unwrap();
    call.end = CallEnd::Value(value);
    FromWorker::Finished(call)
}

#[test]
fn a_body_is_as_long_as_its_head_says() {
    let frame = |message: &FromWorker, body: &[u8]| {
        let mut frame = Vec::new();
        write_frame(&mut frame, message, body).unwrap();
        Bytes::from(frame).slice(4..)
    };
    let message = finished(WireValue::Inline(3));
    let (read, body) = read_message::<FromWorker>(&frame(&message, b"abc")).unwrap();
    assert_eq!((read, &body[..]), (message.clone(), &b"abc"[..]));
    for body in [&b""[..], b"ab", b"abcd"] {
        let error = read_message::<FromWorker>(&frame(&message, body)).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "the peer sent a message with {} bytes of values, where it announced 3",
                body.len()
            )
        );
    }
    // All other messages have none.
    for example in examples::from_worker() {
        if example.body.is_empty() {
            assert!(read_message::<FromWorker>(&frame(&example.message, b"")).is_ok());
            assert!(read_message::<FromWorker>(&frame(&example.message, b"x")).is_err());
        }
    }
    for example in examples::to_worker() {
        let mut one_more = example.frame().split_off(4);
        assert!(read_message::<ToWorker>(&Bytes::from(one_more.clone())).is_ok());
        one_more.push(0);
        assert!(read_message::<ToWorker>(&Bytes::from(one_more)).is_err());
    }
}

#[test]
fn a_head_that_is_cut_or_garbage_is_refused() {
    for example in examples::to_worker() {
        let mut head = Vec::new();
        codec::encode(&example.message, &mut head).unwrap();
        for length in 0..head.len() {
            let cut = Bytes::copy_from_slice(&head[..length]);
            let error = read_message::<ToWorker>(&cut).unwrap_err();
            assert!(matches!(error, FrameError::Decode(_)), "{error}");
        }
    }
    let error = read_message::<ToWorker>(&Bytes::from_static(&[99])).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the peer sent a message that cannot be read: at byte 1")
    );
}

#[test]
fn memory_that_is_given_back_serves_the_next_large_frame() {
    let body = vec![7; 1 << 20];
    let mut sent = Vec::new();
    write_frame(&mut sent, &1_u32, &body).unwrap();
    let mut memory = vec![9; sent.len() + 100];
    memory.truncate(10);
    let address = memory.as_ptr();
    let mut reader = FrameReader::new(2 << 20);
    reader.recycle(memory);
    let frame = read_all(&mut reader, &sent);
    let (head, received) = split_message::<u32>(&frame).unwrap();
    assert_eq!((head, &received[..]), (1, &body[..]));
    let start = frame.as_ptr() as usize - address as usize;
    assert!(start < 16, "it is in the memory that was given");
}

/// Reads these bytes, which are one frame.
fn read_all(reader: &mut FrameReader, mut sent: &[u8]) -> Bytes {
    use std::io::Read as _;
    loop {
        if let Some(frame) = reader.next().unwrap() {
            return frame;
        }
        let count = sent.read(reader.spare()).unwrap();
        reader.filled(count);
    }
}
