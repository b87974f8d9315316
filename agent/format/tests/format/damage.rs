//! Stored bytes that were damaged are an error, or are what they were.

use kafka2oss_format::{Compression, Format};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::support::{compressed, encoding, load, record, settings, store};

proptest! {
    #[test]
    fn an_object_that_was_cut_off_is_an_error(
        settings in settings(), records in vec(record(), 1..4), cut: prop::sample::Index,
    ) {
        let stored = store(&settings, &records);
        let rest = &stored[..cut.index(stored.len())];
        match load(settings.encoding, rest) {
            Err(_) => {}
            // Between two lines, lines that nothing frames are whole.
            Ok(_) => {
                prop_assert_eq!(settings.encoding.format, Format::JsonLines);
                prop_assert_eq!(settings.encoding.compression, Compression::None);
                prop_assert!(rest.is_empty() || rest.ends_with(b"\n"));
            }
        }
    }

    #[test]
    fn a_changed_byte_of_a_compressed_object_never_changes_its_records(
        settings in compressed(),
        records in vec(record(), 0..4),
        at: prop::sample::Index,
        flipped in 1..=u8::MAX,
    ) {
        let stored = store(&settings, &records);
        let whole = load(settings.encoding, &stored).unwrap();
        let mut damaged = stored;
        let at = at.index(damaged.len());
        damaged[at] ^= flipped;
        if let Ok(read) = load(settings.encoding, &damaged) {
            prop_assert_eq!(read, whole);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(encoding in encoding(), bytes: Vec<u8>) {
        // No object but that of no lines is so short and made at random.
        prop_assert!(load(encoding, &bytes).is_err() || bytes.is_empty());
    }
}
