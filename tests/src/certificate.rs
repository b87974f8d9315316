//! Certificates of an authority that no system knows: servers of a test show them,
//! and whoever is to trust these is told of the authority.

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use crate::name::unique;

/// An authority of a test's own.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A private key of tests.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgcZJiQJbvl7l2GMeN
9AWMKt/1J3gm9k/PVJgmC2GHJrmhRANCAASvHBwOomh8eAZpSexLgL7XP5XjnjGc
mdVGpWqIbWcWfw+ezlrFYzj0h91qEe6LTiMAL9EKbef9NoucyJi1k5f4
-----END PRIVATE KEY-----
";

/// The same, encrypted with the password `password`.
pub const ENCRYPTED_KEY: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----
MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAhGVYFHJBJVlAICCAAw
DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOcyE6DE3vBvSzcZYmIdanUEgZBc
38CiUh7F9fXrVYiJCDnZsAnsuUg2D97bRSr9hwGPWfLAXNDSlFa62CGeDTsQ+bkU
5JKiEFvciizgICTB71l7JE9Vle1zUS2OSvE5jbI6wEWsEwXIXEmNFJ66iyM9oiLf
sV+zVVKULlFVLIS7oFIlL9Zqz3GMe9Ttt4Dcj5i5M/sd5asTsYlNJT0lUiw04JA=
-----END ENCRYPTED PRIVATE KEY-----
";

/// What a server on loopback, or a client, proves itself with.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Its certificate, as PEM.
    pub certificate: String,
    /// Its private key, as PEM (PKCS #8).
    pub key: String,
}

impl Authority {
    /// A new one.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, unique("authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Its own certificate, as PEM.
    pub fn certificate(&self) -> String {
        self.0.pem()
    }

    /// A certificate for `localhost` and 127.0.0.1.
    pub fn identity(&self) -> Result<Identity> {
        let names = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        params.distinguished_name.push(DnType::CommonName, "a server of a test");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Identity { certificate: certificate.pem(), key: key.serialize_pem() })
    }

    /// A certificate of a client, whose key is also [`ENCRYPTED_KEY`].
    pub fn client(&self) -> Result<Identity> {
        self.client_until(2100)
    }

    /// The same, which was good until the beginning of this year.
    pub fn client_until(&self, year: i32) -> Result<Identity> {
        let mut params = CertificateParams::new(Vec::<String>::new())?;
        params.distinguished_name.push(DnType::CommonName, "a client of a test");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2000, 1, 1);
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&KeyPair::from_pem(KEY)?, &self.0)?;
        Ok(Identity { certificate: certificate.pem(), key: KEY.to_owned() })
    }
}
