//! Every public error code. Codes are stable words and never reused; each has a page,
//! `schemas/errors/<code>.md`, with cause and remedy.

/// The class of an error, which says what a caller can do about it. Transports map classes to their
/// own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The command is valid, but does not fit the state.
    Rejected,
    /// Something that the command names does not exist.
    NotFound,
    /// The command conflicts with an earlier change.
    Conflict,
    /// The message is malformed.
    Invalid,
    /// The caller could not be authenticated.
    Unauthenticated,
    /// The caller lacks a right.
    Forbidden,
    /// The message or its result exceeds a limit.
    TooLarge,
    /// The ledger or a limit is exhausted; retry later.
    Busy,
    /// A part of the system is unavailable; retry later.
    Unavailable,
    /// The ledger is faulty; an operator must act.
    Internal,
}

impl Class {
    /// Returns the stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Invalid => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// Returns the HTTP status, which is also the code of NATS service errors.
    pub const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::Conflict => 409,
            Self::TooLarge => 413,
            Self::Rejected => 422,
            Self::Busy => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }

    /// Returns whether the same command, with the same id, may succeed later.
    pub const fn retry(self) -> bool {
        matches!(self, Self::Busy | Self::Unavailable)
    }
}

macro_rules! codes {
    ($(($text:literal, $variant:ident, $class:ident, $summary:literal),)+) => {
        /// A public error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $summary] $variant,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the stable word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Returns the class.
            pub const fn class(self) -> Class {
                match self { $(Self::$variant => Class::$class,)+ }
            }

            /// Returns the meaning in one sentence.
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)+ }
            }

            /// Parses the stable word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }

            /// Returns its page, with cause and remedy.
            pub const fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!(
                        env!("CARGO_MANIFEST_DIR"), "/../../schemas/errors/", $text, ".md"
                    )),)+
                }
            }
        }
    };
}

codes! {
    ("alert_disabled", AlertDisabled, Rejected, "The alert is disabled, so it sends nothing."),
    ("alert_exists", AlertExists, Conflict, "There is an alert with this name."),
    ("alert_unknown", AlertUnknown, NotFound, "There is no such alert."),
    ("alert_unsigned", AlertUnsigned, Rejected, "The alert is sent by mail, which has no signing secret."),
    ("alerts_full", AlertsFull, Rejected, "There are as many alerts as there may be."),
    ("already_disabled", AlreadyDisabled, Rejected, "It is already disabled."),
    ("already_enabled", AlreadyEnabled, Rejected, "It is already enabled."),
    ("api_key_unknown", ApiKeyUnknown, NotFound, "There is no such API key, or it has been revoked."),
    ("backup_damaged", BackupDamaged, Internal, "A part of the backup is missing or not as it was written, or its manifest is not the ledger's own."),
    ("backup_newer", BackupNewer, Internal, "The backup was written by a newer version."),
    ("backup_off", BackupOff, Rejected, "The server was started without a target for backups."),
    ("backup_running", BackupRunning, Conflict, "A backup is already running."),
    ("backup_target_foreign", BackupTargetForeign, Rejected, "The target holds backups of another ledger."),
    ("backup_target_full", BackupTargetFull, Unavailable, "The target for backups has no room."),
    ("backup_target_read_only", BackupTargetReadOnly, Unavailable, "The target for backups cannot be written."),
    ("backup_target_refused", BackupTargetRefused, Unavailable, "The target for backups does not accept the credentials."),
    ("backup_target_slow", BackupTargetSlow, Unavailable, "The target for backups does not answer in time."),
    ("backup_target_unavailable", BackupTargetUnavailable, Unavailable, "The target for backups cannot be reached."),
    ("backup_unknown", BackupUnknown, NotFound, "There is no such backup."),
    ("body_malformed", BodyMalformed, Invalid, "The body is not the JSON that this verb expects."),
    ("body_too_slow", BodyTooSlow, Invalid, "The body did not arrive in time."),
    ("busy", Busy, Busy, "The ledger is at capacity."),
    ("checkpoint_refused", CheckpointRefused, Internal, "The log contradicts a checkpoint that was signed before."),
    ("command_id_reused", CommandIdReused, Conflict, "This command id has already been used for another command."),
    ("connection_archived", ConnectionArchived, Rejected, "The connection is archived."),
    ("connection_disabled", ConnectionDisabled, Rejected, "The connection is disabled."),
    ("connection_erased", ConnectionErased, Rejected, "The connection is erased."),
    ("connection_exists", ConnectionExists, Conflict, "A connection with this id already exists."),
    ("connection_in_use", ConnectionInUse, Conflict, "Something still depends on the connection."),
    ("connection_not_archived", ConnectionNotArchived, Rejected, "The connection is not archived."),
    ("connection_unknown", ConnectionUnknown, NotFound, "There is no such connection."),
    ("consumer_taken", ConsumerTaken, Conflict, "Another identity uses this name of a consumer."),
    ("consumer_unknown", ConsumerUnknown, NotFound, "The connection has no such consumer."),
    ("consumers_full", ConsumersFull, Rejected, "The connection has as many consumers as it may have."),
    ("credential_expired", CredentialExpired, Unauthenticated, "The API key or token has expired."),
    ("credential_invalid", CredentialInvalid, Unauthenticated, "The API key is unknown."),
    ("credential_lockout", CredentialLockout, Busy, "This client has sent too many wrong API keys."),
    ("credential_missing", CredentialMissing, Unauthenticated, "The request has no API key or access token."),
    ("credential_revoked", CredentialRevoked, Unauthenticated, "The credential has been revoked or blocked, or its principal has been disabled."),
    ("cursor_invalid", CursorInvalid, Invalid, "The cursor does not belong to this list."),
    ("data_dir_damaged", DataDirDamaged, Internal, "The database in the data directory is damaged."),
    ("data_dir_foreign", DataDirForeign, Internal, "The folder contains files that do not belong to a ledger."),
    ("data_dir_in_use", DataDirInUse, Unavailable, "Another process has the data directory open."),
    ("data_dir_incomplete", DataDirIncomplete, Internal, "A part of the data directory is missing."),
    ("data_dir_missing", DataDirMissing, NotFound, "The data directory contains no ledger."),
    ("data_dir_newer", DataDirNewer, Internal, "The data directory was written by a newer version."),
    ("data_dir_not_empty", DataDirNotEmpty, Conflict, "The folder into which a ledger is to be restored is not empty."),
    ("data_dir_older", DataDirOlder, Rejected, "The data directory was written by an earlier version, and has not been upgraded."),
    ("data_dir_unusable", DataDirUnusable, Internal, "The data directory cannot be read or written."),
    ("deadline_expired", DeadlineExpired, Rejected, "The command arrived after its deadline."),
    ("dependent_unknown", DependentUnknown, Rejected, "The connection has no such dependent."),
    ("destination_forbidden", DestinationForbidden, Forbidden, "The change would send stored secrets elsewhere, which requires the right to reveal them."),
    ("disk_full", DiskFull, Unavailable, "The disk is full, and the log accepts no writes until there is room."),
    ("event_unknown", EventUnknown, NotFound, "There is no such event."),
    ("feed_too_slow", FeedTooSlow, Busy, "The reader of a feed did not keep up."),
    ("field_invalid", FieldInvalid, Invalid, "A field's value is not valid."),
    ("forbidden", Forbidden, Forbidden, "The key lacks the right to do this."),
    ("form_foreign", FormForeign, Forbidden, "The form was not sent by a page of this session."),
    ("former_in_use", FormerInUse, Conflict, "The generation before the current one is still in use."),
    ("former_unknown", FormerUnknown, Rejected, "No former generation is in use."),
    ("generation_compromised", GenerationCompromised, Rejected, "The value of this generation is known to others, and does not come back."),
    ("generation_retired", GenerationRetired, Rejected, "The generation of the secret has been retired."),
    ("generation_unknown", GenerationUnknown, Rejected, "The secret never had this generation."),
    ("grant_unknown", GrantUnknown, Rejected, "There is no such grant."),
    ("handover_ended", HandoverEnded, Rejected, "The handover has expired or was revoked before it was used."),
    ("handover_for_other", HandoverForOther, Forbidden, "The handover is for one principal, which has to ask with its own key."),
    ("handover_unknown", HandoverUnknown, NotFound, "There is no such handover."),
    ("handover_used", HandoverUsed, Conflict, "The handover was used before."),
    ("handovers_full", HandoversFull, Rejected, "The workspace has as many handovers that can still be used as it may have."),
    ("header_invalid", HeaderInvalid, Invalid, "A header is malformed."),
    ("health_unchanged", HealthUnchanged, Rejected, "The connection already has this health, for this reason."),
    ("history_changed", HistoryChanged, Conflict, "The position or cursor belongs to another history of the ledger."),
    ("internal", Internal, Internal, "The ledger encountered an unexpected error."),
    ("key_service_refused", KeyServiceRefused, Rejected, "The key service does not open the master key."),
    ("key_service_unavailable", KeyServiceUnavailable, Unavailable, "The key service that opens the master key is away."),
    ("listen_failed", ListenFailed, Unavailable, "The ledger cannot listen on its HTTP address."),
    ("log_poisoned", LogPoisoned, Unavailable, "A write failed, and the log accepts no more writes until a restart."),
    ("mail_off", MailOff, Rejected, "The server was started without a mail relay."),
    ("manifest_invalid", ManifestInvalid, Invalid, "A manifest cannot be read, or declares what cannot be."),
    ("master_key_in_use", MasterKeyInUse, Conflict, "Something is still wrapped under the master key."),
    ("master_key_lacking", MasterKeyLacking, Rejected, "A master key that still wraps something is not among the new ones."),
    ("master_key_missing", MasterKeyMissing, Internal, "No master key was given."),
    ("master_key_retired", MasterKeyRetired, Rejected, "The master key was retired, and is not used again."),
    ("master_key_unknown", MasterKeyUnknown, NotFound, "The ledger has no such master key."),
    ("master_key_wrong", MasterKeyWrong, Internal, "The master keys that were given lack one that this ledger needs."),
    ("master_keys_unreadable", MasterKeysUnreadable, Rejected, "The master keys cannot be read again, or are not whole."),
    ("media_type_unsupported", MediaTypeUnsupported, Invalid, "The body is not uncompressed JSON."),
    ("message_too_large", MessageTooLarge, TooLarge, "The message exceeds 1 MiB."),
    ("method_not_allowed", MethodNotAllowed, Invalid, "The path does not support this method."),
    ("models_impossible", ModelsImpossible, Rejected, "The provider cannot be asked for the models of the connection."),
    ("models_limited", ModelsLimited, Unavailable, "The provider limits how often it lists its models."),
    ("models_refused", ModelsRefused, Rejected, "The provider does not list its models for the credentials of the connection."),
    ("models_unavailable", ModelsUnavailable, Unavailable, "The provider does not list its models now."),
    ("nats_missing", NatsMissing, Unavailable, "No nats-server was found on this machine."),
    ("nats_refused", NatsRefused, Unavailable, "The NATS server rejected an operation that the ledger needs."),
    ("nats_server_failed", NatsServerFailed, Unavailable, "The nats-server that the ledger runs did not start."),
    ("nats_too_old", NatsTooOld, Unavailable, "The NATS server is older than 2.11."),
    ("nats_unreachable", NatsUnreachable, Unavailable, "The NATS server does not respond."),
    ("not_in_cluster", NotInCluster, Rejected, "This is not done in a cluster, or only in one."),
    ("not_owner", NotOwner, Unavailable, "This instance may not write now, because it does not hold the lease of the ledger's name on NATS."),
    ("nothing_to_change", NothingToChange, Rejected, "The command would change nothing."),
    ("policies_full", PoliciesFull, Rejected, "There are as many policies of secrets as there may be."),
    ("policy_unknown", PolicyUnknown, NotFound, "There is no such policy of secrets."),
    ("policy_violated", PolicyViolated, Rejected, "A new value of a secret does not meet a policy."),
    ("portable_altered", PortableAltered, Invalid, "A line of an export or a backup is not as the ledger wrote it."),
    ("portable_cut_off", PortableCutOff, Invalid, "An export or a backup ends too early."),
    ("portable_foreign", PortableForeign, Invalid, "The input is not an export or a backup of a ledger."),
    ("portable_io", PortableIo, Unavailable, "An export or a backup could not be read or written."),
    ("portable_newer", PortableNewer, Invalid, "A newer version wrote the export or the backup."),
    ("position_not_reached", PositionNotReached, Unavailable, "This node has not reached the position that the request asks for."),
    ("position_unknown", PositionUnknown, Conflict, "The position is beyond the end of the log."),
    ("principal_exists", PrincipalExists, Conflict, "A principal with this name already exists."),
    ("principal_unknown", PrincipalUnknown, NotFound, "There is no such principal."),
    ("projection_unknown", ProjectionUnknown, NotFound, "There is no read model with that name."),
    ("quota_exceeded", QuotaExceeded, Rejected, "The workspace has used up a quota."),
    ("rate_limited", RateLimited, Busy, "Requests exceed the allowed rate."),
    ("rebuilding", Rebuilding, Unavailable, "What the query needs is being rebuilt from the log."),
    ("record_altered", RecordAltered, Internal, "A stored record or row is not as the ledger wrote it."),
    ("record_corrupt", RecordCorrupt, Internal, "A stored record cannot be read."),
    ("connection_too_large", ConnectionTooLarge, TooLarge, "The connection would take more than 512 KiB."),
    ("record_too_large", RecordTooLarge, TooLarge, "The change needs a record of more than 60 KiB."),
    ("reference_forbidden", ReferenceForbidden, Forbidden, "The reference of a secret may not be set or followed here."),
    ("reference_unavailable", ReferenceUnavailable, Unavailable, "What the reference of a secret leads to cannot be reached now."),
    ("reference_unusable", ReferenceUnusable, Rejected, "What the reference of a secret leads to is missing, refused or not a value."),
    ("replay_differs", ReplayDiffers, Internal, "A rebuilt read model differs from the live one."),
    ("replay_running", ReplayRunning, Conflict, "A replay is already running."),
    ("restore_target_unknown", RestoreTargetUnknown, NotFound, "The ledger never reached this position, or had not begun at this time."),
    ("restore_unfinished", RestoreUnfinished, Internal, "The data directory holds a restore that has not ended."),
    ("reveal_unsafe", RevealUnsafe, Forbidden, "Secrets are not revealed over an unencrypted connection."),
    ("route_unknown", RouteUnknown, NotFound, "There is nothing at this path."),
    ("sealed", Sealed, Unavailable, "The ledger is sealed: it has no key to open or store secrets with."),
    ("sealed_expired", SealedExpired, Unavailable, "The time of the sealed request is too far from the ledger's clock."),
    ("sealed_repeated", SealedRepeated, Conflict, "This sealed request has been received before."),
    ("sealed_required", SealedRequired, Forbidden, "The request must be sealed, but arrived in the clear."),
    ("sealed_unreadable", SealedUnreadable, Invalid, "The sealed request cannot be opened, or was sealed for another subject."),
    ("secret_exposed", SecretExposed, Invalid, "A setting, label, annotation or model rule contains a secret, which everybody could read there."),
    ("secret_field_unknown", SecretFieldUnknown, Rejected, "The connection has no such secret field."),
    ("secret_lease_ended", SecretLeaseEnded, Rejected, "There is no such lease on secrets, or it has ended."),
    ("secret_leases_full", SecretLeasesFull, Rejected, "There are as many leases on secrets as there may be."),
    ("secrets_in_flight", SecretsInFlight, Unavailable, "The ledger is sealed, and secrets that were asked for before are still on their way."),
    ("session_ended", SessionEnded, Unauthenticated, "There is no such session of the console, or it has ended."),
    ("share_foreign", ShareForeign, Conflict, "The share belongs to another set than those that were given before."),
    ("share_invalid", ShareInvalid, Invalid, "The text is not a share of master keys, or is damaged."),
    ("share_repeated", ShareRepeated, Conflict, "The share was given already."),
    ("shares_wrong", SharesWrong, Rejected, "The shares do not give master keys back."),
    ("shutting_down", ShuttingDown, Unavailable, "The ledger is shutting down."),
    ("sign_in_failed", SignInFailed, Unauthenticated, "Signing in at the identity provider did not come to its end."),
    ("sign_in_unavailable", SignInUnavailable, Unavailable, "The identity provider at which people sign in does not answer."),
    ("slug_taken", SlugTaken, Conflict, "Another active connection in the workspace has this slug."),
    ("log_differs", LogDiffers, Unavailable, "The log of the cluster is another one than that of this node."),
    ("stream_differs", StreamDiffers, Unavailable, "The event stream on NATS holds another history than this ledger."),
    ("subject_malformed", SubjectMalformed, Invalid, "The subject is malformed."),
    ("provider_token_refused", ProviderTokenRefused, Rejected, "The token service gives out no token until a person has acted."),
    ("provider_token_unavailable", ProviderTokenUnavailable, Unavailable, "The token service gives out no token now."),
    ("connect_impossible", ConnectImpossible, Rejected, "Nobody can connect the connection here by signing in at the provider."),
    ("refresh_impossible", RefreshImpossible, Rejected, "The ledger cannot get a token for the connection."),
    ("refresh_superseded", RefreshSuperseded, Conflict, "Another attempt to refresh the token was faster, or the connection changed meanwhile."),
    ("check_failed", CheckFailed, Rejected, "The test before the change did not work, so nothing was changed."),
    ("test_impossible", TestImpossible, Rejected, "The connection cannot be tested."),
    ("test_running", TestRunning, Conflict, "The connection is being tested already."),
    ("token_invalid", TokenInvalid, Unauthenticated, "The access token is not valid for this ledger."),
    ("tokens_unavailable", TokensUnavailable, Unavailable, "Access tokens cannot be verified, because their issuer's keys are not available."),
    ("too_many_connections", TooManyConnections, Busy, "This address has too many open connections."),
    ("uri_too_long", UriTooLong, TooLarge, "The path and query exceed 8 KiB."),
    ("verb_unknown", VerbUnknown, Invalid, "There is no such command or query."),
    ("version_conflict", VersionConflict, Conflict, "The connection is not at the version that the command expects."),
    ("version_unknown", VersionUnknown, Rejected, "The connection has no such earlier version."),
    ("workspace_taken", WorkspaceTaken, Conflict, "A workspace with this name already exists."),
    ("workspace_unknown", WorkspaceUnknown, NotFound, "There is no such workspace."),
}

impl Code {
    /// Returns the HTTP status: that of the class, unless HTTP has a more specific one.
    pub const fn status(self) -> u16 {
        match self {
            Self::MethodNotAllowed => 405,
            Self::BodyTooSlow => 408,
            Self::UriTooLong => 414,
            Self::MediaTypeUnsupported => 415,
            _ => self.class().status(),
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
