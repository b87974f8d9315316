//! The destination of a connector.

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::spec::{
    AccessKey, AddressingStyle, Destination, StoreType, check_bucket, endpoint, text_rules,
};
use kafka2oss_domain::violation::Violations;

use super::checks::{Checks, choice};
use crate::v1::{self, store_credentials::Kind};

choice!(StoreType { Oss, S3 });
choice!(AddressingStyle { VirtualHosted, Path });

impl TryFrom<v1::ObjectStoreDestination> for Destination {
    type Error = Violations;

    fn try_from(wire: v1::ObjectStoreDestination) -> Result<Self, Violations> {
        let v1::ObjectStoreDestination {
            store_type,
            bucket,
            endpoint,
            signing_region,
            addressing_style,
            credentials,
            allow_cross_region,
        } = wire;
        let mut checks = Checks::default();
        let store_type = checks.choice("store_type", store_type);
        let addressing_style = checks.choice("addressing_style", addressing_style);
        let mut checked_endpoint = None;
        match (store_type, addressing_style) {
            (Some(store_type), Some(addressing)) => {
                if bucket.is_empty() {
                    checks.required("bucket");
                } else if let Err(message) = check_bucket(&bucket, store_type, addressing) {
                    checks.add("bucket", ErrorCode::BucketNameIllegal, message);
                }
                checked_endpoint = check_endpoint(&mut checks, &endpoint, &bucket, addressing);
                if (store_type, addressing) == (StoreType::Oss, AddressingStyle::Path) {
                    checks.invalid(
                        "addressing_style",
                        "is PATH, which OSS refuses (SecondLevelDomainForbidden); leave it out or \
                         use VIRTUAL_HOSTED",
                    );
                }
            }
            // Their rules depend on both.
            _ if bucket.is_empty() => checks.required("bucket"),
            _ => {}
        }
        checks.legal("signing_region", text_rules::signing_region(&signing_region));
        let credentials = checks.part("credentials", credentials);
        let (Some(store_type), Some(addressing_style), Some(endpoint), Some(credentials)) =
            (store_type, addressing_style, checked_endpoint, credentials)
        else {
            return Err(checks.into_violations());
        };
        checks.finish(Self {
            store_type,
            bucket,
            endpoint,
            signing_region,
            addressing_style,
            credentials,
            allow_cross_region,
        })
    }
}

fn check_endpoint(
    checks: &mut Checks,
    endpoint: &str,
    bucket: &str,
    addressing: AddressingStyle,
) -> Option<String> {
    if endpoint.is_empty() {
        // OSS has a default, so this is S3.
        checks.add("endpoint", ErrorCode::FieldRequired, "is required with store_type S3");
        return None;
    }
    endpoint::check(endpoint, bucket, addressing)
        .map_err(|message| checks.add("endpoint", ErrorCode::EndpointInvalid, message))
        .ok()
}

impl TryFrom<v1::StoreCredentials> for AccessKey {
    type Error = Violations;

    fn try_from(wire: v1::StoreCredentials) -> Result<Self, Violations> {
        let v1::StoreCredentials { kind } = wire;
        let mut checks = Checks::default();
        let access_key = match kind {
            Some(Kind::AccessKey(access_key)) => checks.part("access_key", Some(access_key)),
            None => {
                checks.required("");
                None
            }
        };
        match access_key {
            Some(access_key) => checks.finish(access_key),
            None => Err(checks.into_violations()),
        }
    }
}

impl TryFrom<v1::AccessKey> for AccessKey {
    type Error = Violations;

    fn try_from(wire: v1::AccessKey) -> Result<Self, Violations> {
        let v1::AccessKey { id, secret, session_token } = wire;
        let mut checks = Checks::default();
        let (id, secret) = (checks.part("id", id), checks.part("secret", secret));
        let session_token =
            session_token.and_then(|token| checks.part("session_token", Some(token)));
        let (Some(id), Some(secret)) = (id, secret) else {
            return Err(checks.into_violations());
        };
        checks.finish(Self { id, secret, session_token })
    }
}

impl From<&Destination> for v1::ObjectStoreDestination {
    fn from(destination: &Destination) -> Self {
        let Destination {
            store_type,
            bucket,
            endpoint,
            signing_region,
            addressing_style,
            credentials,
            allow_cross_region,
        } = destination;
        Self {
            store_type: v1::StoreType::from(*store_type).into(),
            bucket: bucket.clone(),
            endpoint: endpoint.clone(),
            signing_region: signing_region.clone(),
            addressing_style: v1::AddressingStyle::from(*addressing_style).into(),
            credentials: Some(credentials.into()),
            allow_cross_region: *allow_cross_region,
        }
    }
}

impl From<&AccessKey> for v1::StoreCredentials {
    fn from(access_key: &AccessKey) -> Self {
        let AccessKey { id, secret, session_token } = access_key;
        let access_key = v1::AccessKey {
            id: Some(id.into()),
            secret: Some(secret.into()),
            session_token: session_token.as_ref().map(Into::into),
        };
        Self { kind: Some(Kind::AccessKey(access_key)) }
    }
}
