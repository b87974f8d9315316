//! Values by name. Names share long beginnings, so that a search in their order compares
//! much: one is looked up by its hash, and the order is for lists.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

/// Values, each under a name.
#[derive(Debug)]
pub(crate) struct Named<T> {
    values: HashMap<Arc<str>, T>,
    names: BTreeSet<Arc<str>>,
}

impl<T> Default for Named<T> {
    fn default() -> Self {
        Self { values: HashMap::new(), names: BTreeSet::new() }
    }
}

impl<T> Named<T> {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// The value of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&T> {
        self.values.get(name)
    }

    /// The same, to be changed.
    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut T> {
        self.values.get_mut(name)
    }

    /// The value of this name; where there is none, it is made.
    pub(crate) fn get_or_insert_with(&mut self, name: &str, make: impl FnOnce() -> T) -> &mut T {
        if !self.values.contains_key(name) {
            self.names.insert(name.into());
        }
        self.values.entry(name.into()).or_insert_with(make)
    }

    /// Puts a value in the place of the one before, which it returns.
    pub(crate) fn insert(&mut self, name: &str, value: T) -> Option<T> {
        if let Some(before) = self.values.get_mut(name) {
            return Some(std::mem::replace(before, value));
        }
        let name: Arc<str> = name.into();
        self.names.insert(Arc::clone(&name));
        self.values.insert(name, value)
    }

    /// Takes the value of this name out.
    pub(crate) fn remove(&mut self, name: &str) -> Option<T> {
        self.names.remove(name);
        self.values.remove(name)
    }

    /// All of them, in the order of the names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &T)> {
        self.after("")
    }

    /// Those after `name`, in the order of the names. No name is empty.
    pub(crate) fn after(&self, name: &str) -> impl Iterator<Item = (&Arc<str>, &T)> {
        let names = self.names.range::<str, _>((Bound::Excluded(name), Bound::Unbounded));
        names.filter_map(|name| Some((name, self.values.get(name)?)))
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.values.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name_and_listed_in_the_order_of_the_names() {
        let mut named = Named::default();
        for (name, value) in [("b", 1), ("c", 2), ("a", 3)] {
            assert_eq!(named.insert(name, value), None);
        }
        assert_eq!((named.insert("b", 4), named.len()), (Some(1), 3));
        assert_eq!(named.get("b"), Some(&4));
        *named.get_mut("c").expect("there") += 5;
        *named.get_or_insert_with("c", || 0) += 1;
        assert_eq!(*named.get_or_insert_with("d", || 9), 9);
        let all = |named: &Named<i32>, after| {
            named.after(after).map(|(name, value)| (name.to_string(), *value)).collect::<Vec<_>>()
        };
        let entry = |name: &str, value| (name.to_owned(), value);
        assert_eq!(all(&named, "a"), [entry("b", 4), entry("c", 8), entry("d", 9)]);
        assert_eq!((named.remove("b"), named.remove("b")), (Some(4), None));
        assert_eq!(named.iter().map(|(_, value)| *value).collect::<Vec<_>>(), [3, 8, 9]);
        assert_eq!(named.values().sum::<i32>(), 20);
    }
}
