//! What is generated: help, completions, manual pages.

use crate::support::{Ended, command};

const COMMANDS: [&str; 10] = [
    "list",
    "count",
    "show",
    "revoke",
    "watch",
    "doctor",
    "purge",
    "schema",
    "completions",
    "man",
];

#[tokio::test]
async fn help_completions_and_manual_pages_render() {
    for (words, said) in [
        (
            &["--help"][..],
            &["Exit codes:", "SESSION_URL", "doctor"][..],
        ),
        (&["revoke", "--help"], &["--older-than", "--dry-run"]),
        (&["completions", "bash"], &["complete -F _sessions"]),
        (&["completions", "zsh"], &["#compdef sessions"]),
        (&["completions", "fish"], &["complete -c sessions"]),
        (&["completions", "elvish"], &["edit:completion"]),
        (&["completions", "powershell"], &["Register-Argument"]),
        (&["man"], &[".TH sessions 1", "SESSION_URL"]),
    ] {
        let ended = Ended::of(command(words)).await;
        assert_eq!((ended.code, &*ended.stderr), (Some(0), ""), "{words:?}");
        for said in said {
            assert!(ended.stdout.contains(said), "{words:?}: {}", ended.stdout);
        }
        let is_whole = COMMANDS.iter().all(|it| ended.stdout.contains(it));
        assert!(is_whole || words[0] == "revoke", "{}", ended.stdout);
    }
    for name in COMMANDS {
        let ended = Ended::of(command(&["man", name])).await;
        let title = format!(".TH sessions-{name} 1");
        assert!(ended.code == Some(0) && ended.stdout.contains(&title));
    }
    let unknown = Ended::of(command(&["man", "lst"])).await;
    assert_eq!((unknown.code, &*unknown.stdout), (Some(2), ""));
    let version = Ended::of(command(&["--version"])).await.stdout;
    assert_eq!(version, format!("sessions {}\n", env!("CARGO_PKG_VERSION")));
}

/// The front page explains every command and names every flag of where the sessions are.
#[tokio::test]
async fn the_front_page_names_what_there_is() {
    let page = include_str!("../../README.md");
    let help = Ended::of(command(&["list", "--help"])).await.stdout;
    let flags = help.split_whitespace().filter(|it| it.starts_with("--"));
    let named = flags.map(|it| it.trim_matches(|c: char| !c.is_ascii_lowercase() && c != '-'));
    let own = ["--help", "--version"];
    for name in named.filter(|it| !own.contains(it)).chain(COMMANDS) {
        assert!(page.contains(name), "{name}");
    }
}
