//! What flags become.

use super::*;
use crate::args::{Cli, Command, InstancesArgs, InstancesCommand};
use clap::Parser;

fn parsed(flags: &[&str]) -> v1::Instance {
    let args = ["kafka2oss", "instances", "create", "prod"].iter().chain(flags);
    let cli = Cli::try_parse_from(args).expect("it parses");
    let Command::Instances(InstancesArgs { command: InstancesCommand::Create(create), .. }) =
        cli.command
    else {
        panic!("another command")
    };
    message(*create)
}

#[test]
fn every_flag_of_an_instance_reaches_the_message() {
    let instance = parsed(&[
        "--bootstrap-servers=a:9092,b:9092",
        "--bootstrap-server=c:9092",
        "--region=cn-hangzhou",
        "--vpc-id=vpc-1",
        "--vswitch-id=vsw-1",
        "--security-protocol=sasl_ssl",
        "--sasl-mechanism=scram-sha-256",
        "--username-env=KAFKA_USER",
        "--password-file=/run/secrets/kafka",
        "--ca-file=/etc/ssl/kafka.pem",
        "--client-certificate-file=/run/secrets/client.pem",
        "--client-key-env=CLIENT_KEY",
        "--oauth-token-file=/run/secrets/token",
        "--client-key-password-file=/run/secrets/client-password",
        "--connectors-disabled",
        "--allow-shared-cluster",
        "--label=team=a",
    ]);

    let secret = |source| Some(v1::Secret { source: Some(source) });
    assert_eq!(
        instance,
        v1::Instance {
            labels: [("team".to_owned(), "a".to_owned())].into(),
            region_id: "cn-hangzhou".to_owned(),
            bootstrap_servers: ["a:9092", "b:9092", "c:9092"].map(str::to_owned).into(),
            security_protocol: v1::SecurityProtocol::SaslSsl.into(),
            sasl_mechanism: v1::SaslMechanism::ScramSha256.into(),
            kafka_credentials: Some(v1::KafkaCredentials {
                username: secret(Source::Environment("KAFKA_USER".to_owned())),
                password: secret(Source::File("/run/secrets/kafka".to_owned())),
            }),
            ca_certificate: secret(Source::File("/etc/ssl/kafka.pem".to_owned())),
            oauth_token: secret(Source::File("/run/secrets/token".to_owned())),
            client_certificate: Some(v1::ClientCertificate {
                certificate: secret(Source::File("/run/secrets/client.pem".to_owned())),
                private_key: secret(Source::Environment("CLIENT_KEY".to_owned())),
                private_key_password: secret(Source::File(
                    "/run/secrets/client-password".to_owned()
                )),
            }),
            vpc_id: "vpc-1".to_owned(),
            vswitch_id: "vsw-1".to_owned(),
            connectors_disabled: true,
            allow_shared_cluster: true,
            ..v1::Instance::default()
        }
    );
}

#[test]
fn the_mask_of_an_update_names_what_flags_name_and_nothing_else() {
    let asked = |flags: &[&str]| {
        let args = ["kafka2oss", "instances", "update", "prod"].iter().chain(flags);
        let cli = Cli::try_parse_from(args).expect("it parses");
        let Command::Instances(InstancesArgs { command: InstancesCommand::Update(update), .. }) =
            cli.command
        else {
            panic!("another command")
        };
        changes(*update)
    };
    let flags = ["--bootstrap-servers=a:1,b:2", "--connectors-disabled=false"];
    let rest = ["--label=team=a", "--ca-file=/ca.pem", "--default=vswitch_id", "--etag=e"];
    let quotas = ["--description=for orders", "--max-connectors=5", "--max-tasks=9"];
    let v1::UpdateInstanceRequest { instance, update_mask, validate_only, .. } =
        asked(&[&flags[..], &rest[..], &quotas[..]].concat()).expect("legal");
    let paths = [
        "bootstrap_servers",
        "connectors_disabled",
        "description",
        "max_connectors",
        "max_tasks",
        "labels",
        "ca_certificate",
        "vswitch_id",
    ];
    assert_eq!(update_mask.expect("a mask").paths, paths);
    let ca = v1::Secret { source: Some(Source::File("/ca.pem".to_owned())) };
    let expected = v1::Instance {
        name: "instances/prod".to_owned(),
        etag: "e".to_owned(),
        bootstrap_servers: ["a:1", "b:2"].map(str::to_owned).into(),
        labels: [("team".to_owned(), "a".to_owned())].into(),
        ca_certificate: Some(ca),
        description: "for orders".to_owned(),
        max_connectors: Some(5),
        max_tasks: Some(9),
        ..v1::Instance::default()
    };
    assert_eq!((instance, validate_only), (Some(expected), false));
    assert!(matches!(asked(&[]), Err(Failure::Usage(_))));
}

#[test]
fn what_is_not_given_stays_unset() {
    assert_eq!(parsed(&[]), v1::Instance::default());
}
