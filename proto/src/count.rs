//! Counts on the wire: signed there, since many languages know no other integers
//! (AIP-141), and never below zero.

/// A count that the wire has as a signed integer.
pub trait Count {
    /// What the wire has.
    type Wire;

    /// As the wire has it; the highest that it knows where this one is higher.
    fn to_wire(self) -> Self::Wire;

    /// What the wire's integer counts; nothing where it is below zero, as only a peer
    /// sends it that is broken.
    fn from_wire(wire: Self::Wire) -> Self;
}

impl Count for u64 {
    type Wire = i64;

    fn to_wire(self) -> i64 {
        i64::try_from(self).unwrap_or(i64::MAX)
    }

    fn from_wire(wire: i64) -> Self {
        Self::try_from(wire).unwrap_or_default()
    }
}

impl Count for u32 {
    type Wire = i32;

    fn to_wire(self) -> i32 {
        i32::try_from(self).unwrap_or(i32::MAX)
    }

    fn from_wire(wire: i32) -> Self {
        Self::try_from(wire).unwrap_or_default()
    }
}

/// Of things that are counted in memory.
impl Count for usize {
    type Wire = i32;

    fn to_wire(self) -> i32 {
        i32::try_from(self).unwrap_or(i32::MAX)
    }

    fn from_wire(wire: i32) -> Self {
        Self::try_from(wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_the_nearest_that_does() {
        assert_eq!((7_u64.to_wire(), u64::MAX.to_wire()), (7, i64::MAX));
        assert_eq!((7_u32.to_wire(), u32::MAX.to_wire()), (7, i32::MAX));
        assert_eq!((7_usize.to_wire(), usize::MAX.to_wire()), (7, i32::MAX));
        assert_eq!((u64::from_wire(7), u64::from_wire(-7)), (7, 0));
        assert_eq!((u32::from_wire(7), u32::from_wire(i32::MIN)), (7, 0));
        assert_eq!((usize::from_wire(7), usize::from_wire(-1)), (7, 0));
    }
}
