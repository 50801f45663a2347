//! Google Cloud KMS.

use std::fs;

use ledger_key_sources::testing::{GOOGLE_KEY, GOOGLE_TOKEN, GoogleServer};

use super::{Keys, last_part};
use crate::backup::{expect_code, run};
use crate::output::{said, text};

#[tokio::test(flavor = "multi_thread")]
async fn google_cloud_kms_opens_what_it_wrapped_and_says_what_it_refuses() {
    let (google, keys) = (GoogleServer::start().await, Keys::new());
    let (address, home) = (google.address().to_string(), keys.path("."));
    let url = format!("http://{address}");
    // The credentials are those of the machine, and nobody's own are found.
    let with = |metadata: &str| {
        [
            ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", url.clone()),
            ("GCE_METADATA_HOST", metadata.to_owned()),
            ("GCE_METADATA_IP", metadata.to_owned()),
            ("HOME", text(&home).to_owned()),
        ]
    };
    let call = async |args: &[&str], metadata: &str| {
        let variables = with(metadata);
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        run(&[&["keys"], args].concat(), &variables).await
    };
    let wrap = async |key: &str| {
        let (clear, with) = (keys.clear(), format!("google-kms:{key}"));
        let args = ["wrap", "--master-key-file", &clear, "--with", &with, "--out", &keys.wrapped()];
        call(&args, &address).await
    };
    let unwrap = async |out: &str, metadata: &str| {
        let out = keys.path(out);
        let args = ["unwrap", "--master-key-file", &keys.wrapped(), "--out", text(&out)];
        call(&args, metadata).await
    };
    let absent = wrap(&GOOGLE_KEY.replace("master", "absent")).await;
    expect_code(&absent, "key_service_refused");
    assert!(said(&absent).contains("NOT_FOUND"), "{}", said(&absent));
    let wrapped = wrap(GOOGLE_KEY).await;
    assert!(wrapped.status.success(), "{}", said(&wrapped));
    let good = fs::read_to_string(keys.path("wrapped.key")).expect("a file");
    let begin = format!("connledger-wrapped-key-v1:{}:google-kms:{GOOGLE_KEY}:", keys.id());
    assert!(good.lines().last().expect("a line").starts_with(&begin), "{good}");
    assert!(unwrap("clear.key", &address).await.status.success());
    assert_eq!(last_part(&keys.path("clear.key")), last_part(&keys.path("master.key")));

    let refused = async |why: &str, metadata: &str| {
        let refused = unwrap("never.key", metadata).await;
        expect_code(&refused, "key_service_refused");
        let shown = said(&refused);
        assert!(shown.contains(why) && !shown.contains(GOOGLE_TOKEN), "{shown}");
    };
    fs::write(keys.path("wrapped.key"), good.replace(&keys.id(), "0a1b2c3d")).expect("written");
    refused("INVALID_ARGUMENT", &address).await;
    fs::write(keys.path("wrapped.key"), &good).expect("written");
    refused("there are no credentials", "127.0.0.1:1").await;
    google.disable();
    refused("FAILED_PRECONDITION", &address).await;
    google.forbid();
    refused("PERMISSION_DENIED", &address).await;
    drop(google);
}
