//! Deploy with the preflight before it.

use std::sync::Arc;

use kafka2oss_domain::ErrorCode;
use kafka2oss_domain::names::ConnectorName;
use kafka2oss_domain::violation::Violations;
use kafka2oss_proto::v1;
use kafka2oss_proto::v1::validate_connector_response::Event;
use tokio::sync::mpsc;

use super::{WAITING, check, subject_of};
use crate::api::act;
use crate::api::context::Api;
use crate::api::error::ApiError;
use crate::api::once::Identified;
use crate::api::request;
use crate::model::lifecycle::{Action, Decision};
use crate::options::Preflight;
use crate::store::connectors::ConnectorRecord;
use crate::{supervision, tasks};

/// Carries out Deploy. What a strict preflight has checked is what is deployed: a change
/// meanwhile is refused.
pub(in crate::api) async fn deploy(
    api: Arc<Api>,
    request: v1::DeployConnectorRequest,
) -> Result<v1::Connector, ApiError> {
    let v1::DeployConnectorRequest { name, etag, validate_only, request_id, preflight } = &request;
    let (mut etag, validate_only) = (etag.clone(), *validate_only);
    let name: ConnectorName = request::identified(name, str::parse, request_id)?;
    let preflight = chosen(*preflight, api.preflight)?;
    let identified = Identified::new(name.instance(), request_id, "DeployConnector", &request)
        .filter(|_| !validate_only);
    // What is deployed already runs, whatever a preflight would say; and what cannot be
    // deployed, or was by this very request, is told with that.
    if let Some(record) = api.known.catalog.connector(&name.to_string())
        && let Ok(Decision::Change(_)) = act::check_state(&record, Action::Deploy)
    {
        match preflight {
            Preflight::Off => {}
            Preflight::Warn if validate_only => {}
            Preflight::Warn => warn(&api, &record, &name)?,
            Preflight::Strict => {
                let checks = Box::pin(run(&api, &record, &name)).await?;
                let failed = with(checks, v1::PreflightStatus::Fail);
                if !failed.is_empty() {
                    return Err(ApiError::PreflightFailed(failed));
                }
                if etag.is_empty() {
                    etag.clone_from(&record.connector().etag);
                }
            }
        }
    }
    let asked = act::Asked { name, action: Action::Deploy, etag, validate_only, identified };
    act::act(api, asked).await
}

/// What a request chooses, or else the control plane's operator.
fn chosen(given: i32, default: Preflight) -> Result<Preflight, ApiError> {
    match v1::PreflightMode::try_from(given) {
        Ok(v1::PreflightMode::Unspecified) => Ok(default),
        Ok(v1::PreflightMode::Off) => Ok(Preflight::Off),
        Ok(v1::PreflightMode::Warn) => Ok(Preflight::Warn),
        Ok(v1::PreflightMode::Strict) => Ok(Preflight::Strict),
        Err(_) => {
            let mut violations = Violations::new();
            let message = format!("{given} is no mode: use OFF, WARN or STRICT");
            violations.add("preflight", ErrorCode::FieldInvalid, message);
            Err(ApiError::Invalid(violations))
        }
    }
}

/// Has the connector's log say what is wrong. Deploy does not wait for it.
fn warn(
    api: &Arc<Api>,
    record: &Arc<ConnectorRecord>,
    name: &ConnectorName,
) -> Result<(), ApiError> {
    // What makes it impossible is told at once.
    drop(subject_of(api, record, name)?);
    let (api, record, name) = (Arc::clone(api), Arc::clone(record), name.clone());
    let work = async move {
        let checks = match Box::pin(run(&api, &record, &name)).await {
            Ok(checks) => checks,
            Err(error) => return tracing::warn!(connector = %name, %error, "no preflight"),
        };
        for check in &checks {
            let severity = match check.status() {
                v1::PreflightStatus::Fail => v1::LogSeverity::Error,
                v1::PreflightStatus::Warn => v1::LogSeverity::Warn,
                _ => continue,
            };
            let text = format!("preflight: {}", told(check));
            api.observed.log(&record, severity, check.code.parse().ok(), text);
        }
    };
    tasks::spawn(async move {
        supervision::contained("a preflight", work).await;
    });
    Ok(())
}

/// All checks of a connector that exists.
async fn run(
    api: &Api,
    record: &Arc<ConnectorRecord>,
    name: &ConnectorName,
) -> Result<Vec<v1::PreflightCheck>, ApiError> {
    let subject = subject_of(api, record, name)?;
    let (sender, mut answers) = mpsc::channel(WAITING);
    let checking = async move {
        check(api, &subject, &sender).await;
    };
    let collecting = async {
        let mut checks = Vec::new();
        while let Some(answer) = answers.recv().await {
            if let Ok(v1::ValidateConnectorResponse { event: Some(Event::Check(check)) }) = answer {
                checks.push(check);
            }
        }
        checks
    };
    tokio::select! {
        biased;
        () = api.stop.cancelled() => Err(ApiError::Internal),
        ((), checks) = async { tokio::join!(checking, collecting) } => Ok(checks),
    }
}

fn with(checks: Vec<v1::PreflightCheck>, status: v1::PreflightStatus) -> Vec<v1::PreflightCheck> {
    checks.into_iter().filter(|check| check.status() == status).collect()
}

/// A check in one line.
pub(in crate::api) fn told(check: &v1::PreflightCheck) -> String {
    let v1::PreflightCheck { name, subject, detail, .. } = check;
    match subject.is_empty() {
        true => format!("{name}: {detail}"),
        false => format!("{name} ({subject}): {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_chooses_over_the_operator_and_no_other_number_is_a_mode() {
        let chosen = |given| chosen(given, Preflight::Warn).ok();
        assert_eq!(chosen(0), Some(Preflight::Warn));
        assert_eq!(chosen(v1::PreflightMode::Off.into()), Some(Preflight::Off));
        assert_eq!(chosen(v1::PreflightMode::Strict.into()), Some(Preflight::Strict));
        assert_eq!(chosen(9), None);
    }
}
