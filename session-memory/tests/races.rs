//! Concurrency, checked by what the operations returned.

use session_conformance::{MemoryHarness, races};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_under_an_id_after_its_logout() {
    let summary = races::logout_against_increments(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn updates_of_different_fields_are_not_lost() {
    let summary = races::updates_of_different_fields(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_sixty_four_rotations_wins() {
    let summary = races::rotations(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_follow_a_rotation_or_are_told() {
    let summary = races::increments_against_rotation(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_ends_every_login_before_it() {
    let summary = races::logins_against_revocation(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_rotation_escapes_a_revocation() {
    let summary = races::rotations_against_revocation(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_are_distinct_and_gapless() {
    let summary = races::increments(&MemoryHarness::new(), races::rounds() / 10).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_use_revives_a_session() {
    let summary = races::logout_against_uses(&MemoryHarness::new(), races::rounds() / 10).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_shows_whole_updates() {
    let summary = races::reads_against_updates(&MemoryHarness::new(), races::rounds() / 10).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_is_in_one_list() {
    let summary = races::bindings(&MemoryHarness::new(), races::rounds() / 10).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_login_exceeds_the_limit() {
    let summary = races::logins_against_limit(&MemoryHarness::new(), races::rounds() / 10).await;
    println!("{summary}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dead_are_not_listed_and_the_living_are() {
    let summary = races::expirations_against_listing(&MemoryHarness::new(), races::rounds()).await;
    println!("{summary}");
}
