//! One operation many times on one worker, to be counted by callgrind.
//!
//! ```sh
//! cargo bench --bench instructions --no-run       # prints the path of the program
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null PROGRAM fib 22
//! valgrind --tool=callgrind --callgrind-out-file=/dev/null PROGRAM spawn 20000
//! ```
//!
//! The count for one operation is the difference between two sizes, divided by the difference in
//! operations, so that starting up does not count. Operations: `fib` (a join at every call; prints how
//! many joins), `sequential` (the same without), `spawn` (and join the handle, on the worker), `scope`
//! (that many tasks in one scope, on the worker).

use std::hint::black_box;
use std::process::ExitCode;
use windrow::ThreadPool;

fn fib(n: u32) -> (u64, u64) {
    if n < 2 {
        return (u64::from(n), 0);
    }
    let ((a, i), (b, j)) = windrow::join(|| fib(n - 1), || fib(n - 2));
    (a + b, i + j + 1)
}

fn sequential(n: u32) -> (u64, u64) {
    if n < 2 {
        return (u64::from(n), 0);
    }
    let ((a, i), (b, j)) = (sequential(n - 1), sequential(n - 2));
    (a + b, i + j + 1)
}

fn spawn(count: u32) -> u64 {
    (0..count)
        .map(|i| windrow::spawn(move || u64::from(i)))
        .map(|handle| handle.join().unwrap_or(0))
        .sum()
}

fn scope(count: u32) {
    windrow::scope(|s| {
        for i in 0..count {
            s.spawn(move || black_box(i));
        }
    });
}

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let operation = args.next().unwrap_or_else(|| "fib".to_owned());
    let size = match args.next().map(|size| size.parse()) {
        None | Some(Ok(0)) => 10,
        Some(Ok(size)) => size,
        Some(Err(_)) => {
            eprintln!("usage: instructions [fib|sequential|spawn|scope] [SIZE]");
            return ExitCode::from(2);
        }
    };
    let pool = match ThreadPool::new(1) {
        Ok(pool) => pool,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let operations = pool.install(|| match operation.as_str() {
        "fib" => fib(black_box(size)).1,
        "sequential" => sequential(black_box(size)).1,
        "spawn" => {
            black_box(spawn(size));
            u64::from(size)
        }
        "scope" => {
            scope(size);
            u64::from(size)
        }
        _ => 0,
    });
    println!("{operation} {size}: {operations} operations");
    ExitCode::SUCCESS
}
