//! A connector as it is shown.

use super::*;

fn printed(table: &Table) -> String {
    table.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_description_shows_state_guarantee_and_where_the_secrets_are() {
    let secret = |source| Some(v1::Secret { source: Some(source) });
    let (table, sections) = connector(&v1::Connector {
        name: "instances/dev/connectors/orders".to_owned(),
        generation: 2,
        desired_state: v1::DesiredState::Running.into(),
        spec: Some(v1::ConnectorSpec {
            destination: Some(v1::ObjectStoreDestination {
                bucket: "b".to_owned(),
                credentials: Some(v1::StoreCredentials {
                    kind: Some(v1::store_credentials::Kind::AccessKey(v1::AccessKey {
                        id: secret(Source::Environment("ID".to_owned())),
                        secret: secret(Source::Plain("sesame".to_owned())),
                    })),
                }),
                ..v1::ObjectStoreDestination::default()
            }),
            ..v1::ConnectorSpec::default()
        }),
        status: Some(v1::ConnectorStatus {
            state: v1::ConnectorState::Degraded.into(),
            observed_generation: 1,
            tasks_desired: 2,
            tasks_ready: 1,
            delivery_guarantee: v1::DeliveryGuarantee::AtLeastOnce.into(),
            delivery_guarantee_reason: "the store overwrites".to_owned(),
            conditions: vec![v1::Condition {
                r#type: "Ready".to_owned(),
                status: v1::ConditionStatus::False.into(),
                reason: "STORE_UNREACHABLE".to_owned(),
                message: "no route".to_owned(),
                remedy: "Check the endpoint.".to_owned(),
                last_transition_time: None,
            }],
            ..v1::ConnectorStatus::default()
        }),
        ..v1::Connector::default()
    });

    let text = printed(&table);
    for line in [
        "State:        DEGRADED (desired: RUNNING)",
        "Generation:   2 (observed: 1)",
        "Delivery:     AT_LEAST_ONCE: the store overwrites",
        "Tasks:        1 of 2 ready",
        "AccessKey:    ID in variable ID, secret given inline",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{line}\nis not in\n{text}");
    }
    assert!(!text.contains("sesame"));
    assert_eq!(sections.len(), 1);
    assert_eq!(
        printed(&sections[0].table),
        "TYPE   STATUS  SINCE  REASON             MESSAGE\n\
         Ready  FALSE   -      STORE_UNREACHABLE  no route\n\
         \x20                                        -> Check the endpoint."
    );
}

#[test]
fn resources_are_listed_with_all_that_has_to_be_typed_elsewhere() {
    let table = resources(&[
        v1::PlannedResource {
            roles: vec![4, 5],
            name: "connect-error-a".to_owned(),
            partitions: 6,
            cleanup_policy: "delete".to_owned(),
            storage_engine: v1::StorageEngine::Cloud.into(),
        },
        v1::PlannedResource {
            roles: vec![6],
            name: "connect-a".to_owned(),
            ..v1::PlannedResource::default()
        },
    ]);
    assert_eq!(
        printed(&table),
        "NAME             PARTITIONS  CLEANUP.POLICY  STORAGE ENGINE  FOR\n\
         connect-error-a  6           delete          CLOUD           ABNORMAL_DATA_TOPIC, DEAD_LETTER_QUEUE_TOPIC\n\
         connect-a        -           -               -               TASK_CONSUMER_GROUP"
    );
}
