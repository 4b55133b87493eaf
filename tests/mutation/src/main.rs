//! Mutation testing in one build: see `plant`. `tests/mutation.sh` is what calls it.
//!
//! * `mutation plant TREE PATH..`: plants mutants into the files below `TREE` (the copy of a checkout), in place, and
//!   lists them.
//! * `mutation run LIST OUT SECONDS PREFIX.. -- TEST_BINARY`: runs the tests of the binary against each mutant in the
//!   list (those that reach it, as far as the prefixes let them), and writes those that survive to `OUT`.

mod plant;
mod run;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What `switch.rs` has room for.
const MOST: usize = 8192;

fn files(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default();
    if name == "model" || name == "model.rs" || name == "tests.rs" {
        return Ok(());
    }
    if !path.is_dir() {
        if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        files(&entry?.path(), found)?;
    }
    found.sort();
    Ok(())
}

fn plant_all(tree: &Path, paths: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut found = Vec::new();
    for path in paths {
        files(&tree.join(path), &mut found)?;
    }
    let mut mutants = Vec::new();
    for file in found {
        let first = mutants.len();
        let planted = plant::plant(&fs::read_to_string(&file)?, &mut mutants);
        let planted = planted.map_err(|error| format!("{}: {error}", file.display()))?;
        fs::write(&file, planted)?;
        let name = file.strip_prefix(tree)?.display();
        for (place, mutant) in mutants.iter().enumerate().skip(first) {
            let plant::Mutant {
                line,
                function,
                what,
            } = mutant;
            println!("{}\t{name}:{line}\t{function}\t{what}", place + 1);
        }
    }
    if mutants.len() >= MOST {
        return Err(format!(
            "{} mutants, but a program can hold fewer than {MOST}",
            mutants.len()
        )
        .into());
    }
    let library = tree.join("src/lib.rs");
    let text = fs::read_to_string(&library)?;
    fs::write(library, format!("{text}\nmod mutation;\n"))?;
    fs::write(tree.join("src/mutation.rs"), include_str!("switch.rs"))?;
    Ok(())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["plant", tree, paths @ ..] if !paths.is_empty() => {
            let paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
            plant_all(Path::new(tree), &paths)
        }
        ["run", list, out, seconds, rest @ ..] => {
            let split = rest.iter().position(|&word| word == "--");
            let split = split.ok_or("no `--` before the test binary")?;
            let binary = rest.get(split + 1).ok_or("no test binary")?;
            run::run(list, out, seconds.parse()?, &rest[..split], binary)
        }
        _ => Err(
            "mutation plant TREE PATH.. | mutation run LIST OUT SECONDS PREFIX.. -- TEST_BINARY"
                .into(),
        ),
    }
}
