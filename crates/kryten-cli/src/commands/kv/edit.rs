//! `kryten kv edit`: a value in an editor, stored only where nobody else has changed it meanwhile.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use kryten_client::kv::Operation;
use kryten_client::{KvBucket, KvError};
use serde_json::json;
use serde_json::value::RawValue;

use super::arguments::Edit;
use super::reindent;
use crate::output;

pub(super) async fn run(bucket: &KvBucket, args: &Edit, is_json: bool) -> anyhow::Result<()> {
    let key = args.key.as_str();
    let entry = bucket.entry(key).await?;
    let revision = entry.as_ref().map_or(0, |entry| entry.revision);
    let value = entry.filter(|entry| entry.operation == Operation::Put);
    if value.is_none() && !args.create {
        anyhow::bail!(
            "there is no key {key:?} in the bucket {}; give --create to begin with nothing",
            bucket.name()
        );
    }
    let value = value.map(|entry| entry.value).unwrap_or_default();
    let Ok(before) = std::str::from_utf8(&value) else {
        anyhow::bail!(
            "the value of {key:?} is no text; use `kryten kv get` and `kryten kv put … -`"
        );
    };
    let form = Form::of(before);
    let file = write_file(key, form, &form.for_editor(before))?;
    let edited = match edit(&file).await {
        Ok(edited) => edited,
        Err(error) => {
            let told = format!("{error}; {}", kept(&file));
            return Err(error.context(told));
        }
    };
    let after = match form.stored_form(before, edited) {
        Ok(after) => after,
        Err((text, _)) if args.force => text,
        Err((_, why)) => anyhow::bail!(
            "the text is no JSON any more ({why}); nothing was stored; {}; --force stores it as it is",
            kept(&file)
        ),
    };
    let was_there = !value.is_empty() || !args.create;
    if after.as_bytes() == value && was_there {
        let _ = std::fs::remove_file(&file);
        output::aside("nothing was changed");
        return Ok(());
    }
    match bucket.replace(key, after, revision).await {
        Ok(revision) => {
            let _ = std::fs::remove_file(&file);
            if is_json {
                output::json(&json!({"key": key, "revision": revision}))?;
            } else {
                output::aside(&format!("stored as revision {revision}"));
            }
            Ok(())
        }
        Err(KvError::WrongRevision { .. }) => anyhow::bail!(
            "somebody else has changed {key:?} meanwhile; nothing was stored; {}; look at the new value and edit again",
            kept(&file)
        ),
        Err(error) => {
            let told = format!("{error}; {}", kept(&file));
            Err(anyhow::Error::from(error).context(told))
        }
    }
}

/// How a value is shown in the editor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    /// JSON on one line, spread for the editor.
    JsonOnOneLine,
    /// JSON over several lines, left as it is.
    Json,
}

impl Form {
    fn of(text: &str) -> Self {
        match parse(text) {
            Ok(()) if text.trim_end().contains('\n') => Self::Json,
            Ok(()) => Self::JsonOnOneLine,
            Err(_) => Self::Text,
        }
    }

    fn for_editor(self, text: &str) -> String {
        match self {
            Self::Text | Self::Json => text.to_owned(),
            Self::JsonOnOneLine => reindent::spread(text) + "\n",
        }
    }

    /// What is stored; or the text and why it is no JSON any more.
    fn stored_form(self, before: &str, edited: String) -> Result<String, (String, String)> {
        // Editors end the last line although the value had no end of line there.
        let edited = match edited.strip_suffix('\n') {
            Some(without) if !before.ends_with('\n') => without.to_owned(),
            _ => edited,
        };
        match self {
            Self::Text => Ok(edited),
            Self::Json | Self::JsonOnOneLine => match parse(&edited) {
                Err(error) => Err((edited, error)),
                Ok(()) if self == Self::Json => Ok(edited),
                Ok(()) => {
                    let squeezed = reindent::squeeze(&edited);
                    let is_same = squeezed == reindent::squeeze(before);
                    Ok(if is_same { before.to_owned() } else { squeezed })
                }
            },
        }
    }
}

fn parse(text: &str) -> Result<(), String> {
    let parsed: Result<&RawValue, _> = serde_json::from_str(text);
    parsed.map(drop).map_err(|error| error.to_string())
}

fn write_file(key: &str, form: Form, text: &str) -> anyhow::Result<PathBuf> {
    let name: String = key
        .chars()
        .map(|character| {
            if character.is_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .take(40)
        .collect();
    let suffix = if form == Form::Text { ".txt" } else { ".json" };
    let written = || -> anyhow::Result<PathBuf> {
        let mut file = tempfile::Builder::new()
            .prefix(&format!("kryten-{name}-"))
            .suffix(suffix)
            .tempfile()?;
        file.write_all(text.as_bytes())?;
        Ok(file.keep()?.1)
    };
    written().context("cannot write a file for the editor")
}

/// Runs the editor and reads what it left.
async fn edit(file: &Path) -> anyhow::Result<String> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    let path = file.to_owned();
    let run = tokio::task::spawn_blocking({
        let editor = editor.clone();
        // As git does: the variable may hold options, and quotes around blanks.
        move || {
            Command::new("sh")
                .arg("-c")
                .arg(format!("{editor} \"$1\""))
                .arg("sh")
                .arg(path)
                .status()
        }
    });
    let status = run
        .await?
        .with_context(|| format!("cannot run the editor {editor}"))?;
    anyhow::ensure!(
        status.success(),
        "the editor {editor} failed ({status}); nothing was stored; leave it without an error, or set EDITOR to another one"
    );
    let bytes = std::fs::read(file).context("cannot read the file again")?;
    String::from_utf8(bytes).context("the file is no text any more")
}

fn kept(file: &Path) -> String {
    format!("your text is in {}", file.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_on_one_line_is_spread_and_comes_back_on_one_line() {
        let before = r#"{"a": 1.50, "b": []}"#;
        let form = Form::of(before);
        let shown = form.for_editor(before);
        assert_eq!(shown, "{\n  \"a\": 1.50,\n  \"b\": []\n}\n");
        assert_eq!(form.stored_form(before, shown.clone()).unwrap(), before);
        let edited = shown.replace("1.50", "2");
        assert_eq!(
            form.stored_form(before, edited).unwrap(),
            r#"{"a":2,"b":[]}"#
        );
        let (text, why) = form.stored_form(before, "{".to_owned()).unwrap_err();
        assert_eq!(text, "{");
        assert!(why.contains("EOF"), "{why}");
    }

    #[test]
    fn other_text_keeps_its_ends_of_lines() {
        for (before, edited, after) in [
            ("one", "one\n", "one"),
            ("one", "two\n", "two"),
            ("one\n", "two\n", "two\n"),
            ("{\n\"a\": 1}", "{\n\"a\": 2}\n", "{\n\"a\": 2}"),
        ] {
            let form = Form::of(before);
            assert_eq!(form.stored_form(before, edited.to_owned()).unwrap(), after);
        }
    }
}
