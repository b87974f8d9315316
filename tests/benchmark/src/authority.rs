//! An authority that everybody in a run trusts: the agent, the bare client, and who
//! verifies.

use std::fs;

use anyhow::Result;
use kafka2oss_tests::certificate::Authority;
use kafka2oss_tests::scratch::Scratch;

/// An authority that this process and its children trust, instead of the system's.
#[derive(Debug)]
pub(crate) struct TrustedAuthority {
    authority: Authority,
    _folder: Scratch,
}

impl TrustedAuthority {
    /// A new one.
    ///
    /// # Safety
    /// This process has no other thread yet: its environment changes.
    pub(crate) unsafe fn new() -> Result<Self> {
        let (authority, folder) = (Authority::new()?, Scratch::new("authority")?);
        let file = folder.join("authority.pem");
        fs::write(&file, authority.certificate())?;
        // SAFETY: demanded of the caller.
        unsafe { std::env::set_var("SSL_CERT_FILE", &file) };
        Ok(Self { authority, _folder: folder })
    }

    /// The authority.
    pub(crate) fn authority(&self) -> &Authority {
        &self.authority
    }
}
