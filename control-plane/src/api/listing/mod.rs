//! Lists that are filtered, ordered and read page by page.

pub(super) mod token;

use std::cmp::Ordering;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::violation::Violations;
use kafka2oss_filter::{Filter, Invalid, Order, Resource, Schema};

use super::paging;
use crate::fingerprint::fingerprint;
use token::Place;

/// What a list request says of the page that it wants.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) page_size: i32,
    pub(super) page_token: String,
    pub(super) filter: String,
    pub(super) order_by: String,
}

/// A page of resources that have fields `F`.
#[derive(Debug)]
pub(super) struct Listing<F> {
    filter: Option<Filter<F>>,
    order: Order<F>,
    size: usize,
    after: Option<Place>,
    /// Fingerprint of what makes it this list.
    request: u64,
}

/// What is on a page.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    /// Others follow.
    pub(super) more: bool,
    /// How many there are on all pages.
    pub(super) total: usize,
}

impl<F: Copy> Listing<F> {
    /// The page that a request wants; `also` is what else has to stay the same from page to
    /// page. What is wrong goes to `violations`.
    pub(super) fn read(
        asked: &Asked,
        also: &[&str],
        schema: &Schema<F>,
        violations: &mut Violations,
    ) -> Option<Self> {
        let Asked { page_size, page_token, filter, order_by } = asked;
        let before = violations.len();
        let request = fingerprint(&[&[filter.as_str(), order_by], also].concat());
        let size = paging::size(*page_size, violations);
        let filter = expression("filter", Filter::parse(filter, schema), violations);
        let order = expression("order_by", Order::parse(order_by, schema), violations);
        let after = (!page_token.is_empty()).then(|| token::decode(request, page_token));
        if after == Some(None) && violations.len() == before {
            token::refuse(violations);
        }
        if violations.len() > before {
            return None;
        }
        Some(Self { filter: filter?, order: order?, size, after: after.flatten(), request })
    }

    /// Whether it is everything, in the order of the names: then [`Listing::first`] takes
    /// what stands after [`Listing::after_name`], and nothing else has to be read.
    pub(super) fn is_plain(&self) -> bool {
        self.filter.is_none() && self.order.is_empty()
    }

    /// The name after which the page begins; empty for the first one.
    pub(super) fn after_name(&self) -> &str {
        self.after.as_ref().map_or("", |place| &place.name)
    }

    /// Resources that show what is on the page and whether others follow.
    pub(super) fn enough(&self) -> usize {
        self.size + 1
    }

    /// The page out of those after its beginning, in their order, of `total` in all.
    pub(super) fn first<T>(&self, mut items: Vec<T>, total: usize) -> Found<T> {
        let more = items.len() > self.size;
        items.truncate(self.size);
        Found { items, more, total }
    }

    /// The page out of all resources. It looks at each once, and sorts no more than a page
    /// of them; it copies none.
    pub(super) fn choose<T, R: Resource<F>>(
        &self,
        mut all: Vec<T>,
        name: impl Fn(&T) -> &str,
        resource: impl Fn(&T) -> &R,
    ) -> Found<T> {
        if let Some(filter) = &self.filter {
            all.retain(|one| filter.matches(resource(one)));
        }
        let total = all.len();
        if let Some(Place { name: last, keys }) = &self.after {
            all.retain(|one| {
                let order = self.order.compare_to(resource(one), keys);
                order.then_with(|| name(one).cmp(last)).is_gt()
            });
        }
        let order = |one: &T, other: &T| -> Ordering {
            let order = self.order.compare(resource(one), resource(other));
            order.then_with(|| name(one).cmp(name(other)))
        };
        if all.len() > self.enough() {
            all.select_nth_unstable_by(self.size, order);
            all.truncate(self.enough());
        }
        all.sort_unstable_by(order);
        self.first(all, total)
    }

    /// The token of the page that follows; empty at the end.
    pub(super) fn next_token<T, R: Resource<F>>(
        &self,
        found: &Found<T>,
        name: impl Fn(&T) -> &str,
        resource: impl Fn(&T) -> &R,
    ) -> String {
        match found.items.last() {
            Some(last) if found.more => {
                let (name, keys) = (name(last).to_owned(), self.order.keys(resource(last)));
                token::encode(self.request, &Place { name, keys })
            }
            _ => String::new(),
        }
    }
}

impl<T> Found<T> {
    /// How many there are on all pages, as answers have it.
    pub(super) fn total_size(&self) -> i32 {
        i32::try_from(self.total).unwrap_or(i32::MAX)
    }
}

/// What was read of a field that has an expression; what is wrong with it goes to
/// `violations`. Its message begins with the place, which clients show.
pub(super) fn expression<T>(
    field: &str,
    read: Result<T, Invalid>,
    violations: &mut Violations,
) -> Option<T> {
    let add = |invalid: Invalid| {
        violations.add(field, ErrorCode::ExpressionInvalid, invalid.to_string());
    };
    read.map_err(add).ok()
}

#[cfg(test)]
mod tests;
