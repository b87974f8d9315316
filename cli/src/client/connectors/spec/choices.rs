//! Words of flags as values of the API.

use kafka2oss_proto::v1;

use crate::args::{
    Addressing, Compressor, Creation, Encoding, FailurePolicy, FolderLength, Folders, Format,
    Overflow, Start, Storage, Store,
};

/// A word that stands for a value of one of the API's enums.
pub(super) trait Choice {
    /// The value.
    fn number(self) -> i32;
}

/// The value that a word stands for.
pub(super) fn wire(choice: impl Choice) -> i32 {
    choice.number()
}

macro_rules! choices {
    ($($choice:ident => $wire:ident { $($word:ident => $value:ident),* $(,)? };)*) => {
        $(impl Choice for $choice {
            fn number(self) -> i32 {
                match self {
                    $($choice::$word => v1::$wire::$value,)*
                }
                .into()
            }
        })*
    };
}

choices! {
    Start => ConsumerOffset { Latest => Latest, Earliest => Earliest };
    Store => StoreType { Oss => Oss, S3 => S3 };
    Addressing => AddressingStyle { VirtualHosted => VirtualHosted, Path => Path };
    FailurePolicy => FailureHandlingPolicy { Log => Log, Fail => Fail };
    Creation => ResourceCreation { Automatically => Automatically, Manually => Manually };
    Storage => StorageEngine { Local => Local, Cloud => Cloud };
    Format => OutputFormat { JsonArray => JsonArray, JsonLines => JsonLines };
    Compressor => Compression { None => None, Gzip => Gzip, Zstd => Zstd };
    Encoding => TextEncoding { Utf8 => Utf8, Base64 => Base64, Utf8OrBase64 => Utf8OrBase64 };
    // No folders are no message at all.
    Folders => TimeBucketStyle { None => Unspecified, Hive => Hive, Plain => Plain };
    FolderLength => TimeBucketLength { Day => Day, Hour => Hour, Minute => Minute };
    Overflow => OverflowPolicy { Omit => Omit, Spill => Spill };
}
