//! The HTTP side of the echo: what sockets, HTTP and the routing library cost.

use std::sync::{Arc, RwLock};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;

use crate::failure::Outcome;

/// What every GET is answered with.
type Told = Arc<RwLock<Bytes>>;

/// Answers a POST with its own body, and a GET with what was PUT last.
pub(super) async fn serve(listener: TcpListener) -> Outcome<()> {
    let methods = get(tell).post(repeat).put(learn);
    let routes = Router::new().route("/{*path}", methods).with_state(Told::default());
    let listener = listener.tap_io(|stream| {
        // A connection that is gone already is found out by whoever reads from it.
        stream.set_nodelay(true).ok();
    });
    Ok(axum::serve(listener, routes).await?)
}

async fn repeat(body: Bytes) -> Response {
    json(StatusCode::CREATED, body)
}

async fn learn(State(told): State<Told>, body: Bytes) -> StatusCode {
    match told.write() {
        Ok(mut told) => {
            *told = body;
            StatusCode::OK
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

async fn tell(State(told): State<Told>) -> Response {
    match told.read() {
        Ok(told) => json(StatusCode::OK, told.clone()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn json(status: StatusCode, body: Bytes) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
