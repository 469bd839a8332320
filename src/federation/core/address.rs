//! Which network addresses a server may connect to because a stranger named them. Pure: resolving a name is done by
//! the caller, which asks here about every address it got.
//!
//! The IANA special-purpose registries (RFC 6890 and successors) decide: an address that is not globally reachable
//! unicast is refused. Forms that carry an IPv4 address inside are judged by what they carry, or refused as a whole
//! where nobody needs them any more.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a stranger may make us connect to this address.
///
/// False for private, shared (CGNAT), loopback, link-local, metadata, documentation, benchmarking, multicast, broadcast
/// and reserved addresses, and for their IPv4-mapped, NAT64, 6to4 and Teredo disguises.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    !matches!(
        (a, b, c, d),
        (0 | 10 | 127, ..)                  // this network, private, loopback
            | (100, 64..=127, ..)           // shared address space, some clouds' metadata
            | (169, 254, ..)                // link-local, most clouds' metadata
            | (172, 16..=31, ..)            // private
            | (192, 0, 0 | 2, _)            // protocol assignments, documentation
            | (192, 88, 99, _)              // 6to4 relays
            | (192, 168, ..)                // private
            | (198, 18 | 19, ..)            // benchmarking
            | (198, 51, 100, _)             // documentation
            | (203, 0, 113, _)              // documentation
            | (168, 63, 129, 16)            // one cloud's metadata on a public address
            | (224.., ..) // multicast, reserved, broadcast
    )
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    match segments {
        // NAT64 (RFC 6052): a host on an IPv6-only network reaches public IPv4 servers through it.
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            is_public_v4(Ipv4Addr::new(a, b, c, d))
        }
        // Protocol assignments, with Teredo, benchmarking and ORCHID.
        [0x2001, 0..=0x1ff, ..] => false,
        // Documentation (RFC 3849, RFC 9637).
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // 6to4: withdrawn (RFC 7526), and it carries any IPv4 address.
        [0x2002, ..] => false,
        // Only 2000::/3 is handed out as global unicast; loopback, unique local, link-local, site-local, multicast,
        // local NAT64 (64:ff9b:1::/48), discard and segment routing all lie outside.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_refused(addresses: &[&str]) {
        for address in addresses {
            assert!(
                !is_public(address.parse().unwrap()),
                "{address} must be refused"
            );
        }
    }

    #[test]
    fn ordinary_servers_are_reachable() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "169.253.1.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "198.17.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:200::1",
            "2a00::1",
            "3ffe::1",
        ] {
            assert!(
                is_public(address.parse().unwrap()),
                "{address} must be allowed"
            );
        }
    }

    #[test]
    fn ipv4_ranges_that_are_not_global_are_refused() {
        all_refused(&[
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
        ]);
    }

    #[test]
    fn ipv6_ranges_that_are_not_global_are_refused() {
        all_refused(&[
            "::",
            "::1",
            "100::1",
            "2001:db8::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "3fff:abc::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ]);
    }

    #[test]
    fn disguised_ipv4_addresses_are_seen_through() {
        all_refused(&[
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:10.1.2.3",
            "::127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::1.1.1.1",
            "2002:7f00:1::1",
            "2002:101:101::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        ]);
        assert!(is_public("::ffff:1.1.1.1".parse().unwrap()));
        assert!(is_public("64:ff9b::1.1.1.1".parse().unwrap()));
    }
}
