//! All tests of a Redis backend, for any client.

use session_conformance::differential::{Config, run};
use session_conformance::{CallPath, MemoryHarness, Runner, Suite, races};
use session_redis::IdStorage;

use crate::checks::cluster as cluster_checks;
use crate::harness::Connect;
use crate::{ClusterHarness, RedisHarness, checks};

/// Registers checks of a module, each under its name behind this prefix.
macro_rules! checks {
    ($runner:ident, $prefix:literal, $connect:ident, $module:ident, $($check:ident)*) => {
        $runner$(.test(concat!($prefix, stringify!($check)), move || $module::$check($connect)))*
    };
}

/// All tests of the backend of a client on Redis; each name begins with what it runs on.
pub fn backend_tests(connect: Connect) -> Runner {
    let standalone = |name, storage, paths: &[CallPath]| {
        let make = move || RedisHarness::on_shared(storage, connect);
        Suite::new(name, make).by(paths)
    };
    let cluster = |name, storage, paths: &[CallPath]| {
        let make = move || ClusterHarness::on_shared(storage, connect);
        // Checks of their own break its nodes.
        Suite::new(name, make).by(paths).without_faults()
    };
    // The steps are the same by every path: shown where they are the plainest, and where they are several.
    let (once, all) = (&[CallPath::Direct], &CallPath::ALL);
    let mut runner = Runner::new()
        .suite(standalone("plain", IdStorage::Plain, all))
        .suite(standalone("hashed", IdStorage::Hashed, once))
        .suite(standalone(
            "plain_before_hashed",
            IdStorage::PlainBeforeHashed,
            once,
        ))
        .suite(standalone(
            "hashed_after_plain",
            IdStorage::HashedAfterPlain,
            once,
        ))
        .suite(cluster("cluster", IdStorage::Plain, once))
        .suite(cluster("cluster_hashed", IdStorage::Hashed, once));
    for (name, storage, part) in [
        ("differential::plain", IdStorage::Plain, 1),
        ("differential::hashed", IdStorage::Hashed, 1),
        (
            "differential::hashed_after_plain",
            IdStorage::HashedAfterPlain,
            4,
        ),
    ] {
        runner = runner.test(name, move || differential(connect, storage, part));
    }
    for (name, race) in races::ALL {
        let rounds = races::rounds() / part_of(name);
        runner = runner.test(&format!("races::{name}"), move || async move {
            let harness = RedisHarness::on_shared(IdStorage::Plain, connect).await;
            println!("{}", race(&harness, rounds).await);
        });
        if let Some(part) = part_on_cluster(name) {
            let rounds = races::rounds() / part;
            runner = runner.test(&format!("races_cluster::{name}"), move || async move {
                let harness = ClusterHarness::on_shared(IdStorage::Plain, connect).await;
                println!("{}", race(&harness, rounds).await);
            });
        }
    }
    let runner = checks!(runner, "redis::", connect, checks,
        every_operation_is_one_round_trip
        an_unknown_script_is_run_exactly_once
        a_lost_answer_is_unknown_and_nothing_is_sent_twice
        every_operation_ends_within_its_deadline
        starts_without_a_server
        a_server_that_comes_back_is_used_again
        a_full_server_refuses_growth_only
        the_documented_rights_suffice
        wrong_credentials_are_denied
        a_server_that_is_too_old_is_named
        expiry_is_exact_to_the_millisecond
        dead_sessions_are_never_listed_and_cost_little
        only_a_principal_has_an_index
        no_chosen_id_is_adopted
        ids_hashed_at_rest_leave_nothing_usable
        a_store_in_use_changes_its_key_format
        two_key_formats_cost_one_round_trip_more
        a_large_store_is_looked_through_without_blocking
        looking_through_takes_a_right_of_its_own
    );
    checks!(runner, "cluster::", connect, cluster_checks,
        operations_on_a_cluster_take_few_round_trips
        rotations_stay_in_their_slot_and_take_one_call
        scripts_that_a_node_does_not_know_are_run_exactly_once
        a_lost_answer_of_a_node_is_unknown_and_nothing_is_sent_twice
        a_slot_is_followed_while_it_moves
        a_rotation_waits_for_its_slot
        a_killed_master_stops_its_slots_only
        a_hanging_node_stops_its_slots_only
        a_failover_is_followed
        a_cluster_that_comes_up_is_used
        a_single_server_is_no_cluster
        dropped_backends_leave_no_connections
        a_full_node_refuses_growth_only
        the_documented_rights_suffice_on_a_cluster
        ids_hashed_at_rest_leave_nothing_usable_on_any_node
        a_cluster_in_use_changes_its_key_format
        a_cluster_is_looked_through_while_a_slot_moves
    )
}

/// Random operations in lockstep with the backend in memory; of some only a part of the steps.
async fn differential(connect: Connect, storage: IdStorage, part: usize) {
    let redis = RedisHarness::on_shared(storage, connect).await;
    let config = Config::from_env();
    let config = Config {
        steps: config.steps / part,
        has_admin: true,
        ..config
    };
    match run(&redis, &MemoryHarness::new(), &config).await {
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
