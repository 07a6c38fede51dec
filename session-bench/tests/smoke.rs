//! Runs every case once, as short as can be: whether it works, not how fast.

use std::process::Command;

use serde_json::Value;

#[test]
fn every_case_of_every_group_runs() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_session-bench"))
        .args(["--smoke", "--json"])
        .arg(file.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");

    let found: Value = serde_json::from_reader(file).unwrap();
    let of_group = |part: &str, group: &str| {
        let all = found[part].as_array().unwrap().iter();
        let these: Vec<_> = all.filter(|it| it["group"] == group).cloned().collect();
        these
    };
    for (group, cases) in [
        ("redis", 24),
        ("near", 5),
        ("http", 12),
        ("sql", 48),
        ("sql-pages", 12),
        ("memory", 8),
        ("growth", 24),
    ] {
        let measured = of_group("measurements", group);
        assert_eq!(measured.len(), cases, "{group}: {measured:#?}");
        assert!(!of_group("ratios", group).is_empty(), "{group}");
        for case in measured {
            let round = &case["rounds"][0];
            // What was in flight while a busy machine stood still may have taken too long.
            let works = round["ops_per_s"].as_f64() > Some(0.0);
            assert!(works && round["errors"].as_u64() <= Some(64), "{case:#?}");
        }
    }
    for group in ["near", "sql", "sql-pages", "memory", "growth", "counts"] {
        assert!(!of_group("figures", group).is_empty(), "{group}");
    }
}
