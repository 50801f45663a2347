//! Parts of bodies shared by several verbs.

mod access;
mod details;
mod models;
mod permission;
mod pricing;

pub use access::{AccessBody, LimitsBody, RateLimitBody, UsageLimitBody};
pub(crate) use details::{
    Annotations, Config, LabelValue, Labels, Secrets, json, secret_references, tags,
};
pub use details::{IdentityBody, SecretReferenceBody};
pub use models::{ModelPolicyBody, ModelRuleBody};
pub use permission::PermissionBody;
pub use pricing::PricingBody;
