//! Free TCP ports for servers that must be told theirs.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Result, bail};

/// Below this, well-known servers live.
const LOWEST: u16 = 10_240;

/// Ports that were free a moment ago, all different.
///
/// They lie below the kernel's range for outgoing connections. From that range
/// a port that a test means to use again (a broker's restart) could be taken by
/// any connection in the meantime, even by a client's own attempt to reach the
/// stopped server: on loopback such an attempt can connect to itself.
///
/// Another process may still take one between this call and the server's bind:
/// start again with other ports then, as [`crate::kafka`] and [`crate::minio`]
/// do.
pub fn free<const COUNT: usize>() -> Result<[u16; COUNT]> {
    let mut held = Vec::with_capacity(COUNT);
    let mut ports = [0; COUNT];
    for port in &mut ports {
        let listener = bind_next()?;
        *port = listener.local_addr()?.port();
        // Held until all are chosen.
        held.push(listener);
    }
    Ok(ports)
}

fn bind_next() -> Result<TcpListener> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let range = range();
    let width = range.end - range.start;
    // Test binaries that run at the same time start at different places.
    let start = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(width))
        .expect("a remainder of a u16");
    for _ in 0..width {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let index = (u32::from(start) + u32::from(step)) % u32::from(width);
        let port = range.start + u16::try_from(index).expect("a remainder of a u16");
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            return Ok(listener);
        }
    }
    bail!("no free port in {range:?}")
}

/// From [`LOWEST`] up to the ports that the kernel gives to outgoing
/// connections; 32768 is Linux's default for these.
fn range() -> Range<u16> {
    let outgoing = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .filter(|first| *first > LOWEST + 1_000)
        .unwrap_or(32_768);
    LOWEST..outgoing
}

#[cfg(test)]
mod tests {
    use super::{free, range};

    #[test]
    fn free_ports_differ_and_lie_outside_of_those_for_outgoing_connections() {
        let [one, other] = free::<2>().expect("two free ports");

        assert_ne!(one, other);
        assert!(range().contains(&one) && range().contains(&other));
    }
}
