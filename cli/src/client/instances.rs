//! `kafka2oss instances`.

use kafka2oss_proto::v1;
use v1::secret::Source;

use super::selection::quoted;
use super::text;
use super::{Client, Failure, Selection, names, paging};
use crate::args::{
    CreateInstanceArgs, InstancesArgs, InstancesCommand, KafkaSecretFlags, Mechanism, Security,
    UpdateInstanceArgs,
};
use crate::output;

/// Runs one command.
pub(crate) async fn run(args: InstancesArgs) -> Result<(), Failure> {
    let client = Client::connect(&args.options).await?;
    match args.command {
        InstancesCommand::Create(create) => {
            let validate_only = create.validate_only;
            let request = client.request(v1::CreateInstanceRequest {
                instance_id: create.id.clone(),
                validate_only,
                request_id: create.repeat.clone().id(),
                instance: Some(message(*create)),
            });
            let instance = client.instances().create_instance(request).await?.into_inner();
            if client.is_json() {
                return client.print_json(&instance);
            }
            let what = if validate_only { "is valid; nothing was created" } else { "registered" };
            Ok(client.out.line(format_args!("{} {what}", instance.name))?)
        }
        InstancesCommand::Get { name } => {
            let request = client
                .request(v1::GetInstanceRequest { name: names::instance(&name)?.to_string() });
            let instance = client.instances().get_instance(request).await?.into_inner();
            show(&client, &instance)
        }
        InstancesCommand::List { region, list: flags } => {
            let region = region.map(|region| format!("region_id = {}", quoted(&region)));
            list(&client, &Selection::new(flags, region.as_slice())).await
        }
        InstancesCommand::Update(update) => {
            let request = changes(*update)?;
            let what = match request.validate_only {
                true => "is valid; nothing was changed".to_owned(),
                false => {
                    let paths = request.update_mask.iter().flat_map(|mask| mask.paths.clone());
                    format!("updated: {}", paths.collect::<Vec<_>>().join(", "))
                }
            };
            let request = client.request(request);
            let instance = client.instances().update_instance(request).await?.into_inner();
            if client.is_json() {
                return client.print_json(&instance);
            }
            Ok(client.out.line(format_args!("{} {what}", instance.name))?)
        }
        InstancesCommand::Delete { name, etag, repeat } => {
            let name = names::instance(&name)?.to_string();
            let request = client.request(v1::DeleteInstanceRequest {
                name: name.clone(),
                etag: etag.unwrap_or_default(),
                request_id: repeat.id(),
            });
            client.instances().delete_instance(request).await?;
            if client.is_json() {
                Ok(())
            } else {
                Ok(client.out.line(format_args!("{name} deleted"))?)
            }
        }
    }
}

async fn list(client: &Client, selection: &Selection) -> Result<(), Failure> {
    let instances = paging::all(async |page_token| {
        let request = client.request(v1::ListInstancesRequest {
            page_size: paging::PAGE_SIZE,
            page_token,
            filter: selection.filter.clone(),
            order_by: selection.order_by.clone(),
        });
        let page = client.instances().list_instances(request).await?.into_inner();
        Ok((page.instances, page.next_page_token))
    })
    .await
    .map_err(|status| selection.failure(status))?;
    if client.print_names(instances.iter().map(|instance| instance.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(&v1::ListInstancesResponse { instances, ..Default::default() });
    }
    let mut table = output::table(&[
        "INSTANCE",
        "REGION",
        "BOOTSTRAP SERVERS",
        "SECURITY",
        "VPC",
        "VSWITCH",
        "AGE",
    ]);
    for instance in &instances {
        table.add_row([
            id(&instance.name).to_owned(),
            text::or_none(&instance.region_id),
            text::or_none(&instance.bootstrap_servers.join(",")),
            text::security_protocol(instance.security_protocol),
            text::or_none(&instance.vpc_id),
            text::or_none(&instance.vswitch_id),
            text::age(instance.create_time.as_ref()),
        ]);
    }
    Ok(client.out.table(&table)?)
}

fn show(client: &Client, instance: &v1::Instance) -> Result<(), Failure> {
    if client.print_names(std::iter::once(instance.name.as_str()))? {
        return Ok(());
    }
    if client.is_json() {
        return client.print_json(instance);
    }
    let mut security = text::security_protocol(instance.security_protocol);
    if instance.sasl_mechanism != 0 {
        security = format!("{security}, {}", text::sasl_mechanism(instance.sasl_mechanism));
    }
    Ok(client.out.table(&output::properties(vec![
        ("Name", instance.name.clone()),
        ("UID", instance.uid.clone()),
        ("Region", instance.region_id.clone()),
        ("Bootstrap servers", instance.bootstrap_servers.join(", ")),
        ("Security", security),
        ("VPC", text::or_none(&instance.vpc_id)),
        ("vSwitch", text::or_none(&instance.vswitch_id)),
        (
            "Connectors",
            if instance.connectors_disabled { "disabled" } else { "allowed" }.to_owned(),
        ),
        ("Kafka cluster id", text::or_none(&instance.kafka_cluster_id)),
        ("Created", text::time(instance.create_time.as_ref())),
        ("Updated", text::time(instance.update_time.as_ref())),
        ("Etag", instance.etag.clone()),
    ]))?)
}

/// `dev` of `instances/dev`.
fn id(name: &str) -> &str {
    name.strip_prefix("instances/").unwrap_or(name)
}

/// What flags say of an instance's secrets.
pub(super) struct KafkaSecrets {
    pub(super) credentials: Option<v1::KafkaCredentials>,
    pub(super) ca_certificate: Option<v1::Secret>,
    pub(super) client_certificate: Option<v1::ClientCertificate>,
    pub(super) oauth_token: Option<v1::Secret>,
}

impl From<KafkaSecretFlags> for KafkaSecrets {
    fn from(flags: KafkaSecretFlags) -> Self {
        let KafkaSecretFlags {
            username_env,
            username_file,
            password_env,
            password_file,
            ca_file,
            ca_env,
            client_certificate_file,
            client_certificate_env,
            client_key_file,
            client_key_env,
            client_key_password_file,
            client_key_password_env,
            oauth_token_file,
            oauth_token_env,
        } = flags;
        let reference = |variable: Option<String>, file: Option<String>| {
            let source = variable.map(Source::Environment).or(file.map(Source::File))?;
            Some(v1::Secret { source: Some(source) })
        };
        let username = reference(username_env, username_file);
        let password = reference(password_env, password_file);
        let given = username.is_some() || password.is_some();
        let certificate = reference(client_certificate_env, client_certificate_file);
        let private_key = reference(client_key_env, client_key_file);
        let private_key_password = reference(client_key_password_env, client_key_password_file);
        let has_client =
            [&certificate, &private_key, &private_key_password].into_iter().any(Option::is_some);
        let client = v1::ClientCertificate { certificate, private_key, private_key_password };
        Self {
            oauth_token: reference(oauth_token_env, oauth_token_file),
            client_certificate: has_client.then_some(client),
            credentials: given.then_some(v1::KafkaCredentials { username, password }),
            ca_certificate: reference(ca_env, ca_file),
        }
    }
}

fn message(args: CreateInstanceArgs) -> v1::Instance {
    let secrets = KafkaSecrets::from(args.secrets);
    v1::Instance {
        labels: args.labels.into_iter().collect(),
        region_id: args.region.unwrap_or_default(),
        bootstrap_servers: args.bootstrap_servers,
        security_protocol: args.security_protocol.map_or(0, security),
        sasl_mechanism: args.sasl_mechanism.map_or(0, mechanism),
        kafka_credentials: secrets.credentials,
        ca_certificate: secrets.ca_certificate,
        client_certificate: secrets.client_certificate,
        oauth_token: secrets.oauth_token,
        vpc_id: args.vpc_id.unwrap_or_default(),
        vswitch_id: args.vswitch_id.unwrap_or_default(),
        connectors_disabled: args.connectors_disabled,
        allow_shared_cluster: args.allow_shared_cluster,
        ..v1::Instance::default()
    }
}

fn security(protocol: Security) -> i32 {
    match protocol {
        Security::Plaintext => v1::SecurityProtocol::Plaintext,
        Security::Ssl => v1::SecurityProtocol::Ssl,
        Security::SaslPlaintext => v1::SecurityProtocol::SaslPlaintext,
        Security::SaslSsl => v1::SecurityProtocol::SaslSsl,
    }
    .into()
}

fn mechanism(mechanism: Mechanism) -> i32 {
    match mechanism {
        Mechanism::Plain => v1::SaslMechanism::Plain,
        Mechanism::ScramSha256 => v1::SaslMechanism::ScramSha256,
        Mechanism::ScramSha512 => v1::SaslMechanism::ScramSha512,
        Mechanism::Oauthbearer => v1::SaslMechanism::Oauthbearer,
    }
    .into()
}

/// Only what is named by a flag is in the mask, and so is changed.
fn changes(args: UpdateInstanceArgs) -> Result<v1::UpdateInstanceRequest, Failure> {
    let UpdateInstanceArgs {
        name,
        bootstrap_servers,
        region,
        vpc_id,
        vswitch_id,
        security_protocol,
        sasl_mechanism,
        connectors_disabled,
        allow_shared_cluster,
        labels,
        defaults,
        etag,
        validate_only,
        repeat,
        secrets,
    } = args;
    let KafkaSecrets { credentials, ca_certificate, client_certificate, oauth_token } =
        secrets.into();
    let given = [
        ("bootstrap_servers", !bootstrap_servers.is_empty()),
        ("region_id", region.is_some()),
        ("vpc_id", vpc_id.is_some()),
        ("vswitch_id", vswitch_id.is_some()),
        ("security_protocol", security_protocol.is_some()),
        ("sasl_mechanism", sasl_mechanism.is_some()),
        ("connectors_disabled", connectors_disabled.is_some()),
        ("allow_shared_cluster", allow_shared_cluster.is_some()),
        ("labels", !labels.is_empty()),
        ("kafka_credentials", credentials.is_some()),
        ("ca_certificate", ca_certificate.is_some()),
        ("client_certificate", client_certificate.is_some()),
        ("oauth_token", oauth_token.is_some()),
    ];
    let given = given.into_iter().filter(|(_, is_given)| *is_given);
    let mut paths: Vec<_> = given.map(|(path, _)| path.to_owned()).collect();
    // What is in the mask and not in the instance becomes its default.
    paths.extend(defaults);
    if paths.is_empty() {
        return Err(Failure::Usage("say by flags what is to change, see --help".to_owned()));
    }
    let instance = v1::Instance {
        name: names::instance(&name)?.to_string(),
        etag: etag.unwrap_or_default(),
        labels: labels.into_iter().collect(),
        region_id: region.unwrap_or_default(),
        bootstrap_servers,
        security_protocol: security_protocol.map_or(0, security),
        sasl_mechanism: sasl_mechanism.map_or(0, mechanism),
        kafka_credentials: credentials,
        ca_certificate,
        client_certificate,
        oauth_token,
        vpc_id: vpc_id.unwrap_or_default(),
        vswitch_id: vswitch_id.unwrap_or_default(),
        connectors_disabled: connectors_disabled.unwrap_or_default(),
        allow_shared_cluster: allow_shared_cluster.unwrap_or_default(),
        ..v1::Instance::default()
    };
    Ok(v1::UpdateInstanceRequest {
        instance: Some(instance),
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only,
        request_id: repeat.id(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::{Cli, Command};
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
            let Command::Instances(InstancesArgs {
                command: InstancesCommand::Update(update), ..
            }) = cli.command
            else {
                panic!("another command")
            };
            changes(*update)
        };
        let flags = ["--bootstrap-servers=a:1,b:2", "--connectors-disabled=false"];
        let rest = ["--label=team=a", "--ca-file=/ca.pem", "--default=vswitch_id", "--etag=e"];
        let v1::UpdateInstanceRequest { instance, update_mask, validate_only, request_id: _ } =
            asked(&[&flags[..], &rest[..]].concat()).expect("legal");
        let paths =
            ["bootstrap_servers", "connectors_disabled", "labels", "ca_certificate", "vswitch_id"];
        assert_eq!(update_mask.expect("a mask").paths, paths);
        let ca = v1::Secret { source: Some(Source::File("/ca.pem".to_owned())) };
        let expected = v1::Instance {
            name: "instances/prod".to_owned(),
            etag: "e".to_owned(),
            bootstrap_servers: ["a:1", "b:2"].map(str::to_owned).into(),
            labels: [("team".to_owned(), "a".to_owned())].into(),
            ca_certificate: Some(ca),
            ..v1::Instance::default()
        };
        assert_eq!((instance, validate_only), (Some(expected), false));
        assert!(matches!(asked(&[]), Err(Failure::Usage(_))));
    }

    #[test]
    fn what_is_not_given_stays_unset() {
        assert_eq!(parsed(&[]), v1::Instance::default());
    }
}
