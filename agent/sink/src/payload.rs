//! How a put's signature covers its body.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextMut;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;

use crate::integrity::Content;

/// Tells the signer what it needs to know of a body, so that it does not read it.
///
/// Where TLS covers it, that is nothing: nobody can change the bytes on their way, and
/// what the store says that it holds is compared.
#[derive(Debug, Clone)]
pub(crate) struct PayloadSignature(Option<PayloadSigningOverride>);

impl PayloadSignature {
    pub(crate) fn of(content: &Content, is_signed: bool) -> Self {
        Self(if is_signed {
            content.sha256().map(|sum| PayloadSigningOverride::Precomputed(sum.to_owned()))
        } else {
            Some(PayloadSigningOverride::UnsignedPayload)
        })
    }
}

impl Intercept for PayloadSignature {
    fn name(&self) -> &'static str {
        "PayloadSignature"
    }

    fn modify_before_signing(
        &self,
        _: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(known) = &self.0 {
            config.interceptor_state().store_put(known.clone());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka2oss_chain::{ChainId, ObjectMetadata};
    use kafka2oss_domain::spec::{
        AccessKey, AddressingStyle, Destination, SecretSource, StoreType,
    };
    use kafka2oss_tests::bucket::{Addressing, S3Access};
    use kafka2oss_tests::minio::shared_minio;
    use kafka2oss_tests::oss::OssServer;

    use crate::{Content, NewObject, ObjectStore, PutOutcome};

    const BUCKET: &str = "payload";

    fn store(
        store_type: StoreType,
        addressing_style: AddressingStyle,
        at: S3Access,
    ) -> ObjectStore {
        let plain = |secret: String| SecretSource::Plain(secret.into());
        ObjectStore::new(&Destination {
            store_type,
            bucket: BUCKET.to_owned(),
            endpoint: at.endpoint,
            signing_region: at.region,
            addressing_style,
            credentials: AccessKey {
                id: plain(at.access_key),
                secret: plain(at.secret_key),
                session_token: None,
            },
            allow_cross_region: false,
        })
    }

    fn object(key: &str, body: Content) -> NewObject {
        NewObject {
            key: key.to_owned(),
            content_type: "application/json",
            metadata: ObjectMetadata {
                uid: "01J9Z3".to_owned(),
                chain_id: ChainId::parse("k3v9x0ab").expect("legal"),
                partition: 0,
                first_offset: 0,
                next_offset: 1,
                records: 1,
                crc64: body.crc64(),
                leader_epoch: None,
            },
            body,
        }
    }

    #[test]
    fn bodies_are_signed_but_on_s3_over_tls() {
        let cases = [
            (StoreType::S3, "https://s3.example", false),
            (StoreType::S3, "HTTPS://s3.example", false),
            (StoreType::S3, "http://s3.example", true),
            (StoreType::Oss, "https://s3.oss-cn-hangzhou.aliyuncs.com", true),
            (StoreType::Oss, "http://s3.oss-cn-hangzhou.aliyuncs.com", true),
        ];
        for (store_type, endpoint, is_signed) in cases {
            let at = S3Access {
                endpoint: endpoint.to_owned(),
                region: "any".to_owned(),
                access_key: "any".to_owned(),
                secret_key: "any".to_owned(),
                addressing: Addressing::PathStyle,
                authority: None,
            };
            let store = store(store_type, AddressingStyle::Path, at);
            assert_eq!(store.signs_bodies, is_signed, "{store_type:?} {endpoint}");
        }
    }

    /// One test: connections are served by the runtime that made them.
    #[tokio::test]
    async fn a_signature_covers_the_body_where_it_has_to() {
        let minio = shared_minio().await.expect("MinIO");
        minio.create_bucket(BUCKET).await.expect("a bucket");
        let oss = OssServer::start().await.expect("the emulator");
        oss.create_bucket(BUCKET).await.expect("a bucket");
        let stores = [
            store(StoreType::S3, AddressingStyle::Path, minio.access()),
            store(StoreType::Oss, AddressingStyle::VirtualHosted, oss.access()),
        ];
        for mut store in stores {
            let content = store.content(Bytes::from_static(b"[1]"));
            assert!(content.sha256().is_some());
            let other = Content::from("[2]").signed_as(&content);
            store.put(&object("other", other.clone())).await.expect_err("other than was signed");
            let created = store.put(&object("same", content)).await.expect("as it was signed");
            assert_eq!(created, PutOutcome::Created { version_id: None });

            // As over TLS.
            store.signs_bodies = false;
            assert_eq!(store.content(Bytes::from_static(b"[1]")).sha256(), None);
            let created = store.put(&object("other", other)).await.expect("whatever was signed");
            assert_eq!(created, PutOutcome::Created { version_id: None });
        }
    }
}
