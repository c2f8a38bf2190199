//! Under which addresses nodes may reach the driver.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// An address that stands for the world. Nothing is sent to it: it is one of those that are kept
/// for documentation.
const FAR_AWAY: (Ipv4Addr, u16) = (Ipv4Addr::new(203, 0, 113, 1), 9);

/// How long a name may take to be looked up.
const NAMES_WITHIN: Duration = Duration::from_secs(2);

/// What is known of this machine's addresses.
#[derive(Clone, Debug, Default)]
struct Machine {
    /// Each interface's name and address; some have several.
    interfaces: Vec<(String, IpAddr)>,
    /// The address under which it speaks to the world.
    default: Option<IpAddr>,
    /// Its names, the full one first, that mean an address at which others reach it.
    names: Vec<String>,
}

/// Addresses with this port under which other machines may reach this one, the best first:
/// those that are given; or those of the interface; or all there are.
///
/// Asks the system, which may take seconds for names: not to be called where that matters.
///
/// # Errors
/// There is no such interface, or the system does not tell which there are.
pub fn candidates(
    address: &[String],
    interface: Option<&str>,
    port: u16,
) -> io::Result<Vec<String>> {
    if !address.is_empty() {
        return Ok(given(address, port));
    }
    let mut machine = Machine {
        interfaces: if_addrs::get_if_addrs()?
            .into_iter()
            .map(|one| (one.name.clone(), one.ip()))
            .collect(),
        ..Machine::default()
    };
    if let Some(interface) = interface {
        return of_interface(&machine, interface, port);
    }
    machine.default = default_address();
    machine.names = names();
    Ok(all(&machine, port))
}

/// Those that are given, each with a port, which may be its own.
fn given(address: &[String], port: u16) -> Vec<String> {
    let with_port = |address: &String| {
        if let Ok(number) = address.parse::<IpAddr>() {
            return SocketAddr::new(number, port).to_string();
        }
        let has_port = match address.rsplit_once(':') {
            Some((_, own)) => own.parse::<u16>().is_ok(),
            None => false,
        };
        if has_port {
            address.clone()
        } else {
            format!("{address}:{port}")
        }
    };
    unique(address.iter().map(with_port))
}

/// Those of an interface, of the old protocol first, as names lead there.
fn of_interface(machine: &Machine, interface: &str, port: u16) -> io::Result<Vec<String>> {
    let its = machine.interfaces.iter();
    let its = its.filter(|(name, ip)| name == interface && !is_link_local(ip));
    let mut its: Vec<_> = its.map(|(_, ip)| *ip).collect();
    its.sort_by_key(IpAddr::is_ipv6);
    if !its.is_empty() {
        return Ok(unique(its.into_iter().map(|ip| text(ip, port))));
    }
    let others: BTreeSet<_> = machine.interfaces.iter().map(|(name, _)| &**name).collect();
    let text = if others.contains(interface) {
        format!("the interface `{interface}` has no address under which others reach it")
    } else {
        let others: Vec<_> = others.iter().map(|name| format!("`{name}`")).collect();
        let there_are = if others.is_empty() {
            "none has an address".to_owned()
        } else {
            format!("there are {}", others.join(", "))
        };
        format!("there is no interface `{interface}` with an address; {there_are}")
    };
    Err(io::Error::new(ErrorKind::NotFound, text))
}

/// All there are, the best first: the one that leads to the world, then others, then names, which
/// other machines may understand otherwise, and last the one that only this machine itself knows.
fn all(machine: &Machine, port: u16) -> Vec<String> {
    let mut numbers: Vec<_> = machine
        .default
        .into_iter()
        .chain(machine.interfaces.iter().map(|(_, ip)| *ip))
        .filter(|ip| !ip.is_loopback() && !ip.is_unspecified() && !is_link_local(ip))
        .collect();
    numbers.sort_by_key(|ip| (Some(*ip) != machine.default, ip.is_ipv6()));
    let numbers = numbers.into_iter().map(|ip| text(ip, port));
    let names = machine.names.iter().map(|name| format!("{name}:{port}"));
    let last = text(Ipv4Addr::LOCALHOST.into(), port);
    unique(numbers.chain(names).chain([last]))
}

fn text(ip: IpAddr, port: u16) -> String {
    SocketAddr::new(ip, port).to_string()
}

fn is_link_local(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

/// Each once, where it came first.
fn unique(addresses: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    addresses.filter(|one| seen.insert(one.clone())).collect()
}

/// The address that this machine would speak to the world from, if it could.
fn default_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(FAR_AWAY).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The names of this machine that mean an address at which others reach it. One that takes long to
/// be looked up here is of no use elsewhere either.
fn names() -> Vec<String> {
    let host = rustix::system::uname();
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let names = possible_names(&host.nodename().to_string_lossy(), &resolver);
    let (found, known) = mpsc::channel();
    let looked_up = names.clone();
    let looking = thread::Builder::new().name("names".to_owned());
    let looking = looking.spawn(move || {
        for name in looked_up {
            let reaches = (&*name, 0).to_socket_addrs().is_ok_and(|mut addresses| {
                addresses.any(|one| !one.ip().is_loopback() && !is_link_local(&one.ip()))
            });
            if reaches && found.send(name).is_err() {
                return;
            }
        }
    });
    if looking.is_err() {
        return Vec::new();
    }
    let end = std::time::Instant::now() + NAMES_WITHIN;
    let left = || end.saturating_duration_since(std::time::Instant::now());
    std::iter::from_fn(|| known.recv_timeout(left()).ok()).collect()
}

/// What this machine may be called, the full name first.
fn possible_names(host: &str, resolver: &str) -> Vec<String> {
    let (short, domain) = match host.split_once('.') {
        Some((short, domain)) => (short, Some(domain)),
        None => (host, None),
    };
    let searched = resolver.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        matches!(words.next(), Some("domain" | "search")).then(|| words.next())?
    });
    let full = domain
        .or(searched)
        .map(|domain| format!("{short}.{domain}"));
    let names = full.into_iter().chain([short.to_owned()]);
    unique(names.filter(|name| !name.is_empty() && name != "localhost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        let interface = |name: &str, ip: &str| (name.to_owned(), ip.parse().unwrap());
        Machine {
            interfaces: vec![
                interface("lo", "127.0.0.1"),
                interface("lo", "::1"),
                interface("eno1", "fe80::1"),
                interface("eno1", "2001:db8::7"),
                interface("eno1", "10.0.0.7"),
                interface("ib0", "169.254.3.4"),
                interface("ib0", "192.168.40.7"),
                interface("usb0", "169.254.3.5"),
            ],
            default: Some("192.168.40.7".parse().unwrap()),
            names: vec!["login1.site.org".to_owned(), "login1".to_owned()],
        }
    }

    #[test]
    fn all_are_tried_the_best_first_and_this_machine_itself_last() {
        assert_eq!(
            all(&machine(), 4000),
            [
                "192.168.40.7:4000",
                "10.0.0.7:4000",
                "[2001:db8::7]:4000",
                "login1.site.org:4000",
                "login1:4000",
                "127.0.0.1:4000",
            ]
        );
        assert_eq!(all(&Machine::default(), 1), ["127.0.0.1:1"]);
    }

    #[test]
    fn what_is_given_is_taken_as_it_is() {
        let address = [
            "login1",
            "10.0.0.7",
            "::1",
            "[::1]:7",
            "gate:22",
            "login1",
            "10.0.0.7:8",
        ];
        assert_eq!(
            given(&address.map(str::to_owned), 4000),
            [
                "login1:4000",
                "10.0.0.7:4000",
                "[::1]:4000",
                "[::1]:7",
                "gate:22",
                "10.0.0.7:8"
            ]
        );
    }

    #[test]
    fn an_interface_has_its_addresses_or_the_others_are_named() {
        let of = |interface| of_interface(&machine(), interface, 5);
        assert_eq!(of("eno1").unwrap(), ["10.0.0.7:5", "[2001:db8::7]:5"]);
        assert_eq!(of("ib0").unwrap(), ["192.168.40.7:5"]);
        assert_eq!(
            of("ib1").unwrap_err().to_string(),
            "there is no interface `ib1` with an address; there are `eno1`, `ib0`, `lo`, `usb0`"
        );
        assert_eq!(
            of("usb0").unwrap_err().to_string(),
            "the interface `usb0` has no address under which others reach it"
        );
    }

    #[test]
    fn names_are_the_full_one_and_the_short_one() {
        let resolver = "# comment\nnameserver 10.0.0.1\nsearch site.org other.org\n";
        let names = |host, resolver| possible_names(host, resolver);
        assert_eq!(names("login1", resolver), ["login1.site.org", "login1"]);
        assert_eq!(
            names("login1.cluster", resolver),
            ["login1.cluster", "login1"]
        );
        assert_eq!(names("login1", ""), ["login1"]);
        assert!(names("localhost", "").is_empty());
    }

    #[test]
    fn this_machine_has_an_interface_with_an_address() {
        let found = candidates(&[], None, 7).unwrap();
        assert_eq!(found.last().map(String::as_str), Some("127.0.0.1:7"));
        assert_eq!(candidates(&[], Some("lo"), 7).unwrap()[0], "127.0.0.1:7");
        candidates(&[], Some("no such"), 7).unwrap_err();
    }
}
