//! `tests/mutants.sh` plants changes by exact text: each of them must still find its place, and name a model or program
//! that is there. It takes half an hour to run; this says at once when the sources have moved on.

use std::fs;
use std::path::Path;

use crate::tidy::sources;

/// The words of a shell command, up to the end of its line: bare, or within quotes of either kind, and lines that end
/// with a backslash go on.
fn words(command: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = None;
    let mut rest = command.chars();
    while let Some(c) = rest.next() {
        match c {
            '\'' | '"' => {
                let quoted = rest.by_ref().take_while(|&other| other != c);
                word.get_or_insert_with(String::new).extend(quoted);
            }
            '\\' => match rest.next() {
                Some('\n') | None => words.extend(word.take()),
                Some(other) => word.get_or_insert_with(String::new).push(other),
            },
            '\n' => break,
            ' ' => words.extend(word.take()),
            other => word.get_or_insert_with(String::new).push(other),
        }
    }
    words.extend(word);
    words
}

#[test]
fn every_planted_mutant_finds_its_place_and_its_model() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let script = fs::read_to_string(root.join("tests/mutants.sh")).unwrap();
    let rows: Vec<_> = script.split("\nmutant ").skip(1).map(words).collect();
    assert!(rows.len() > 100, "the script was understood");
    let mut files = sources("src");
    files.extend(sources("tests/shuttle"));
    let mut wrong = Vec::new();
    for row in &rows {
        let [what, file, model, find, _replace] = &row[..] else {
            wrong.push(format!("not five words: {row:?}"));
            continue;
        };
        let text = fs::read_to_string(root.join(file)).unwrap_or_default();
        let found = text.matches(find.as_str()).count();
        if found != 1 {
            wrong.push(format!("{what}: its text is {found} times in {file}"));
        }
        let name = model.rsplit("::").next().unwrap();
        let test = format!("fn {name}()");
        if !files.iter().any(|file| file.text.contains(&test)) {
            wrong.push(format!("{what}: there is no model or program {model}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
