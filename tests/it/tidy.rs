//! Tests of the tree itself: which module may use which, how long a file may be, and that every unsafe operation says
//! why it is sound.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The layers of the design, lowest first: a module uses itself and what is on lower lines.
const LAYERS: &[&[&str]] = &[
    &["sync", "unwind", "rng", "priority"],
    &["process"],
    &["sim", "report"],
    &["clock", "observe", "error"],
    &["park"],
    &["latch", "metrics", "policy"],
    &["cancel", "gate", "task"],
    &["scheduler"],
    &["rate_limit"],
    &["life"],
    &["pool"],
    &["scope", "group", "scatter", "wait_group", "autoscale"],
    &["par"],
];

/// What a file, or a folder of files, uses on its own line or above in spite of that.
const EXCEPTIONS: &[(&str, &str)] = &[];

/// The longest that a file may be.
const LINES: usize = 500;

/// The only folder that takes atomics, locks, deques and threads from where they come.
const PRIMITIVES: &str = "sync/";

pub(crate) struct Source {
    /// Relative to the root that was asked for, with `/` on every system.
    path: String,
    pub(crate) text: String,
}

impl Source {
    /// The top-level module that the file belongs to; `lib` for the crate's root.
    fn module(&self) -> &str {
        let (module, _) = self.path.split_once('/').unwrap_or((&self.path, ""));
        module.trim_end_matches(".rs")
    }

    /// A file of tests: those of the model checker bring their own primitives.
    fn is_test(&self) -> bool {
        self.path.contains("/model/")
            || self.path.ends_with("/model.rs")
            || self.path.ends_with("tests.rs")
    }

    /// The file without its comments and without the tests at its end.
    fn code(&self) -> String {
        let before_tests = self.text.lines().take_while(|line| {
            let line = line.trim_start();
            !(line.starts_with("#[cfg(test)]") || line.starts_with("#[cfg(all(test"))
        });
        before_tests
            .flat_map(|line| [without_comment(line), "\n"])
            .collect()
    }

    /// The modules of this crate that the code names.
    fn uses(&self) -> BTreeSet<String> {
        let code = self.code();
        let mut uses = BTreeSet::new();
        for (at, found) in code.match_indices("crate::") {
            let path = &code[at + found.len()..];
            match path.strip_prefix('{') {
                Some(list) => uses.extend(items(list).map(first_name)),
                None => uses.extend([first_name(path)]),
            }
        }
        uses
    }
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or(line)
}

fn first_name(path: &str) -> String {
    path.trim_start()
        .chars()
        .take_while(|&c| c.is_alphanumeric() || c == '_')
        .collect()
}

/// The outermost items of a list of imports, up to the brace that closes it.
fn items(list: &str) -> impl Iterator<Item = &str> {
    let mut depth = 1;
    let end = list.find(|c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        depth == 0
    });
    let mut depth = 0;
    let list = list[..end.unwrap_or(list.len())].split(move |c| {
        depth += i32::from(c == '{') - i32::from(c == '}');
        c == ',' && depth == 0
    });
    list.filter(|item| !item.trim().is_empty())
}

/// Every Rust file under a folder of the repository.
pub(crate) fn sources(folder: &str) -> Vec<Source> {
    fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, files);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut files = Vec::new();
    collect(&root, &mut files);
    files.sort();
    let read = |path: PathBuf| Source {
        path: path
            .strip_prefix(&root)
            .unwrap()
            .to_str()
            .unwrap()
            .replace('\\', "/"),
        text: fs::read_to_string(&path).unwrap(),
    };
    files.into_iter().map(read).collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Each use of one module in a file of another, as it is in the tree.
fn dependencies() -> Vec<(String, String, String)> {
    let of_file = |source: Source| {
        let uses: Vec<_> = source
            .uses()
            .into_iter()
            .filter(|used| used != source.module())
            .collect();
        uses.into_iter()
            .map(move |used| (source.path.clone(), source.module().to_owned(), used))
    };
    sources("src")
        .into_iter()
        .filter(|source| source.module() != "lib" && !source.is_test())
        .flat_map(of_file)
        .collect()
}

fn excepted(path: &str, used: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|&(place, module)| path.starts_with(place) && module == used)
}

#[test]
fn every_module_has_its_layer() {
    let modules: BTreeSet<String> = sources("src")
        .iter()
        .map(|source| source.module().to_owned())
        .collect();
    let listed: BTreeSet<String> = LAYERS
        .concat()
        .into_iter()
        .chain(["lib"])
        .map(str::to_owned)
        .collect();
    assert_eq!(modules, listed, "modules in src, modules in the table");
}

#[test]
fn dependencies_point_down() {
    let mut wrong = Vec::new();
    for (path, module, used) in dependencies() {
        match (layer(&module), layer(&used)) {
            (Some(own), Some(other)) if other < own => {}
            (_, Some(_)) if excepted(&path, &used) => {}
            _ => wrong.push(format!("src/{path} uses {used}")),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_exception_is_needed() {
    let dependencies = dependencies();
    for (place, module) in EXCEPTIONS {
        let needed = dependencies
            .iter()
            .any(|(path, _, used)| path.starts_with(place) && used == module);
        assert!(needed, "src/{place} does not use {module} any more");
    }
}

#[test]
fn only_one_module_takes_primitives_from_outside() {
    let foreign = [
        "std::sync",
        "core::sync",
        "std::thread",
        "parking_lot",
        "crossbeam_deque",
        "loom::",
        "shuttle::",
    ];
    // No primitives: a counted pointer, an error, and a question about the thread's own state.
    let harmless = [
        "std::sync::Arc;",
        "std::sync::PoisonError;",
        "std::thread::panicking()",
    ];
    let mut wrong = Vec::new();
    for source in sources("src")
        .into_iter()
        .filter(|source| !source.path.starts_with(PRIMITIVES) && !source.is_test())
    {
        for (number, line) in source.code().lines().enumerate() {
            let line = harmless
                .iter()
                .fold(line.to_owned(), |line, name| line.replace(name, ""));
            if foreign.iter().any(|name| line.contains(name)) {
                wrong.push(format!(
                    "src/{}:{}: {}",
                    source.path,
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_file_is_too_long() {
    for folder in ["src", "tests"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            assert!(lines <= LINES, "{folder}/{} has {lines} lines", source.path);
        }
    }
}

#[test]
fn every_unsafe_block_and_impl_says_why_it_is_sound() {
    let mut wrong = Vec::new();
    for source in sources("src") {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            let code = without_comment(line);
            if ["unsafe {", "unsafe impl"]
                .iter()
                .any(|what| code.contains(what))
            {
                let above = &lines[number.saturating_sub(3)..number];
                if !(is_explained(above) || is_explained(comment_above(&lines[..number]))) {
                    wrong.push(format!(
                        "src/{}:{}: {}",
                        source.path,
                        number + 1,
                        code.trim()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Documents that name tests.
const DOCUMENTS: &[&str] = &["tests/README.md", "src/guarantees.md"];

#[test]
fn what_the_documents_name_exists() {
    let mut places: Vec<Source> = sources("tests");
    places.extend(sources("src"));
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut named = 0;
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document)).expect("the document is there");
        for (module, test) in text.split('`').filter_map(test_name) {
            named += 1;
            let is_in = |path: &str| {
                path.trim_end_matches(".rs")
                    .split('/')
                    .any(|part| part == module)
            };
            let head = format!("fn {test}(");
            assert!(
                places
                    .iter()
                    .any(|place| is_in(&place.path) && place.text.contains(&head)),
                "{document} names `{module}::{test}`, which does not exist"
            );
        }
    }
    assert!(named > 50, "the names are not recognized any more: {named}");
}

/// `module::a_name_of_several_words`.
fn test_name(code: &str) -> Option<(&str, &str)> {
    let (module, test) = code.split_once("::")?;
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_test = test.matches('_').count() >= 2;
    (is_test && module.chars().all(is_word) && test.chars().all(is_word)).then_some((module, test))
}

fn is_explained(lines: &[&str]) -> bool {
    lines.iter().any(|line| line.contains("SAFETY:"))
}

/// The comment that ends right above, however long it is.
fn comment_above<'a>(lines: &'a [&'a str]) -> &'a [&'a str] {
    let start = lines
        .iter()
        .rposition(|line| !line.trim_start().starts_with("//"));
    &lines[start.map_or(0, |line| line + 1)..]
}
