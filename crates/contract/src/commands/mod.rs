//! Commands as they arrive: JSON bodies that are checked field by field and turned into domain
//! commands.
//!
//! A body is parsed once, here. Plaintext secrets go straight into
//! [`Plaintext`](ledger_vault::Plaintext) and stay apart from the domain command until the engine
//! has sealed them.
//!
//! A new verb needs a file, its `mod` line, and an entry in the list at the end. Parsing, JSON
//! Schemas, authorization, `access check`, fingerprints, HTTP routes, NATS subjects and the tests
//! over all verbs are derived from file and list.

pub(crate) mod bodies;
mod connect;
mod connection_ref;
mod content;
mod given;
pub mod input;
mod new_connection;
mod parsed;
pub(crate) mod parts;
mod registry;
mod verb;

mod archive;
mod block_token;
mod cancel_rotation;
mod confirm_secret;
mod create;
mod create_alert;
mod create_principal;
mod create_workspace;
mod disable;
mod disable_principal;
mod enable;
mod enable_principal;
mod erase;
mod grant_workspace;
mod issue_key;
mod lease_secrets;
mod link_dependent;
mod list_models;
mod mark_degraded;
mod mark_failed;
mod mark_operational;
mod read_leased_secrets;
mod refresh_token;
mod remove_alert;
mod remove_consumer;
mod remove_secret_policy;
mod renew_lease;
mod replay_alert;
mod report_failure;
mod restore;
mod retire_former;
mod retire_master_key;
mod return_lease;
mod reveal_secret;
mod revert;
mod revoke_handover;
mod revoke_key;
mod revoke_leases;
mod revoke_workspace;
mod revoke_workspace_leases;
mod rotate_alert_secret;
mod rotate_master_key;
mod rotate_secret;
mod seal_ledger;
mod set_limits;
mod set_model_policy;
mod set_pricing;
mod set_secret_policy;
mod test_alert;
mod test_connection;
mod unblock_token;
mod unlink_dependent;
mod unseal_ledger;
mod unwrap;
mod update;
mod update_alert;
mod update_principal;

pub use crate::fields::{Description, DisplayName, ProviderName};
pub use connection_ref::ConnectionRef;
pub use create_workspace::NewWorkspaceBody;
pub use given::GivenSecret;
pub use input::{ReferenceBody, SecretInput, SecretValue, nullable};
pub use new_connection::NewConnection;
pub use parsed::{
    DrawnToken, FailureReport, KeepFormer, LeaseChange, OverlapChange, ParsedCommand,
    ReplacedValues, Wrap,
};
pub use parts::{
    AccessBody, Annotations, Config, IdentityBody, LabelValue, Labels, LimitsBody, ModelPolicyBody,
    ModelRuleBody, Multipliers, PermissionBody, PolicySubjectBody, PricingBody,
    SecretReferenceBody, Secrets, Tag, UnitFactors, json, secret_references, tags,
};
pub use registry::parse;
pub use revoke_key::KeyReasonBody;
pub use verb::{Address, Answer, Condition, Requirement, SHARING, Target, VerbSpec};

registry::verbs! {
    // The variant of the domain's `Command` has the verb's name.
    Command {
        Create in create,
        Update in update,
        RotateSecret in rotate_secret,
        RetireFormer in retire_former,
        CancelRotation in cancel_rotation,
        Enable in enable,
        Disable in disable,
        MarkDegraded in mark_degraded,
        MarkFailed in mark_failed,
        MarkOperational in mark_operational,
        Archive in archive,
        Restore in restore,
        Erase in erase,
        GrantWorkspace in grant_workspace,
        RevokeWorkspace in revoke_workspace,
        SetLimits in set_limits,
        SetModelPolicy in set_model_policy,
        SetPricing in set_pricing,
        LinkDependent in link_dependent,
        UnlinkDependent in unlink_dependent,
        Revert in revert,
        TestConnection in test_connection,
        RefreshToken in refresh_token,
    }
    // Neither changes a connection or a principal.
    others {
        Connect in connect,
        ReportFailure in report_failure,
        ListModels in list_models,
        RevealSecret in reveal_secret,
        Unwrap in unwrap,
        RevokeHandover in revoke_handover,
        LeaseSecrets in lease_secrets,
        ReadLeasedSecrets in read_leased_secrets,
        RenewLease in renew_lease,
        ReturnLease in return_lease,
        RevokeLeases in revoke_leases,
        RevokeWorkspaceLeases in revoke_workspace_leases,
        ConfirmSecret in confirm_secret,
        RemoveConsumer in remove_consumer,
        CreateWorkspace in create_workspace,
        SetSecretPolicy in set_secret_policy,
        RemoveSecretPolicy in remove_secret_policy,
        CreateAlert in create_alert,
        UpdateAlert in update_alert,
        RotateAlertSecret in rotate_alert_secret,
        TestAlert in test_alert,
        ReplayAlert in replay_alert,
        RemoveAlert in remove_alert,
    }
    // The variant of the domain's `PrincipalCommand` is in brackets.
    PrincipalCommand {
        CreatePrincipal [Create] in create_principal,
        UpdatePrincipal [Update] in update_principal,
        EnablePrincipal [Enable] in enable_principal,
        DisablePrincipal [Disable] in disable_principal,
        IssueKey [IssueKey] in issue_key,
        RevokeKey [RevokeKey] in revoke_key,
        BlockToken [BlockToken] in block_token,
        UnblockToken [UnblockToken] in unblock_token,
    }
    ledger {
        RotateMasterKey in rotate_master_key,
        RetireMasterKey in retire_master_key,
        SealLedger in seal_ledger,
        UnsealLedger in unseal_ledger,
    }
}
