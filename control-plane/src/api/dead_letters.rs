//! ListDeadLetters: what is on the tape, the newest first.

use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use super::paging::Page;
use super::request;

/// One page.
pub(super) fn list(
    api: &Api,
    request: v1::ListDeadLettersRequest,
) -> Result<v1::ListDeadLettersResponse, ApiError> {
    let v1::ListDeadLettersRequest { parent, page_size, page_token } = request;
    let mut violations = Violations::new();
    let name = request::field("parent", &parent, str::parse, &mut violations);
    let page = Page::read(page_size, page_token, &mut violations);
    let before = page.position(&mut violations);
    let Some(name) = name.filter(|_| violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };
    let record = request::connector(api, &name)?;
    let read = api.observed.dead_letters.of(record.uid()).before(before, page.size());
    Ok(v1::ListDeadLettersResponse {
        dead_letters: read.items.iter().map(|letter| v1::DeadLetter::clone(letter)).collect(),
        next_page_token: read.rest.map(|position| position.to_string()).unwrap_or_default(),
    })
}
