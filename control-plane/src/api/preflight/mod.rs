//! ValidateConnector: what is needed before a connector runs, checked.
//!
//! - `service`: what the control plane knows by itself; pure.
//! - `told`: what an agent says, kept within bounds, and what all came to; pure.
//! - `deploy`: Deploy with all of it before.
//! - `agent`: has an agent of the pool check Kafka and the store.

mod agent;
mod deploy;
mod service;
mod told;

use std::sync::Arc;
use std::time::Duration;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::spec::{self, Pool};
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::spec::planned_resources;
use kafka2oss_proto::v1;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::context::Api;
use super::error::ApiError;
use super::{create, request, stream};
use crate::store::connectors::ConnectorRecord;
use crate::tasks;
pub(super) use deploy::{deploy, told as in_a_line};
pub(crate) use service::FEATURES;
use told::Told;

/// For a caller that takes its time, beside the time that an agent has.
const TO_TELL: Duration = Duration::from_secs(20);
/// Answers that wait for the caller.
const WAITING: usize = 16;

/// What is checked.
struct Subject {
    name: ConnectorName,
    /// Empty of one that does not exist.
    uid: String,
    instance: v1::Instance,
    spec: spec::ConnectorSpec,
    resources: Vec<v1::PlannedResource>,
    warnings: Vec<spec::Warning>,
    given: Given,
}

/// Where the spec comes from that an agent is given.
enum Given {
    /// The request, with its plain secrets.
    Request(Box<v1::ConnectorSpec>),
    /// A connector that exists.
    Stored(Arc<ConnectorRecord>),
}

impl Subject {
    fn pool(&self) -> &Pool {
        &self.spec.runtime.pool
    }

    fn group(&self) -> &str {
        &self.spec.resources.task_consumer_group
    }
}

/// Opens the stream of checks.
pub(super) fn validate(
    api: &Arc<Api>,
    request: v1::ValidateConnectorRequest,
    trusted: bool,
) -> Result<ReceiverStream<Result<v1::ValidateConnectorResponse, Status>>, ApiError> {
    let subject = subject(api, request, trusted)?;
    let (sender, receiver) = mpsc::channel(WAITING);
    let (api, told) = (Arc::clone(api), sender.clone());
    let run = async move {
        tokio::select! {
            biased;
            () = api.stop.cancelled() => {}
            // Whoever has gone ends the work.
            () = sender.closed() => {}
            outcome = timeout(api.preflight_timeout + TO_TELL, check(&api, &subject, &sender)) => {
                if outcome.is_err() {
                    let late = Err(ApiError::DeadlineExceeded.into());
                    // There may be no room for it: then the stream ends without a summary.
                    let _ = sender.try_send(late);
                }
            }
        }
    };
    tasks::spawn(stream::to_its_end("a preflight", run, told));
    Ok(ReceiverStream::new(receiver))
}

fn subject(
    api: &Api,
    request: v1::ValidateConnectorRequest,
    trusted: bool,
) -> Result<Subject, ApiError> {
    let v1::ValidateConnectorRequest { name, parent, connector_id, connector } = request;
    if name.is_empty() {
        let checked =
            create::check(api, &parent, &connector_id, connector, trusted, Violations::new())?;
        let create::Checked { name, instance, effective, spec, .. } = checked;
        let warnings = create::warnings(api, &name, &effective, &spec);
        let (resources, given) = (planned_resources(&spec), Given::Request(Box::new(effective)));
        let uid = String::new();
        return Ok(Subject { name, uid, instance, spec, resources, warnings, given });
    }
    let mut violations = Violations::new();
    let others = [
        ("parent", !parent.is_empty()),
        ("connector_id", !connector_id.is_empty()),
        ("connector", connector.is_some()),
    ];
    for (field, _) in others.into_iter().filter(|(_, is_given)| *is_given) {
        violations.add(field, ErrorCode::FieldInvalid, "is not to be given together with `name`");
    }
    let name = request::field("name", &name, str::parse::<ConnectorName>, &mut violations);
    let Some(name) = name.filter(|_| violations.is_empty()) else {
        return Err(ApiError::Invalid(violations));
    };
    let record = request::connector(api, &name)?;
    subject_of(api, &record, &name)
}

/// A connector that exists.
fn subject_of(
    api: &Api,
    record: &Arc<ConnectorRecord>,
    name: &ConnectorName,
) -> Result<Subject, ApiError> {
    let (record, name) = (Arc::clone(record), name.clone());
    let instance = request::instance(api, name.instance())?.instance.clone().unwrap_or_default();
    let stored = record.spec().clone();
    let spec = spec::ConnectorSpec::try_from(stored.clone()).map_err(ApiError::Invalid)?;
    let warnings = create::warnings(api, &name, &stored, &spec);
    let (uid, resources) = (record.uid().to_owned(), planned_resources(&spec));
    let given = Given::Stored(record);
    Ok(Subject { name, uid, instance, spec, resources, warnings, given })
}

/// Carries out all checks, and tells each as it is finished.
async fn check(
    api: &Api,
    subject: &Subject,
    sender: &mpsc::Sender<Result<v1::ValidateConnectorResponse, Status>>,
) {
    let mut told = Told::new(sender);
    for finding in service::checks(&service::facts(api, subject)) {
        told.tell(finding.into()).await;
    }
    agent::check(api, subject, &mut told).await;
    told.finish().await;
}
