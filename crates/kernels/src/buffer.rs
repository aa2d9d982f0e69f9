//! Storage of `f32` that is aligned to cache lines and used again.
//!
//! A training step needs the same buffers every time. Fresh ones cost page faults and zeroing, and a register of 512 bits that
//! straddles two cache lines costs two reads. So a [`Buffer`] begins at a cache line, and when it is dropped its memory waits for the
//! next one of its size: first on the thread that dropped it, where it may still be in the cache, beyond 2 MiB for all threads.

use crate::vector::LANES;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Elements from which on memory is kept for reuse. Smaller pieces are the allocator's business.
const SMALLEST: usize = 1024;

/// Bytes that a thread keeps for itself: about a second-level cache.
const KEPT: usize = 2 << 20;

/// An owned slice of `f32` that begins at a cache line.
pub struct Buffer {
    lines: Vec<Line>,
    len: usize,
}

impl Buffer {
    /// A buffer of zeros.
    pub fn zeros(len: usize) -> Buffer {
        let mut buffer = Buffer::stale(len);
        buffer.fill(0.0);
        buffer
    }

    /// A buffer whose elements are whatever was there before, for those who write all of them.
    pub fn stale(len: usize) -> Buffer {
        let lines = len.div_ceil(LANES);
        if len < SMALLEST {
            return Buffer { lines: vec![Line([0.0; LANES]); lines], len };
        }
        let class = class(lines);
        let mut lines = take(class).unwrap_or_else(|| fresh(class));
        // The whole class was initialised when it was made; a shorter use of it must not shorten that.
        debug_assert_eq!(lines.len(), class);
        lines.truncate(class);
        Buffer { lines, len }
    }
}

impl From<&[f32]> for Buffer {
    fn from(elements: &[f32]) -> Buffer {
        let mut buffer = Buffer::stale(elements.len());
        buffer.copy_from_slice(elements);
        buffer
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Buffer {
        Buffer::from(&**self)
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: `lines` holds at least `len` initialised floats without gaps between them, at a stricter alignment.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len >= SMALLEST {
            give(std::mem::take(&mut self.lines));
        }
    }
}

/// The lines of the smallest class that holds `lines`: classes are an eighth of a power of two apart, so at most an eighth is wasted.
fn class(lines: usize) -> usize {
    let step = (lines.next_power_of_two() / 16).max(1);
    lines.next_multiple_of(step)
}

/// Memory that was not there before.
fn fresh(class: usize) -> Vec<Line> {
    let mut lines = Vec::with_capacity(class);
    #[cfg(target_os = "linux")]
    large_pages(lines.spare_capacity_mut());
    lines.resize(class, Line([0.0; LANES]));
    lines
}

/// Bytes from which on memory is worth large pages.
#[cfg(target_os = "linux")]
const LARGE: usize = 32 << 20;

/// Asks for pages of 2 MiB, which is where reading several long tensors side by side spends less on finding their pages. Nothing depends on the answer.
#[cfg(target_os = "linux")]
fn large_pages(memory: &mut [std::mem::MaybeUninit<Line>]) {
    const PAGE: usize = 4096;
    let bytes = size_of_val(memory);
    let start = memory.as_mut_ptr().cast::<u8>();
    let skipped = start.align_offset(PAGE);
    if bytes >= LARGE {
        // SAFETY: the pages lie in memory that this slice owns, and the advice changes no contents.
        unsafe { libc::madvise(start.add(skipped).cast(), (bytes - skipped) / PAGE * PAGE, libc::MADV_HUGEPAGE) };
    }
}

/// Memory that waits, by its class, and its bytes.
#[derive(Default)]
struct Waiting {
    classes: BTreeMap<usize, Vec<Vec<Line>>>,
    bytes: usize,
}

impl Waiting {
    fn take(&mut self, class: usize) -> Option<Vec<Line>> {
        let lines = self.classes.get_mut(&class)?.pop()?;
        self.bytes -= size_of_val(lines.as_slice());
        Some(lines)
    }

    fn give(&mut self, lines: Vec<Line>) {
        self.bytes += size_of_val(lines.as_slice());
        self.classes.entry(lines.len()).or_default().push(lines);
    }
}

thread_local! {
    static OWN: RefCell<Waiting> = RefCell::default();
}

static SHARED: Mutex<Waiting> = Mutex::new(Waiting { classes: BTreeMap::new(), bytes: 0 });

fn take(class: usize) -> Option<Vec<Line>> {
    // A thread that is ending has no list of its own any more.
    let own = OWN.try_with(|own| own.borrow_mut().take(class)).ok().flatten();
    own.or_else(|| SHARED.lock().unwrap_or_else(PoisonError::into_inner).take(class))
}

fn give(lines: Vec<Line>) {
    let mut lines = Some(lines);
    let _ = OWN.try_with(|own| {
        let mut own = own.borrow_mut();
        if own.bytes < KEPT {
            own.give(lines.take().expect("it is given once"));
        }
    });
    if let Some(lines) = lines {
        SHARED.lock().unwrap_or_else(PoisonError::into_inner).give(lines);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_cache_line() {
        // The last one is on large pages.
        for len in [0, 1, 15, 16, 17, 1023, 1024, 1025, 100_000, 9_000_001] {
            let buffer = Buffer::zeros(len);
            assert_eq!(buffer.len(), len);
            assert!(buffer.iter().all(|&x| x == 0.0));
            assert_eq!(buffer.as_ptr().addr() % 64, 0);
        }
    }

    #[test]
    fn memory_is_used_again() {
        let mut first = Buffer::zeros(50_000);
        first[49_999] = 7.0;
        let address = first.as_ptr();
        drop(first);
        let second = Buffer::stale(50_000);
        assert_eq!((second.as_ptr(), second[49_999]), (address, 7.0));
        // A shorter one of the same class, too, and the class keeps its size.
        drop(second);
        drop(Buffer::stale(49_990));
        assert_eq!(Buffer::stale(50_000)[49_999], 7.0);
    }

    #[test]
    fn classes_waste_at_most_an_eighth() {
        for lines in 64..5000 {
            let class = class(lines);
            assert!(class >= lines && class - lines <= lines / 8, "{lines} in {class}");
        }
    }
}
