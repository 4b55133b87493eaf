//! What `--save` writes: the report and its chart.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use crate::measure::Table;
use crate::{chart, machine, report};

pub(crate) fn save(tables: &[Table]) -> Result<(), Box<dyn Error>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches");
    chart::draw(tables, &folder.join("results.svg"))?;
    let args: Vec<String> = env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let text = format!(
        "# windrow and its peers, measured\n\n\
         Written by `cargo bench --bench versus -- {}` on {}. How it measures is said at the top of \
         `benches/versus/main.rs`; figures move from machine to machine, ratios of one run much less.\n\n\
         ![the peers' times in windrow's](results.svg)\n\n\
         ```text\n{}```\n",
        args.join(" "),
        machine::date(),
        report::said(),
    );
    fs::write(folder.join("RESULTS.md"), text)?;
    Ok(())
}
