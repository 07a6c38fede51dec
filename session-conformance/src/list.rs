//! The list of the cases: the one place where a case is named beside its own module.

use crate::case::{Case, Needs};

/// A table of cases by module, each with its clause; all of them need the same.
macro_rules! table {
    ($needs:ident $($module:ident { $($clause:literal $name:ident)* })*) => {
        &[$($(
            Case {
                clause: $clause,
                module: stringify!($module),
                name: stringify!($name),
                needs: Needs::$needs,
                run: |harness| Box::pin(crate::clauses::$module::$name(harness)),
            },
        )*)*]
    };
}

/// All cases, in the order of the contract.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    BACKEND.iter().chain(ADMIN).chain(FAULTS)
}

const BACKEND: &[Case] = table! { Nothing
    identity {
        "ID-1" created_ids_are_fresh_and_canonical
        "ID-3" unknown_ids_are_not_found
        "ID-3" unknown_ids_are_not_bound
        "ID-3" ids_are_compared_byte_for_byte
    }
    taken {
        "ID-2" insert_onto_a_taken_id_is_refused
        "ID-2" rename_onto_a_taken_id_is_refused
        "ID-2" rename_onto_itself_is_refused
        "ID-2" an_expired_id_is_free
        "ID-2" a_taken_id_is_drawn_again
        "ID-2" broken_randomness_overwrites_nothing
    }
    record {
        "REC-1" a_new_session_is_the_guides_hash
        "REC-1" a_used_session_stays_the_guides_hash
        "REC-5" creation_returns_what_is_stored
        "REC-6" optional_fields_are_stored_when_used
    }
    bytes {
        "REC-2" fields_survive_creation
        "REC-2" fields_survive_an_update
        "REC-2" names_are_counted_and_removed_exactly
        "REC-2" large_fields_survive
    }
    foreign {
        "REC-3" a_hash_of_any_client_is_a_session
        "REC-3" a_use_keeps_the_other_texts_of_any_client
        "REC-3" a_write_keeps_what_it_does_not_name_of_any_client
        "REC-3" a_foreign_text_as_principal_binds_nobody
        "REC-4" fields_with_foreign_names_are_hidden
        "REC-4" fields_with_foreign_names_survive
    }
    validity {
        "VAL-1" a_hash_without_a_reserved_field_is_no_session
        "VAL-1" ghosts_and_other_hashes_are_no_sessions
        "VAL-1" lists_and_revocations_leave_what_is_no_session
        "VAL-2" a_malformed_ttl_makes_no_session
        "VAL-2" a_ttl_at_the_ends_of_the_range_makes_a_session
        "VAL-3" a_malformed_deadline_makes_no_session
        "VAL-3" the_farthest_deadline_makes_a_session
        "VAL-4" a_passed_deadline_makes_no_session
        "VAL-4" a_deadline_ends_a_key_that_lives_on
        "VAL-5" another_type_is_no_session
        "VAL-8" a_hash_with_a_tombstone_is_no_session
        "VAL-9" a_bound_hash_without_a_deadline_is_no_session
    }
    unusual {
        "VAL-6" a_key_without_expiry_is_a_session
        "VAL-6" a_use_sets_a_missing_expiry
        "VAL-6" a_write_that_is_no_touch_sets_no_expiry
        "VAL-7" any_text_is_a_timestamp
        "TTL-2" a_key_that_outlives_its_ttl_is_a_session
    }
    expiry {
        "TTL-1" creation_expires_by_the_policys_ttl
        "TTL-2" a_session_ends_at_its_expiry
        "TTL-2" a_session_lives_through_its_last_millisecond
        "TTL-3" ttl_is_what_remains
        "TTL-3" ttl_is_the_keys_expiry_not_the_stored_ttl
        "TTL-4" configured_ttl_is_the_stored_one
        "TTL-5" a_new_ttl_is_stored_and_sets_the_expiry
    }
    range {
        "TTL-6" every_ttl_is_accepted
        "TTL-6" the_least_ttl_is_accepted
        "TTL-6" the_greatest_lifetime_is_accepted
    }
    touch {
        "TCH-1" a_read_touches
        "TCH-2" peeks_and_queries_change_nothing
        "TCH-3" every_write_touches
        "TCH-3" every_writing_operation_touches
        "TCH-4" a_quiet_write_changes_only_fields
        "TCH-9" get_follows_the_policys_touch
        "TCH-9" writes_do_not_follow_the_policys_touch
        "TCH-10" a_refused_write_does_not_touch
    }
    clock {
        "TCH-11" the_applications_clock_decides_no_expiry
        "TCH-11" the_applications_clock_decides_no_deadline_and_no_throttle
        "TCH-11" the_applications_clock_writes_the_timestamps
    }
    throttle {
        "TCH-5" a_throttled_use_touches_from_its_age_on
        "TCH-5" a_throttled_use_touches_from_half_the_ttl_on
        "TCH-5" an_age_of_zero_is_always_due
        "TCH-5" a_key_that_outlives_its_ttl_is_not_due
        "TCH-6" a_capped_session_is_not_touched
        "TCH-6" a_session_with_a_far_deadline_is_touched
        "TCH-7" a_key_without_expiry_is_due
        "TCH-8" a_new_ttl_is_due
        "TCH-8" a_quiet_new_ttl_is_only_stored
    }
    write {
        "WRT-1" a_write_changes_the_fields_it_names
        "WRT-1" removing_an_absent_field_is_no_error
        "WRT-1" a_write_changes_one_session
        "WRT-2" a_delta_of_everything_is_applied
        "WRT-2" a_large_delta_is_applied
        "WRT-2" readers_see_whole_deltas
        "WRT-4" a_write_to_no_session_creates_nothing
        "WRT-5" concurrent_writers_lose_nothing
    }
    keeping {
        "WRT-6" only_kept_and_written_fields_are_left
        "WRT-6" a_counter_that_is_not_kept_counts_from_zero
        "WRT-6" keeping_nothing_leaves_the_session
        "WRT-6" a_refused_removal_removes_nothing
        "WRT-6" a_full_session_can_be_exchanged
        "WRT-7" fields_stay_unless_the_principal_changes
        "WRT-7" another_principals_session_starts_again
        "PRN-19" a_fresh_log_in_starts_the_session_again
        "WRT-7" an_unbound_session_starts_again
        "WRT-7" a_foreign_text_as_principal_is_no_principal_that_changes
    }
    expecting {
        "WRT-8" a_write_whose_expectations_hold_is_applied
        "WRT-8" a_failed_expectation_changes_nothing
        "WRT-8" expectations_are_checked_in_their_turn
        "WRT-8" expectations_see_the_session_before_the_step
        "WRT-8" one_of_racing_claims_succeeds
    }
    returning {
        "WRT-3" a_write_returns_the_session_after_it
        "WRT-3" a_write_returns_no_record_unasked
        "WRT-3" an_empty_write_returns_the_session
    }
    increment {
        "INC-1" an_absent_field_counts_from_zero
        "INC-1" counters_of_a_delta_are_returned_by_name
        "INC-5" concurrent_increments_are_distinct_and_gapless
        "INC-6" values_are_exact
        "INC-6" a_counter_and_a_ttl_are_kept_apart
    }
    refusal {
        "INC-2" what_is_no_integer_is_refused
        "INC-3" leaving_the_range_is_refused
        "INC-4" one_refused_counter_refuses_the_delta
        "INC-4" one_refused_counter_refuses_a_quiet_delta
    }
    delete {
        "DEL-1" delete_leaves_nothing
        "DEL-1" delete_leaves_no_hidden_field
        "DEL-1" delete_unlists
        "DEL-2" deleting_again_returns_false
        "DEL-2" one_of_concurrent_deletions_succeeds
        "DEL-3" nothing_comes_back_after_a_delete
        "DEL-3" no_racing_use_brings_a_session_back
    }
    rotation {
        "ROT-1" a_rotation_moves_the_session
        "ROT-1" a_quiet_rotation_keeps_the_expiry
        "ROT-1" successors_are_random
        "ROT-2" the_old_id_is_not_found
        "ROT-3" the_delta_of_a_rotation_is_applied
        "ROT-4" one_of_concurrent_rotations_wins
        "ROT-5" a_refused_rotation_leaves_the_session
        "ROT-6" what_is_not_found_does_not_rotate
        "ROT-7" a_write_that_races_a_rotation_is_moved_or_refused
        "ROT-8" a_session_rotates_again_and_again
    }
    tombstone {
        "ROT-9" a_rotated_id_is_told_for_the_policys_time
        "ROT-9" a_tombstone_ends_with_its_time
        "ROT-9" another_client_keeps_no_tombstone
        "ROT-9" a_tombstone_is_in_no_list
        "ROT-10" a_deletion_follows_rotations
        "ROT-10" a_deletion_after_the_tombstone_ends_nobody
        "ROT-10" a_deletion_follows_no_circle
        "DEL-3" racing_rotations_do_not_escape_a_deletion
    }
    lifetime {
        "LIF-1" a_lifetime_fixes_the_deadline
        "LIF-2" the_expiry_never_lies_beyond_the_deadline
        "LIF-2" a_binding_caps_the_expiry
        "LIF-2" a_touch_caps_a_foreign_key_at_its_deadline
        "LIF-3" the_deadline_survives_every_use
        "LIF-3" a_later_policy_leaves_the_deadline
        "LIF-4" a_used_session_ends_at_its_deadline
        "LIF-4" a_session_does_not_live_through_its_deadline
    }
    login {
        "LIF-5" a_log_in_with_a_lifetime_fixes_the_deadline
        "LIF-5" a_quiet_log_in_with_a_lifetime_caps_the_expiry
        "PRN-14" each_binding_is_a_log_in_of_its_own
        "PRN-14" uses_and_rotations_keep_the_log_in
        "PRN-15" an_unbound_session_is_in_no_list
        "PRN-15" an_unbound_session_makes_room
        "PRN-17" each_log_in_has_its_own_persistence
        "PRN-18" uses_and_rotations_keep_the_persistence
    }
    seeing {
        "SEE-1" a_backend_sees_its_own_changes_at_once
        "SEE-2" changes_by_others_are_seen_within_the_bound
        "SEE-3" a_fresh_read_sees_all_that_was_changed
        "SEE-4" reads_do_not_go_back
    }
    target {
        "TGT-1" a_read_by_public_id_is_a_read
        "TGT-1" a_rotated_session_is_found_by_its_public_id
        "TGT-1" a_read_of_a_strangers_session_finds_nothing
        "TGT-2" a_write_by_public_id_is_a_write
        "TGT-2" a_write_to_a_strangers_session_changes_nothing
        "TGT-3" a_removal_by_public_id_is_a_deletion
        "TGT-3" a_removal_of_a_strangers_session_ends_nothing
    }
    listing {
        "PRN-1" a_session_bound_at_creation_is_listed
        "PRN-1" the_list_begins_with_the_nearest_deadline
        "PRN-1" principals_are_kept_apart_whatever_their_names
        "PRN-5" ended_sessions_are_not_listed
        "PRN-5" a_session_at_its_deadline_is_not_listed
        "PRN-5" the_ended_are_pruned_from_the_index
        "PRN-6" listing_touches_nothing
    }
    binding {
        "PRN-2" a_session_bound_by_a_write_is_listed
        "PRN-3" a_session_bound_by_a_rotation_is_listed
        "PRN-4" a_binding_gives_a_deadline
        "PRN-4" a_binding_keeps_a_deadline
        "PRN-9" binding_to_another_moves_the_session
        "PRN-9" the_former_principal_has_no_hold
        "PRN-9" racing_bindings_end_in_one_list
        "PRN-12" a_rotated_session_stays_its_principals
    }
    revocation {
        "PRN-7" revoking_one_ends_that_one
        "PRN-7" revoking_one_ends_no_other
        "PRN-7" revoking_an_ended_session_returns_false
        "PRN-8" revoking_all_ends_all
        "PRN-8" revoking_all_but_one_keeps_it
        "PRN-8" a_stranger_to_keep_keeps_nothing
        "PRN-8" revoking_counts_live_sessions
        "PRN-13" acknowledged_bindings_are_revoked
        "PRN-13" racing_logins_are_ended_or_listed
        "PRN-13" racing_rotations_do_not_escape
    }
    paging {
        "PGE-1" pages_of_every_size_show_the_same
        "PGE-2" sessions_in_use_are_on_a_page
        "PGE-2" a_list_beside_rotations_misses_nobody
        "PGE-3" chosen_fields_are_shown
        "PGE-3" as_many_fields_as_a_session_has_are_shown
        "PGE-4" a_revocation_by_pages_ends_all_but_one
        "PGE-4" sessions_that_move_between_pages_have_ended
        "PGE-5" a_foreign_cursor_is_refused
        "OPS-3" no_listed_page_shows_a_secret
    }
    quota {
        "PRN-10" a_binding_beyond_the_limit_is_refused
        "PRN-10" ended_sessions_do_not_count
        "PRN-10" very_many_ended_sessions_do_not_count
        "PRN-10" a_bound_session_does_not_count_twice
        "PRN-10" a_session_bound_to_another_does_not_count
        "PRN-10" racing_logins_keep_the_limit
        "PRN-11" the_oldest_log_in_is_evicted
        "PRN-11" sessions_without_a_log_in_are_the_oldest
        "PRN-11" the_bound_session_is_not_evicted
        "PRN-11" as_many_are_evicted_as_it_takes
        "PRN-11" very_many_are_evicted_for_a_new_limit
        "PRN-11" a_refused_binding_evicts_nobody
        "PRN-16" a_hundred_sessions_are_the_default
    }
    limits {
        "LIM-1" a_name_or_value_over_its_limit_is_refused
        "LIM-1" the_default_limits_hold
        "LIM-1" nothing_too_long_reaches_the_backend
        "LIM-1" a_long_name_can_be_removed
        "LIM-2" too_many_fields_are_refused
        "LIM-2" a_full_session_can_be_changed
        "LIM-2" a_session_with_too_many_fields_can_shrink
        "LIM-3" too_many_bytes_are_refused
        "LIM-3" a_full_session_can_be_rewritten
        "LIM-3" a_session_with_too_many_bytes_can_shrink
    }
    operation {
        "OPS-1" ping_succeeds
        "OPS-2" a_dropped_write_is_whole_or_nothing
        "OPS-2" dropped_operations_mix_up_no_replies
        "OPS-2" a_dropped_rotation_moves_or_not
        "OPS-2" a_dropped_binding_is_whole_or_nothing
        "OPS-3" nothing_secret_is_shown
        "OPS-3" no_error_shows_a_secret
    }
};

const ADMIN: &[Case] = table! { Admin
    scan {
        "ADM-1" a_scan_shows_all
        "ADM-1" pages_are_about_as_large_as_was_asked_for
        "ADM-1" scans_are_independent
        "ADM-1" sessions_in_use_are_shown
        "ADM-1" a_store_that_grows_and_shrinks_hides_nobody
        "ADM-1" a_scan_beside_others_misses_nobody
    }
    overview {
        "ADM-1" every_fact_is_as_stored
        "ADM-1" foreign_sessions_are_shown_as_stored
        "ADM-1" every_principal_is_shown_with_its_sessions
        "ADM-8" the_fields_of_a_named_session_are_shown
    }
    unshown {
        "ADM-2" what_has_ended_is_not_shown
        "ADM-2" a_session_past_its_deadline_is_not_shown
        "ADM-2" what_is_no_session_is_not_shown
        "ADM-2" indexes_are_not_shown
        "ADM-2" what_ends_during_a_scan_is_not_shown_later
        "ADM-2" a_session_is_shown_as_long_as_it_is_found
    }
    looking {
        "ADM-3" looking_changes_nothing
        "ADM-3" looking_prunes_no_index
        "ADM-4" each_session_counts_once
        "ADM-4" the_ended_do_not_count
        "ADM-4" counting_beside_others_is_near
    }
    seeing {
        "SEE-2" an_operators_revocation_is_seen_within_the_bound
    }
    operator {
        "ADM-5" an_operator_ends_that_session
        "ADM-6" several_are_ended_in_one_scan
        "ADM-6" page_by_page_all_are_ended
        "ADM-6" those_of_an_age_are_ended
        "ADM-5" public_ids_are_compared_byte_for_byte
        "ADM-5" an_ended_session_is_unlisted
        "ADM-5" an_ended_session_makes_room
        "ADM-5" ending_what_has_ended_returns_false
        "ADM-5" what_is_no_session_is_not_ended
        "ADM-5" one_of_hundreds_is_ended
        "ADM-5" one_of_racing_endings_is_acknowledged
        "ADM-5" a_racing_rotation_escapes_or_is_told
        "ADM-5" nothing_comes_back_after_an_operator
    }
    cursor {
        "ADM-7" a_foreign_cursor_is_refused
        "ADM-7" a_cursor_with_a_sign_is_refused
        "ADM-7" a_changed_cursor_does_no_harm
        "ADM-7" a_spent_cursor_does_no_harm
        "OPS-2" a_dropped_step_does_no_harm
        "OPS-3" no_page_shows_a_secret
    }
};

const FAULTS: &[Case] = table! { Faults
    fault {
        "FLT-1" a_failing_store_is_an_error_and_nothing_else
        "FLT-1" a_failing_store_creates_lists_and_revokes_nothing
        "FLT-2" a_failing_store_tells_no_secret
        "FLT-3" a_mended_store_is_used_again
    }
};
