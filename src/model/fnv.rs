//! FNV-1a, 64 bits (Fowler, Noll, Vo): a hash that is the same after a restart and on every machine, which the
//! standard hasher does not promise.

use std::hash::Hasher;

/// The running hash.
#[derive(Clone, Copy, Debug)]
pub struct Fnv(u64);

impl Default for Fnv {
    /// The offset basis.
    fn default() -> Self {
        Fnv(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The hash of one text.
#[must_use]
pub fn of(text: &str) -> u64 {
    let mut hash = Fnv::default();
    hash.write(text.as_bytes());
    hash.finish()
}

#[cfg(test)]
mod tests {
    /// From the reference's test vectors (isthe.com/chongo/tech/comp/fnv).
    #[test]
    fn it_is_the_published_hash() {
        for (text, want) in
            [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)]
        {
            assert_eq!(super::of(text), want, "{text}");
        }
    }
}
