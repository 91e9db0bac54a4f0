//! Whom a request is from: whoever connected, or, behind proxies that the operator trusts, whom these say it was.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use serde::Deserialize;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many bits of an address stand before one of the older kind that is written as one of the newer.
const MAPPED: u8 = 96;

/// An address, or all that begin like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: IpAddr,
    /// How many bits count, from the first on.
    bits: u8,
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no address and no network; write one as in 127.0.0.1 or 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let most = width(address);
        let bits = bits.map_or(Ok(most), |bits| bits.trim().parse().map_err(|_| wrong()))?;
        if bits > most {
            return Err(wrong());
        }
        // Who connects is known by the shorter of the two ways to write an address.
        match address.to_canonical() {
            short @ IpAddr::V4(_) if address.is_ipv6() => {
                Ok(Self { address: short, bits: bits.checked_sub(MAPPED).ok_or_else(wrong)? })
            }
            _ => Ok(Self { address, bits }),
        }
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Network {
    fn holds(self, address: IpAddr) -> bool {
        let rest = u32::from(width(self.address) - self.bits);
        let first = |bits: u128| bits.checked_shr(rest).unwrap_or(0);
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => first(own.to_bits().into()) == first(other.to_bits().into()),
            (IpAddr::V6(own), IpAddr::V6(other)) => first(own.to_bits()) == first(other.to_bits()),
            _ => false,
        }
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Those whose word counts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Proxies(Arc<[Network]>);

impl Proxies {
    pub fn new(networks: &[Network]) -> Self {
        Self(networks.into())
    }

    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.holds(address.to_canonical()))
    }

    /// The nearest who is no proxy of ours. Each proxy adds at the end whom it had before it, and what stands before
    /// the word of one that is not trusted may be invented.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        // Piece by piece, so that what somebody invents spoils nothing of what a proxy adds.
        let told = headers.get_all(FORWARDED_FOR).into_iter();
        let told: Vec<&[u8]> = told.flat_map(|value| value.as_bytes().split(|byte| *byte == b',')).collect();
        let mut client = peer.to_canonical();
        for before in told.into_iter().rev() {
            if !self.trusts(client) {
                break;
            }
            let Some(address) = read(before) else { break };
            client = address;
        }
        client
    }
}

/// Some write the port, too.
fn read(bytes: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok().or_else(|| text.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Whom one trusts, who connected, what the headers say, and whom that makes it.
    type Case<'a> = (&'a [&'a str], &'a str, &'a [&'a [u8]], &'a str);

    fn proxies(networks: &[&str]) -> Proxies {
        let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
        Proxies::new(&networks)
    }

    #[test]
    fn the_nearest_who_is_no_proxy_counts() {
        let usual: &[&str] = &["127.0.0.0/8", "::1"];
        let two: &[&str] = &["127.0.0.1", "10.1.0.0/16", "2001:db8:7::/48"];
        let cases: [Case<'_>; 22] = [
            (usual, "127.0.0.1", &[], "127.0.0.1"),
            (usual, "127.0.0.1", &[b"203.0.113.1"], "203.0.113.1"),
            (usual, "127.0.0.1", &[b"203.0.113.1, 203.0.113.2"], "203.0.113.2"),
            (usual, "127.0.0.1", &[b"203.0.113.1", b"203.0.113.2"], "203.0.113.2"),
            (usual, "::ffff:127.0.0.1", &[b"203.0.113.1"], "203.0.113.1"),
            (usual, "::1", &[b"2001:db8::5"], "2001:db8::5"),
            // Nobody else is believed, however near.
            (usual, "10.0.0.9", &[b"203.0.113.1"], "10.0.0.9"),
            (usual, "198.51.100.7", &[b"127.0.0.1"], "198.51.100.7"),
            // What somebody writes before coming to a proxy of ours is theirs to invent.
            (usual, "127.0.0.1", &[b"127.0.0.1, 203.0.113.2"], "203.0.113.2"),
            (usual, "127.0.0.1", &[b"203.0.113.9, 127.0.0.1"], "203.0.113.9"),
            (usual, "127.0.0.1", &[b"nonsense"], "127.0.0.1"),
            (usual, "127.0.0.1", &[b"203.0.113.9, nonsense"], "127.0.0.1"),
            (usual, "127.0.0.1", &[b""], "127.0.0.1"),
            (usual, "127.0.0.1", &[b"203.0.113.1:4711"], "203.0.113.1"),
            (usual, "127.0.0.1", &[b"[2001:db8::5]:4711"], "2001:db8::5"),
            (usual, "127.0.0.1", &[b"[2001:db8::5]"], "2001:db8::5"),
            (two, "10.1.2.3", &[b"203.0.113.1, 2001:db8:7::1, 127.0.0.1"], "203.0.113.1"),
            (two, "10.2.0.1", &[b"203.0.113.1"], "10.2.0.1"),
            (two, "10.1.2.3", &[b"10.1.9.9"], "10.1.9.9"),
            (&[], "127.0.0.1", &[b"203.0.113.1"], "127.0.0.1"),
            (usual, "127.0.0.1", &[b"\xff, 203.0.113.1"], "203.0.113.1"),
            (usual, "127.0.0.1", &[b"203.0.113.1, \xff"], "127.0.0.1"),
        ];
        for (trusted, peer, told, expected) in cases {
            let mut headers = HeaderMap::new();
            for told in told {
                headers.append(FORWARDED_FOR, HeaderValue::from_bytes(told).unwrap());
            }
            let client = proxies(trusted).client(peer.parse().unwrap(), &headers);
            assert_eq!(client, expected.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
        }
    }

    #[test]
    fn networks_are_read_or_told_to_be_wrong() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.0.1", "11.0.0.1"),
            ("10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("0.0.0.0/0", "203.0.113.1", "::1"),
            ("::/0", "2001:db8::1", "127.0.0.1"),
            ("fd00::/8", "fd12::1", "fe80::1"),
            ("::ffff:10.0.0.7", "10.0.0.7", "10.0.0.8"),
            ("::ffff:10.0.0.0/104", "10.255.0.1", "11.0.0.1"),
        ] {
            let network: Network = text.parse().unwrap();
            assert!(network.holds(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.holds(outside.parse().unwrap()), "{text} {outside}");
        }
        for wrong in
            ["", "localhost", "10.0.0.0/33", "::1/129", "10.0.0.0/x", "10.0.0/8", "10.0.0.0/-1", "::ffff:10.0.0.0/95"]
        {
            assert!(wrong.parse::<Network>().unwrap_err().contains(wrong), "{wrong}");
        }
    }
}
