//! Checks of a preflight on the wire.

use kafka2oss_domain::preflight::{Finding, Verdict};

use crate::v1;

impl From<Verdict> for v1::PreflightStatus {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Skipped => Self::Skipped,
            Verdict::Warn => Self::Warn,
            Verdict::Fail => Self::Fail,
        }
    }
}

impl From<Finding> for v1::PreflightCheck {
    fn from(finding: Finding) -> Self {
        let Finding { check, subject, verdict, code, detail } = finding;
        Self {
            name: check.as_str().to_owned(),
            subject,
            status: v1::PreflightStatus::from(verdict).into(),
            code: code.map_or_else(String::new, |code| code.as_str().to_owned()),
            detail,
            remedy: code.map_or_else(String::new, |code| code.remedy().to_owned()),
        }
    }
}
