//! The first bytes of a connection, until both sides have proven that they have the key.

use std::io::{self, ErrorKind};

use tokio::net::TcpStream;

use super::noise::{Handshake, LENGTH, LONGEST_UNPROVEN, NoiseError, Records};
use super::preface::{
    GO_ON, Identity, MAGIC_LENGTH, PREFACE, Refusal, Role, examine, is_magic, preface,
};
use super::{DialFailure, Key};

/// Why the driver does not take a connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unproven {
    #[error("it does not begin as a node of a run does")]
    Stranger,
    #[error("it {0}")]
    Refused(Refusal),
    #[error("it announced a message of {0} bytes before it has proven anything")]
    TooLong(usize),
    #[error(transparent)]
    Noise(#[from] NoiseError),
    #[error(transparent)]
    System(#[from] io::Error),
}

/// The agent's part. The driver has proven by its end that it has the key.
pub(super) async fn introduce(
    stream: &TcpStream,
    identity: &Identity,
    key: &Key,
) -> Result<Records, DialFailure> {
    let preface = preface(Role::Agent, identity);
    let mut handshake = Handshake::initiator(key, &preface)?;
    let mut bytes = preface.to_vec();
    handshake.write(&mut bytes)?;
    write_all(stream, &bytes).await?;
    let mut code = [0];
    read_exact(stream, &mut code).await?;
    if code != [GO_ON] {
        return Err(match Refusal::from_code(code[0]) {
            Some(refusal) => DialFailure::Refused(refusal.to_string()),
            None => DialFailure::Stranger,
        });
    }
    let mut length = [0; LENGTH];
    read_exact(stream, &mut length).await?;
    let mut message = [0; LONGEST_UNPROVEN];
    let message = message
        .get_mut(..u16::from_le_bytes(length).into())
        .ok_or(DialFailure::Stranger)?;
    read_exact(stream, message).await?;
    handshake.read(message)?;
    Ok(handshake.finish()?)
}

/// The driver's part. The agent has proven nothing by its end: it could have sent again what
/// another one sent. It has once the first record is read.
pub(super) async fn answer(
    stream: &TcpStream,
    identity: &Identity,
    key: &Key,
) -> Result<Records, Unproven> {
    let mut preface = [0; PREFACE];
    let (magic, rest) = preface.split_at_mut(MAGIC_LENGTH);
    read_exact(stream, magic).await?;
    if !<&[u8; MAGIC_LENGTH]>::try_from(&*magic).is_ok_and(is_magic) {
        return Err(Unproven::Stranger);
    }
    read_exact(stream, rest).await?;
    if let Err(refusal) = examine(&preface, identity) {
        return Err(refuse(stream, refusal).await);
    }
    let mut length = [0; LENGTH];
    read_exact(stream, &mut length).await?;
    let length = usize::from(u16::from_le_bytes(length));
    let mut message = [0; LONGEST_UNPROVEN];
    let message = message.get_mut(..length).ok_or(Unproven::TooLong(length))?;
    read_exact(stream, message).await?;
    let mut handshake = Handshake::responder(key, &preface)?;
    if handshake.read(message).is_err() {
        return Err(refuse(stream, Refusal::Key).await);
    }
    let mut bytes = vec![GO_ON];
    handshake.write(&mut bytes)?;
    write_all(stream, &bytes).await?;
    Ok(handshake.finish()?)
}

/// Says in a byte why a connection is not taken, if the other side listens.
async fn refuse(stream: &TcpStream, refusal: Refusal) -> Unproven {
    match write_all(stream, &[refusal.code()]).await {
        Ok(()) => Unproven::Refused(refusal),
        Err(error) => error.into(),
    }
}

async fn read_exact(stream: &TcpStream, mut bytes: &mut [u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.readable().await?;
        match stream.try_read(bytes) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => bytes = &mut bytes[count..],
            Err(error) if is_to_be_tried_again(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if is_to_be_tried_again(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn is_to_be_tried_again(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
