use std::io;

use rustix::process::{Uid, geteuid};
use tokio::net::UnixStream;

/// Who has connected, if that is another user than the one this process acts for.
///
/// What a socket tells of its peer is the user that it acted for when it connected. The folders
/// that sockets are in keep others out already.
pub(crate) fn stranger(socket: &UnixStream) -> io::Result<Option<Uid>> {
    stranger_to(geteuid(), socket)
}

fn stranger_to(own: Uid, socket: &UnixStream) -> io::Result<Option<Uid>> {
    let peer = Uid::from_raw(socket.peer_cred()?.uid());
    Ok((peer != own).then_some(peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_other_users_are_strangers() {
        let (socket, _other) = UnixStream::pair().unwrap();
        assert_eq!(stranger(&socket).unwrap(), None);
        let somebody = Uid::from_raw(geteuid().as_raw() + 1);
        assert_eq!(stranger_to(somebody, &socket).unwrap(), Some(geteuid()));
    }
}
