//! What a stretch of time took of both processes.

use std::time::Instant;

use anyhow::Result;
use kafka2oss_figures::cpu::cpu_seconds;

/// Counts from a moment on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Meter {
    plane: u32,
    plane_before: f64,
    own_before: f64,
    began: Instant,
}

/// What it took, in seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Wall time.
    pub(crate) seconds: f64,
    /// CPU time of the control plane.
    pub(crate) plane: f64,
    /// CPU time of this program.
    pub(crate) own: f64,
}

impl Meter {
    /// From now on, of the control plane with this process id.
    pub(crate) fn start(plane: u32) -> Result<Self> {
        Ok(Self {
            plane,
            plane_before: cpu_seconds(plane)?,
            own_before: cpu_seconds(std::process::id())?,
            began: Instant::now(),
        })
    }

    /// Until now.
    pub(crate) fn read(&self) -> Result<Cost> {
        Ok(Cost {
            seconds: self.began.elapsed().as_secs_f64(),
            plane: cpu_seconds(self.plane)? - self.plane_before,
            own: cpu_seconds(std::process::id())? - self.own_before,
        })
    }
}
