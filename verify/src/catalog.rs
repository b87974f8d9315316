//! Which objects there are, by what their keys say.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use kafka2oss_chain::{ChainId, ObjectKey};
use kafka2oss_format::Encoding;

/// The objects of a topic, chain by chain and partition by partition, in the
/// order of their offsets: 16 bytes each, and once the name of each folder and the
/// ending of each key. Where attempts have keys of their own each ending is another.
///
/// A key is its folder and what its last segment says, which has but one form.
#[derive(Debug)]
pub(crate) struct Catalog {
    topic: String,
    /// The topic's folder below each prefix, with a slash at its end.
    folders: Vec<String>,
    /// Four hexadecimal digits and a slash may stand in front of it.
    hash_prefix: bool,
    /// The chains that count; all by default.
    chains: Option<BTreeSet<ChainId>>,
    names: Names,
    partitions: BTreeMap<(ChainId, i32), PartitionObjects>,
}

/// The objects of one chain and partition.
#[derive(Debug, Default)]
pub(crate) struct PartitionObjects {
    /// By first offset.
    pub(crate) links: Vec<Entry>,
    /// Objects that hold one value each, by the offset of its record.
    pub(crate) values: Vec<Entry>,
}

/// An object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) offset: i64,
    folder: u32,
    /// What stands behind the chain id.
    ending: u32,
}

/// What a key means to the catalog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// An object of a chain that counts.
    Taken,
    /// Not below the topic's folder, or of a chain that does not count.
    PassedOver,
    /// Below the topic's folder, and of no chain: why.
    Foreign(&'static str),
}

impl Catalog {
    /// Of the chains that count (all by default), below these prefixes of keys.
    pub(crate) fn new(
        topic: &str,
        prefixes: &[String],
        hash_prefix: bool,
        chains: Option<BTreeSet<ChainId>>,
    ) -> Self {
        let folders: BTreeSet<_> =
            prefixes.iter().map(|prefix| format!("{prefix}{topic}/")).collect();
        Self {
            topic: topic.to_owned(),
            folders: folders.into_iter().collect(),
            hash_prefix,
            chains,
            names: Names::default(),
            partitions: BTreeMap::new(),
        }
    }

    /// The prefixes to list. A hash comes first in a key, so that with one the
    /// whole bucket is to be listed.
    pub(crate) fn listings(&self) -> Vec<String> {
        if self.hash_prefix { vec![String::new()] } else { self.folders.clone() }
    }

    /// Takes in a key of a listing.
    pub(crate) fn add(&mut self, key: &str, size: u64) -> Place {
        if !self.is_below_folder(key) {
            return Place::PassedOver;
        }
        // What consoles create for people to see a folder.
        if size == 0 && key.ends_with('/') {
            return Place::PassedOver;
        }
        let Some(parsed) = ObjectKey::parse(key) else {
            return Place::Foreign("no object of a chain has such a key");
        };
        if parsed.topic != self.topic {
            return Place::Foreign("the key names another topic");
        }
        if !parsed.is_value() && Encoding::from_extension(parsed.extension).is_none() {
            return Place::Foreign("no object of a chain has such an extension");
        }
        if self.chains.as_ref().is_some_and(|chains| !chains.contains(&parsed.chain)) {
            return Place::PassedOver;
        }
        let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
        let extension = parsed.extension;
        let ending = match parsed.attempt {
            Some(attempt) => self.names.number(&format!("-{attempt}.{extension}")),
            None => self.names.number(&format!(".{extension}")),
        };
        let (offset, folder) = (parsed.offset, self.names.number(folder));
        let entry = Entry { offset, folder, ending };
        let objects = self.partitions.entry((parsed.chain, parsed.partition)).or_default();
        if parsed.is_value() {
            objects.values.push(entry);
        } else {
            objects.links.push(entry);
        }
        Place::Taken
    }

    /// Puts the objects in order, once all are taken in.
    pub(crate) fn sort(&mut self) {
        for objects in self.partitions.values_mut() {
            for entries in [&mut objects.links, &mut objects.values] {
                // Stable: objects of one offset stay in the order of their keys.
                // One prefix may lie within another, so that a key came twice.
                entries.sort_by_key(|entry| entry.offset);
                entries.dedup();
                entries.shrink_to_fit();
            }
        }
    }

    /// The chains of which there are objects.
    pub(crate) fn chains(&self) -> BTreeSet<ChainId> {
        self.partitions.keys().map(|(chain, _)| *chain).collect()
    }

    /// The partitions of which a chain has objects.
    pub(crate) fn partitions(&self, chain: ChainId) -> impl Iterator<Item = i32> {
        let of_chain = (chain, i32::MIN)..=(chain, i32::MAX);
        self.partitions.range(of_chain).map(|((_, partition), _)| *partition)
    }

    /// The objects of a chain and partition, if there are any.
    pub(crate) fn objects(&self, chain: ChainId, partition: i32) -> Option<&PartitionObjects> {
        self.partitions.get(&(chain, partition))
    }

    /// The key of an object.
    pub(crate) fn key(&self, chain: ChainId, partition: i32, entry: Entry) -> String {
        let Self { topic, names, .. } = self;
        let Entry { offset, folder, ending } = entry;
        let (folder, ending) = (names.name(folder), names.name(ending));
        format!("{folder}/{topic}+{partition}+{offset:020}-{chain}{ending}")
    }

    /// The encoding of a link.
    pub(crate) fn encoding(&self, entry: Entry) -> Option<Encoding> {
        let (_, extension) = self.names.name(entry.ending).split_once('.')?;
        Encoding::from_extension(extension)
    }

    /// Whether the key of a link is an attempt's own.
    pub(crate) fn is_own(&self, entry: Entry) -> bool {
        self.names.name(entry.ending).starts_with('-')
    }

    fn is_below_folder(&self, key: &str) -> bool {
        let rest = if self.hash_prefix { without_hash(key) } else { None };
        [Some(key), rest]
            .into_iter()
            .flatten()
            .any(|key| self.folders.iter().any(|folder| key.starts_with(folder)))
    }
}

/// A key without the hash in front of it.
fn without_hash(key: &str) -> Option<&str> {
    let (hash, rest) = key.split_once('/')?;
    let is_hash = hash.len() == 4 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then_some(rest)
}

/// Each name once.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.names.len())
            .expect("each name takes more than 16 bytes of memory, which 2^32 of them exceed");
        let name: Arc<str> = name.into();
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    fn name(&self, number: u32) -> &str {
        // Numbers are those of this list.
        &self.names[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHAIN: &str = "abcd2345";

    fn chain() -> ChainId {
        ChainId::parse(CHAIN).expect("a chain id")
    }

    fn key(folder: &str, offset: i64, extension: &str) -> String {
        format!("{folder}/t+3+{offset:020}-{CHAIN}.{extension}")
    }

    fn catalog(hash_prefix: bool, chains: Option<BTreeSet<ChainId>>) -> Catalog {
        Catalog::new("t", &["p/".into(), "q/".into()], hash_prefix, chains)
    }

    fn keys(catalog: &Catalog) -> Vec<String> {
        let objects = catalog.objects(chain(), 3).expect("there are some");
        objects.links.iter().map(|entry| catalog.key(chain(), 3, *entry)).collect()
    }

    #[test]
    fn links_are_in_the_order_of_their_offsets_whatever_their_folders() {
        let mut catalog = catalog(true, None);
        let own = |attempt: &str| key("q/t/3", 7, "json").replace(".json", attempt);
        let expected = [
            key("0a1b/p/t/2026/3", 1, "json.gz"),
            own("-aaaa2345aaaa.json"),
            own("-bbbb2345bbbb.json"),
            key("q/t/3", 7, "json"),
            key("p/t/day=1/3", 10, "jsonl"),
        ];
        for index in [4, 0, 1, 2, 3, 0] {
            assert_eq!(catalog.add(&expected[index], 1), Place::Taken);
        }
        catalog.sort();
        assert_eq!(keys(&catalog), expected);
        assert_eq!(catalog.chains(), [chain()].into());
        assert_eq!(catalog.partitions(chain()).collect::<Vec<_>>(), [3]);
        let objects = catalog.objects(chain(), 3).expect("there are some");
        assert_eq!(catalog.encoding(objects.links[0]), Encoding::from_extension("json.gz"));
        assert_eq!(catalog.encoding(objects.links[1]), Encoding::from_extension("json"));
        let own: Vec<_> = objects.links.iter().map(|entry| catalog.is_own(*entry)).collect();
        assert_eq!(own, [false, true, true, false, false]);
    }

    #[test]
    fn values_are_no_links() {
        let mut catalog = catalog(false, None);
        for extension in ["value", "dead-letter"] {
            assert_eq!(catalog.add(&key("p/t/values/3", 1, extension), 1), Place::Taken);
        }
        let objects = catalog.objects(chain(), 3).expect("there are some");
        assert_eq!((objects.links.len(), objects.values.len()), (0, 2));
    }

    #[test]
    fn what_is_of_no_chain_below_the_topics_folder_is_foreign_and_elsewhere_is_passed_over() {
        let mut catalog = catalog(false, Some([chain()].into()));
        let other = key("p/t/3", 1, "json").replace(CHAIN, "zzzz2345");
        for (key, size, place) in [
            ("p/u/x", 1, Place::PassedOver),
            ("p/t/", 0, Place::PassedOver),
            (&other, 1, Place::PassedOver),
            ("0a1b/p/t/x", 1, Place::PassedOver),
            ("p/t/", 1, Place::Foreign("no object of a chain has such a key")),
            ("q/t/x", 1, Place::Foreign("no object of a chain has such a key")),
            (
                &key("p/t/3", 1, "json").replace("t+3", "u+3"),
                1,
                Place::Foreign("the key names another topic"),
            ),
            (
                &key("p/t/3", 1, "csv"),
                1,
                Place::Foreign("no object of a chain has such an extension"),
            ),
        ] {
            assert_eq!(catalog.add(key, size), place, "{key}");
        }
        assert!(catalog.chains().is_empty());
    }

    #[test]
    fn a_hash_in_front_is_looked_behind_and_the_whole_bucket_listed() {
        assert_eq!(catalog(false, None).listings(), ["p/t/", "q/t/"]);
        let mut hashed = catalog(true, None);
        assert_eq!(hashed.listings(), [""]);
        assert!(matches!(hashed.add("0a1b/p/t/x", 1), Place::Foreign(_)));
        assert_eq!(hashed.add("0a1bc/p/t/x", 1), Place::PassedOver);
    }
}
