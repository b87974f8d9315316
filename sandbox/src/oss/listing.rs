//! One page of a ListObjectsV2 answer: pure, over sorted keys.

use std::collections::BTreeMap;
use std::ops::Bound;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// S3's page size, and the most that a request can ask for.
const MAX_KEYS: usize = 1000;

/// What a page is asked for.
#[derive(Debug, Default)]
pub(crate) struct PageRequest<'a> {
    pub(crate) prefix: &'a str,
    pub(crate) delimiter: Option<&'a str>,
    /// Keys come after this one; a continuation token wins over it.
    pub(crate) start_after: Option<&'a str>,
    pub(crate) continuation: Option<Continuation>,
    pub(crate) max_keys: Option<usize>,
}

/// Where the page before ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Continuation {
    AfterKey(String),
    /// The page ended with a common prefix: all keys that start so are done.
    AfterPrefix(String),
}

impl Continuation {
    pub(crate) fn encode(&self) -> String {
        let (tag, text) = match self {
            Self::AfterKey(key) => ('k', key),
            Self::AfterPrefix(prefix) => ('p', prefix),
        };
        URL_SAFE_NO_PAD.encode(format!("{tag}{text}"))
    }

    pub(crate) fn decode(token: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        match text.split_at_checked(1)? {
            ("k", key) => Some(Self::AfterKey(key.to_owned())),
            ("p", prefix) => Some(Self::AfterPrefix(prefix.to_owned())),
            _ => None,
        }
    }
}

/// A page: keys and common prefixes together are at most `max_keys`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page<T> {
    pub(crate) objects: Vec<(String, T)>,
    pub(crate) common_prefixes: Vec<String>,
    pub(crate) next: Option<Continuation>,
    pub(crate) max_keys: usize,
}

/// Cuts a page out of `objects`.
pub(crate) fn page<T: Clone>(objects: &BTreeMap<String, T>, request: &PageRequest<'_>) -> Page<T> {
    let max_keys = request.max_keys.unwrap_or(MAX_KEYS).min(MAX_KEYS);
    let mut page = Page { objects: Vec::new(), common_prefixes: Vec::new(), next: None, max_keys };
    let mut last = None;

    let after = match &request.continuation {
        Some(Continuation::AfterKey(key) | Continuation::AfterPrefix(key)) => Some(key.as_str()),
        None => request.start_after,
    };
    let start = match after {
        Some(key) if key >= request.prefix => Bound::Excluded(key),
        _ => Bound::Included(request.prefix),
    };
    let keys = objects
        .range::<str, _>((start, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(request.prefix))
        .filter(|(key, _)| match &request.continuation {
            Some(Continuation::AfterPrefix(done)) => !key.starts_with(done.as_str()),
            _ => true,
        });
    for (key, object) in keys {
        let common = common_prefix(key, request.prefix, request.delimiter);
        if common.is_some() && common == page.common_prefixes.last().map(String::as_str) {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == max_keys {
            page.next = last;
            break;
        }
        match common {
            Some(common) => {
                page.common_prefixes.push(common.to_owned());
                last = Some(Continuation::AfterPrefix(common.to_owned()));
            }
            None => {
                page.objects.push((key.clone(), object.clone()));
                last = Some(Continuation::AfterKey(key.clone()));
            }
        }
    }
    page
}

fn common_prefix<'k>(key: &'k str, prefix: &str, delimiter: Option<&str>) -> Option<&'k str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(prefix.len()..)?;
    let end = prefix.len() + rest.find(delimiter)? + delimiter.len();
    key.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects() -> BTreeMap<String, u32> {
        ["a", "b/1", "b/2", "b/c/3", "d", "e/4"].into_iter().map(str::to_owned).zip(0..).collect()
    }

    fn names(page: &Page<u32>) -> Vec<&str> {
        page.objects.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn a_prefix_and_a_delimiter_group_keys() {
        let request = PageRequest { delimiter: Some("/"), ..PageRequest::default() };
        let top = page(&objects(), &request);
        assert_eq!(names(&top), ["a", "d"]);
        assert_eq!(top.common_prefixes, ["b/", "e/"]);
        assert_eq!(top.next, None);

        let below = page(&objects(), &PageRequest { prefix: "b/", ..request });
        assert_eq!(names(&below), ["b/1", "b/2"]);
        assert_eq!(below.common_prefixes, ["b/c/"]);
    }

    #[test]
    fn pages_of_every_size_give_everything_once() {
        for delimiter in [None, Some("/")] {
            let whole = page(&objects(), &PageRequest { delimiter, ..PageRequest::default() });
            for size in 1..=7 {
                let (mut keys, mut prefixes, mut continuation) = (vec![], vec![], None);
                loop {
                    let request = PageRequest {
                        delimiter,
                        continuation: continuation.take(),
                        max_keys: Some(size),
                        ..PageRequest::default()
                    };
                    let part = page(&objects(), &request);
                    assert!(part.objects.len() + part.common_prefixes.len() <= size);
                    keys.extend(part.objects);
                    prefixes.extend(part.common_prefixes);
                    match part.next {
                        Some(next) => continuation = Continuation::decode(&next.encode()),
                        None => break,
                    }
                }
                assert_eq!(keys, whole.objects, "size {size}");
                assert_eq!(prefixes, whole.common_prefixes, "size {size}");
            }
        }
    }

    #[test]
    fn start_after_leaves_out_what_stands_before() {
        let request = PageRequest { start_after: Some("b/1"), ..PageRequest::default() };
        assert_eq!(names(&page(&objects(), &request)), ["b/2", "b/c/3", "d", "e/4"]);
    }

    #[test]
    fn a_token_that_is_not_ours_is_refused() {
        assert_eq!(Continuation::decode("!"), None);
        assert_eq!(Continuation::decode(""), None);
    }
}
