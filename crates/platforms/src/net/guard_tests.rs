//! Any address, however it is written: compared with what the standard library knows of addresses.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn guard() -> Guard {
    Guard::new(&[80, 443], &[]).unwrap()
}

fn inside(ip: Ipv4Addr) -> bool {
    ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_broadcast()
        || ip.is_documentation()
        || ip.is_multicast()
        || ip.is_unspecified()
}

/// Addresses near the edges of what is closed are met often.
fn any_ip() -> impl Strategy<Value = Ipv4Addr> {
    let edge = (0..CLOSED4.len(), -2i64..3, any::<bool>()).prop_map(|(at, by, end)| {
        let (first, bits, _) = CLOSED4[at];
        let first = i64::from(u32::from_be_bytes(first));
        let from = if end { first + (1i64 << (32 - bits)) - 1 } else { first };
        Ipv4Addr::from_bits((from + by).clamp(0, i64::from(u32::MAX)) as u32)
    });
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from_bits), edge]
}

proptest! {
    #[test]
    fn what_the_standard_library_calls_special_is_refused(ip in any_ip()) {
        let taken = guard().url(&format!("http://{ip}/")).is_ok();
        prop_assert!(!(taken && inside(ip)), "{ip}");
        prop_assert_eq!(taken, closed4(ip).is_none());
    }

    #[test]
    fn an_address_is_written_in_one_way_only(ip in any_ip(), way in 0usize..7) {
        let ([a, b, c, d], all) = (ip.octets(), ip.to_bits());
        let text = match way {
            0 => format!("http://{all}/"),
            1 => format!("http://{all:#x}/"),
            2 => format!("http://0{all:o}/"),
            3 => format!("http://{a:#x}.{b:#x}.{c:#x}.{d:#x}/"),
            4 => format!("http://0{a:o}.0{b:o}.0{c:o}.0{d:o}/"),
            5 => format!("http://{a}.{b}.{}/", u32::from(c) << 8 | u32::from(d)),
            _ => format!("http://{a}.{b}.{c}.{d}./"),
        };
        // 0.0.0.0 and the like may be the plain form already; they are refused all the same.
        prop_assert!(guard().url(&text).is_err(), "{text}");
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_refused(ip in any_ip(), way in 0usize..6, low: u64) {
        let v4 = u128::from(ip.to_bits());
        let bits = match way {
            0 => 0xffff << 32 | v4,
            1 => v4,
            2 => 0x0064_ff9b << 96 | v4,
            3 => 0x2002 << 112 | v4 << 80 | u128::from(low),
            4 => 0x2001_0000 << 96 | u128::from(low) << 32 | v4,
            _ => 0x2a00_1450 << 96 | 0x5efe << 32 | v4,
        };
        let url = format!("http://[{}]/", Ipv6Addr::from_bits(bits));
        prop_assert!(guard().url(&url).is_err(), "{}", url);
    }

    #[test]
    fn any_text_is_answered_and_what_passes_names_the_host_that_is_dialled(text in "(https?://)?[a-z0-9.@:/\\\\%\\[\\]#?_-]{0,40}") {
        if let Ok(url) = guard().url(&text) {
            prop_assert!(matches!(url.port_or_known_default(), Some(80 | 443)));
            // The client reads the same host out of it.
            let uri: ureq::http::Uri = url.as_str().parse().unwrap();
            prop_assert_eq!(uri.host(), url.host_str());
        }
    }
}
