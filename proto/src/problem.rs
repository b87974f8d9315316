//! Problems and warnings on the wire.

use kafka2oss_domain::error_code::Problem;
use kafka2oss_domain::spec::Warning;

use crate::{agent, v1};

impl From<Problem> for agent::v1::Problem {
    fn from(problem: Problem) -> Self {
        let Problem { code, message } = problem;
        Self { code: code.as_str().to_owned(), message }
    }
}

impl From<Warning> for v1::Warning {
    fn from(warning: Warning) -> Self {
        let Warning { field, message } = warning;
        Self { field, message }
    }
}
