//! A handler together with its signature.

use std::fmt;
use std::future::ready;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use ledger_contract::errors::Problem;
use schemars::SchemaGenerator;

use super::api::{HttpApi, Refusal};
use super::extract::{Extract, HasInputs};
use super::response::Output;
use super::signature::Signature;

/// A response in progress.
pub type Pending = Pin<Box<dyn Future<Output = Result<Response, Refusal>> + Send>>;

/// An `async fn` of a request `R` and of `Arguments` extracted from it in their order.
pub trait Handler<R, Arguments>: Send + Sync + 'static {
    /// Whether any argument is the request's body.
    const TAKES_BODY: bool;

    /// Returns the signature.
    fn signature(schemas: &mut SchemaGenerator) -> Signature;

    /// Extracts the arguments and runs the handler.
    fn handle(&self, request: R) -> Pending;
}

macro_rules! handler {
    ($($argument:ident: $Argument:ident),*) => {
        impl<F, R, E, O, Answer, $($Argument),*> Handler<R, ($($Argument,)*)> for F
        where
            F: Fn(R, $($Argument),*) -> Answer + Send + Sync + 'static,
            Answer: Future<Output = Result<O, E>> + Send + 'static,
            R: HasInputs + Send + 'static,
            O: Output,
            E: Into<Refusal> + Send + 'static,
            $($Argument: Extract + 'static,)*
        {
            const TAKES_BODY: bool = false $(|| $Argument::TAKES_BODY)*;

            fn signature(schemas: &mut SchemaGenerator) -> Signature {
                let signature = Signature {
                    status: O::STATUS,
                    answer: O::schema(schemas),
                    ..Signature::default()
                };
                $(let signature = $Argument::describe(signature, schemas);)*
                signature
            }

            fn handle(&self, request: R) -> Pending {
                $(
                    let $argument = match $Argument::extract(request.inputs()) {
                        Ok(argument) => argument,
                        Err(problem) => return Box::pin(ready(Err(problem.into()))),
                    };
                )*
                let answer = self(request, $($argument),*);
                Box::pin(async move { Ok(answer.await.map_err(Into::into)?.into_response()) })
            }
        }
    };
}

handler!();
handler!(first: First);
handler!(first: First, second: Second);
handler!(first: First, second: Second, third: Third);

/// What a route does. The types of a handler's arguments are erased, so that a table can hold many.
pub struct Operation<A: HttpApi> {
    takes_body: bool,
    signature: fn(&mut SchemaGenerator) -> Signature,
    work: Work<A>,
}

/// The work of an operation.
pub(super) enum Work<A: HttpApi> {
    /// Answers anyone, without reading the request.
    Open(fn(&A) -> Result<Response, Problem>),
    /// Answers anyone, by what the request says.
    OpenTo(Box<dyn Fn(Arc<A>, Request) -> Pending + Send + Sync>),
    /// Answers an admitted request.
    Admitted(Box<dyn Fn(A::Request) -> Pending + Send + Sync>),
    /// Answers anyone on this machine who presents no credential, and else an admitted request.
    Local(fn(Arc<A>) -> Pending, Box<dyn Fn(A::Request) -> Pending + Send + Sync>),
}

impl<A: HttpApi> fmt::Debug for Operation<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Operation(..)")
    }
}

impl<A: HttpApi> Operation<A> {
    /// Creates an operation from a handler.
    pub fn of<Arguments, H: Handler<A::Request, Arguments>>(handler: H) -> Self {
        Self {
            takes_body: H::TAKES_BODY,
            signature: H::signature,
            work: Work::Admitted(Box::new(move |request| handler.handle(request))),
        }
    }

    /// Creates an operation that answers anyone, without reading the request.
    pub fn open(answer: fn(&A) -> Result<Response, Problem>) -> Self {
        let signature = |_: &mut SchemaGenerator| Signature::default();
        Self { takes_body: false, signature, work: Work::Open(answer) }
    }

    /// Creates an operation that answers anyone, by what the request says.
    pub fn open_to<Answer>(answer: fn(Arc<A>, Request) -> Answer) -> Self
    where
        Answer: Future<Output = Result<Response, Refusal>> + Send + 'static,
    {
        let signature = |_: &mut SchemaGenerator| Signature::default();
        let work = Work::OpenTo(Box::new(move |api, request| -> Pending {
            Box::pin(answer(api, request))
        }));
        Self { takes_body: false, signature, work }
    }

    /// Creates an operation that answers anyone on this machine with `answer`, and others from a
    /// handler.
    pub fn local<Arguments, H: Handler<A::Request, Arguments>>(
        answer: fn(Arc<A>) -> Pending,
        handler: H,
    ) -> Self {
        let admitted = Box::new(move |request| handler.handle(request));
        Self {
            takes_body: H::TAKES_BODY,
            signature: H::signature,
            work: Work::Local(answer, admitted),
        }
    }

    /// Returns whether whoever is on this machine needs no key.
    pub fn is_local(&self) -> bool {
        matches!(self.work, Work::Local(..))
    }

    /// Returns whether the operation answers anyone.
    pub fn is_open(&self) -> bool {
        matches!(self.work, Work::Open(_) | Work::OpenTo(_))
    }

    /// Returns whether the handler needs the body of the request.
    pub fn takes_body(&self) -> bool {
        self.takes_body
    }

    /// Returns the handler's signature.
    pub fn signature(&self, schemas: &mut SchemaGenerator) -> Signature {
        (self.signature)(schemas)
    }

    /// Returns the work.
    pub(super) fn work(&self) -> &Work<A> {
        &self.work
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use ledger_contract::errors::Code;
    use schemars::JsonSchema;
    use serde::Deserialize;

    use super::*;
    use crate::toolkit::{Body, Created, Inputs, Json, Parameter, Path, Query};

    struct Request(Inputs);

    impl HasInputs for Request {
        fn inputs(&self) -> &Inputs {
            &self.0
        }
    }

    #[derive(Deserialize, JsonSchema)]
    struct Place {
        /// Stable identity.
        #[expect(dead_code, reason = "only whether it is there is looked at")]
        id: String,
    }

    #[derive(Deserialize, JsonSchema)]
    struct Filter {
        /// Rows on a page.
        #[expect(dead_code, reason = "only its name is looked at")]
        limit: Option<u64>,
    }

    async fn list(_: Request, _: Query<Filter>) -> Result<Json<Vec<String>>, Problem> {
        Ok(Json(Vec::new()))
    }

    async fn change(
        _: Request,
        Body(body): Body<u8>,
        _: Path<Place>,
    ) -> Result<Created<u8>, Problem> {
        Ok(Created { location: "/".to_owned(), body })
    }

    fn takes_body<A, H: Handler<Request, A>>(_: &H) -> bool {
        H::TAKES_BODY
    }

    fn signature_of<A, H: Handler<Request, A>>(_: &H, schemas: &mut SchemaGenerator) -> Signature {
        H::signature(schemas)
    }

    #[test]
    fn a_signature_says_what_a_handler_takes_and_answers() {
        let mut schemas = SchemaGenerator::default();
        assert!(!takes_body(&list) && takes_body(&change));
        let limit =
            Parameter { name: "limit".to_owned(), about: Some("Rows on a page.".to_owned()) };
        let signature = signature_of(&list, &mut schemas);
        assert_eq!((signature.query, signature.body), (vec![limit], None));
        assert_eq!(signature.answer.unwrap().as_value()["type"], "array");
        let id = Parameter { name: "id".to_owned(), about: Some("Stable identity.".to_owned()) };
        let signature = signature_of(&change, &mut schemas);
        assert_eq!((signature.status, signature.path), (StatusCode::CREATED, vec![id]));
        assert_eq!(signature.body.unwrap().as_value()["type"], "integer");
    }

    #[tokio::test]
    async fn arguments_are_read_in_their_order() {
        let refused = async |body: &'static str| {
            let inputs = Inputs { body: body.into(), ..Inputs::default() };
            match change.handle(Request(inputs)).await {
                Err(Refusal::Problem(problem)) => problem,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused("?").await.code, Code::BodyMalformed);
        assert_eq!(refused("1").await.field.as_deref(), Some("id"));
    }
}
