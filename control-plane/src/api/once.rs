//! Requests with an ID, each of which is carried out once: a repeat changes nothing, whatever
//! others have changed since, and is answered with the resource as it is. That it was carried
//! out is written with what it changed, and also where it changed nothing.

use std::sync::Arc;

use kafka2oss_domain::names::{ConnectorName, InstanceName};
use kafka2oss_proto::spec::{HasSecrets, redact};
use kafka2oss_proto::v1;

use super::context::Api;
use super::error::ApiError;
use crate::catalog::{Change, Exclusive};
use crate::clock;
use crate::secrets::{self, Same};
use crate::store::connectors::ConnectorRecord;
use crate::store::request_ids::{self, RequestIdRecord, SecretsDigest, digest};

/// A request that has an ID.
#[derive(Debug, Clone)]
pub(super) struct Identified {
    /// The ID under what it is one of: `{instance}/{id}` or `agents/{id}`.
    key: String,
    id: String,
    /// Of the method and the request, but for its secrets.
    digest: Vec<u8>,
    secrets: Option<SecretsDigest>,
}

impl Identified {
    /// A request of `method` that has no secrets. None where its ID is empty.
    pub(super) fn new(
        scope: impl std::fmt::Display,
        id: &str,
        method: &str,
        request: &impl prost::Message,
    ) -> Option<Self> {
        if id.is_empty() {
            return None;
        }
        let digest = digest(method, request);
        Some(Self { key: format!("{scope}/{id}"), id: id.to_owned(), digest, secrets: None })
    }

    /// The same of a request of which `part` gives what may have secrets.
    pub(super) fn with_secrets<Request, Part>(
        api: &Api,
        scope: impl std::fmt::Display,
        id: &str,
        method: &str,
        request: &Request,
        part: impl Fn(&mut Request) -> Option<&mut Part>,
    ) -> Option<Self>
    where
        Request: prost::Message + Clone,
        Part: HasSecrets,
    {
        if id.is_empty() {
            return None;
        }
        let mut request = request.clone();
        let mut secrets = None;
        if let Some(part) = part(&mut request) {
            secrets = api.digests.of(part);
            redact(part);
        }
        let plain = Self::new(scope, id, method, &request)?;
        Some(Self { secrets, ..plain })
    }
}

/// What is held while a request is carried out: nobody carries out one of the same ID
/// meanwhile. Requests without an ID have none in common.
pub(super) struct Once(Option<(Identified, Exclusive)>);

impl Once {
    /// Waits until nobody else has the request's ID. An instance is locked before, a connector
    /// or an agent after it.
    pub(super) async fn lock(api: &Api, request: Option<Identified>) -> Self {
        let Some(request) = request else { return Self(None) };
        let lock = api.known.catalog.lock(&format!("request-ids/{}", request.key)).await;
        Self(Some((request, lock)))
    }

    /// What became of the request, if it was carried out before. An error where its ID stands
    /// for another one.
    pub(super) fn earlier(&self, api: &Api) -> Result<Option<Arc<RequestIdRecord>>, ApiError> {
        let Some((request, _)) = &self.0 else { return Ok(None) };
        let Some(earlier) = api.known.catalog.request_id(&request.key) else { return Ok(None) };
        if earlier.digest() != request.digest {
            return Err(self.reused("was used with another request"));
        }
        match secrets::compare(earlier.secrets.as_ref(), request.secrets.as_ref()) {
            Same::Yes => Ok(Some(earlier)),
            Same::No => Err(self.reused("was used with other inline secrets")),
            Same::Unknown => Err(self.reused(
                "was used before the control plane started, which keeps no inline secret and \
                 cannot tell whether these are the same: look at the resource, and update its \
                 credentials under another ID",
            )),
        }
    }

    /// The connector that the request was about, if it was carried out before.
    pub(super) fn connector(
        &self,
        api: &Api,
        name: &ConnectorName,
    ) -> Result<Option<v1::Connector>, ApiError> {
        let Some(earlier) = self.earlier(api)? else { return Ok(None) };
        let record = api.known.catalog.connector(&name.to_string());
        match record.filter(|record| record.uid() == earlier.uid) {
            Some(record) => Ok(Some(api.observed.shown(&record, false))),
            None => Err(self.gone(&name.to_string())),
        }
    }

    /// The same of an instance.
    pub(super) fn instance(
        &self,
        api: &Api,
        name: &InstanceName,
    ) -> Result<Option<v1::Instance>, ApiError> {
        let Some(earlier) = self.earlier(api)? else { return Ok(None) };
        let record = api.known.catalog.instance(name);
        let instance = record.and_then(|record| record.instance.clone());
        match instance.filter(|instance| instance.uid == earlier.uid) {
            Some(instance) => Ok(Some(instance)),
            None => Err(self.gone(&name.to_string())),
        }
    }

    /// What is to be written with what the request changes of the resource of this uid.
    pub(super) fn remember(&self, api: &Api, uid: &str) -> Vec<Change> {
        let Some((request, _)) = &self.0 else { return Vec::new() };
        let record = RequestIdRecord {
            form: 0,
            request: None,
            uid: uid.to_owned(),
            create_time: Some(clock::now()),
            secrets: request.secrets.clone(),
            digest: request.digest.clone(),
        };
        let mut changes = api.known.catalog.request_ids_beyond(request_ids::MOST);
        changes.push(Change::RequestId(request.key.clone(), Some(Arc::new(record))));
        changes
    }

    /// Has a request that changes nothing of a connector remembered, and shows it.
    pub(super) async fn unchanged(
        &self,
        api: &Api,
        record: &ConnectorRecord,
    ) -> Result<v1::Connector, ApiError> {
        api.known.catalog.apply(self.remember(api, record.uid())).await?;
        Ok(api.observed.shown(record, false))
    }

    fn gone(&self, name: &str) -> ApiError {
        self.reused(&format!("was used of {name}, which has been deleted since"))
    }

    fn reused(&self, why: &str) -> ApiError {
        let id = self.0.as_ref().map_or("", |(request, _)| &request.id);
        ApiError::RequestIdReused(format!("request_id `{id}` {why}"))
    }
}
