//! ListLogs and ListDeadLetters: pages of a tape, the newest entries first, of those that a
//! filter means. A page ends at a position, which its token says: what is added meanwhile
//! moves nothing.

use std::sync::Arc;

use kafka2oss_domain::violation::Violations;
use kafka2oss_filter::{Filter, Resource, Schema};
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::listing::expression;
use super::listing::token::{self, Place};
use super::{paging, request};
use crate::fingerprint::fingerprint;
use crate::model::fields::{DEAD_LETTERS, LOG_LINES};
use crate::observe::Tapes;

/// What a list request says.
struct Asked {
    parent: String,
    page_size: i32,
    page_token: String,
    filter: String,
}

/// One page of log lines.
pub(super) fn logs(
    api: &Api,
    request: v1::ListLogsRequest,
) -> Result<v1::ListLogsResponse, ApiError> {
    let v1::ListLogsRequest { parent, page_size, page_token, filter } = request;
    let asked = Asked { parent, page_size, page_token, filter };
    let (entries, next_page_token) = page(api, &api.observed.logs, &asked, &LOG_LINES)?;
    Ok(v1::ListLogsResponse { entries, next_page_token })
}

/// One page of dead letters.
pub(super) fn dead_letters(
    api: &Api,
    request: v1::ListDeadLettersRequest,
) -> Result<v1::ListDeadLettersResponse, ApiError> {
    let v1::ListDeadLettersRequest { parent, page_size, page_token, filter } = request;
    let asked = Asked { parent, page_size, page_token, filter };
    let tapes = &api.observed.dead_letters;
    let (dead_letters, next_page_token) = page(api, tapes, &asked, &DEAD_LETTERS)?;
    Ok(v1::ListDeadLettersResponse { dead_letters, next_page_token })
}

/// Entries and the token of the page that follows.
fn page<T, F: Copy>(
    api: &Api,
    tapes: &Tapes<Arc<T>>,
    asked: &Asked,
    schema: &Schema<F>,
) -> Result<(Vec<T>, String), ApiError>
where
    T: prost::Message + Clone + Resource<F>,
{
    let Asked { parent, page_size, page_token, filter } = asked;
    let mut violations = Violations::new();
    let name = request::field("parent", parent, str::parse, &mut violations);
    let size = paging::size(*page_size, &mut violations);
    let this = fingerprint(&[parent, filter]);
    let filter = expression("filter", Filter::parse(filter, schema), &mut violations);
    let before = position(this, page_token, &mut violations);
    let (Some(name), Some(filter), true) = (name, filter, violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };
    let record = request::connector(api, &name)?;
    // They are shared, and looked at while nobody waits for the tape.
    let entries = tapes.of(record.uid()).before(before);
    let (entries, rest) =
        first(entries, size, |entry: &T| filter.as_ref().is_none_or(|it| it.matches(entry)));
    let next = |position: u64| {
        token::encode(this, &Place { name: position.to_string(), keys: Vec::new() })
    };
    let entries = entries.iter().map(|entry| T::clone(entry)).collect();
    Ok((entries, rest.map(next).unwrap_or_default()))
}

/// The position before which a page ends; none of the first one.
fn position(request: u64, page_token: &str, violations: &mut Violations) -> Option<u64> {
    if page_token.is_empty() {
        return None;
    }
    let place = token::decode(request, page_token);
    let position = place.and_then(|place| place.name.parse().ok());
    if position.is_none() {
        token::refuse(violations);
    }
    position
}

/// The first `size` of the entries that are meant; where others follow, the position of the
/// last one.
fn first<T>(
    entries: Vec<(u64, Arc<T>)>,
    size: usize,
    is_meant: impl Fn(&T) -> bool,
) -> (Vec<Arc<T>>, Option<u64>) {
    let mut meant = entries.into_iter().filter(|(_, entry)| is_meant(entry));
    let (mut page, mut last) = (Vec::new(), None);
    for (position, entry) in meant.by_ref().take(size) {
        page.push(entry);
        last = Some(position);
    }
    let rest = last.filter(|_| meant.next().is_some());
    (page, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_what_is_meant_and_ends_where_nothing_more_is() {
        let entries = || (0..9_u64).rev().map(|at| (at, Arc::new(at))).collect::<Vec<_>>();
        let page = |size, is_meant: fn(&u64) -> bool| {
            let (page, rest) = first(entries(), size, is_meant);
            (page.iter().map(|one| **one).collect::<Vec<_>>(), rest)
        };
        assert_eq!(page(2, |_| true), (vec![8, 7], Some(7)));
        assert_eq!(page(9, |_| true).1, None);
        assert_eq!(page(2, |one| one % 3 == 0), (vec![6, 3], Some(3)));
        assert_eq!(page(3, |one| one % 3 == 0), (vec![6, 3, 0], None));
        assert_eq!(page(3, |_| false), (vec![], None));
    }
}
