//! All tests of a Redis backend, for any client.

use session_conformance::differential::{Config, run};
use session_conformance::{CallPath, MemoryHarness, Runner, Suite, races};
use session_redis::IdStorage::{self, Hashed, HashedAfterPlain, Plain, PlainBeforeHashed};

use crate::checks::cluster::{faults as cluster_faults, moves};
use crate::checks::{
    acl, admin, all_or_nothing, faults, full, ids_at_rest, index, key_formats, lost_replies,
    old_server, round_trips, scripts,
};
use crate::harness::{Connect, RedisHarness};

/// Stores for random operations, each of processes that share it and take turns. The steps from
/// plain to hashed ids are numbered as in the documentation; neighbouring ones run side by side.
const STORES: [(&str, &[IdStorage]); 5] = [
    ("plain", &[Plain]),
    ("hashed", &[Hashed]),
    ("steps_1_and_2", &[Plain, PlainBeforeHashed]),
    ("steps_2_and_3", &[PlainBeforeHashed, HashedAfterPlain]),
    ("steps_3_and_4", &[HashedAfterPlain, Hashed]),
];

/// Registers the checks of some modules, each under its name behind this prefix.
macro_rules! checks {
    ($runner:ident, $prefix:literal, $connect:ident, $($module:ident::$check:ident)*) => {
        $runner$(.test(concat!($prefix, stringify!($check)), move || $module::$check($connect)))*
    };
}

/// All tests of the backend of a client on Redis; each name begins with what it runs on.
pub fn backend_tests(connect: Connect) -> Runner {
    let standalone = |name, storages, paths: &[CallPath]| {
        let make = move || RedisHarness::on_shared(storages, connect);
        Suite::new(name, make).by(paths)
    };
    let cluster = |name, storages, paths: &[CallPath]| {
        let make = move || RedisHarness::on_shared_cluster(storages, connect);
        // Checks of their own break its nodes.
        Suite::new(name, make).by(paths).without_faults()
    };
    // The steps are the same by every path: shown where they are the plainest, and where they are
    // several.
    let (once, all) = (&[CallPath::Direct], &CallPath::ALL);
    let mut runner = Runner::new()
        .suite(standalone("plain", &[Plain], all))
        .suite(standalone("hashed", &[Hashed], once))
        .suite(standalone(
            "plain_before_hashed",
            &[PlainBeforeHashed],
            once,
        ))
        .suite(standalone("hashed_after_plain", &[HashedAfterPlain], once))
        .suite(cluster("cluster", &[Plain], once))
        .suite(cluster("cluster_hashed", &[Hashed], once));
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
        let rounds = races::rounds() / part_of(name);
        runner = runner.test(&format!("races::{name}"), move || async move {
            let harness = RedisHarness::on_shared(&[Plain], connect).await;
            println!("{}", race(&harness, rounds).await);
        });
        if let Some(part) = part_on_cluster(name) {
            let rounds = races::rounds() / part;
            runner = runner.test(&format!("races_cluster::{name}"), move || async move {
                let harness = RedisHarness::on_shared_cluster(&[Plain], connect).await;
                println!("{}", race(&harness, rounds).await);
            });
        }
    }
    let runner = checks!(runner, "redis::", connect,
        acl::the_documented_rights_suffice
        acl::wrong_credentials_are_denied
        admin::a_page_of_a_large_store_takes_little_time
        all_or_nothing::every_operation_is_all_or_nothing
        faults::a_server_that_comes_back_is_used_again
        faults::every_operation_ends_within_its_deadline
        faults::starts_without_a_server
        full::a_full_server_refuses_growth_only
        ids_at_rest::hashed_ids_leave_nothing_usable
        index::expired_sessions_are_never_listed_and_cost_little
        index::only_a_principal_has_an_index
        key_formats::a_store_changes_its_key_format
        lost_replies::a_lost_reply_is_unknown_and_nothing_is_sent_twice
        old_server::a_server_that_is_too_old_is_named
        round_trips::every_operation_is_one_round_trip
        round_trips::two_key_formats_cost_one_round_trip_more
        scripts::an_unknown_script_is_run_exactly_once
    );
    checks!(runner, "cluster::", connect,
        acl::the_documented_rights_suffice_on_a_cluster
        admin::a_cluster_is_listed_while_a_slot_moves
        all_or_nothing::every_operation_is_all_or_nothing_on_a_cluster
        cluster_faults::a_cluster_that_comes_up_is_used
        cluster_faults::a_failover_is_followed
        cluster_faults::a_hanging_node_stops_its_slots_only
        cluster_faults::a_killed_master_stops_its_slots_only
        cluster_faults::a_single_server_is_no_cluster
        cluster_faults::dropped_backends_leave_no_connections
        full::a_full_node_refuses_growth_only
        ids_at_rest::hashed_ids_leave_nothing_usable_on_any_node
        key_formats::a_cluster_changes_its_key_format
        lost_replies::a_lost_reply_of_a_node_is_unknown_and_nothing_is_sent_twice
        moves::a_rotation_waits_for_its_slot
        moves::a_slot_is_followed_while_it_moves
        moves::rotations_stay_in_their_slot_and_take_one_call
        round_trips::operations_on_a_cluster_take_few_round_trips
        scripts::an_unknown_script_is_run_exactly_once_on_a_cluster
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

/// Where each round is long, a part of the rounds.
fn part_of(race: &str) -> usize {
    match race {
        "increments"
        | "logout_against_uses"
        | "reads_against_updates"
        | "bindings"
        | "logins_against_limit" => 10,
        _ => 1,
    }
}

/// The same on a cluster; nothing for a race that is not about the index with its own steps.
fn part_on_cluster(race: &str) -> Option<usize> {
    match race {
        "increments"
        | "logout_against_uses"
        | "reads_against_updates"
        | "updates_of_different_fields" => None,
        "logout_against_increments" => Some(4),
        "bindings" | "logins_against_limit" => Some(10),
        _ => Some(1),
    }
}
