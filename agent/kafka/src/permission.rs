//! Whether what a command is to change is still wanted.

use async_trait::async_trait;
use kafka2oss_domain::error_code::Problem;

/// Says right before each change whether it may be made.
#[async_trait]
pub trait Permission: Send + Sync {
    /// Whether the topic or group of this name may be made or removed now.
    ///
    /// # Errors
    /// Why it may not, and nothing after it either.
    async fn to_change(&self, name: &str) -> Result<(), Problem>;
}
