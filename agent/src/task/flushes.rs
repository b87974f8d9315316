//! Flushes: what lies below a target in partitions is to stand in objects soon.
//!
//! Whoever flushes names a target for each partition, and hears where it is
//! ([`Flush::news`]), from whichever loop has it meanwhile. A loop closes its open object
//! once that holds everything below the highest target ([`FlushPoint`]): flushes that come
//! together share the object.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// Objects of one partition that wait to be told; more are left out.
const OBJECTS_OF_PARTITION: usize = 500;
/// Objects of one flush that wait to be told; more are left out.
const OBJECTS: usize = 10_000;
/// Partitions, and objects, that are told at a time.
const AT_ONCE: usize = 500;

/// The flushes of an agent, and the loops that carry them out.
#[derive(Debug, Clone, Default)]
pub struct Flushes(Arc<Mutex<Hub>>);

#[derive(Debug, Default)]
struct Hub {
    /// Number of the last flush or loop.
    last: u64,
    flushes: BTreeMap<u64, Asked>,
    /// By partition; two of one where it moves between tasks of the agent.
    loops: BTreeMap<Place, BTreeMap<u64, watch::Sender<Wanted>>>,
}

/// A partition of an epoch of a connector.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    uid: String,
    epoch: u64,
    partition: i32,
}

/// What a loop is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Wanted {
    /// Number of the last flush: each wants to hear where the partition is.
    number: u64,
    /// The highest target.
    target: Option<i64>,
}

#[derive(Debug)]
struct Asked {
    uid: String,
    epoch: u64,
    targets: BTreeMap<i32, i64>,
    news: BTreeMap<i32, News>,
    /// Objects among them.
    objects: usize,
    bell: Arc<Notify>,
}

#[derive(Debug, Default)]
struct News {
    standing: Option<Standing>,
    objects: Vec<NewLink>,
}

/// Where a partition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Position of its chain, as committed.
    pub committed: i64,
    /// Every record below it stands in an object: the committed offset, or a higher one
    /// where the offsets between hold no record.
    pub complete_to: i64,
}

/// An object that has become a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLink {
    /// Its key.
    pub key: String,
    /// The offsets that it stands for.
    pub extent: Range<i64>,
    /// Records in it.
    pub records: u64,
}

/// What has become known of a partition that is flushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlushNews {
    /// The partition.
    pub partition: i32,
    /// Where it stands by now, where that was told.
    pub standing: Option<Standing>,
    /// Objects that have become links, in their order.
    pub objects: Vec<NewLink>,
}

impl Flushes {
    /// Begins to flush partitions of an epoch of the connector `uid` up to these offsets.
    /// The loops that have one of them, now or later, are told until it is dropped.
    pub fn begin(&self, uid: &str, epoch: u64, targets: BTreeMap<i32, i64>) -> Flush {
        let bell = Arc::new(Notify::new());
        let mut hub = self.lock();
        hub.last += 1;
        let number = hub.last;
        let partitions: Vec<_> = targets.keys().copied().collect();
        let asked = Asked {
            uid: uid.to_owned(),
            epoch,
            targets,
            news: BTreeMap::new(),
            objects: 0,
            bell: Arc::clone(&bell),
        };
        hub.flushes.insert(number, asked);
        for partition in partitions {
            let place = Place { uid: uid.to_owned(), epoch, partition };
            let target = hub.target(&place);
            for wanted in hub.loops.get(&place).into_iter().flat_map(BTreeMap::values) {
                wanted.send_replace(Wanted { number, target });
            }
        }
        drop(hub);
        Flush { flushes: self.clone(), number, bell }
    }

    /// What the loop of a partition has to do with flushes.
    pub(crate) fn point(&self, uid: &str, epoch: u64, partition: i32) -> FlushPoint {
        let place = Place { uid: uid.to_owned(), epoch, partition };
        let mut hub = self.lock();
        hub.last += 1;
        let number = hub.last;
        let (sender, wanted) = watch::channel(Wanted { number, target: hub.target(&place) });
        hub.loops.entry(place.clone()).or_default().insert(number, sender);
        drop(hub);
        FlushPoint { flushes: self.clone(), place, number, wanted, told: None }
    }

    /// An object of a partition became a link.
    pub(crate) fn linked(
        &self,
        (uid, epoch, partition): (&str, u64, i32),
        key: &str,
        extent: Range<i64>,
        records: u64,
    ) {
        for asked in self.lock().of(uid, epoch) {
            let is_wanted =
                asked.targets.get(&partition).is_some_and(|target| extent.start < *target);
            let news = asked.news.get(&partition).map_or(0, |news| news.objects.len());
            if is_wanted && news < OBJECTS_OF_PARTITION && asked.objects < OBJECTS {
                asked.objects += 1;
                let link = NewLink { key: key.to_owned(), extent: extent.clone(), records };
                asked.news.entry(partition).or_default().objects.push(link);
                asked.bell.notify_one();
            }
        }
    }

    fn stands(&self, place: &Place, standing: Standing) {
        for asked in self.lock().of(&place.uid, place.epoch) {
            if asked.targets.contains_key(&place.partition) {
                asked.news.entry(place.partition).or_default().standing = Some(standing);
                asked.bell.notify_one();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// The flushes of an epoch of a connector.
    fn of(&mut self, uid: &str, epoch: u64) -> impl Iterator<Item = &mut Asked> {
        self.flushes.values_mut().filter(move |asked| asked.epoch == epoch && asked.uid == uid)
    }

    /// The highest target of a partition.
    fn target(&mut self, place: &Place) -> Option<i64> {
        let of = self.of(&place.uid, place.epoch);
        of.filter_map(|asked| asked.targets.get(&place.partition).copied()).max()
    }
}

/// A flush that is under way; over when it is dropped.
#[derive(Debug)]
pub struct Flush {
    flushes: Flushes,
    number: u64,
    bell: Arc<Notify>,
}

impl Flush {
    /// What has become known since the last call; waits for the first of it. Safe to cancel.
    pub async fn news(&self) -> Vec<FlushNews> {
        loop {
            let rung = self.bell.notified();
            let news = self.take();
            if !news.is_empty() {
                return news;
            }
            rung.await;
        }
    }

    fn take(&self) -> Vec<FlushNews> {
        let mut hub = self.flushes.lock();
        let Some(asked) = hub.flushes.get_mut(&self.number) else { return Vec::new() };
        let (mut taken, mut objects) = (Vec::new(), 0);
        while taken.len() < AT_ONCE
            && objects < AT_ONCE
            && let Some((partition, News { standing, objects: links })) = asked.news.pop_first()
        {
            objects += links.len();
            asked.objects -= links.len();
            taken.push(FlushNews { partition, standing, objects: links });
        }
        taken
    }
}

impl Drop for Flush {
    fn drop(&mut self) {
        let mut hub = self.flushes.lock();
        let Some(asked) = hub.flushes.remove(&self.number) else { return };
        let Asked { uid, epoch, targets, .. } = asked;
        for partition in targets.into_keys() {
            let place = Place { uid: uid.clone(), epoch, partition };
            let target = hub.target(&place);
            for wanted in hub.loops.get(&place).into_iter().flat_map(BTreeMap::values) {
                wanted.send_if_modified(|wanted| {
                    std::mem::replace(&mut wanted.target, target) != target
                });
            }
        }
    }
}

/// Where a partition's loop hears up to which offset it is flushed, and tells where it is.
#[derive(Debug)]
pub(crate) struct FlushPoint {
    flushes: Flushes,
    place: Place,
    number: u64,
    wanted: watch::Receiver<Wanted>,
    /// To the last flush that it knew, and what it told.
    told: Option<(u64, Standing)>,
}

impl FlushPoint {
    /// The offset below which everything is to stand in objects soon, if anybody flushes.
    pub(crate) fn target(&mut self) -> Option<i64> {
        self.wanted.borrow_and_update().target
    }

    /// Tells where the partition is to those who flush it and have not heard it.
    pub(crate) fn tell(&mut self, standing: Standing) {
        let Wanted { number, target } = *self.wanted.borrow();
        let told = Some((number, standing));
        if target.is_some() && self.told != told {
            self.told = told;
            self.flushes.stands(&self.place, standing);
        }
    }

    /// Waits until something else is wanted. Safe to cancel.
    pub(crate) async fn changed(&mut self) {
        // The sender goes with it.
        if self.wanted.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for FlushPoint {
    fn drop(&mut self) {
        let mut hub = self.flushes.lock();
        if let Some(loops) = hub.loops.get_mut(&self.place) {
            loops.remove(&self.number);
            if loops.is_empty() {
                hub.loops.remove(&self.place);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn targets(of: &[(i32, i64)]) -> BTreeMap<i32, i64> {
        of.iter().copied().collect()
    }

    fn at(committed: i64, complete_to: i64) -> Standing {
        Standing { committed, complete_to }
    }

    fn news(flush: &Flush) -> Vec<FlushNews> {
        flush.news().now_or_never().unwrap_or_default()
    }

    #[test]
    fn a_loop_hears_of_flushes_of_its_partition_before_and_after_it_starts() {
        let flushes = Flushes::default();
        let first = flushes.begin("u", 1, targets(&[(0, 10)]));
        let mut point = flushes.point("u", 1, 0);
        assert_eq!(point.target(), Some(10));
        let mut others =
            [("u", 1, 1), ("u", 2, 0), ("v", 1, 0)].map(|(u, e, p)| flushes.point(u, e, p));
        assert!(others.iter_mut().all(|other| other.target().is_none()));

        let second = flushes.begin("u", 1, targets(&[(0, 7), (1, 3)]));
        assert!(point.changed().now_or_never().is_some(), "it wants to hear, too");
        assert_eq!((point.target(), others[0].target()), (Some(10), Some(3)));
        drop(first);
        assert_eq!(point.target(), Some(7), "of those that are under way");
        drop(second);
        assert_eq!((point.target(), others[0].target()), (None, None));
        drop((point, others));
        assert!(flushes.lock().loops.is_empty() && flushes.lock().flushes.is_empty());
    }

    #[test]
    fn each_flush_hears_once_where_the_partition_is_and_each_change() {
        let flushes = Flushes::default();
        let mut point = flushes.point("u", 1, 0);
        point.tell(at(1, 1));
        let first = flushes.begin("u", 1, targets(&[(0, 10)]));
        assert!(news(&first).is_empty(), "nothing was told to it");
        point.tell(at(1, 1));
        point.tell(at(1, 1));
        let told = |standing| FlushNews { partition: 0, standing, objects: Vec::new() };
        assert_eq!(news(&first), [told(Some(at(1, 1)))]);
        point.tell(at(1, 1));
        assert!(news(&first).is_empty(), "it knows that");
        let second = flushes.begin("u", 1, targets(&[(0, 10)]));
        point.tell(at(1, 1));
        point.tell(at(10, 11));
        assert_eq!(news(&second), [told(Some(at(10, 11)))], "the latest is enough");
    }

    #[test]
    fn objects_are_told_before_what_follows_from_them_and_only_those_below_the_target() {
        let flushes = Flushes::default();
        let mut point = flushes.point("u", 1, 0);
        let flush = flushes.begin("u", 1, targets(&[(0, 10)]));
        for (uid, partition, extent) in
            [("u", 0, 0..5), ("u", 0, 5..12), ("u", 0, 12..20), ("u", 1, 0..9), ("v", 0, 0..9)]
        {
            flushes.linked((uid, 1, partition), "key", extent, 3);
        }
        point.tell(at(12, 12));
        let link = |extent| NewLink { key: "key".to_owned(), extent, records: 3 };
        let objects = vec![link(0..5), link(5..12)];
        let expected = FlushNews { partition: 0, standing: Some(at(12, 12)), objects };
        assert_eq!(news(&flush), [expected]);
    }

    #[test]
    fn no_more_waits_than_the_most_and_no_more_is_told_at_once() {
        let flushes = Flushes::default();
        let all: Vec<_> = (0..10_000).map(|partition| (partition, 100_000)).collect();
        let mut points: Vec<_> =
            all.iter().map(|(partition, _)| flushes.point("u", 1, *partition)).collect();
        let flush = flushes.begin("u", 1, targets(&all));
        for point in &mut points {
            point.tell(at(0, 0));
        }
        for offset in 0..20_000 {
            flushes.linked(("u", 1, (offset % 25) as i32), "key", offset..offset + 1, 1);
        }
        let (mut partitions, mut objects) = (0, 0);
        loop {
            let told = news(&flush);
            if told.is_empty() {
                break;
            }
            let here: usize = told.iter().map(|one| one.objects.len()).sum();
            assert!(told.len() <= AT_ONCE && here < AT_ONCE + OBJECTS_OF_PARTITION);
            (partitions, objects) = (partitions + told.len(), objects + here);
        }
        assert_eq!((partitions, objects), (10_000, OBJECTS));
    }
}
