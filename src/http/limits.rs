//! HOW MUCH ONE ADDRESS MAY ASK: a bucket of requests for each, filled at an even rate.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use tokio::time::{Duration, Instant};

/// Addresses that are remembered at once. Further ones share a bucket until some are full again, and so forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// One bucket for each address.
#[derive(Debug)]
pub struct Buckets {
    per_second: f64,
    burst: f64,
    of: HashMap<IpAddr, Bucket>,
    shared: Option<Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    at: Instant,
}

impl Buckets {
    /// So many a second, and so many at once.
    #[must_use]
    pub fn new(per_second: f64, burst: f64) -> Buckets {
        Buckets { per_second, burst, of: HashMap::new(), shared: None }
    }

    /// Takes one for this address.
    ///
    /// # Errors
    /// With how long it takes until there is one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let (per_second, burst) = (self.per_second, self.burst);
        let bucket = self.bucket(household(address), now);
        bucket.left = filled(*bucket, now, per_second, burst);
        bucket.at = now;
        if bucket.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.left) / per_second));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    fn bucket(&mut self, address: IpAddr, now: Instant) -> &mut Bucket {
        let full = Bucket { left: self.burst, at: now };
        if ADDRESSES_MAX <= self.of.len() && !self.of.contains_key(&address) {
            let (per_second, burst) = (self.per_second, self.burst);
            self.of.retain(|_, bucket| filled(*bucket, now, per_second, burst) < burst);
            if ADDRESSES_MAX <= self.of.len() {
                return self.shared.get_or_insert(full);
            }
        }
        self.of.entry(address).or_insert(full)
    }
}

fn filled(bucket: Bucket, now: Instant, per_second: f64, burst: f64) -> f64 {
    (bucket.left + now.duration_since(bucket.at).as_secs_f64() * per_second).min(burst)
}

/// What one sender has: an address of IPv4, the half of one of IPv6 (RFC 6177: a site has a /64 or more).
#[must_use]
pub fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_evenly_and_each_address_has_its_own() {
        let mut buckets = Buckets::new(2.0, 3.0);
        let start = Instant::now();
        let mut take = |address: &str, millis| {
            let taken = buckets.take(address.parse().unwrap(), start + Duration::from_millis(millis));
            taken.map_err(|wait| wait.as_millis())
        };
        for (address, at, want) in [
            ("192.0.2.1", 0, Ok(())),
            ("192.0.2.1", 0, Ok(())),
            ("192.0.2.1", 0, Ok(())),
            ("192.0.2.1", 0, Err(500)),
            ("192.0.2.2", 0, Ok(())),
            ("192.0.2.1", 400, Err(100)),
            ("192.0.2.1", 500, Ok(())),
            ("192.0.2.1", 500, Err(500)),
            ("192.0.2.1", 90_000, Ok(())),
            ("192.0.2.1", 90_000, Ok(())),
            ("192.0.2.1", 90_000, Ok(())),
            ("192.0.2.1", 90_000, Err(500)),
            ("2001:db8::1", 90_000, Ok(())),
            ("2001:db8::2", 90_000, Ok(())),
            ("2001:db8::3", 90_000, Ok(())),
            ("2001:db8::ffff:4", 90_000, Err(500)),
            ("2001:db8:0:1::4", 90_000, Ok(())),
        ] {
            assert_eq!(take(address, at), want, "{address} at {at}");
        }
    }

    #[test]
    fn a_flood_of_addresses_is_remembered_no_further_than_it_may() {
        let mut buckets = Buckets::new(1.0, 2.0);
        let now = Instant::now();
        let mut refused = 0;
        for n in 0..20_000_u32 {
            refused += u32::from(buckets.take(IpAddr::V4(n.into()), now).is_err());
        }
        assert_eq!((buckets.of.len(), refused), (ADDRESSES_MAX, 20_000 - 4_096 - 2));
        let later = now + Duration::from_secs(2);
        assert_eq!(buckets.take("192.0.2.1".parse().unwrap(), later), Ok(()));
        assert_eq!(buckets.of.len(), 1, "who was full again is forgotten");
    }
}
