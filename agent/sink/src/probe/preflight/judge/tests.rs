use aws_sdk_s3::types::BucketVersioningStatus;
use kafka2oss_domain::preflight::{Part, Verdict};

use super::*;
use crate::probe::probe_object;

fn place(dialect: Dialect) -> Place {
    Place {
        endpoint: "http://store".to_owned(),
        bucket: "b-1".to_owned(),
        region: "r-1".to_owned(),
        dialect,
    }
}

fn failed<T>(code: ErrorCode) -> Result<T, StoreError> {
    Err(StoreError { code, message: "refused".to_owned(), delay: None, store_code: None })
}

const CREATED: PutOutcome = PutOutcome::Created { version_id: None };

fn of(findings: &[Finding], check: Check) -> &Finding {
    let mut found = findings.iter().filter(|one| one.check == check);
    let one = found.next().unwrap_or_else(|| panic!("{check} in {findings:?}"));
    assert!(found.next().is_none(), "{check} stands twice");
    one
}

#[test]
fn an_answer_to_the_first_put_fails_the_check_that_it_is_about_and_no_other() {
    let checks = [
        Check::StoreClock,
        Check::StoreCredentials,
        Check::StoreRegion,
        Check::StoreBucket,
        Check::StorePut,
    ];
    for (code, wrong) in [
        (ErrorCode::StoreClockSkewed, Check::StoreClock),
        (ErrorCode::StoreCredentialsInvalid, Check::StoreCredentials),
        (ErrorCode::StoreRegionWrong, Check::StoreRegion),
        (ErrorCode::StoreEndpointWrong, Check::StoreRegion),
        (ErrorCode::StoreBucketNotFound, Check::StoreBucket),
        (ErrorCode::StoreAccessDenied, Check::StorePut),
        (ErrorCode::StoreUnavailable, Check::StorePut),
        (ErrorCode::StoreUnreachable, Check::StorePut),
    ] {
        let found = put(&place(Dialect::S3), Some(0), &failed(code));
        assert_eq!(found.len(), checks.len(), "{found:?}");
        for check in checks {
            let one = of(&found, check);
            assert_eq!(one.verdict == Verdict::Fail, check == wrong, "{code}: {one:?}");
        }
        assert_eq!(of(&found, wrong).code, Some(code));
    }
    let good = put(&place(Dialect::S3), Some(0), &Ok(CREATED));
    assert!(good.iter().all(|one| one.verdict == Verdict::Pass), "{good:?}");
}

#[test]
fn clocks_apart_are_told_from_a_minute_on_and_fail_from_a_quarter_of_an_hour_on() {
    for (ahead, verdict) in [
        (Some(0), Verdict::Pass),
        (Some(-59), Verdict::Pass),
        (Some(60), Verdict::Warn),
        (Some(-899), Verdict::Warn),
        (Some(900), Verdict::Fail),
        (Some(i64::MIN), Verdict::Fail),
        (None, Verdict::Skipped),
    ] {
        assert_eq!(clock(&place(Dialect::S3), ahead).verdict, verdict, "{ahead:?}");
    }
    let behind = clock(&place(Dialect::S3), Some(100)).detail;
    assert_eq!(behind, "the agent's clock is 100 s behind the store's");
}

#[test]
fn without_an_answer_every_check_of_the_store_is_told() {
    for (code, wrong) in [
        (ErrorCode::StoreUnreachable, Check::StoreConnect),
        (ErrorCode::StoreCertificateUntrusted, Check::StoreConnect),
        (ErrorCode::SecretUnreadable, Check::StoreCredentials),
    ] {
        let Err(error) = failed::<()>(code) else { unreachable!("it failed") };
        let found = unreached(&place(Dialect::Oss), error);
        for check in Check::ALL.iter().filter(|check| check.part() == Part::Store) {
            let expected = if *check == wrong { Verdict::Fail } else { Verdict::Skipped };
            assert_eq!(of(&found, *check).verdict, expected, "{check}");
        }
    }
}

fn good() -> (OfBucket, Answers, ObjectMetadata) {
    let written = probe_object("k".to_owned()).metadata;
    let head = StoredObject { size: 2, metadata: Ok(written.clone()), version_id: None };
    let of_bucket = OfBucket { list: Ok(()), versioning: Ok(None), retention: Some(Ok(None)) };
    let answers = Answers { second: Ok(PutOutcome::Exists), head: Ok(Some(head)), get: Ok(true) };
    (of_bucket, answers, written)
}

fn all(dialect: Dialect, of_bucket: &OfBucket, answers: &Answers) -> Vec<Finding> {
    let (place, (.., written)) = (place(dialect), good());
    let mut found = bucket(&place, of_bucket);
    found.extend(object(&place, &Ok(CREATED), Some(answers), of_bucket, &written));
    found
}

#[test]
fn each_right_that_is_missing_is_one_check() {
    let denied = ErrorCode::StoreAccessDenied;
    let (of_bucket, answers, _) = good();
    let found = all(Dialect::S3, &of_bucket, &answers);
    assert!(found.iter().all(|one| one.verdict == Verdict::Pass), "{found:?}");

    type Break = fn(&mut OfBucket, &mut Answers);
    let cases: [(Check, Verdict, Break); 6] = [
        (Check::StoreList, Verdict::Warn, |of_bucket, _| {
            of_bucket.list = failed(ErrorCode::StoreAccessDenied);
        }),
        (Check::StoreVersioning, Verdict::Skipped, |of_bucket, _| {
            of_bucket.versioning = failed(ErrorCode::StoreAccessDenied);
        }),
        (Check::StoreObjectLock, Verdict::Skipped, |of_bucket, _| {
            of_bucket.retention = Some(failed(ErrorCode::StoreAccessDenied));
        }),
        (Check::StoreHead, Verdict::Fail, |_, answers| {
            answers.head = failed(ErrorCode::StoreAccessDenied);
        }),
        (Check::StoreGet, Verdict::Warn, |_, answers| {
            answers.get = failed(ErrorCode::StoreAccessDenied);
        }),
        (Check::StoreCreateOnly, Verdict::Warn, |_, answers| {
            answers.second = failed(ErrorCode::StoreAccessDenied);
        }),
    ];
    for (wrong, verdict, take_away) in cases {
        let (mut of_bucket, mut answers, _) = good();
        take_away(&mut of_bucket, &mut answers);
        let found = all(Dialect::S3, &of_bucket, &answers);
        for one in &found {
            let expected = if one.check == wrong { verdict } else { Verdict::Pass };
            assert_eq!(one.verdict, expected, "without {wrong}: {one:?}");
        }
        let code = of(&found, wrong).code;
        assert_eq!(code, (verdict != Verdict::Skipped).then_some(denied), "{wrong}");
    }
}

#[test]
fn versions_are_a_doubt_where_the_store_overwrites_them_only() {
    let (mut of_bucket, answers, _) = good();
    of_bucket.versioning = Ok(Some(BucketVersioningStatus::Enabled));
    for (dialect, verdict) in [(Dialect::Oss, Verdict::Warn), (Dialect::S3, Verdict::Pass)] {
        let found = all(dialect, &of_bucket, &answers);
        assert_eq!(of(&found, Check::StoreVersioning).verdict, verdict);
        assert_eq!(of(&found, Check::StoreCreateOnly).verdict, verdict);
    }
}

#[test]
fn a_store_that_overwrites_and_one_that_loses_metadata_are_told() {
    let (of_bucket, mut answers, _) = good();
    answers.second = Ok(CREATED);
    let found = all(Dialect::S3, &of_bucket, &answers);
    assert_eq!(of(&found, Check::StoreCreateOnly).code, Some(ErrorCode::StoreNotCreateOnly));
    answers.second = Ok(PutOutcome::Exists);
    answers.head = Ok(None);
    let found = all(Dialect::S3, &of_bucket, &answers);
    assert_eq!(of(&found, Check::StoreHead).verdict, Verdict::Warn);
}

#[test]
fn what_stays_is_named_and_a_default_retention_foretells_it() {
    let problem = Problem::new(ErrorCode::StoreProbeLeft, "`k` stays");
    let left = LeftObject { problem, is_certain: true };
    let found = deletion(&place(Dialect::Oss), true, Some(&left));
    assert_eq!((found.verdict, found.code), (Verdict::Warn, Some(ErrorCode::StoreProbeLeft)));
    assert!(found.detail.contains("`k` stays") && found.detail.contains("WORM"), "{found:?}");
    assert_eq!(deletion(&place(Dialect::S3), true, None).verdict, Verdict::Pass);
    assert_eq!(deletion(&place(Dialect::S3), false, None).verdict, Verdict::Skipped);
    let (mut of_bucket, answers, _) = good();
    of_bucket.retention = Some(Ok(Some("COMPLIANCE for 3 days".to_owned())));
    let found = all(Dialect::S3, &of_bucket, &answers);
    assert!(of(&found, Check::StoreObjectLock).detail.contains("COMPLIANCE for 3 days"));
}

#[test]
fn where_nothing_could_be_put_nothing_is_said_of_objects() {
    let (of_bucket, _, written) = good();
    let denied = failed(ErrorCode::StoreAccessDenied);
    let found = object(&place(Dialect::S3), &denied, None, &of_bucket, &written);
    assert!(found.iter().all(|one| one.verdict == Verdict::Skipped) && found.len() == 3);
    let found = nothing_more(&place(Dialect::S3));
    assert!(found.iter().all(|one| one.verdict == Verdict::Skipped) && found.len() == 6);
}
