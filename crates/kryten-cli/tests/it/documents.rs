//! Runs every command of README.md and the book as a reader would: in order, in one terminal for each document.
//!
//! Blocks of code in the language `sh` are commands. A word behind the language and a comment above the block say more:
//!
//! ````text
//! ```sh                                  is run, and must end with 0
//!
//! <!-- until: TEXT -->
//! ```sh,stays                            goes on until the end of the document; the next block waits for TEXT
//!
//! <!-- not run: REASON -->
//! ```sh,norun                            is not run, and listed with its reason
//! ````
//!
//! Commands run in a fresh folder with a fresh home and a copy of `config/`. `kryten` is the program under test, and
//! `cargo run` uses what is built. The ports that documents name are replaced by free ones.

mod blocks;
mod terminal;

use std::path::{Path, PathBuf};

use blocks::{Block, Kind, blocks_of};
use terminal::Terminal;

fn repository() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    root.canonicalize().unwrap()
}

/// README.md, the book's own pages, and the documents that are pages of it.
fn documents() -> Vec<PathBuf> {
    let root = repository();
    let mut found = vec![root.join("README.md")];
    for folder in ["book/src", "docs"] {
        let files = std::fs::read_dir(root.join(folder)).unwrap();
        let files = files.map(|file| file.unwrap().path());
        found.extend(files.filter(|file| file.extension().is_some_and(|end| end == "md")));
    }
    found.sort();
    found
}

fn blocks_in(document: &Path) -> Vec<Block> {
    let text = std::fs::read_to_string(document).unwrap();
    let name = document.strip_prefix(repository()).unwrap();
    blocks_of(name.to_str().unwrap(), &text).unwrap_or_else(|problem| panic!("{problem}"))
}

async fn run(name: &str) {
    let document = repository().join(name);
    let blocks = blocks_in(&document);
    assert!(
        blocks.iter().any(|block| block.kind == Kind::Runs),
        "{name}"
    );
    Terminal::open(&repository()).await.run(&blocks).await;
}

#[tokio::test]
async fn the_commands_of_the_readme_do_what_they_say() {
    run("README.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_run_it_do_what_they_say() {
    run("book/src/run.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_swap_the_robot_do_what_they_say() {
    run("book/src/swap-robot.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_swap_the_statistics_do_what_they_say() {
    run("book/src/swap-userstats.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_swap_the_library_do_what_they_say() {
    run("book/src/swap-library.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_swap_the_command_line_do_what_they_say() {
    run("book/src/swap-cli.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_on_bots_do_what_they_say() {
    run("book/src/bot.md").await;
}

#[tokio::test]
async fn the_commands_of_the_chapter_install_it_do_what_they_say() {
    run("book/src/install.md").await;
}

/// So that nobody adds a document with commands and no test.
#[test]
fn every_document_with_commands_has_its_test_and_what_is_not_run_has_a_reason() {
    let tests =
        std::fs::read_to_string(repository().join("crates/kryten-cli/tests/it/documents.rs"))
            .unwrap();
    for document in documents() {
        let name = document
            .strip_prefix(repository())
            .unwrap()
            .to_str()
            .unwrap();
        for block in blocks_in(&document) {
            match block.kind {
                Kind::NotRun(reason) => println!("not run: {}: {reason}", block.place),
                Kind::Runs | Kind::Stays(_) => assert!(
                    tests.contains(&format!("run(\"{name}\")")),
                    "{}: no test runs this document; write one, or mark the block as sh,norun with its reason",
                    block.place
                ),
            }
        }
    }
}
