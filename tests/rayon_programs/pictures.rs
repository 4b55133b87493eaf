//! Pictures and worlds: the Mandelbrot set, the game of life, stars.

use super::pool::prelude::*;

pub(crate) fn mandelbrot(width: usize, height: usize) -> Vec<u8> {
    let mut pixels = vec![0; width * height];
    pixels
        .par_chunks_mut(width)
        .enumerate()
        .for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                *pixel = escape(
                    x as f64 / width as f64 * 3.0 - 2.0,
                    y as f64 / height as f64 * 2.0 - 1.0,
                );
            }
        });
    pixels
}

pub(crate) fn escape(re: f64, im: f64) -> u8 {
    let (mut x, mut y) = (0.0, 0.0);
    for step in 0..255 {
        (x, y) = (x * x - y * y + re, 2.0 * x * y + im);
        if x * x + y * y > 4.0 {
            return step;
        }
    }
    255
}

#[derive(Clone, PartialEq, Debug)]
pub(crate) struct World {
    pub(crate) side: usize,
    pub(crate) cells: Vec<bool>,
}

impl World {
    fn next(&self, at: usize) -> bool {
        let side = self.side;
        let (row, column) = (at / side, at % side);
        let near = |x: usize| [(x + side - 1) % side, x, (x + 1) % side];
        let neighbours = near(row)
            .iter()
            .flat_map(|r| near(column).map(|c| r * side + c))
            .filter(|&cell| cell != at && self.cells[cell])
            .count();
        matches!((self.cells[at], neighbours), (true, 2) | (_, 3))
    }

    pub(crate) fn step(&self) -> World {
        let cells = (0..self.cells.len())
            .into_par_iter()
            .map(|at| self.next(at))
            .collect();
        World {
            side: self.side,
            cells,
        }
    }

    pub(crate) fn step_by_bridge(&self) -> World {
        let mut cells = self.cells.clone();
        cells
            .iter_mut()
            .enumerate()
            .par_bridge()
            .for_each(|(at, cell)| *cell = self.next(at));
        World {
            side: self.side,
            cells,
        }
    }

    pub(crate) fn step_alone(&self) -> World {
        let cells = (0..self.cells.len()).map(|at| self.next(at)).collect();
        World {
            side: self.side,
            cells,
        }
    }

    pub(crate) fn alive(&self) -> usize {
        self.cells.par_iter().filter(|alive| **alive).count()
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Star {
    pub(crate) place: [f64; 3],
    pub(crate) speed: [f64; 3],
    pub(crate) mass: f64,
}

impl Star {
    pub(crate) fn pull(&self, all: &[Star]) -> [f64; 3] {
        let mut pull = [0.0; 3];
        for other in all {
            let way: [f64; 3] = std::array::from_fn(|i| other.place[i] - self.place[i]);
            let square = way.iter().map(|x| x * x).sum::<f64>() + 0.01;
            for (pull, way) in pull.iter_mut().zip(way) {
                *pull += way * other.mass / (square * square.sqrt());
            }
        }
        pull
    }

    pub(crate) fn go(&mut self, pull: &[f64; 3]) {
        let (place, speed) = (self.place.iter_mut(), self.speed.iter_mut());
        for ((place, speed), pull) in place.zip(speed).zip(pull) {
            *speed += pull * 0.01;
            *place += *speed * 0.01;
        }
    }
}

pub(crate) fn tick(stars: &mut [Star]) {
    let mut pulls = Vec::new();
    stars
        .par_iter()
        .map(|star| star.pull(stars))
        .collect_into_vec(&mut pulls);
    stars
        .par_iter_mut()
        .zip(&pulls)
        .for_each(|(star, pull)| star.go(pull));
}
