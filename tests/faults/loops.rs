//! Parallel loops over items: the first panic goes on, and every item is dropped.

use std::sync::Arc;

use windrow::prelude::*;

use crate::case::{Case, Deed, Fault};
use crate::counting::{Item, Kind};
use crate::place::Place;
use crate::stage::{Expected, Stage};

const ITEMS: usize = 64;
const FIRST: usize = 20;
const SECOND: usize = 45;

pub(crate) fn run(place: &Place<'_>, stage: &Arc<Stage>) {
    let make = || -> Vec<Item> { (0..ITEMS).map(|_| stage.book.item(Kind::Item)).collect() };
    let end = |(index, item): (usize, Item)| {
        item.note_use();
        if index == FIRST || index == SECOND {
            stage.moment();
        }
        match stage.case.deed() {
            // One, since a vector that drops two bombs ends the process.
            Deed::ReturnBomb if index == FIRST => stage.end(Deed::ReturnBomb),
            deed @ (Deed::Throw | Deed::ThrowBomb) if index == FIRST || index == SECOND => {
                stage.end(deed)
            }
            _ => stage.end(Deed::Return),
        }
    };
    stage.catch(|| {
        let items = make().into_par_iter().enumerate();
        let results: Vec<Item> = match place {
            Place::Outside(pool) => items.on(pool).map(end).collect(),
            Place::Inside => items.map(end).collect(),
        };
        assert_eq!(results.len(), ITEMS);
        for result in results {
            stage.receive(Ok(result));
        }
    });
    stage.catch(|| {
        let items = make().into_par_iter().enumerate();
        match place {
            Place::Outside(pool) => items.on(pool).for_each(|item| drop(end(item))),
            Place::Inside => items.for_each(|item| drop(end(item))),
        }
    });
}

/// Of the loop that collects, and of the one that drops what it gets.
pub(crate) fn expected(case: Case) -> Expected {
    let word = match case.fault {
        Fault::Result => "blast",
        _ => "payload",
    };
    Expected {
        caught: vec![word; 2],
        ..Expected::default()
    }
}
