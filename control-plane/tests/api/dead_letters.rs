//! ListDeadLetters: pages, the newest first.

use kafka2oss_proto::agent::v1::connect_request::Message as Said;
use kafka2oss_proto::{agent, v1};
use tonic::Code;

use crate::agent::{Agent, Script};
use crate::server::{PATIENCE, Server, violations};

fn request(parent: &str, page_size: i32, page_token: &str) -> v1::ListDeadLettersRequest {
    let (parent, page_token) = (parent.to_owned(), page_token.to_owned());
    v1::ListDeadLettersRequest { parent, page_size, page_token, ..Default::default() }
}

#[tokio::test]
async fn dead_letters_are_listed_in_pages_the_newest_first() {
    let mut server = Server::with_instance().await;
    let agent = Agent::connect(&server.channel, Script::willing("a")).await;
    let name = server.running("sink").await.name;
    let empty = server.connectors.list_dead_letters(request(&name, 0, "")).await.expect("a page");
    assert_eq!(empty.into_inner(), v1::ListDeadLettersResponse::default());

    let tail = v1::TailDeadLettersRequest { parent: name.clone(), ..Default::default() };
    let tail = server.connectors.tail_dead_letters(tail).await.expect("a stream");
    let mut tail = tail.into_inner();
    let letter = |offset| v1::DeadLetter {
        connector: name.clone(),
        offset,
        error_code: "RECORD_NOT_UTF8".to_owned(),
        ..v1::DeadLetter::default()
    };
    let dead_letters = (0..5).map(letter).collect();
    agent.say(Said::DeadLetters(agent::v1::DeadLetterBatch { dead_letters, dropped: 0 })).await;
    let mut arrived = 0;
    while arrived < 5 {
        let part = tokio::time::timeout(PATIENCE, tail.message()).await.expect("in time");
        arrived += part.expect("no error").expect("no end").dead_letters.len();
    }

    let mut offsets = Vec::new();
    let mut token = String::new();
    loop {
        let page = server.connectors.list_dead_letters(request(&name, 2, &token)).await;
        let page = page.expect("a page").into_inner();
        offsets.push(page.dead_letters.iter().map(|one| one.offset).collect::<Vec<_>>());
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(offsets, [vec![4, 3], vec![2, 1], vec![0]]);

    let filter = "offset < 3 AND error_code = RECORD_*".to_owned();
    let asked = v1::ListDeadLettersRequest { filter, ..request(&name, 2, "") };
    let page = server.connectors.list_dead_letters(asked.clone()).await.expect("a page");
    let page = page.into_inner();
    assert_eq!(page.dead_letters.iter().map(|one| one.offset).collect::<Vec<_>>(), [2, 1]);
    let other = request(&name, 2, &page.next_page_token);
    let refused = server.connectors.list_dead_letters(other).await.expect_err("another filter");
    assert_eq!(violations(&refused)[0].0, "page_token");
    let next = v1::ListDeadLettersRequest { page_token: page.next_page_token, ..asked };
    let page = server.connectors.list_dead_letters(next).await.expect("a page").into_inner();
    assert_eq!(page.dead_letters.iter().map(|one| one.offset).collect::<Vec<_>>(), [0]);
    assert_eq!(page.next_page_token, "");

    server.restart().await;
    let page = server.connectors.list_dead_letters(request(&name, 0, "")).await.expect("a page");
    let offsets: Vec<_> = page.into_inner().dead_letters.iter().map(|one| one.offset).collect();
    assert_eq!(offsets, [4, 3, 2, 1, 0]);
}

#[tokio::test]
async fn a_wrong_page_of_dead_letters_is_refused() {
    let mut server = Server::with_instance().await;
    let name = server.create("sink").await.name;
    let wrong = request("", -1, "x");
    let status = server.connectors.list_dead_letters(wrong).await.expect_err("refused");
    let fields: Vec<_> = violations(&status).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["parent", "page_size", "page_token"]);
    let unknown = request(&name.replace("sink", "other"), 0, "");
    let status = server.connectors.list_dead_letters(unknown).await.expect_err("refused");
    assert_eq!(status.code(), Code::NotFound);
}
