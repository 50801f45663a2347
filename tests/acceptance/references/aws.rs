//! AWS Secrets Manager.

use serde_json::json;

use super::{create, reveal, unrevealed};
use crate::backup::s3_server::{S3Server, variables};
use crate::canary::secret;
use crate::service::Service;

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_aws_is_found_by_name_and_arn_in_whole_and_by_key() {
    let mut aws = S3Server::start().await;
    let (whole, keyed) = (secret(1), secret(2));
    aws.secrets("CreateSecret", &json!({"Name": "team/plain", "SecretString": whole})).await;
    let text = json!({"key": keyed}).to_string();
    let keyed_secret = json!({"Name": "team/json", "SecretString": text});
    let made = aws.secrets("CreateSecret", &keyed_secret).await;
    let arn = made["ARN"].as_str().expect("an ARN").to_owned();
    let url = aws.url();
    let words: Vec<String> =
        variables(&url).iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut under = vec!["env"];
    under.extend(words.iter().map(String::as_str));
    let by_arn = format!("aws:{arn}");
    let args = [
        "--nats",
        "managed",
        "--reference-cache",
        "0s",
        "--allow-reference",
        "aws:team/*",
        "--allow-reference",
        &by_arn,
    ];
    let service = Service::start_under(&under, &args).await;
    create(&service, "plain", "aws:team/plain").await;
    create(&service, "keyed", "aws:team/json#key").await;
    create(&service, "arn", &format!("{by_arn}#key")).await;
    create(&service, "missing", "aws:team/missing").await;
    assert_eq!(reveal(&service, "plain").await, whole);
    assert_eq!(reveal(&service, "keyed").await, keyed);
    assert_eq!(reveal(&service, "arn").await, keyed);
    let told = unrevealed(&service, "missing", "reference_unusable").await;
    assert!(told.contains("ResourceNotFoundException"), "{told}");
    let rotate = json!({"SecretId": "team/plain", "SecretString": secret(3)});
    aws.secrets("PutSecretValue", &rotate).await;
    assert_eq!(reveal(&service, "plain").await, secret(3));
    aws.stop().await;
    let told = unrevealed(&service, "plain", "reference_unavailable").await;
    assert!(told.contains("AWS Secrets Manager: "), "{told}");
}
