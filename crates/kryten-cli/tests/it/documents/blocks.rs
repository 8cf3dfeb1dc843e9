//! Finds the commands in a document.

/// A block of commands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// The document and the line.
    pub(super) place: String,
    pub(super) kind: Kind,
    pub(super) commands: String,
}

/// What is done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Runs,
    /// Goes on; the rest waits until it has printed this.
    Stays(String),
    /// And why.
    NotRun(String),
}

/// All blocks of a document; `Err` says what is wrong with a mark.
pub(super) fn blocks_of(name: &str, text: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut above = "";
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            above = line.trim();
            continue;
        };
        let place = format!("{name}:{}", number + 1);
        let commands: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        let kind = match language {
            "sh" => Kind::Runs,
            "sh,stays" => Kind::Stays(told(above, "until", &place)?),
            "sh,norun" => Kind::NotRun(told(above, "not run", &place)?),
            other if other.starts_with("sh") => {
                return Err(format!("{place}: {other} is no mark; see documents.rs"));
            }
            "" if commands.iter().any(|line| is_command(line)) => {
                return Err(format!("{place}: commands without a language; write ```sh"));
            }
            _ => continue,
        };
        blocks.push(Block {
            place,
            kind,
            commands: commands.join("\n"),
        });
        above = "";
    }
    Ok(blocks)
}

fn is_command(line: &str) -> bool {
    ["kryten ", "cargo ", "export ", "curl "]
        .iter()
        .any(|start| line.starts_with(start))
}

/// The text of the comment above a block.
fn told(above: &str, what: &str, place: &str) -> Result<String, String> {
    above
        .strip_prefix(&format!("<!-- {what}: "))
        .and_then(|rest| rest.strip_suffix(" -->"))
        .map(str::to_owned)
        .ok_or_else(|| format!("{place}: the line above has to be <!-- {what}: … -->"))
}

#[test]
fn marks_are_understood_and_a_forgotten_one_is_told() {
    let text = "a\n```sh\nkryten kv ls\n```\n\n<!-- until: ready -->\n```sh,stays\nkryten up\n```\n<!-- not run: root -->\n```sh,norun\nx\n```\n```json\n{}\n```\n";
    let kinds: Vec<(String, Kind)> = blocks_of("a.md", text)
        .unwrap()
        .into_iter()
        .map(|block| (block.place, block.kind))
        .collect();
    assert_eq!(
        kinds,
        [
            ("a.md:2".to_owned(), Kind::Runs),
            ("a.md:7".to_owned(), Kind::Stays("ready".to_owned())),
            ("a.md:11".to_owned(), Kind::NotRun("root".to_owned())),
        ]
    );
    assert!(blocks_of("a.md", "```sh,norun\nx\n```\n").is_err());
    assert!(blocks_of("a.md", "```\nkryten up\n```\n").is_err());
    assert!(blocks_of("a.md", "```sh,later\nx\n```\n").is_err());
}
