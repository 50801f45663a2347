//! Parts of bodies shared by several verbs.

mod access;
pub(crate) mod alert;
mod details;
mod models;
mod permission;
mod pricing;
mod secret_policy;

pub use access::{AccessBody, LimitsBody};
pub use details::{
    Annotations, Config, IdentityBody, LabelValue, Labels, SecretReferenceBody, Secrets, Tag, json,
    secret_references, tags,
};
pub use models::{ModelPolicyBody, ModelRuleBody};
pub use permission::PermissionBody;
pub use pricing::{Multipliers, PricingBody, UnitFactors};
pub use secret_policy::PolicySubjectBody;
