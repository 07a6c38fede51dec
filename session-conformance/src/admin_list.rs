//! The list of the cases about an administration.

/// Calls a macro with all of them, as `__cases!` does.
#[doc(hidden)]
#[macro_export]
macro_rules! __admin_cases {
    ($($with:tt)*) => {
        $($with)*! {
            scan {
                "ADM-1" a_scan_through_an_empty_store_ends
                "ADM-1" a_scan_shows_all_of_few
                "ADM-1" a_scan_shows_all_of_many
                "ADM-1" pages_are_about_as_large_as_was_asked_for
                "ADM-1" scans_are_independent
                "ADM-1" sessions_in_use_are_shown
                "ADM-1" a_store_that_grows_and_shrinks_hides_nobody
                "ADM-1" a_scan_beside_others_misses_nobody
                "ADM-1" a_session_is_shown_for_life
            }
            overview {
                "ADM-1" every_fact_is_as_stored
                "ADM-1" foreign_sessions_are_shown_as_stored
                "ADM-1" what_remains_is_exact
                "ADM-1" a_key_without_expiry_is_shown
                "ADM-1" every_principal_is_shown_with_its_sessions
                "ADM-1" a_foreign_text_as_principal_is_none
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
                "ADM-3" searching_in_vain_changes_nothing
                "ADM-3" looking_prunes_no_index
                "ADM-3" a_session_that_is_looked_at_expires
                "ADM-4" an_empty_store_counts_zero
                "ADM-4" each_session_counts_once
                "ADM-4" the_ended_do_not_count
                "ADM-4" counting_beside_others_is_near
            }
            operator {
                "ADM-5" an_operator_ends_that_session
                "ADM-5" a_public_id_that_was_shown_ends_its_session
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
                "ADM-7" a_foreign_cursor_ends_nobody
                "ADM-7" a_cursor_with_a_sign_is_refused
                "ADM-7" a_changed_cursor_does_no_harm
                "ADM-7" a_spent_cursor_does_no_harm
                "OPS-2" a_dropped_step_does_no_harm
                "OPS-3" no_page_shows_a_secret
            }
        }
    };
}
