use std::io::{self, ErrorKind};

use bytes::Bytes;
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use tokio::io::{Interest, Ready};
use tokio::net::TcpStream;

use super::noise::{LENGTH, LONGEST_RECORD, MOST_CONTENT, Records};
use super::session::Session;
use crate::wire::FrameReader;

/// How much is encrypted before it is sent.
const BATCH: usize = 256 << 10;

/// How much is sent before it is looked again what has come.
const TURN: usize = 1 << 20;

/// The first size of a buffer that is filled from the socket, and the last.
const FEW: usize = 16 << 10;
const MANY: usize = 128 << 10;

/// How a connection ends.
#[derive(Debug)]
pub(super) enum Broken {
    /// The peer's side has closed it.
    Closed,
    /// It was reset: by the peer's side, or by something on the way that knows nothing of it.
    Reset,
    /// It failed, or what came was changed on its way.
    Failed(String),
    /// What the peer sent makes no sense.
    Misspoke(String),
}

/// What came of writing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Written {
    /// Something was sent.
    pub(super) some: bool,
    /// Nothing is left to be sent.
    pub(super) all: bool,
}

/// An encrypted stream of frames over one socket.
pub(super) struct Connection {
    stream: TcpStream,
    records: Records,
    /// Initialized in full; holds what has come and is not decrypted from `first` to `end`.
    incoming: Vec<u8>,
    first: usize,
    end: usize,
    reader: FrameReader,
    /// For a record that goes beyond the end of a large frame.
    beyond: Vec<u8>,
    /// Initialized in full; holds what is encrypted and not sent from `sent` to `sealed`.
    outgoing: Vec<u8>,
    sent: usize,
    sealed: usize,
}

impl Connection {
    /// A connection whose frames may have so many bytes.
    pub(super) fn new(stream: TcpStream, records: Records, largest_frame: usize) -> Self {
        Self {
            stream,
            records,
            incoming: Vec::new(),
            first: 0,
            end: 0,
            reader: FrameReader::new(largest_frame),
            beyond: Vec::new(),
            outgoing: Vec::new(),
            sent: 0,
            sealed: 0,
        }
    }

    /// From here on frames may have so many bytes. Nothing may have come yet that is not taken.
    pub(super) fn widen(&mut self, largest_frame: usize) -> Result<(), Broken> {
        if self.reader.is_within_frame() || self.first < self.end {
            let text = "it went on before it was answered".to_owned();
            return Err(Broken::Misspoke(text));
        }
        self.reader = FrameReader::new(largest_frame);
        Ok(())
    }

    /// Waits until something can be done.
    pub(super) async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        self.stream.ready(interest).await
    }

    /// Waits for the first frame alone; others may come with it.
    pub(super) async fn first(&mut self, frames: &mut Vec<Bytes>) -> Result<(), Broken> {
        while frames.is_empty() {
            self.ready(Interest::READABLE).await.map_err(broken)?;
            self.read(frames)?;
        }
        Ok(())
    }

    /// Sends this text, encrypted, before anything else.
    pub(super) async fn say(&mut self, mut text: Vec<u8>) -> Result<(), Broken> {
        let mut nothing = Session::default();
        while !self.write(&mut nothing, &mut text)?.all {
            self.ready(Interest::WRITABLE).await.map_err(broken)?;
        }
        Ok(())
    }

    /// Reads what is there, once; false if that is nothing.
    pub(super) fn read(&mut self, frames: &mut Vec<Bytes>) -> Result<bool, Broken> {
        let room = self.room();
        let (incoming, end) = (&mut self.incoming, self.end);
        let mut outcome = Ok(None);
        let stream = &self.stream;
        let tried = stream.try_io(Interest::READABLE, || {
            loop {
                match recv(stream, &mut incoming[end..], RecvFlags::DONTWAIT) {
                    Ok((_, count)) => {
                        outcome = Ok(Some(count));
                        if count > 0 && count < room {
                            // The socket is empty now, and the next to come makes it ready anew:
                            // said here, it spares a read that would find nothing.
                            return Err(ErrorKind::WouldBlock.into());
                        }
                        return Ok(());
                    }
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => return Err(ErrorKind::WouldBlock.into()),
                    Err(error) => {
                        outcome = Err(error);
                        return Ok(());
                    }
                }
            }
        });
        // It says no more than that nothing is left to be read.
        drop(tried);
        match outcome {
            Ok(None) => Ok(false),
            Ok(Some(0)) => Err(Broken::Closed),
            Ok(Some(count)) => {
                self.end += count;
                self.open(frames)?;
                Ok(true)
            }
            Err(error) => Err(broken(error.into())),
        }
    }

    /// Reads all that came before the connection was lost, whatever the runtime knows of it: the
    /// system may have told a writer first.
    pub(super) fn read_rest(&mut self, frames: &mut Vec<Bytes>) -> Result<(), Broken> {
        loop {
            self.room();
            match recv(
                &self.stream,
                &mut self.incoming[self.end..],
                RecvFlags::DONTWAIT,
            ) {
                Ok((_, 0)) | Err(Errno::AGAIN) => return Ok(()),
                Ok((_, count)) => {
                    self.end += count;
                    self.open(frames)?;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(broken(error.into())),
            }
        }
    }

    /// Makes room to read to, and tells how much.
    fn room(&mut self) -> usize {
        if self.first > 0 {
            self.incoming.copy_within(self.first..self.end, 0);
            self.end -= self.first;
            self.first = 0;
        }
        let size = self.incoming.len();
        if self.end == size || (self.end > size / 2 && size < MANY) {
            // It starts small: most links of a thousand are idle.
            let size = (size * 2).max(FEW);
            self.incoming.resize(size, 0);
        }
        self.incoming.len() - self.end
    }

    /// Decrypts the records that have come.
    fn open(&mut self, frames: &mut Vec<Bytes>) -> Result<(), Broken> {
        loop {
            let come = &self.incoming[self.first..self.end];
            let Some((prefix, rest)) = come.split_first_chunk::<LENGTH>() else {
                return Ok(());
            };
            let Some(record) = rest.get(..usize::from(u16::from_le_bytes(*prefix))) else {
                return Ok(());
            };
            self.first += LENGTH + record.len();
            let changed = |error: super::noise::NoiseError| Broken::Failed(error.to_string());
            let room = self.reader.spare();
            if room.len() >= Records::content(record.len()) {
                let count = self.records.open(record, room).map_err(changed)?;
                self.reader.filled(count);
                take(&mut self.reader, frames)?;
                continue;
            }
            self.beyond.resize(LONGEST_RECORD, 0);
            let opened = self.records.open(record, &mut self.beyond);
            let mut rest = &self.beyond[..opened.map_err(changed)?];
            while !rest.is_empty() {
                let room = self.reader.spare();
                let (piece, behind) = rest.split_at(room.len().min(rest.len()));
                room[..piece.len()].copy_from_slice(piece);
                self.reader.filled(piece.len());
                rest = behind;
                take(&mut self.reader, frames)?;
            }
        }
    }

    /// Sends what there is, as far as the socket takes it: what is asked to be said between the
    /// frames first, then frames.
    pub(super) fn write(
        &mut self,
        session: &mut Session,
        between: &mut Vec<u8>,
    ) -> Result<Written, Broken> {
        let mut written = Written::default();
        let mut turn = 0;
        while turn < TURN {
            while self.sent < self.sealed {
                match self
                    .stream
                    .try_write(&self.outgoing[self.sent..self.sealed])
                {
                    Ok(count) => {
                        written.some = true;
                        turn += count;
                        self.sent += count;
                    }
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(written),
                    Err(error) => return Err(broken(error)),
                }
            }
            (self.sent, self.sealed) = (0, 0);
            self.seal_batch(session, between)?;
            if self.sealed == 0 {
                written.all = true;
                break;
            }
        }
        Ok(written)
    }

    fn seal_batch(&mut self, session: &mut Session, between: &mut Vec<u8>) -> Result<(), Broken> {
        while self.sealed < BATCH {
            if !between.is_empty() && session.is_between_frames() {
                for piece in between.chunks(MOST_CONTENT) {
                    seal(
                        &mut self.records,
                        piece,
                        &mut self.outgoing,
                        &mut self.sealed,
                    )?;
                }
                between.clear();
            }
            let Some(piece) = session.piece(MOST_CONTENT) else {
                break;
            };
            seal(
                &mut self.records,
                piece,
                &mut self.outgoing,
                &mut self.sealed,
            )?;
        }
        Ok(())
    }
}

/// Adds a record to what is sealed.
fn seal(
    records: &mut Records,
    content: &[u8],
    outgoing: &mut Vec<u8>,
    sealed: &mut usize,
) -> Result<(), Broken> {
    let needed = *sealed + Records::room(content.len());
    if outgoing.len() < needed {
        outgoing.resize(needed.next_power_of_two(), 0);
    }
    let room = &mut outgoing[*sealed..needed];
    // It fails when the numbers of records are used up, which takes thousands of years.
    let length = records.seal(content, room);
    *sealed += length.map_err(|error| Broken::Failed(error.to_string()))?;
    Ok(())
}

/// Takes the frames that are there.
fn take(reader: &mut FrameReader, frames: &mut Vec<Bytes>) -> Result<(), Broken> {
    loop {
        match reader.next() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return Ok(()),
            Err(error) => return Err(Broken::Misspoke(error.to_string())),
        }
    }
}

/// What an error of a socket says of the peer: that its system, or something on the way, has reset
/// the connection, or nothing, as after a time-out on the way.
pub(super) fn broken(error: io::Error) -> Broken {
    match error.kind() {
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => Broken::Reset,
        _ => Broken::Failed(error.to_string()),
    }
}
