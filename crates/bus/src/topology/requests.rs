//! Requests about streams: what the server has, and what it is to make, change or delete.

use async_nats::jetstream::context::{
    CreateStreamError, CreateStreamErrorKind, DeleteStreamErrorKind, GetStreamErrorKind,
};
use async_nats::jetstream::stream::{Config, Info};
use async_nats::jetstream::{Context, ErrorCode};
use ledger_contract::errors::Problem;
use tracing::info;

use crate::connect::{Denials, refused, unreachable};
use crate::jetstream_error;

/// Returns a stream, or `None` if there is none of this name.
pub(super) async fn find(jetstream: &Context, name: &str) -> Result<Option<Info>, Problem> {
    match jetstream.get_stream(name).await {
        Ok(stream) => Ok(Some(stream.cached_info().clone())),
        Err(error) => match error.kind() {
            GetStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(None)
            }
            GetStreamErrorKind::JetStream(cause) => {
                let about = format!("the NATS server refused to return information about {name}");
                Err(jetstream_error::problem(&about, &cause))
            }
            _ => {
                Err(unreachable(format!("the NATS server did not return information about {name}")))
            }
        },
    }
}

/// Makes a stream.
pub(super) async fn create(jetstream: &Context, wanted: &Config) -> Result<Info, Problem> {
    let name = wanted.name.as_str();
    let created = jetstream.create_stream(wanted.clone()).await;
    let stream =
        created.map_err(|error| unwritten(&format!("create the stream {name}"), &error))?;
    info!(nats.stream = name, "stream created");
    Ok(stream.cached_info().clone())
}

/// Changes the settings of a stream.
///
/// Errors: `nats_refused` if the server cannot do that, or the user has no right to it.
pub(super) async fn update(
    jetstream: &Context,
    denials: &Denials,
    wanted: &Config,
) -> Result<Info, Problem> {
    let name = wanted.name.as_str();
    let subject = format!("$JS.API.STREAM.UPDATE.{name}");
    tokio::select! {
        updated = jetstream.update_stream(wanted) => {
            let info = updated.map_err(|error| unwritten(&format!("change {name}"), &error))?;
            info!(nats.stream = name, "settings of the stream changed");
            Ok(info)
        }
        () = denials.of(&subject) => {
            Err(refused(format!("the NATS user of this ledger may not change {name}")))
        }
    }
}

/// Deletes a stream, if it is there.
///
/// Errors: `nats_refused` if the user has no right to it.
pub(super) async fn delete(
    jetstream: &Context,
    denials: &Denials,
    name: &str,
) -> Result<(), Problem> {
    let subject = format!("$JS.API.STREAM.DELETE.{name}");
    let deleted = tokio::select! {
        deleted = jetstream.delete_stream(name) => deleted,
        () = denials.of(&subject) => {
            return Err(refused(format!("the NATS user of this ledger may not delete {name}")));
        }
    };
    match deleted {
        Ok(_) => {
            info!(nats.stream = name, "stream deleted");
            Ok(())
        }
        Err(error) => match error.kind() {
            DeleteStreamErrorKind::JetStream(cause)
                if cause.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Ok(())
            }
            DeleteStreamErrorKind::JetStream(cause) => {
                let about = format!("the NATS server refused to delete the stream {name}");
                Err(jetstream_error::problem(&about, &cause))
            }
            _ => Err(unreachable(format!(
                "the NATS server did not delete the stream {name}: {error}"
            ))),
        },
    }
}

fn unwritten(what: &str, error: &CreateStreamError) -> Problem {
    match error.kind() {
        CreateStreamErrorKind::JetStream(cause) => {
            jetstream_error::problem(&format!("the NATS server refused to {what}"), &cause)
        }
        _ => unreachable(format!("the NATS server did not {what}: {error}")),
    }
}
