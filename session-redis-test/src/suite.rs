//! All tests of a Redis backend, for any client.

use session_conformance::differential::{Config, run};
use session_conformance::{CallPath, MemoryHarness, Runner, Suite, races};
use session_redis::IdStorage::{self, Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};

use crate::checks::cluster::{faults as cluster_faults, moves};
use crate::checks::{
    acl, admin, all_or_nothing, browser, chaos, compact, connections, faults, first_contact, full,
    garbage, guide_client, ids_at_rest, index, key_formats, lost_replies, near, readiness,
    resources, round_trips, scripts, sentinel, tls,
};
use crate::harness::{Connect, RedisHarness};

/// Stores in other formats than the plain one, for random operations, each of processes that share
/// it and take turns. The steps from plain to hashed ids are numbered as in the documentation;
/// neighbouring ones run side by side.
const STORES: [(&str, &[IdStorage]); 4] = [
    ("hashed", &[Hashed]),
    ("steps_1_and_2", &[Plain, PlainBeforeHashed]),
    ("steps_2_and_3", &[PlainBeforeHashed, HashedAfterPlain]),
    ("steps_3_and_4", &[HashedAfterPlain, Hashed]),
];

/// The steps are the same by every path: shown where they are the plainest.
const ONCE: &[CallPath] = &[CallPath::Direct];

/// Registers the checks of some modules, each under its name behind this prefix.
macro_rules! checks {
    ($runner:ident, $prefix:literal, $connect:ident, $($module:ident::$check:ident)*) => {
        $runner$(.test(concat!($prefix, stringify!($check)), move || $module::$check($connect)))*
    };
}

/// The cases of the conformance suite on a standalone server, each called directly: for a wrapper
/// of a backend.
pub fn conformance(connect: Connect) -> Suite {
    standalone("redis", &[Plain], ONCE, connect)
}

/// The cases of the conformance suite on the standalone server that tests share.
fn standalone(
    name: &str,
    storages: &'static [IdStorage],
    paths: &[CallPath],
    connect: Connect,
) -> Suite {
    let make = move || RedisHarness::on_shared(storages, connect);
    Suite::new(name, make).by(paths)
}

/// The same on the cluster that tests share. Checks of their own break its nodes.
fn cluster(name: &str, storages: &'static [IdStorage], connect: Connect) -> Suite {
    let make = move || RedisHarness::on_shared_cluster(storages, connect);
    let suite = Suite::new(name, make).by(ONCE);
    suite.without_faults()
}

/// All tests of the backend of a client on Redis, with keys in the plain format; each name begins
/// with what it runs on.
pub fn backend_tests(connect: Connect) -> Runner {
    // The cross-slot index over one endpoint: by the setting, and where first contact finds it.
    let by_one_slot = Suite::new("one_slot", move || {
        RedisHarness::on_shared_by_one_slot(connect)
    });
    let on_one_node = Suite::new("one_node", move || RedisHarness::on_shared_node(connect));
    let mut runner = Runner::new()
        .suite(standalone("plain", &[Plain], &CallPath::ALL, connect))
        .suite(by_one_slot.by(ONCE))
        .suite(on_one_node.by(ONCE).without_faults())
        .suite(cluster("cluster", &[Plain], connect))
        .test("differential::plain", move || async move {
            let redis = RedisHarness::on_shared(&[Plain], connect).await;
            differential(&redis, 1, true).await;
        });
    for (name, race) in races::ALL {
        let rounds = rounds_of(name);
        runner = runner.test(&format!("races::{name}"), move || async move {
            let harness = RedisHarness::on_shared(&[Plain], connect).await;
            println!("{}", race(&harness, rounds).await);
        });
        if is_about_the_index(name) {
            runner = runner.test(&format!("races_cluster::{name}"), move || async move {
                let harness = RedisHarness::on_shared_cluster(&[Plain], connect).await;
                println!("{}", race(&harness, rounds).await);
            });
        }
    }
    let runner = faults::add(runner, connect);
    let runner = checks!(runner, "resources::", connect,
        resources::a_backend_outlives_its_runtimes
        resources::a_distant_server_is_used
        resources::a_hung_server_fills_no_memory
        resources::processes_come_back_one_by_one
        resources::replaced_connections_leave_nothing
    );
    let runner = checks!(runner, "browser::", connect,
        browser::log_ins_beside_polls_end_logged_in
        browser::whatever_overlaps_keeps_its_promises
    );
    let runner = checks!(runner, "chaos::", connect,
        chaos::cluster
        chaos::sentinel
        chaos::standalone
    );
    let runner = checks!(runner, "sentinel::", connect,
        sentinel::a_planned_failover_is_followed
        sentinel::a_primary_that_ends_is_followed
        sentinel::a_primary_that_hangs_is_followed
        sentinel::sentinels_are_used_as_the_url_says
        sentinel::servers_and_sentinels_are_used_over_tls
    );
    let runner = checks!(runner, "tls::", connect,
        tls::a_cluster_is_used_over_tls
        tls::a_server_with_tls_of_its_own_is_used
        tls::bad_certificates_are_refused_by_name
        tls::files_that_cannot_be_used_are_named
        tls::renewed_certificates_need_no_restart
    );
    let runner = checks!(runner, "redis::", connect,
        acl::forbidden_commands_are_denied
        acl::the_documented_rights_suffice
        acl::the_rights_are_documented
        acl::wrong_credentials_are_denied
        admin::a_page_of_a_large_store_takes_little_time
        all_or_nothing::every_operation_is_all_or_nothing
        compact::what_a_backend_writes_is_compact
        connections::a_socket_a_database_and_a_name_are_used
        connections::credentials_may_change
        faults::starts_without_a_server
        first_contact::a_server_that_cannot_run_the_scripts_is_named
        first_contact::a_server_that_is_not_ready_is_waited_out
        first_contact::hello_info_and_client_are_not_needed
        first_contact::reasons_for_no_connection_are_told_apart
        first_contact::servers_that_evict_are_used_or_refused
        first_contact::the_wrong_topology_is_named
        full::a_full_server_refuses_growth_only
        garbage::bytes_that_make_no_sense_end_operations_in_time
        guide_client::a_guide_client_revives_no_rotated_session
        ids_at_rest::hashed_ids_leave_nothing_usable
        index::a_log_in_at_the_limit_takes_little_time
        index::a_lost_index_comes_back_with_the_next_use
        index::evicted_entries_come_back_with_the_next_use
        index::expired_sessions_are_never_listed_and_cost_little
        index::only_a_principal_has_an_index
        index::very_many_sessions_of_one_are_listed_and_ended
        ids_at_rest::hashed_ids_hide_principals
        key_formats::a_store_changes_its_key_format
        key_formats::the_indexes_of_two_formats_are_one
        lost_replies::a_lost_reply_is_unknown_and_nothing_is_sent_twice
        readiness::a_server_that_takes_no_writes_is_not_ready
        round_trips::every_operation_is_one_round_trip
        round_trips::two_key_formats_cost_one_round_trip_more
        scripts::an_unknown_script_is_run_exactly_once
    );
    checks!(runner, "cluster::", connect,
        acl::the_documented_rights_suffice_on_a_cluster
        admin::a_cluster_is_listed_while_a_slot_moves
        all_or_nothing::every_operation_is_all_or_nothing_on_a_cluster
        all_or_nothing::every_operation_is_all_or_nothing_with_hashed_ids
        cluster_faults::a_cluster_that_comes_up_is_used
        cluster_faults::dropped_backends_leave_no_connections
        full::a_full_node_refuses_growth_only
        ids_at_rest::hashed_ids_hide_principals_on_any_node
        ids_at_rest::hashed_ids_leave_nothing_usable_on_any_node
        index::very_many_sessions_of_one_are_listed_and_ended_on_a_cluster
        key_formats::a_cluster_changes_its_key_format
        key_formats::the_indexes_of_two_formats_are_one_on_a_cluster
        lost_replies::a_lost_reply_of_a_node_is_unknown_and_nothing_is_sent_twice
        moves::a_deletion_follows_into_a_slot_that_moves
        moves::a_rotation_waits_for_its_slot
        moves::a_slot_is_followed_while_it_moves
        moves::rotations_stay_in_their_slot_and_take_one_call
        round_trips::operations_on_a_cluster_take_few_round_trips
        scripts::an_unknown_script_is_run_exactly_once_on_a_cluster
    )
}

/// Tests of stores with keys in other formats. What is sent for them is the same through every
/// client, so one of them shows it.
pub fn key_format_tests(runner: Runner, connect: Connect) -> Runner {
    let mut runner = runner
        .suite(standalone("hashed", &[Hashed], ONCE, connect))
        .suite(standalone(
            "plain_before_hashed",
            &[PlainBeforeHashed],
            ONCE,
            connect,
        ))
        .suite(standalone(
            "hashed_after_plain",
            &[HashedAfterPlain],
            ONCE,
            connect,
        ))
        .suite(cluster("cluster_hashed", &[Hashed], connect))
        .suite(cluster(
            "cluster_hashed_after_plain",
            &[HashedAfterPlain],
            connect,
        ));
    for (name, storages) in STORES {
        let has_steps = storages.len() > 1;
        let part = if has_steps { 4 } else { 1 };
        runner = runner.test(&format!("differential::{name}"), move || async move {
            let redis = RedisHarness::on_shared(storages, connect).await;
            differential(&redis, part, true).await;
        });
        if has_steps {
            runner = runner.test(
                &format!("differential_cluster::{name}"),
                move || async move {
                    let redis = RedisHarness::on_shared_cluster(storages, connect).await;
                    differential(&redis, part, false).await;
                },
            );
        }
    }
    for (name, race) in races::ALL {
        let on_clusters: [(_, &[IdStorage]); 2] = [
            ("races_cluster_hashed", &[Hashed]),
            (
                "races_cluster_steps_2_and_3",
                &[PlainBeforeHashed, HashedAfterPlain],
            ),
        ];
        for (on, storages) in on_clusters {
            if is_about_the_index(name) {
                runner = runner.test(&format!("{on}::{name}"), move || async move {
                    let harness = RedisHarness::on_shared_cluster(storages, connect).await;
                    println!("{}", race(&harness, rounds_of(name).div_ceil(4)).await);
                });
            }
        }
    }
    runner
}

/// All tests of the near cache of a backend of a client on Redis.
pub fn near_cache_tests(runner: Runner, connect: Connect) -> Runner {
    let suite = |name, is_cluster| {
        let make = move || RedisHarness::on_shared_with_near_cache(is_cluster, connect);
        let suite = Suite::new(name, make).by(ONCE);
        match is_cluster {
            true => suite.without_faults(),
            false => suite,
        }
    };
    let runner = runner
        .suite(suite("near", false))
        .suite(suite("near_cluster", true))
        .test("differential::near", move || async move {
            let redis = RedisHarness::on_shared_with_near_cache(false, connect).await;
            differential(&redis, 1, true).await;
        });
    let runner = faults::add_near(runner, connect);
    checks!(runner, "near_cache::", connect,
        near::a_read_is_served_by_the_process
        near::what_others_change_is_seen
        near::what_this_process_changes_is_seen_at_once
        near::what_this_process_changes_is_seen_at_once_on_a_cluster
        near::what_may_be_done_is_not_served_as_it_was
        near::a_session_expires_in_time
        near::two_processes_see_what_they_may
    )
}

/// Random operations in lockstep with the backend in memory; a part of the steps.
async fn differential(redis: &RedisHarness, part: usize, compare_index: bool) {
    let config = Config::from_env();
    let config = Config {
        steps: config.steps / part,
        compare_index,
        has_admin: true,
        ..config
    };
    match run(redis, &MemoryHarness::new(), &config).await {
        Ok(summary) => println!("{summary}"),
        Err(divergence) => panic!("{divergence}"),
    }
}

/// How many rounds a race runs: so many that each makes 10,000 to 40,000 operations by default.
fn rounds_of(race: &str) -> usize {
    let part = match race {
        "bindings" | "logout_against_rotations" => 1,
        "increments"
        | "logins_against_limit"
        | "logins_against_revocation"
        | "rotations"
        | "rotations_against_revocation" => 2,
        // It waits for time to pass.
        "expirations_against_listing" => 8,
        _ => 4,
    };
    races::rounds().div_ceil(part)
}

/// Whether a race is about the index, which has steps of its own on a cluster.
fn is_about_the_index(race: &str) -> bool {
    !matches!(
        race,
        "increments"
            | "logout_against_uses"
            | "reads_against_updates"
            | "updates_of_different_fields"
    )
}
