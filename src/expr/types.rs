//! Type inference: every expression has a set of types it may still have.

use crate::model::ValueType;
use std::fmt;

/// A set of types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Set(u8);

impl Set {
    pub const ALL: Set = Set(0b1111);
    pub const NUMBER: Set = Set::of(ValueType::Number);
    pub const TEXT: Set = Set::of(ValueType::Text);
    pub const BOOL: Set = Set::of(ValueType::Bool);
    pub const TIME: Set = Set::of(ValueType::Time);
    /// What has an order.
    pub const ORDERED: Set = Set(Set::NUMBER.0 | Set::TIME.0);

    pub const fn of(value_type: ValueType) -> Set {
        Set(1 << value_type as u8)
    }

    pub const fn and(self, other: Set) -> Set {
        Set(self.0 & other.0)
    }

    const fn or(self, other: Set) -> Set {
        Set(self.0 | other.0)
    }

    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn iter(self) -> impl Iterator<Item = ValueType> {
        [ValueType::Number, ValueType::Text, ValueType::Bool, ValueType::Time]
            .into_iter()
            .filter(move |t| !self.and(Set::of(*t)).is_empty())
    }

    /// The type, where only one is left.
    pub fn single(self) -> Option<ValueType> {
        let mut all = self.iter();
        all.next().filter(|_| all.next().is_none())
    }
}

/// `number`, `number or time`.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, t) in self.iter().enumerate() {
            write!(f, "{}{t}", if i > 0 { " or " } else { "" })?;
        }
        Ok(())
    }
}

/// The type of an expression, perhaps not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ty(u32);

/// All types of a script, and what is known of them.
#[derive(Debug, Default)]
pub(super) struct Types {
    slots: Vec<Slot>,
    /// Whether something was learnt of a type since it was asked last.
    learnt: bool,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    SameAs(Ty),
    Known(Set),
}

impl Types {
    pub fn fresh(&mut self, set: Set) -> Ty {
        self.slots.push(Slot::Known(set));
        Ty(u32::try_from(self.slots.len() - 1).expect("a script has at most OPERATIONS_MAX nodes"))
    }

    fn root(&self, mut ty: Ty) -> (Ty, Set) {
        loop {
            match self.slots[ty.0 as usize] {
                Slot::SameAs(other) => ty = other,
                Slot::Known(set) => return (ty, set),
            }
        }
    }

    pub fn set(&self, ty: Ty) -> Set {
        self.root(ty).1
    }

    /// Whether something was learnt since this was asked last.
    pub fn take_learnt(&mut self) -> bool {
        std::mem::take(&mut self.learnt)
    }

    /// Takes away the types that are not in `set`; `false`, and nothing changed, where none would be left.
    pub fn narrow(&mut self, ty: Ty, set: Set) -> bool {
        let (root, known) = self.root(ty);
        let left = known.and(set);
        if !left.is_empty() {
            self.learnt |= left != known;
            self.slots[root.0 as usize] = Slot::Known(left);
        }
        !left.is_empty()
    }

    /// Makes two types one; `false`, and nothing changed, where they have no type in common.
    pub fn unify(&mut self, a: Ty, b: Ty) -> bool {
        let ((a, in_a), (b, in_b)) = (self.root(a), self.root(b));
        let left = in_a.and(in_b);
        if left.is_empty() {
            return false;
        }
        self.learnt |= left != in_a || left != in_b;
        self.slots[a.0 as usize] = Slot::Known(left);
        if a != b {
            self.slots[b.0 as usize] = Slot::SameAs(a);
        }
        true
    }
}

/// `left + right = out`, or with `-`: numbers, or times and seconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    pub minus: bool,
    pub left: Ty,
    pub right: Ty,
    pub out: Ty,
}

impl Sum {
    /// Keeps, of the ways to read this, those that what is known allows; `false` where none is left.
    pub fn propagate(self, types: &mut Types) -> bool {
        const N: Set = Set::NUMBER;
        const T: Set = Set::TIME;
        const PLUS: [[Set; 3]; 3] = [[N, N, N], [T, N, T], [N, T, T]];
        const MINUS: [[Set; 3]; 3] = [[N, N, N], [T, T, N], [T, N, T]];
        let parts = [self.left, self.right, self.out];
        let known = parts.map(|p| types.set(p));
        let mut possible = [Set(0); 3];
        for way in if self.minus { MINUS } else { PLUS } {
            if way.iter().zip(known).all(|(w, k)| !w.and(k).is_empty()) {
                possible = std::array::from_fn(|i| possible[i].or(way[i]));
            }
        }
        parts.iter().zip(possible).all(|(p, set)| types.narrow(*p, set))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_learns_from_each_of_its_parts() {
        let (n, t, any) = (Set::NUMBER, Set::TIME, Set::ALL);
        for (minus, known, want) in [
            (false, [n, n, any], "number number number"),
            (false, [t, any, any], "time number time"),
            (false, [any, any, n], "number number number"),
            (true, [any, t, any], "time time number"),
            (true, [any, any, t], "time number time"),
            (true, [any, any, any], "number or time number or time number or time"),
            (true, [n, t, any], "none"),
            (false, [Set::TEXT, any, any], "none"),
        ] {
            let mut types = Types::default();
            let [left, right, out] = known.map(|k| types.fresh(k));
            let sum = Sum { minus, left, right, out };
            let possible = sum.propagate(&mut types);
            let got = [left, right, out].map(|p| types.set(p).to_string()).join(" ");
            assert_eq!(if possible { &got } else { "none" }, want, "{known:?}");
        }
    }

    #[test]
    fn two_types_made_one_narrow_together() {
        let mut types = Types::default();
        let (a, b, c) = (types.fresh(Set::ALL), types.fresh(Set::ALL), types.fresh(Set::TEXT));
        assert!(types.unify(a, b) && types.unify(b, c));
        assert_eq!(types.set(a).single(), Some(ValueType::Text));
        assert!(!types.narrow(a, Set::NUMBER));
    }
}
