//! The pages show the code that is tested here, and nothing else.

use std::path::Path;

/// The pages' blocks whose first line names a file, with the page's name.
fn shown(root: &Path) -> Vec<(String, String, String)> {
    let mut blocks = Vec::new();
    for page in std::fs::read_dir(root.join("docs/moving")).unwrap() {
        let page = page.unwrap().path();
        let text = std::fs::read_to_string(&page).unwrap();
        let name = page.file_name().unwrap().to_str().unwrap();
        for block in text.split("```rs\n// ").skip(1) {
            let block = block.split("\n```").next().unwrap();
            let (file, code) = block.split_once('\n').unwrap();
            blocks.push((name.to_owned(), file.to_owned(), code.to_owned()));
        }
    }
    blocks
}

#[test]
fn the_pages_show_the_code_that_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let blocks = shown(root);
    for (page, file, code) in &blocks {
        let source = std::fs::read_to_string(root.join(file)).unwrap();
        assert!(
            source.contains(code),
            "{page} shows other code than {file}:\n{code}"
        );
    }
    let mut pages: Vec<_> = blocks.iter().map(|(page, ..)| page.as_str()).collect();
    pages.sort_unstable();
    pages.dedup();
    let expected = [
        "README.md",
        "from-actix-session.md",
        "from-axum-session.md",
        "from-express-session.md",
        "from-the-redis-guide.md",
        "from-tower-sessions.md",
    ];
    assert_eq!(pages, expected);
}
