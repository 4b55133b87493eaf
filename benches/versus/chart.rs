//! The saved chart: how long the peers take beside windrow, a line a row, on two threads.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use crate::measure::{Table, Who};

/// The chart is about pools of this size.
const THREADS: usize = 2;

const LINE: i32 = 26;
const WIDTH: u32 = 1_000;
const LABELS: i32 = 480;
const FONT: &str = "sans-serif";

/// What windrow's time is divided into: a row's title, and each peer's time in windrow's.
struct Beside {
    title: String,
    peers: Vec<(Who, f64)>,
}

impl Beside {
    /// `None` if there is no peer in this row.
    fn of(table: &Table) -> Option<Beside> {
        let ours = table.best(THREADS, |line| line.is_judged())?.median();
        let mut peers: Vec<(Who, f64)> = Vec::new();
        for who in Who::PEERS {
            if let Some(line) = table.best(THREADS, |line| line.who == who) {
                peers.push((who, line.median() / ours));
            }
        }
        let title = format!("{}  {}", table.key, table.title);
        (!peers.is_empty()).then_some(Beside { title, peers })
    }
}

fn color(who: Who) -> RGBColor {
    match who {
        Who::Rayon => RGBColor(0xd9, 0x5f, 0x02),
        Who::Chili => RGBColor(0x7a, 0x3b, 0xa8),
        Who::Orx => RGBColor(0x1b, 0x8a, 0x5a),
        Who::Threadpool => RGBColor(0x8c, 0x6d, 0x1f),
        Who::RustyPool => RGBColor(0xc2, 0x1e, 0x56),
        Who::Sequential | Who::Ideal | Who::ByHand | Who::Windrow => BLACK,
    }
}

/// Draws it.
pub(crate) fn draw(tables: &[Table], path: &Path) -> Result<(), Box<dyn Error>> {
    let rows: Vec<Beside> = tables.iter().filter_map(Beside::of).collect();
    let height = LINE * (i32::try_from(rows.len())? + 4);
    let area = SVGBackend::new(path, (WIDTH, height.unsigned_abs())).into_drawing_area();
    area.fill(&WHITE)?;
    let ratios = || rows.iter().flat_map(|row| &row.peers).map(|peer| peer.1);
    let least = ratios().fold(0.5, f64::min) / 1.2;
    let most = ratios().fold(2.0, f64::max) * 1.3;
    let right = f64::from(WIDTH) - 20.0;
    let left = f64::from(LABELS);
    let x = |ratio: f64| {
        let share = (ratio / least).ln() / (most / least).ln();
        (left + share * (right - left)).round() as i32
    };
    let text = |size: i32| (FONT, size).into_font().color(&BLACK);
    area.draw_text(
        "Time of the peers in windrow's, 2 threads (right of 1: windrow is faster)",
        &text(20),
        (10, 8),
    )?;

    // The peers' colours.
    let mut at = 10;
    for who in Who::PEERS {
        if rows
            .iter()
            .any(|row| row.peers.iter().any(|peer| peer.0 == who))
        {
            area.draw(&Circle::new((at + 6, LINE + 16), 6, color(who).filled()))?;
            area.draw_text(&who.to_string(), &text(17), (at + 18, LINE + 9))?;
            at += 130;
        }
    }

    // The scale.
    let (top, bottom) = (2 * LINE + 8, height - LINE - 4);
    let marks = [
        0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0, 25.0, 100.0, 250.0, 1000.0,
    ];
    for mark in marks
        .into_iter()
        .filter(|mark| (least..most).contains(mark))
    {
        let shade = if mark == 1.0 {
            BLACK.mix(0.9)
        } else {
            BLACK.mix(0.15)
        };
        area.draw(&PathElement::new(
            vec![(x(mark), top), (x(mark), bottom)],
            shade,
        ))?;
        area.draw_text(&format!("{mark}x"), &text(16), (x(mark) - 10, bottom + 6))?;
    }

    for (i, row) in rows.iter().enumerate() {
        let y = top + LINE / 2 + LINE * i32::try_from(i)?;
        area.draw_text(&row.title, &text(16), (10, y - 7))?;
        let faint = BLACK.mix(0.08);
        area.draw(&PathElement::new(
            vec![(LABELS, y), (WIDTH as i32 - 20, y)],
            faint,
        ))?;
        for &(who, ratio) in &row.peers {
            area.draw(&Circle::new((x(ratio), y), 6, color(who).filled()))?;
        }
    }
    area.present()?;
    Ok(())
}
