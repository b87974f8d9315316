//! Lists that come page by page.

use tonic::Status;

/// The most that the API gives at once.
pub(super) const PAGE_SIZE: i32 = 1_000;

/// Every item of a list. `ask` gets the token of a page, empty for the first,
/// and answers with the page's items and the token of the next, empty at the
/// end.
pub(super) async fn all<T>(
    ask: impl AsyncFn(String) -> Result<(Vec<T>, String), Status>,
) -> Result<Vec<T>, Status> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let (items, next) = ask(token).await?;
        all.extend(items);
        if next.is_empty() {
            return Ok(all);
        }
        token = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pages_are_asked_for_up_to_the_one_without_a_next() {
        let ask = async |token: String| match token.as_str() {
            "" => Ok((vec![1, 2], "b".to_owned())),
            // A filter may leave nothing of a page.
            "b" => Ok((vec![], "c".to_owned())),
            "c" => Ok((vec![3], String::new())),
            other => Err(Status::invalid_argument(other)),
        };
        assert_eq!(all(ask).await.expect("a list"), [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_page_that_fails_is_not_left_out() {
        let ask = async |token: String| match token.as_str() {
            "" => Ok((vec![1], "b".to_owned())),
            _ => Err(Status::unavailable("gone")),
        };
        assert_eq!(all(ask).await.expect_err("a failure").message(), "gone");
    }
}
