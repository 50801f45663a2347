//! The requests of the AWS SDK, sent with our own client: no redirects, limits, the TLS that is
//! there already.

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use ledger_outgoing::{Client, ClientOptions, Plain, SendError, read_address, with_causes};
use reqwest::{Method, Url};

use crate::error::Cause;

/// Where the machines of AWS get their credentials, over plain HTTP within the machine.
const OF_THE_MACHINE: [&str; 4] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]"];

/// The client as the SDK wants it.
#[derive(Clone, Debug)]
pub(super) struct AwsHttp {
    client: Client,
    plain: Plain,
}

impl AwsHttp {
    pub(super) fn new(plain: Plain) -> Result<Self, Cause> {
        let client = Client::new(ClientOptions::default());
        let client = client.map_err(|error| {
            Cause::refused(with_causes(&error), "check the certificate authorities of this system")
        })?;
        Ok(Self { client, plain })
    }

    fn address(&self, text: &str) -> Result<Url, ConnectorError> {
        let url = read_address("its address", text, self.plain).or_else(|wrong| {
            let url = text.parse::<Url>().ok();
            let of_machine = |url: &Url| {
                url.scheme() == "http"
                    && url.host_str().is_some_and(|host| OF_THE_MACHINE.contains(&host))
            };
            url.filter(of_machine).ok_or(wrong)
        });
        url.map_err(|wrong| {
            let permitted = "; --key-service-allow-http permits plain HTTP";
            ConnectorError::user(format!("{} {}{permitted}", wrong.field, wrong.problem).into())
        })
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let user = |text: &str| ConnectorError::user(text.into());
        let url = self.address(request.uri())?;
        let method = Method::from_bytes(request.method().as_bytes())
            .map_err(|error| ConnectorError::user(error.into()))?;
        let body = request.body().bytes().ok_or_else(|| user("the body is a stream"))?.to_vec();
        let mut sent = self.client.request(method, url).body(body);
        for (name, value) in request.headers() {
            sent = sent.header(name, value);
        }
        let answer = self.client.send(sent).await.map_err(|error| match error {
            SendError::TooSlow => ConnectorError::timeout(error.into()),
            SendError::TooLarge { .. } | SendError::Forbidden => {
                ConnectorError::other(error.into(), None)
            }
            SendError::Unreachable(_) | SendError::NoTunnel(_) => ConnectorError::io(error.into()),
        })?;
        let status = answer.status.try_into().map_err(|_| user("the status is none"))?;
        let mut response = HttpResponse::new(status, SdkBody::from(answer.body.to_vec()));
        for (name, value) in &answer.headers {
            if let Ok(value) = value.to_str() {
                response.headers_mut().append(name.as_str().to_owned(), value.to_owned());
            }
        }
        Ok(response)
    }
}

impl HttpConnector for AwsHttp {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move { this.send(request).await })
    }
}

impl HttpClient for AwsHttp {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
