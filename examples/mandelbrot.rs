//! Paints the Mandelbrot set into a PNG file, a row of pixels an item.
//!
//! ```text
//! cargo run --release --example mandelbrot -- --compare
//! cargo run --release --example mandelbrot -- --size 1920x1080 --iterations 5000
//! ```
//!
//! Rows take very different times: those at the edge are done at once, those through the middle run to
//! the last iteration. Nobody has to say how the picture is to be divided: whoever runs out of rows takes
//! half of what another thread has left.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::{Parser, value_parser};
use windrow::ThreadPool;
use windrow::prelude::*;

/// Prints a line, unless the reader has gone, as in `| head`.
macro_rules! say {
    ($($line:tt)*) => { drop(writeln!(io::stdout(), $($line)*)) };
}

/// Paint the Mandelbrot set
#[derive(Parser)]
#[command(name = "mandelbrot")]
struct Cli {
    /// Width and height in pixels
    #[arg(short, long, value_name = "WxH", default_value = "960x640", value_parser = size)]
    size: (u32, u32),
    /// Iterations after which a point counts as part of the set
    #[arg(short, long, value_name = "N", default_value_t = 1000)]
    #[arg(value_parser = value_parser!(u32).range(1..=1_000_000))]
    iterations: u32,
    /// The file to write
    #[arg(
        short,
        long,
        value_name = "FILE",
        default_value = "target/mandelbrot.png"
    )]
    output: PathBuf,
    /// Number of threads, 1 to 1024 [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Also paint on one thread, check that the pictures are equal, and print both times
    #[arg(short, long)]
    compare: bool,
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let number = |text: &str| text.parse().ok().filter(|n| (1..=20_000).contains(n));
    let sides = text.split_once('x');
    let sides = sides.and_then(|(width, height)| Some((number(width)?, number(height)?)));
    sides.ok_or_else(|| "expected two numbers from 1 to 20000, as in 960x640".to_owned())
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _ = writeln!(io::stderr(), "error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<(), String> {
    let mut pool = ThreadPool::builder();
    if let Some(threads) = cli.threads {
        pool = pool.num_threads(threads.into());
    }
    let pool = pool.build().map_err(|error| error.to_string())?;
    // Before the work: a file that cannot be written should say so at once.
    let file = File::create(&cli.output);
    let file = file.map_err(|error| format!("{}: {error}", cli.output.display()))?;

    let mut picture = cli.empty();
    let start = Instant::now();
    // The loop runs on a worker: as many threads take part as the pool has.
    pool.install(|| cli.paint(&mut picture));
    let seconds = start.elapsed().as_secs_f64();
    say!("{seconds:.3} s on {} threads", pool.current_num_threads());

    if cli.compare {
        let mut alone = cli.empty();
        let start = Instant::now();
        cli.paint_alone(&mut alone);
        let one = start.elapsed().as_secs_f64();
        say!("{one:.3} s on one, speed-up: {:.2}", one / seconds);
        if alone != picture {
            return Err("the pictures differ".to_owned());
        }
        say!("equal pictures: true");
    }
    let written = write(file, cli.size, &picture);
    written.map_err(|error| format!("{}: {error}", cli.output.display()))?;
    say!("{}", cli.output.display());
    Ok(())
}

impl Cli {
    /// Three bytes a pixel.
    fn empty(&self) -> Vec<u8> {
        vec![0; self.row_len() * self.size.1 as usize]
    }

    fn row_len(&self) -> usize {
        3 * self.size.0 as usize
    }

    /// A loop over the rows, each of which is a slice of its own to write to: no lock, no copy.
    fn paint(&self, picture: &mut [u8]) {
        let rows = picture.par_chunks_mut(self.row_len());
        rows.enumerate().for_each(|(y, row)| self.paint_row(y, row));
    }

    /// The same on one thread; the methods have the same names, less the `par_`.
    fn paint_alone(&self, picture: &mut [u8]) {
        let rows = picture.chunks_mut(self.row_len());
        rows.enumerate().for_each(|(y, row)| self.paint_row(y, row));
    }

    fn paint_row(&self, y: usize, row: &mut [u8]) {
        let (width, height) = (f64::from(self.size.0), f64::from(self.size.1));
        // All of the set, in the middle, whatever the shape of the picture.
        let step = (3.2 / width).max(2.5 / height);
        let im = (y as f64 + 0.5 - height / 2.0) * step;
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let re = (x as f64 + 0.5 - width / 2.0) * step - 0.7;
            // Four points a pixel: their mean has no jagged edges.
            let points = [(-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0), (1.0, 1.0)];
            let colors =
                points.map(|(dx, dy)| self.color(re + dx * step / 4.0, im + dy * step / 4.0));
            for (i, byte) in pixel.iter_mut().enumerate() {
                *byte = (colors.iter().map(|color| color[i]).sum::<f64>() / 4.0) as u8;
            }
        }
    }

    fn color(&self, re: f64, im: f64) -> [f64; 3] {
        let (mut x, mut y) = (0.0_f64, 0.0_f64);
        for i in 0..self.iterations {
            let (xx, yy) = (x * x, y * y);
            // Far beyond 2, where it is certain to escape: the further, the smoother the colours.
            if xx + yy > 256.0 {
                let smooth = f64::from(i) + 1.0 - ((xx + yy).ln() / 2.0).log2();
                return palette(smooth.max(0.0));
            }
            (x, y) = (xx - yy + re, 2.0 * x * y + im);
        }
        [0.0; 3]
    }
}

/// From midnight far outside through blue and white to gold, and dark again at the edge of the set.
const PALETTE: [[f64; 3]; 8] = [
    [2.0, 4.0, 22.0],
    [6.0, 16.0, 62.0],
    [16.0, 62.0, 148.0],
    [88.0, 168.0, 226.0],
    [240.0, 248.0, 242.0],
    [252.0, 188.0, 56.0],
    [168.0, 62.0, 18.0],
    [40.0, 8.0, 28.0],
];

/// The palette goes with the logarithm of the iterations: at the edge they grow ever faster.
fn palette(smooth: f64) -> [f64; 3] {
    let at = (1.7 * (1.0 + smooth).ln() - 1.2).max(0.0);
    let (from, part) = (at as usize, at.fract());
    let [from, to] = [from, from + 1].map(|i| PALETTE[i.min(PALETTE.len() - 1)]);
    std::array::from_fn(|i| from[i] + part * (to[i] - from[i]))
}

fn write(file: File, (width, height): (u32, u32), picture: &[u8]) -> io::Result<()> {
    let mut encoder = png::Encoder::new(BufWriter::new(file), width, height);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(picture)?;
    Ok(writer.finish()?)
}

#[test]
fn a_picture_is_the_same_on_any_number_of_threads() {
    let cli = Cli::parse_from(["mandelbrot", "--size=40x30", "--iterations=100"]);
    let mut alone = cli.empty();
    cli.paint_alone(&mut alone);
    let pixel = |x: usize, y: usize| &alone[3 * (40 * y + x)..][..3];
    assert_eq!(pixel(28, 15), [0; 3], "0 is in the set");
    assert_ne!(pixel(9, 9), [0; 3], "this is not");
    for threads in [1, 2, 8] {
        let mut picture = cli.empty();
        let pool = ThreadPool::new(threads).unwrap();
        pool.install(|| cli.paint(&mut picture));
        assert!(picture == alone, "{threads} threads");
    }
}

#[test]
fn a_picture_is_written_and_sizes_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.png");
    let paint = |size: &str, file: &std::path::Path| {
        let args =
            ["mandelbrot", "--compare", "--size", size, "--output"].map(std::ffi::OsString::from);
        let cli = Cli::try_parse_from(args.into_iter().chain([file.into()]));
        run(&cli.map_err(|error| error.to_string())?)
    };
    paint("7x5", &path).unwrap();
    assert_eq!(std::fs::read(&path).unwrap()[1..4], *b"PNG");
    for size in ["0x5", "5", "x", "5x99999", "-1x5"] {
        assert!(paint(size, &path).is_err(), "{size}");
    }
    let error = paint("7x5", dir.path()).unwrap_err();
    assert!(error.contains(&*dir.path().to_string_lossy()), "{error}");
}
