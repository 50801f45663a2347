//! Every metric. A name is never given another meaning.
//!
//! Names follow Prometheus' conventions: base units, `_total` for what only grows. The values of
//! each label come from a fixed list: verbs, error codes, outcomes, and providers of the catalogue.

/// What a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, from zero at the start of the process.
    Counter,
    /// It goes up and down.
    Gauge,
    /// How many observations were at most so large.
    Histogram,
}

impl Kind {
    /// Returns the word that Prometheus has for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, PartialEq, Eq)]
pub struct Metric {
    /// The name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
    /// When it is on the page, if not always.
    pub when: &'static str,
}

macro_rules! metrics {
    ($(
        $constant:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal
        $(if $when:literal)?;
    )+) => {
        $(
            #[doc = $help]
            pub const $constant: &Metric = &Metric {
                name: $name,
                kind: Kind::$kind,
                labels: &[$($label),*],
                help: $help,
                when: concat!("" $(, $when)?),
            };
        )+

        /// Every metric, in the order of the handbook's page.
        pub const ALL: &[&Metric] = &[$($constant),+];
    };
}

metrics! {
    BUILD_INFO = Gauge "connledger_build_info" ["version"]
        "Always 1; the label has the version of the program.";
    READY = Gauge "connledger_ready" []
        "Whether commands are accepted: 1 or 0.";
    POISONED = Gauge "connledger_poisoned" []
        "Whether a write has failed, so that nothing more is written until a restart: 1 or 0.";
    SEALED = Gauge "connledger_sealed" []
        "Whether the ledger is sealed, so that no secret can be opened: 1 or 0.";
    LOG_SIGNING = Gauge "connledger_log_signing" []
        "Whether checkpoints of the log are signed: 1, or 0 if it contradicts one or is damaged.";
    EPOCH = Gauge "connledger_epoch" []
        "Number of times the ledger was opened for writing, or the number of the cluster's term.";
    POSITION = Gauge "connledger_log_position" []
        "Last durable position of the log.";
    CONNECTIONS = Gauge "connledger_connections" []
        "Number of connections ever created.";
    HEALTH = Gauge "connledger_connections_by_health" ["provider", "health"]
        "Number of active connections of a provider of the catalogue, else of `other`, by health."
        if "while lists are complete; without the zeros of a provider that no connection has";
    CLOCK_BEHIND = Gauge "connledger_clock_behind_seconds" []
        "By how many seconds the clock is behind the latest event.";

    COMMANDS = Counter "connledger_commands_total" ["verb", "outcome"]
        "Commands, by verb and by what became of them: accepted, repeated, refused or failed.";
    COMMAND_SECONDS = Histogram "connledger_command_duration_seconds" ["verb"]
        "Time from the arrival of a parsed command to its answer."
        if "for verbs that were used since the start";
    REVEALS = Counter "connledger_reveals_total" ["verb"]
        "Answers with secret values.";
    REFUSALS = Counter "connledger_refusals_total" ["code"]
        "Refused requests, by error code."
        if "for codes that occurred since the start";
    QUEUED = Gauge "connledger_queued_commands" []
        "Commands that wait for the writer.";
    GROUP_EVENTS = Histogram "connledger_group_events" []
        "Events that were made durable together.";
    SYNC_SECONDS = Histogram "connledger_sync_duration_seconds" []
        "Time that a group took to be written and synced to the disk.";
    APPEND_SECONDS = Histogram "connledger_cluster_append_duration_seconds" []
        "Time that a group took to be appended to the log that nodes share."
        if "at nodes of a cluster";

    FEEDS = Gauge "connledger_feeds_open" []
        "Open feeds of events over HTTP."
        if "with HTTP";
    HTTP_OPEN = Gauge "connledger_http_connections_open" []
        "Open connections over HTTP."
        if "with HTTP";
    HTTP_CONNECTIONS_REFUSED = Counter "connledger_http_connections_refused_total" []
        "Connections that were refused because there were too many."
        if "with HTTP";
    RATE_LIMITED = Counter "connledger_requests_rate_limited_total" ["door"]
        "Requests that were refused because of a rate, over http or nats.";
    LOCKED_OUT = Counter "connledger_requests_locked_out_total" ["door"]
        "Requests that were refused because their sender sent too many wrong keys.";

    OWNER = Gauge "connledger_owner" []
        "Whether this instance owns the names of the ledger on NATS: 1 or 0."
        if "with NATS";
    RELAY_EVENTS = Gauge "connledger_relay_lag_events" []
        "Events of the log that are not known to be in the event stream."
        if "with NATS";
    RELAY_SECONDS = Gauge "connledger_relay_lag_seconds" []
        "How long ago the oldest of these events was recorded; 0 if there is none."
        if "with NATS";
    CLUSTER_WRITER = Gauge "connledger_cluster_writer" []
        "Whether this node writes the log: 1 or 0."
        if "at nodes of a cluster";
    CLUSTER_BEHIND = Gauge "connledger_cluster_behind_messages" []
        "Messages of the shared log that this node lacked when it last looked."
        if "at nodes of a cluster";
    CLUSTER_STOPPED = Gauge "connledger_cluster_stopped" []
        "Whether this node is stopped by a fault that an operator has to mend: 1 or 0."
        if "at nodes of a cluster";

    LEASES = Gauge "connledger_leases_live" []
        "Leases on secrets that have not ended.";
    HANDOVERS = Gauge "connledger_handovers_pending" []
        "Tokens of handovers that can still be used.";
    SECRETS_BY_AGE = Gauge "connledger_secrets_by_age" ["age"]
        "Secrets whose age a policy limits and that are due or overdue; at most a minute old."
        if "once they were counted";
    KEYS_ENDING = Gauge "connledger_api_keys_ending_soon" []
        "API keys that are in the last quarter of their lifetime, at most 14 days before its end.";
    MASTER_KEY_AGE = Gauge "connledger_master_key_age_seconds" []
        "How long ago the active master key became it.";
    LEFT_BEHIND = Gauge "connledger_data_keys_under_former_master_keys" []
        "Data keys that are still wrapped under another than the active master key.";

    TESTS = Counter "connledger_connection_tests_total" ["outcome"]
        "Tests of connections, by outcome.";
    TEST_SECONDS = Histogram "connledger_connection_test_duration_seconds" []
        "Time until the provider had answered a test.";
    REFRESHES = Counter "connledger_token_refreshes_total" ["outcome"]
        "Attempts to get an access token: stored, unneeded, refused or failed.";
    SCHEDULED = Gauge "connledger_scheduled_tests_connections" []
        "Connections that are tested by a schedule."
        if "with a schedule";

    REBUILD_DONE = Gauge "connledger_rebuild_events_done" []
        "Events that were read to rebuild read models."
        if "while read models are rebuilt";
    REBUILD_TOTAL = Gauge "connledger_rebuild_events" []
        "Events that are to be read to rebuild read models."
        if "while read models are rebuilt";

    BACKUP_AGE = Gauge "connledger_backup_age_seconds" []
        "How long ago the latest good backup was begun."
        if "if the server makes backups and knows a good one";
    BACKUP_EVERY = Gauge "connledger_backup_interval_seconds" []
        "Interval of the schedule of backups."
        if "with such a schedule";
    BACKUP_FAILURES = Gauge "connledger_backup_failures_in_a_row" []
        "How often in a row a backup has failed; 0 after a good one."
        if "if the server makes backups";
    BACKUP_POSITION = Gauge "connledger_backup_position" []
        "Position of the last event in the latest good backup."
        if "if the server makes backups and knows a good one";

    ALERTS = Gauge "connledger_alerts" ["state"]
        "Alerts: enabled, disabled, or down because their receiver takes nothing."
        if "if there are alerts";
    ALERTS_BEHIND = Gauge "connledger_alerts_behind_events" []
        "Events that the slowest alert has not looked at yet."
        if "if there are alerts";
    ALERTS_WAITING = Gauge "connledger_alerts_waiting_events" []
        "Events that a receiver has not taken and that are sent again."
        if "if there are alerts";
    DEAD_LETTERS = Gauge "connledger_alerts_dead_letters" []
        "Events that are not sent any more."
        if "if there are alerts";
    ALERTS_DELIVERED = Counter "connledger_alerts_delivered_total" []
        "Messages of alerts that a receiver took."
        if "if there are alerts";
    ALERTS_FAILED = Counter "connledger_alerts_failed_total" []
        "Attempts to deliver a message of an alert that failed."
        if "if there are alerts";

    SPANS = Counter "connledger_spans_total" ["outcome"]
        "Spans of traces: exported, dropped because too many waited, or failed to be sent."
        if "with traces";

    DISK_FREE = Gauge "connledger_disk_free_bytes" []
        "Bytes that are free on the disk of the data directory.";
    DISK_SIZE = Gauge "connledger_disk_size_bytes" []
        "Size of the disk of the data directory.";
    STORE_FILES = Gauge "connledger_store_files_bytes" []
        "Size of the tables' files of RocksDB.";
    STORE_MEMTABLES = Gauge "connledger_store_memtable_bytes" []
        "Memory of rows that are not in files yet.";
    STORE_CACHE = Gauge "connledger_store_block_cache_bytes" []
        "Memory of blocks read from files.";
    STORE_PENDING = Gauge "connledger_store_pending_compaction_bytes" []
        "Bytes that compactions have to rewrite.";
    STORE_COMPACTIONS = Gauge "connledger_store_compactions_pending" []
        "Tables that wait for a compaction.";
    STORE_RUNNING = Gauge "connledger_store_compactions_running" []
        "Compactions that are running.";
    STORE_STOPPED = Gauge "connledger_store_writes_stopped" []
        "Whether RocksDB has stopped writes until compactions have caught up: 1 or 0.";
    STORE_DELAYED = Gauge "connledger_store_delayed_write_bytes_per_second" []
        "Rate to which RocksDB slows writes down; 0 if it does not.";
    STORE_ERRORS = Counter "connledger_store_background_errors_total" []
        "Errors of flushes and compactions since the start.";

    CPU = Counter "process_cpu_seconds_total" []
        "Time of processors that the process took."
        if "on Linux";
    MEMORY = Gauge "process_resident_memory_bytes" []
        "Memory of the process."
        if "on Linux";
    VIRTUAL = Gauge "process_virtual_memory_bytes" []
        "Address space of the process."
        if "on Linux";
    DESCRIPTORS = Gauge "process_open_fds" []
        "Open file descriptors."
        if "on Linux";
    DESCRIPTORS_MAX = Gauge "process_max_fds" []
        "Most file descriptors that may be open."
        if "on Linux";
    THREADS = Gauge "process_threads" []
        "Threads of the process."
        if "on Linux";
    STARTED = Gauge "process_start_time_seconds" []
        "When the process was started, as Unix time."
        if "on Linux";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_follow_the_conventions() {
        let mut names = BTreeSet::new();
        for metric in ALL {
            let name = metric.name;
            assert!(names.insert(name), "{name}");
            assert!(name.starts_with("connledger_") || name.starts_with("process_"), "{name}");
            assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
            assert!(metric.help.ends_with('.'), "{name}");
        }
    }
}
