//! New UUIDs. The random bytes come from a system call, so that this works even if no file can be opened.

use rustix::rand::{GetRandomFlags, getrandom};
use uuid::{Builder, Uuid};

/// A new random (version 4) UUID.
#[must_use]
pub fn random_id() -> Uuid {
    let mut bytes = uuid::Bytes::default();
    match getrandom(&mut bytes, GetRandomFlags::empty()) {
        Ok(filled) if filled == bytes.len() => Builder::from_random_bytes(bytes).into_uuid(),
        // A kernel before 3.17 has no such call.
        _ => Uuid::new_v4(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_uuid_is_new_and_of_version_4() {
        let (one, other) = (random_id(), random_id());
        assert_eq!((one.get_version_num(), other.get_version_num()), (4, 4));
        assert_ne!(one, other);
    }
}
