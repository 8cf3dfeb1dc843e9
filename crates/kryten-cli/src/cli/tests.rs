//! The help of every verb, word for word, as it stands on a terminal of 80 columns. A page for each verb, with those of
//! the verbs below it, is in `snapshots`; after a change `INSTA_UPDATE=always cargo test -p kryten-cli help_of_every_verb`
//! writes them anew.

use std::collections::BTreeSet;
use std::path::Path;

const COLUMNS: usize = 80;

fn narrow(command: clap::Command) -> clap::Command {
    command.term_width(COLUMNS).mut_subcommands(narrow)
}

/// What `kryten VERB… --help` prints.
fn help(whole: &clap::Command, verbs: &[&str]) -> String {
    let arguments = ["kryten"].iter().chain(verbs).chain(&["--help"]);
    let shown = whole.clone().try_get_matches_from(arguments).unwrap_err();
    let lines: Vec<String> = shown
        .to_string()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n").trim_end().to_owned()
}

/// The help of a verb, and of all below it.
fn pages(whole: &clap::Command, of: &clap::Command, verbs: &[&str], page: &mut String) {
    page.push_str(&format!(
        "$ kryten {} --help\n{}\n\n",
        verbs.join(" "),
        help(whole, verbs)
    ));
    for verb in of.get_subcommands() {
        pages(whole, verb, &[verbs, &[verb.get_name()]].concat(), page);
    }
}

#[test]
fn the_help_of_every_verb_is_word_for_word_as_it_was() {
    let whole = narrow(super::command_for(COLUMNS));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli/snapshots");
    settings.set_snapshot_path(&folder);
    let _bound = settings.bind_to_scope();
    insta::assert_snapshot!("kryten", help(&whole, &[]));
    let mut wanted = BTreeSet::from(["kryten.snap".to_owned()]);
    for verb in whole.get_subcommands() {
        let name = verb.get_name();
        let mut page = String::new();
        pages(&whole, verb, &[name], &mut page);
        insta::assert_snapshot!(name, page);
        wanted.insert(format!("{name}.snap"));
    }
    let kept = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let kept: BTreeSet<String> = kept.map(|name| name.into_string().unwrap()).collect();
    assert_eq!(kept, wanted, "a verb that is gone leaves no page");
}

#[test]
fn no_line_that_was_written_by_hand_is_wider_than_a_terminal() {
    /// Of examples and notes, which are not broken as all else is.
    const WIDEST: usize = 80;
    fn walk(command: &clap::Command, wide: &mut Vec<String>) {
        let text = command
            .get_after_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        wide.extend(
            text.lines()
                .filter(|line| line.chars().count() > WIDEST && line.starts_with(' '))
                .map(str::to_owned),
        );
        command.get_subcommands().for_each(|verb| walk(verb, wide));
    }
    let mut wide = Vec::new();
    walk(&super::command(), &mut wide);
    assert_eq!(wide, [""; 0]);
}
