use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use super::random::random;

/// How many connections may wait to be accepted: a thousand nodes can come at once.
const BACKLOG: i32 = 4096;

/// Listens on every address of the machine, at a port of the range, or at any.
///
/// # Errors
/// Each port of the range is taken, or the system does not let this process listen.
pub(super) fn listen_on(ports: Option<&RangeInclusive<u16>>) -> io::Result<TcpListener> {
    let Some(range) = ports else {
        return listen_at(0);
    };
    let mut ports: Vec<u16> = range.clone().collect();
    shuffle(&mut ports, u64::from_le_bytes(random()?));
    let mut last = io::Error::from(ErrorKind::InvalidInput);
    for port in ports {
        match listen_at(port) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    let (first, end) = (range.start(), range.end());
    let which = if first == end {
        format!("port {first}")
    } else {
        format!("any port from {first} to {end}")
    };
    let why = match last.kind() {
        ErrorKind::AddrInUse if first == end => "it is taken".to_owned(),
        ErrorKind::AddrInUse => "all of them are taken".to_owned(),
        _ => last.to_string(),
    };
    Err(io::Error::new(
        last.kind(),
        format!("cannot listen on {which}: {why}; `port` says which to try"),
    ))
}

/// In any order: drivers that start at the same time on one machine should not all want the same.
fn shuffle(ports: &mut [u16], seed: u64) {
    let mut state = seed | 1;
    for place in (1..ports.len()).rev() {
        // Xorshift; nobody needs these to be secret.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let bound = u64::try_from(place).unwrap_or(u64::MAX).saturating_add(1);
        ports.swap(place, usize::try_from(state % bound).unwrap_or(place));
    }
}

/// Listens over both versions of the protocol, or over the old one where there is no other.
fn listen_at(port: u16) -> io::Result<TcpListener> {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    match listen_over(&both) {
        Err(error) if !matches!(error.kind(), ErrorKind::AddrInUse) => {
            listen_over(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)))
        }
        listening => listening,
    }
}

fn listen_over(address: &SocketAddr) -> io::Result<TcpListener> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, false)?;
    }
    // A port whose last connections are not forgotten yet is free.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, address)?;
    listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(listener: &TcpListener) -> u16 {
        listener.local_addr().unwrap().port()
    }

    #[test]
    fn a_taken_range_is_named_and_a_free_port_in_it_is_found() {
        let taken = listen_on(None).unwrap();
        let port = port(&taken);
        let error = listen_on(Some(&(port..=port))).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on port {port}: it is taken; `port` says which to try")
        );
        if let Some(next) = port.checked_add(20) {
            let found = listen_on(Some(&(port..=next))).unwrap();
            assert!((port..=next).contains(&self::port(&found)));
            assert_ne!(self::port(&found), port);
        }
    }

    #[test]
    fn ports_are_tried_in_any_order_each_once() {
        let mut orders = std::collections::HashSet::new();
        for seed in 0..20 {
            let mut ports: Vec<u16> = (100..120).collect();
            shuffle(&mut ports, 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed + 1));
            orders.insert(ports.clone());
            ports.sort_unstable();
            assert!(ports.into_iter().eq(100..120));
        }
        assert!(orders.len() > 10, "{}", orders.len());
    }

    #[test]
    fn both_versions_of_the_protocol_get_through() {
        let listener = listen_on(None).unwrap();
        let port = port(&listener);
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
}
