//! AWS KMS.

use std::fs;

use serde_json::json;

use super::{Keys, last_part};
use crate::backup::s3_server::{S3Server, variables};
use crate::backup::{expect_code, run, told};
use crate::output::{said, text};

#[tokio::test(flavor = "multi_thread")]
async fn aws_kms_opens_what_it_wrapped_and_nothing_that_was_moved_or_changed() {
    let (mut aws, keys) = (S3Server::start().await, Keys::new());
    let made = aws.kms("CreateKey", &json!({})).await;
    let key = made["KeyMetadata"]["Arn"].as_str().expect("an ARN").to_owned();
    let alias = json!({ "AliasName": "alias/ledger", "TargetKeyId": key });
    aws.kms("CreateAlias", &alias).await;
    let url = aws.url();
    let aws_variables = variables(&url);
    let wrap = async |with: &str, out: &str| {
        let args =
            ["keys", "wrap", "--master-key-file", &keys.clear(), "--with", with, "--out", out];
        run(&args, &aws_variables).await
    };
    let unwrap = async |out: &str, aws_variables: &[(&str, &str)]| {
        let out = keys.path(out);
        let args = ["keys", "unwrap", "--master-key-file", &keys.wrapped(), "--out", text(&out)];
        run(&args, aws_variables).await
    };
    for (number, with) in [key.as_str(), "alias/ledger"].into_iter().enumerate() {
        let wrapped = wrap(&format!("aws-kms:{with}"), &keys.wrapped()).await;
        assert!(wrapped.status.success(), "{}", said(&wrapped));
        let line = fs::read_to_string(keys.path("wrapped.key")).expect("a file");
        let begin = format!("connledger-wrapped-key-v1:{}:aws-kms:{with}:", keys.id());
        assert!(line.lines().last().expect("a line").starts_with(&begin), "{line}");
        let out = format!("clear-{number}.key");
        assert!(unwrap(&out, &aws_variables).await.status.success());
        assert_eq!(last_part(&keys.path(&out)), last_part(&keys.path("master.key")));
        fs::remove_file(keys.path("wrapped.key")).expect("ours");
    }

    let absent = wrap("aws-kms:alias/absent", &keys.wrapped()).await;
    expect_code(&absent, "key_service_refused");
    assert!(said(&absent).contains("NotFoundException"), "{}", said(&absent));
    assert!(!keys.path("wrapped.key").exists(), "nothing is written that does not open");
    assert!(wrap("aws-kms:alias/ledger", &keys.wrapped()).await.status.success());
    let good = fs::read_to_string(keys.path("wrapped.key")).expect("a file");
    let of_another = good.replace(&keys.id(), "0a1b2c3d");
    let damaged = good.replace(&last_part(&keys.path("wrapped.key")), "AQICAHg=");
    for bad in [of_another, damaged] {
        fs::write(keys.path("wrapped.key"), &bad).expect("written");
        let refused = unwrap("never.key", &aws_variables).await;
        expect_code(&refused, "key_service_refused");
        assert!(said(&refused).contains("InvalidCiphertextException"), "{}", said(&refused));
    }
    fs::write(keys.path("wrapped.key"), &good).expect("written");

    let nobody = [("AWS_ENDPOINT_URL", url.as_str()), ("AWS_REGION", "us-east-1")];
    let nobody = [&nobody[..], &[("AWS_EC2_METADATA_DISABLED", "true")]].concat();
    let refused = unwrap("never.key", &nobody).await;
    expect_code(&refused, "key_service_refused");
    assert!(said(&refused).contains("there are no credentials"), "{}", said(&refused));
    let plain = [&aws_variables[..], &[("AWS_ENDPOINT_URL", "http://192.0.2.1")]].concat();
    let refused = unwrap("never.key", &plain).await;
    expect_code(&refused, "key_service_refused");
    assert!(said(&refused).contains("must start with https://"), "{}", said(&refused));

    aws.stop().await;
    let away = unwrap("never.key", &aws_variables).await;
    expect_code(&away, "key_service_unavailable");
    assert_eq!(away.status.code(), Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn aws_kms_names_a_right_that_is_missing_and_no_error_has_a_credential() {
    let (aws, keys) = (S3Server::start().await, Keys::new());
    aws.kms("CreateKey", &json!({})).await;
    let listed = aws.kms("ListKeys", &json!({})).await;
    let key = listed["Keys"][0]["KeyId"].as_str().expect("an id").to_owned();
    let [id, secret] = aws.ask_for_credentials().await;
    let url = aws.url();
    let with = async |id: &str, secret: &str| {
        let own = [("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret)];
        let service = format!("aws-kms:{key}");
        let (clear, wrapped) = (keys.clear(), keys.wrapped());
        let args =
            ["keys", "wrap", "--master-key-file", &clear, "--with", &service, "--out", &wrapped];
        run(&[&args[..], &["--json"]].concat(), &[&variables(&url)[..], &own].concat()).await
    };
    let wrong = with("AKIACANARY", "canary-secret").await;
    let error: serde_json::Value =
        serde_json::from_str(said(&wrong).lines().last().expect("a line"))
            .expect("an error as JSON");
    assert_eq!(error["error"]["code"], "key_service_refused", "{error}");
    assert!(!said(&wrong).to_lowercase().contains("canary"), "{}", said(&wrong));
    let right = told(&with(&id, &secret).await);
    assert_eq!(right["keys"], json!([keys.id()]));
}
