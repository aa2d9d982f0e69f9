//! Fixed pieces of work over rayon's threads. The pieces of a sum depend on the sizes alone, so results never depend on the threads.

use rayon::prelude::*;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Samples of a batch that one task carries. A piece of a shard of the training step has no more, and then runs where it is.
pub(crate) const SAMPLES: usize = 16;

/// Elements that one task of an elementwise loop carries: those of [`SAMPLES`] images of 32 x 32 x 32.
const ELEMENTS: usize = SAMPLES << 15;

/// Elements of a parameter that one task updates or adds up.
pub(crate) const UPDATES: usize = 1 << 14;

/// Calls `task` for every piece, side by side where there are several.
pub(crate) fn each<P: Send>(pieces: impl ExactSizeIterator<Item = P>, task: impl Fn(P) + Sync) {
    if pieces.len() <= 1 {
        return pieces.for_each(task);
    }
    let task = &task;
    spread(pieces.map(|piece| -> Task<'_> { Box::new(move || task(piece)) }).collect());
}

type Task<'a> = Box<dyn FnOnce() + Send + 'a>;

/// Boxed tasks, so that what spreads them over threads is compiled once rather than for each of a hundred loops.
///
/// Each thread has its share of them, a stretch of neighbours, and then takes what is left of the others' from the end. A thread that has nothing left to do
/// waits a while before rayon sends it to sleep: to wake it takes longer than many a task, and a loop of a few of them is often followed by another.
fn spread(tasks: Vec<Task<'_>>) {
    let threads = rayon::current_num_threads().min(tasks.len());
    let unfinished = AtomicUsize::new(tasks.len());
    let (len, mut tasks) = (tasks.len(), tasks.into_iter());
    let share = |at: usize| (at + 1) * len / threads - at * len / threads;
    let shares: Vec<_> =
        (0..threads).map(|at| Mutex::new(tasks.by_ref().take(share(at)).collect::<VecDeque<_>>())).collect();
    let next = |at: usize| {
        let own = lock(&shares[at]).pop_front();
        own.or_else(|| (1..threads).find_map(|step| lock(&shares[(at + step) % threads]).pop_back()))
    };
    let work = &|at: usize| {
        while let Some(task) = next(at) {
            task();
            unfinished.fetch_sub(1, Ordering::Release);
        }
        let begin = Instant::now();
        while unfinished.load(Ordering::Acquire) > 0 && begin.elapsed() < WAIT {
            std::thread::yield_now();
        }
    };
    rayon::scope(|scope| {
        for at in 1..threads {
            scope.spawn(move |_| work(at));
        }
        work(0);
    });
}

/// How long a thread waits for tasks of others: about as long as it takes to wake one up.
const WAIT: Duration = Duration::from_micros(50);

/// No task holds a lock, so none is ever poisoned.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `task(samples, their part of output)` over pieces of [`SAMPLES`] samples, side by side where there are several.
pub(crate) fn samples(n: usize, output: &mut [f32], task: impl Fn(Range<usize>, &mut [f32]) + Sync) {
    if n <= SAMPLES {
        return task(0..n, output);
    }
    let pieces = output.chunks_mut((output.len() / n * SAMPLES).max(1)).enumerate();
    each(pieces, |(piece, output)| task(range(n, piece), output));
}

/// [`samples`] whose tasks return something each: their results in order.
pub(crate) fn samples_with<R: Send>(
    n: usize,
    output: &mut [f32],
    task: impl Fn(Range<usize>, &mut [f32]) -> R + Sync,
) -> Vec<R> {
    if n <= SAMPLES {
        return vec![task(0..n, output)];
    }
    let pieces = output.par_chunks_mut((output.len() / n * SAMPLES).max(1)).enumerate();
    pieces.map(|(piece, output)| task(range(n, piece), output)).collect()
}

/// Panics unless places ascend and are those of so many elements.
#[track_caller]
pub(crate) fn check_places(places: &[usize], elements: usize) {
    assert!(places.is_sorted() && places.last().is_none_or(|&last| last < elements), "places of {elements} elements");
}

/// Those of the places that lie in some samples of `len` elements each, from the first of these on.
pub(crate) fn places_among<'a>(places: &'a [usize], len: usize, samples: &Range<usize>) -> Cow<'a, [usize]> {
    let [first, end] = [samples.start * len, samples.end * len];
    let before = |bound| places.partition_point(|&place| place < bound);
    match (first, before(end)) {
        (0, end) => Cow::Borrowed(&places[..end]),
        (first, end) => places[before(first)..end].iter().map(|place| place - first).collect(),
    }
}

/// The samples of a piece.
fn range(n: usize, piece: usize) -> Range<usize> {
    piece * SAMPLES..n.min((piece + 1) * SAMPLES)
}

/// Calls `task(samples)` for the pieces of `n` samples and returns the results in order.
pub(crate) fn sample_ranges<R: Send>(n: usize, task: impl Fn(Range<usize>) -> R + Sync) -> Vec<R> {
    match n.div_ceil(SAMPLES) {
        pieces @ 0..=1 => (0..pieces).map(|piece| task(range(n, piece))).collect(),
        pieces => (0..pieces).into_par_iter().map(|piece| task(range(n, piece))).collect(),
    }
}

/// Calls `task(first element, piece)` over pieces of an elementwise result.
pub(crate) fn elements(output: &mut [f32], task: impl Fn(usize, &mut [f32]) + Sync) {
    if output.len() <= ELEMENTS {
        return task(0, output);
    }
    each(output.chunks_mut(ELEMENTS).enumerate(), |(piece, output)| task(piece * ELEMENTS, output));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(threads: usize) -> rayon::ThreadPool {
        rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap()
    }

    #[test]
    fn every_piece_has_its_turn_once() {
        for threads in [1, 2, 3, 17] {
            for pieces in [0, 1, 2, 7, 100] {
                let mut turns = vec![0; pieces];
                // Pieces whose tasks have pieces of their own.
                pool(threads).install(|| {
                    each(turns.chunks_mut(5), |turns| each(turns.iter_mut(), |turn| *turn += 1));
                });
                assert_eq!(turns, vec![1; pieces], "{threads} threads");
            }
        }
    }

    #[test]
    #[should_panic(expected = "piece 3")]
    fn a_task_that_panics_is_heard() {
        pool(2).install(|| each(0..8, |piece| assert!(piece != 3, "piece {piece}")));
    }
}
