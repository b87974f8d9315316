//! The folder with the segments: files whose names are numbers that rise. What a process
//! writes it writes into new ones, so that the torn end of one, as after `kill -9`, stays
//! one.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::frame::{self, Line};

/// How many segments there are.
const SEGMENTS: u64 = 16;
/// A segment is at least so long.
const SHORTEST: u64 = 64 << 10;
const EXTENSION: &str = "log";

/// The segments of a folder.
#[derive(Debug)]
pub(super) struct Segments {
    folder: PathBuf,
    most: u64,
    /// Those that are full or of an earlier process: number and size, the oldest first.
    old: VecDeque<(u64, u64)>,
    open: Option<Open>,
}

/// The one that is written.
#[derive(Debug)]
struct Open {
    number: u64,
    size: u64,
    file: File,
}

impl Segments {
    /// Those in `folder`, which is made when it is not there, of `most` bytes together.
    pub(super) fn open(folder: &Path, most: u64) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut old = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Some(number) = number(&entry.path()) {
                old.push((number, entry.metadata()?.len()));
            }
        }
        old.sort_unstable();
        let mut segments = Self { folder: folder.to_owned(), most, old: old.into(), open: None };
        segments.make_room(0);
        Ok(segments)
    }

    /// Hands over the lines of all, the oldest first. What cannot be read is left out.
    pub(super) fn read(&self, take: &mut impl FnMut(Line)) {
        for (number, _) in &self.old {
            let path = self.path(*number);
            match fs::read(&path) {
                Ok(bytes) => {
                    let torn = frame::read(&bytes, &mut *take);
                    if torn > 0 {
                        tracing::info!(path = %path.display(), torn, "dropped a torn end");
                    }
                }
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "could not read logs");
                }
            }
        }
    }

    /// Appends whole lines.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        let is_full = |open: &Open| open.size > 0 && open.size + length > self.segment();
        if self.open.as_ref().is_some_and(is_full) {
            self.shut();
        }
        let open = match self.open.take() {
            Some(open) => self.open.insert(open),
            None => self.begin(length)?,
        };
        open.size += length;
        let written = open.file.write_all(bytes);
        if written.is_err() {
            // Whatever is there of them ends this one: nothing follows a torn line.
            self.shut();
        }
        written
    }

    fn begin(&mut self, length: u64) -> io::Result<&mut Open> {
        self.make_room(self.segment().max(length));
        let number = self.old.back().map_or(0, |(number, _)| *number) + 1;
        let file = File::options().write(true).create_new(true).open(self.path(number))?;
        Ok(self.open.insert(Open { number, size: 0, file }))
    }

    fn shut(&mut self) {
        if let Some(Open { number, size, .. }) = self.open.take() {
            self.old.push_back((number, size));
        }
    }

    /// Removes the oldest ones until `bytes` more may come.
    fn make_room(&mut self, bytes: u64) {
        let mut all: u64 = self.old.iter().map(|(_, size)| size).sum();
        while all + bytes > self.most
            && let Some((number, size)) = self.old.pop_front()
        {
            all -= size;
            if let Err(error) = fs::remove_file(self.path(number)) {
                tracing::warn!(number, %error, "could not remove old logs");
            }
        }
    }

    /// How long one becomes.
    fn segment(&self) -> u64 {
        (self.most / SEGMENTS).max(SHORTEST)
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:012}")).with_extension(EXTENSION)
    }
}

fn number(path: &Path) -> Option<u64> {
    path.extension().filter(|extension| *extension == EXTENSION)?;
    path.file_stem()?.to_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use kafka2oss_proto::v1;

    use super::*;

    const MOST: u64 = 16 * SHORTEST;

    fn lines(range: std::ops::Range<u64>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for lost in range {
            let log = Some(v1::LogEntry { message: "x".repeat(4_000), ..Default::default() });
            frame::append(&Line { uid: "u".to_owned(), lost, log, dead_letter: None }, &mut bytes);
        }
        bytes
    }

    fn read(segments: &Segments) -> Vec<u64> {
        let mut numbers = Vec::new();
        segments.read(&mut |line| numbers.push(line.lost));
        numbers
    }

    fn size(folder: &Path) -> u64 {
        let files = fs::read_dir(folder).expect("a folder");
        files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum()
    }

    #[test]
    fn the_newest_lines_are_kept_and_it_is_bounded() {
        let folder = tempfile::tempdir().expect("a folder");
        for start in 0..10 {
            let mut segments = Segments::open(folder.path(), MOST).expect("opened");
            for number in 0..100 {
                let number = start * 100 + number;
                segments.append(&lines(number..number + 1)).expect("written");
                assert!(size(folder.path()) <= MOST);
            }
        }
        let numbers = read(&Segments::open(folder.path(), MOST).expect("opened"));
        assert!(numbers.len() > 200, "{}", numbers.len());
        assert_eq!(numbers.last(), Some(&999));
        assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "{numbers:?}");
        // A lower bound counts from the next start.
        Segments::open(folder.path(), MOST / 4).expect("opened");
        assert!(size(folder.path()) <= MOST / 4);
    }

    #[test]
    fn a_torn_end_harms_nothing_that_came_before_or_comes_after() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut segments = Segments::open(folder.path(), MOST).expect("opened");
        segments.append(&lines(0..3)).expect("written");
        let torn = segments.path(1);
        let length = fs::metadata(&torn).expect("there").len();
        File::options()
            .write(true)
            .open(&torn)
            .and_then(|file| file.set_len(length - 7))
            .expect("cut");
        let mut segments = Segments::open(folder.path(), MOST).expect("opened");
        segments.append(&lines(3..5)).expect("written");
        let segments = Segments::open(folder.path(), MOST).expect("opened");
        assert_eq!(read(&segments), [0, 1, 3, 4]);
    }

    #[test]
    fn what_else_is_in_the_folder_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["notes.txt", "x.log"] {
            fs::write(folder.path().join(name), "text").expect("written");
        }
        let mut segments = Segments::open(folder.path(), 0).expect("opened");
        segments.append(&lines(0..1)).expect("written");
        assert_eq!(read(&Segments::open(folder.path(), MOST).expect("opened")), [0]);
        assert!(folder.path().join("notes.txt").exists() && folder.path().join("x.log").exists());
    }
}
