//! Flags as what the API takes.

use kafka2oss_proto::v1;
use v1::secret::Source;

use crate::args::{CreateInstanceArgs, KafkaSecretFlags, Mechanism, Security, UpdateInstanceArgs};
use crate::client::{Failure, names};

/// What flags say of an instance's secrets.
pub(in crate::client) struct KafkaSecrets {
    pub(in crate::client) credentials: Option<v1::KafkaCredentials>,
    pub(in crate::client) ca_certificate: Option<v1::Secret>,
    pub(in crate::client) client_certificate: Option<v1::ClientCertificate>,
    pub(in crate::client) oauth_token: Option<v1::Secret>,
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

pub(super) fn message(args: CreateInstanceArgs) -> v1::Instance {
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
        description: args.about.description.unwrap_or_default(),
        max_connectors: args.about.max_connectors,
        max_tasks: args.about.max_tasks,
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
pub(super) fn changes(args: UpdateInstanceArgs) -> Result<v1::UpdateInstanceRequest, Failure> {
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
        about,
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
        ("description", about.description.is_some()),
        ("max_connectors", about.max_connectors.is_some()),
        ("max_tasks", about.max_tasks.is_some()),
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
        description: about.description.unwrap_or_default(),
        max_connectors: about.max_connectors,
        max_tasks: about.max_tasks,
        ..v1::Instance::default()
    };
    Ok(v1::UpdateInstanceRequest {
        instance: Some(instance),
        update_mask: Some(prost_types::FieldMask { paths }),
        validate_only,
        request_id: repeat.id(),
        ..Default::default()
    })
}

#[cfg(test)]
mod tests;
