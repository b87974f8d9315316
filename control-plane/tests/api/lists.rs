//! Lists: filters, orders, views, pages and what is refused of them.

use kafka2oss_proto::v1;
use tonic::{Code, Status};

use crate::agent::{Agent, Script, partition};
use crate::server::{INSTANCE, Server, creation, reason, status_of, violations};

fn all() -> v1::ListConnectorsRequest {
    v1::ListConnectorsRequest { parent: "instances/-".to_owned(), ..Default::default() }
}

fn filtered(filter: &str) -> v1::ListConnectorsRequest {
    v1::ListConnectorsRequest { filter: filter.to_owned(), ..all() }
}

fn ids(list: &v1::ListConnectorsResponse) -> Vec<&str> {
    list.connectors.iter().map(|one| one.name.rsplit('/').next().unwrap_or_default()).collect()
}

async fn list(
    server: &Server,
    request: v1::ListConnectorsRequest,
) -> Result<v1::ListConnectorsResponse, Status> {
    let answer = server.connectors.clone().list_connectors(request).await;
    answer.map(tonic::Response::into_inner)
}

async fn labelled(server: &mut Server, id: &str, labels: &[(&str, &str)]) {
    let mut request = creation(id);
    if let Some(connector) = &mut request.connector {
        let label = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        connector.labels = labels.iter().map(label).collect();
    }
    server.connectors.create_connector(request).await.expect("created");
}

/// Connectors `a` (prod, team 1), `b` (dev) and `c` (prod, deployed), and `x` of another
/// instance.
async fn four() -> Server {
    let mut server = Server::with_instance().await;
    labelled(&mut server, "a", &[("env", "prod"), ("team", "1")]).await;
    labelled(&mut server, "b", &[("env", "dev")]).await;
    labelled(&mut server, "c", &[("env", "prod")]).await;
    server.deploy(&format!("{INSTANCE}/connectors/c")).await;
    server.register("alikafka_9").await;
    let mut elsewhere = creation("x");
    elsewhere.parent = "instances/alikafka_9".to_owned();
    server.connectors.create_connector(elsewhere).await.expect("created");
    server
}

#[tokio::test]
async fn connectors_are_listed_that_a_filter_means() {
    let server = four().await;
    for (filter, expected) in [
        ("", &["a", "b", "c", "x"][..]),
        ("state = CREATED", &["a", "b", "x"]),
        ("state = DEPLOYING AND desired_state = RUNNING", &["c"]),
        ("state = PAUSED", &[]),
        ("labels.env = prod", &["a", "c"]),
        ("labels.env != prod", &["b", "x"]),
        ("-labels:env", &["x"]),
        ("labels.env = prod AND labels.team = 1 OR id = c", &["a", "c"]),
        ("instance = alikafka_9", &["x"]),
        ("name = */connectors/b OR id = \"x\"", &["b", "x"]),
        ("error_code = AGENT_NONE_IN_POOL", &["c"]),
        ("agent:*", &[]),
        ("total_lag:*", &[]),
        ("generation > 1", &["c"]),
        ("create_time > 2020-01-01T00:00:00Z id = a", &["a"]),
    ] {
        let found = list(&server, filtered(filter)).await.expect(filter);
        let mut found_ids = ids(&found);
        found_ids.sort_unstable();
        assert_eq!(found_ids, expected, "{filter}");
        assert_eq!(found.total_size as usize, expected.len(), "{filter}");
    }
    let here = v1::ListConnectorsRequest { parent: INSTANCE.to_owned(), ..filtered("-labels:x") };
    assert_eq!(ids(&list(&server, here.clone()).await.expect("a list")), ["a", "b", "c"]);
    let here = v1::ListConnectorsRequest { filter: String::new(), page_size: 1, ..here };
    let page = list(&server, here).await.expect("a page");
    assert_eq!((ids(&page), page.total_size), (vec!["a"], 3), "all are counted on each page");
}

#[tokio::test]
async fn an_order_goes_over_all_pages() {
    let server = four().await;
    for (order_by, expected) in [
        ("id desc", ["x", "c", "b", "a"]),
        ("state desc, id", ["c", "a", "b", "x"]),
        ("create_time", ["a", "b", "c", "x"]),
        ("total_lag, id desc", ["x", "c", "b", "a"]),
    ] {
        for page_size in 1..=5 {
            let order_by = order_by.to_owned();
            let mut request = v1::ListConnectorsRequest { order_by, page_size, ..all() };
            let mut seen = Vec::new();
            loop {
                let page = list(&server, request.clone()).await.expect("a page");
                assert_eq!(page.total_size, 4);
                seen.extend(ids(&page).into_iter().map(str::to_owned));
                request.page_token = page.next_page_token;
                if request.page_token.is_empty() {
                    break;
                }
            }
            assert_eq!(seen, expected, "{} by {page_size}", request.order_by);
        }
    }
}

#[tokio::test]
async fn a_view_says_how_much_of_each_is_shown() {
    let mut server = Server::with_instance().await;
    let partitions = vec![partition(0, v1::PartitionState::Running, 1, Some(1))];
    let script = Script { partitions, ..Script::willing("a") };
    let _agent = Agent::connect(&server.channel, script).await;
    let name = server.create("sink").await.name;
    server.deploy(&name).await;
    server.until_state(&name, v1::ConnectorState::Running).await;
    server.until(&name, |one| !status_of(one).partitions.is_empty()).await;
    let mut seen = Vec::new();
    for view in [v1::ConnectorView::Unspecified, v1::ConnectorView::Basic, v1::ConnectorView::Full]
    {
        let request = v1::ListConnectorsRequest { view: view.into(), ..filtered("agent = a") };
        let found = list(&server, request).await.expect("a list");
        let status = found.connectors[0].status.clone().expect("a status");
        assert_eq!((status.tasks_ready, status.state()), (2, v1::ConnectorState::Running));
        seen.push((status.tasks.len(), status.partitions.is_empty()));
    }
    assert_eq!(seen, [(0, true), (0, true), (2, false)]);
}

#[tokio::test]
async fn what_is_wrong_of_a_list_is_told_with_its_place() {
    let server = four().await;
    let next = v1::ListConnectorsRequest { page_size: 1, ..all() };
    let token = list(&server, next.clone()).await.expect("a page").next_page_token;
    let next = v1::ListConnectorsRequest { page_token: token, ..next };
    let refused = [
        (filtered("state = ASLEEP"), "filter", "EXPRESSION_INVALID", "at byte 8: expected one of"),
        (filtered("size > 1"), "filter", "EXPRESSION_INVALID", "at byte 0: `size` is no field"),
        (filtered("total_lag > x"), "filter", "EXPRESSION_INVALID", "at byte 12: expected a whole"),
        (filtered("id = a)"), "filter", "EXPRESSION_INVALID", "at byte 6: "),
        (filtered(&"(".repeat(2_000)), "filter", "EXPRESSION_INVALID", "at byte 32: "),
        (filtered(&"x".repeat(3_000)), "filter", "EXPRESSION_INVALID", "at byte 2048: "),
        (
            v1::ListConnectorsRequest { order_by: "id, labels".to_owned(), ..all() },
            "order_by",
            "EXPRESSION_INVALID",
            "at byte 4: `labels` is a map",
        ),
        (
            v1::ListConnectorsRequest { page_size: -1, ..all() },
            "page_size",
            "SPEC_FIELD_INVALID",
            "-1 is below 0",
        ),
        (v1::ListConnectorsRequest { view: 9, ..all() }, "view", "SPEC_FIELD_INVALID", "9 is no"),
        (
            v1::ListConnectorsRequest { page_token: "a".to_owned(), ..all() },
            "page_token",
            "SPEC_FIELD_INVALID",
            "none of an earlier answer",
        ),
        (
            v1::ListConnectorsRequest { filter: "id = a".to_owned(), ..next.clone() },
            "page_token",
            "SPEC_FIELD_INVALID",
            "none of an earlier answer",
        ),
        (
            v1::ListConnectorsRequest { parent: INSTANCE.to_owned(), ..next.clone() },
            "page_token",
            "SPEC_FIELD_INVALID",
            "none of an earlier answer",
        ),
        (
            v1::ListConnectorsRequest { order_by: "id".to_owned(), ..next.clone() },
            "page_token",
            "SPEC_FIELD_INVALID",
            "none of an earlier answer",
        ),
        (
            v1::ListConnectorsRequest { view: 2, ..next.clone() },
            "page_token",
            "SPEC_FIELD_INVALID",
            "none of an earlier answer",
        ),
    ];
    for (request, field, code, words) in refused {
        let status = list(&server, request).await.expect_err(words);
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, code));
        let [(found, _)] = &violations(&status)[..] else { panic!("one: {status:?}") };
        assert_eq!(found, field);
        let begins = status.message().contains(&format!("{field}: {words}"));
        assert!(begins || status.message().contains(words), "{status:?}");
    }
    let more = v1::ListConnectorsRequest { page_size: i32::MAX, ..next };
    assert_eq!(list(&server, more).await.expect("of another size").connectors.len(), 3);
}

#[tokio::test]
async fn instances_are_filtered_and_ordered() {
    let mut server = Server::with_instance().await;
    server.register("alikafka_9").await;
    let mut list = async |filter: &str, order_by: &str| {
        let [filter, order_by] = [filter, order_by].map(str::to_owned);
        let request = v1::ListInstancesRequest { filter, order_by, ..Default::default() };
        let list = server.instances.list_instances(request).await?.into_inner();
        assert_eq!(list.total_size as usize, list.instances.len());
        let names = list.instances.into_iter().map(|one| one.name);
        Ok::<Vec<_>, Status>(names.collect())
    };
    let both = list("region_id = cn-hangzhou", "name desc").await.expect("a list");
    let turned: Vec<_> = list("", "").await.expect("a list").into_iter().rev().collect();
    assert_eq!((both.len(), both), (2, turned));
    let one = list("id = alikafka_9 AND connectors_disabled = false", "").await.expect("a list");
    assert_eq!(one, ["instances/alikafka_9"]);
    assert!(list("region_id = eu", "").await.expect("a list").is_empty());
    let status = list("state = RUNNING", "").await.expect_err("refused");
    assert_eq!(reason(&status), "EXPRESSION_INVALID");
}

#[tokio::test]
async fn agents_are_filtered_and_ordered() {
    let mut server = Server::with_instance().await;
    let mut scripts = ["a", "b", "c"].map(Script::willing);
    scripts[1].hello.vswitch_id = "vsw-2".to_owned();
    let mut agents = Vec::new();
    for script in scripts {
        let mut agent = Agent::connect(&server.channel, script).await;
        agent.assigned(|_| true).await;
        agents.push(agent);
    }
    let mut list = async |filter: &str, page_size, page_token| {
        let (filter, order_by) = (filter.to_owned(), "id desc".to_owned());
        let request = v1::ListAgentsRequest { page_size, page_token, filter, order_by };
        let list = server.agents.list_agents(request).await?.into_inner();
        let names: Vec<_> = list.agents.into_iter().map(|one| one.name).collect();
        Ok::<_, Status>((names, list.next_page_token, list.total_size))
    };
    let (names, token, total) =
        list("vswitch_id != vsw-2", 1, String::new()).await.expect("a list");
    assert_eq!((names, total), (vec!["agents/c".to_owned()], 2));
    let (names, end, _) = list("vswitch_id != vsw-2", 1, token.clone()).await.expect("a list");
    assert_eq!((names, end.as_str()), (vec!["agents/a".to_owned()], ""));
    let status = list("", 1, token).await.expect_err("of another filter");
    assert_eq!(violations(&status)[0].0, "page_token");
    let (names, ..) = list("state = CONNECTED id = b", 0, String::new()).await.expect("a list");
    assert_eq!(names, ["agents/b"]);
    let status = list("labels:x", 0, String::new()).await.expect_err("agents have none");
    assert_eq!(reason(&status), "EXPRESSION_INVALID");
}
