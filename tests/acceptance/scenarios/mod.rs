//! Requests and expected answers as data: every file of `tests/scenarios` is a test.
//!
//! A folder is a product; its `product.json` says how the product's clients send their key and what
//! every refusal looks like. A scenario runs against a server of its own. Requests to `/api/` are
//! the native API's, whatever the folder. The form of the files is in the docs of `file`, that of
//! expectations in the docs of `pattern`.

mod file;
mod names;
mod pattern;
mod runner;

use std::collections::BTreeSet;

use serde_json::Value;

/// Returns a value that is named in a product's file.
pub(crate) fn value(folder: &str, name: &str) -> Value {
    let product: file::Product = file::read(&format!("{folder}/product"));
    product.values.get(name).unwrap_or_else(|| panic!("{folder}: no value {name}")).clone()
}

/// Returns the header that a product's clients send their key in, and what it holds.
pub(crate) fn key(folder: &str, key: &str) -> (String, String) {
    let product: file::Product = file::read(&format!("{folder}/product"));
    (product.key.header, format!("{}{key}", product.key.prefix))
}

/// Declares a test for each scenario, and the list that is compared with the files.
macro_rules! scenarios {
    ($($folder:ident { $($name:ident,)+ })+) => {
        /// Every folder with its scenarios.
        const RUN: &[(&str, &[&str])] =
            &[$((stringify!($folder), &[$(stringify!($name)),+])),+];

        $(mod $folder {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::runner::run(stringify!($folder), stringify!($name)).await;
            })+
        })+
    };
}

scenarios! {
    native {
        a_backup_goes_where_the_operator_said_or_nowhere,
        a_body_names_the_connection_of_the_path_or_none,
        a_consumer_confirms_beside_the_version_of_its_connection,
        a_parameter_that_does_not_fit_is_named,
        a_policy_refuses_values_and_says_how_old_they_may_become,
        an_alert_is_made_with_a_secret_that_is_shown_once,
        a_reader_that_has_the_version_is_spared_the_body,
        a_replay_answers_with_its_report,
        a_slash_too_many_is_named_and_a_merge_patch_is_taken,
        amounts_have_decimals_and_nothing_is_no_limit,
        a_token_is_signed_and_signed_again,
        every_verb_has_its_path,
        the_same_key_gives_the_same_answer_and_another_body_is_refused,
        what_a_command_is_sent_with_is_recorded,
        what_was_done_is_answered_after_the_deadline_too,
        who_could_connect_it_is_told_what_is_missing,
        workspaces_are_made_and_listed,
    }
    blaxel {
        a_change_of_what_others_changed_meanwhile_is_refused,
        a_connection_is_made_shown_changed_and_deleted,
        a_mask_sent_back_keeps_the_secret_and_other_text_replaces_it,
        a_mask_with_nothing_behind_it_is_no_secret,
        a_slug_that_is_no_name_has_a_handle_made_from_the_id,
        errors_have_the_product_s_form,
        what_another_door_made_longer_can_be_sent_back,
    }
    pica {
        a_change_of_what_others_changed_meanwhile_is_refused,
        a_connection_reads_as_the_product_documents_it,
        a_project_is_a_workspace,
        both_ways_of_paging_bring_every_row_once,
        errors_have_the_product_s_form,
        every_filter_keeps_what_fits_it_to_the_letter,
        tags_and_name_can_be_changed_and_a_deletion_has_no_body,
        what_another_door_set_is_kept,
    }
    umbraco {
        a_change_keeps_what_is_left_out_and_a_mask_keeps_its_secret,
        a_change_of_what_others_changed_meanwhile_is_refused,
        a_connection_reads_as_the_product_documents_it,
        a_mask_that_looks_like_a_reference_keeps_its_secret,
        a_reference_is_no_secret_and_takes_a_secret_s_place,
        a_required_setting_and_a_name_are_asked_for_in_the_product_s_words,
        a_test_calls_the_provider_unless_something_is_missing,
        an_alias_can_be_asked_for_changed_and_taken_once,
        errors_are_problem_details,
        lists_are_by_name_and_keep_what_is_asked_for,
        providers_are_shown_with_their_settings,
        versions_are_listed_compared_and_brought_back,
    }
    portkey {
        a_change_of_what_others_changed_meanwhile_is_refused,
        a_connection_made_elsewhere_is_edited_where_it_is,
        a_disabled_connection_is_archived_in_the_product_s_words,
        a_lone_secret_that_is_not_the_key_is_not_taken_for_it,
        a_repeated_request_is_done_once_and_a_broken_off_one_to_its_end,
        a_virtual_key_and_a_provider_are_an_integration_by_other_names,
        a_workspace_is_known_by_the_uuid_of_its_name_too,
        all_workspaces_are_granted_at_once,
        amounts_have_decimals_and_nothing_is_no_limit,
        an_integration_is_made_shown_changed_and_deleted,
        an_object_can_be_a_secret,
        deployments_of_azure_are_looked_into,
        errors_have_the_product_s_form,
        every_view_of_an_integration_tells_its_version,
        grants_are_given_changed_and_taken_back,
        lists_tell_integrations_of_workspaces_from_the_others,
        mappings_are_the_ledger_s_references,
        models_said_of_elsewhere_are_kept_whole,
        nothing_is_done_of_what_cannot_be_done_whole,
        pages_are_counted_from_zero,
        prices_are_set_with_the_rest_or_not_at_all,
        secrets_among_the_settings_are_shown_masked_and_kept,
        something_is_said_of_models_and_taken_back,
        the_key_is_replaced_kept_and_removed,
        unknown_fields_empty_texts_and_unicode_are_taken,
        what_a_client_sends_without_a_body_is_not_read,
        what_a_provider_needs_is_asked_for,
        what_other_doors_left_open_keeps_nobody_from_changing_something_else,
    }
    elevenlabs {
        a_change_merges_maps_and_keeps_what_is_left_out_or_null,
        a_change_of_what_others_changed_meanwhile_is_refused,
        a_connection_with_its_dependents_reads_as_the_product_documents_it,
        errors_have_the_product_s_form_and_echo_nothing,
        every_kind_is_made_shown_without_its_secrets_and_deleted,
        what_other_doors_made_is_shown_and_its_key_can_be_changed,
    }
}

#[test]
fn every_scenario_file_is_run() {
    let listed = RUN.iter().flat_map(|(folder, names)| {
        names.iter().chain(&["product"]).map(move |name| format!("{folder}/{name}.json"))
    });
    let listed: BTreeSet<_> = listed.collect();
    let present = file::all();
    let idle: Vec<_> = present.difference(&listed).collect();
    let missing: Vec<_> = listed.difference(&present).collect();
    assert!(idle.is_empty() && missing.is_empty(), "not run: {idle:?}; not there: {missing:?}");
}
