//! Storage of `f32` that is aligned to cache lines and used again.
//!
//! A training step needs the same buffers every time. Fresh ones cost page faults and zeroing, and a register of 512 bits that
//! straddles two cache lines costs two reads. So a [`Buffer`] begins at a cache line, and when it is dropped its memory waits for the
//! next one of its size: on the thread that dropped it, where it may still be in the cache, or for all threads, if that thread keeps 2 MiB already, the
//! memory is larger alone, or the thread ends. It lies on large pages, where the system has them.

use crate::vector::LANES;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// One cache line.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Elements from which on memory is kept for reuse. Smaller pieces are the allocator's business, which has lists of its own for them.
const SMALLEST: usize = 256;

/// Bytes from which on a thread keeps nothing more for itself: about a second-level cache.
const KEPT: usize = 2 << 20;

/// An owned slice of `f32` that begins at a cache line.
pub struct Buffer {
    memory: Memory,
    len: usize,
}

/// A few lines of its own, or a part of a slab.
enum Memory {
    Few(Vec<Line>),
    Part(&'static mut [Line]),
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::Few(Vec::new())
    }
}

impl Deref for Memory {
    type Target = [Line];

    fn deref(&self) -> &[Line] {
        match self {
            Memory::Few(lines) => lines,
            Memory::Part(lines) => lines,
        }
    }
}

impl DerefMut for Memory {
    fn deref_mut(&mut self) -> &mut [Line] {
        match self {
            Memory::Few(lines) => lines,
            Memory::Part(lines) => lines,
        }
    }
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
            return Buffer { memory: Memory::Few(vec![Line([0.0; LANES]); lines]), len };
        }
        let class = class(lines);
        // All of it was initialised when it was made, however little of it is used now.
        let memory = take(class).unwrap_or_else(|| Memory::Part(part_of_a_slab(class)));
        assert_eq!(memory.len(), class, "buffer: lines");
        Buffer { memory, len }
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
        // SAFETY: the lines hold at least `len` initialised floats without gaps between them, at a stricter alignment.
        unsafe { std::slice::from_raw_parts(self.memory.as_ptr().cast(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as for `deref`, and `self` is borrowed alone.
        unsafe { std::slice::from_raw_parts_mut(self.memory.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.len >= SMALLEST {
            give(std::mem::take(&mut self.memory));
        }
    }
}

/// The lines of the smallest class that holds `lines`: classes are an eighth of a power of two apart, so at most an eighth is wasted.
fn class(lines: usize) -> usize {
    let step = (lines.next_power_of_two() / 16).max(1);
    lines.next_multiple_of(step)
}

/// Bytes of a large page.
const LARGE_PAGE: usize = 2 << 20;

/// Lines of a large page, and of a slab at least.
const PAGE_LINES: usize = LARGE_PAGE / size_of::<Line>();
const SLAB: usize = 2 * PAGE_LINES;

/// Places of a page where memory begins, in turns. Tensors that are read side by side, such as a parameter with its gradient and its optimizer's state, compete
/// for the same sets of the caches and the same banks of memory where all begin at one: Adam takes 8 % longer over 25 million parameters.
const PLACES: usize = 8;

/// Lines from one place to the next: odd, so that not even a few of them are a power of two apart.
const APART: usize = 13;

/// Lines that no buffer had before, from a slab that is never given back: neither are buffers.
///
/// On pages of 4 KiB it is chance which lines of several buffers compete for one set of the second cache: one process took five percent longer for a step
/// than the next, and most of them longer than one on large pages.
fn part_of_a_slab(lines: usize) -> &'static mut [Line] {
    static SLABS: Mutex<Vec<&mut [Line]>> = Mutex::new(Vec::new());
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let skipped = MADE.fetch_add(1, Ordering::Relaxed) % PLACES * APART;
    let mut slabs = SLABS.lock().unwrap_or_else(PoisonError::into_inner);
    let at = slabs.iter().position(|slab| slab.len() >= skipped + lines).unwrap_or_else(|| {
        slabs.push(slab((skipped + lines).next_multiple_of(PAGE_LINES).max(SLAB)));
        slabs.len() - 1
    });
    let (part, rest) = std::mem::take(&mut slabs[at]).split_at_mut(skipped + lines);
    slabs[at] = rest;
    &mut part[skipped..]
}

/// A slab of zeros, which begins at a large page.
fn slab(lines: usize) -> &'static mut [Line] {
    let memory = Box::leak(Box::new_uninit_slice(lines + PAGE_LINES));
    let skipped = memory.as_ptr().cast::<u8>().align_offset(LARGE_PAGE) / size_of::<Line>();
    let memory = &mut memory[skipped..][..lines];
    // Nothing depends on the answer.
    #[cfg(target_os = "linux")]
    // SAFETY: the pages lie in memory that nobody else has, and the advice changes no contents.
    unsafe {
        libc::madvise(memory.as_mut_ptr().cast(), size_of_val(memory), libc::MADV_HUGEPAGE)
    };
    for line in &mut *memory {
        line.write(Line([0.0; LANES]));
    }
    // SAFETY: every line was written.
    unsafe { std::slice::from_raw_parts_mut(memory.as_mut_ptr().cast(), lines) }
}

/// Memory that waits, by its class, and its bytes.
#[derive(Default)]
struct Waiting {
    classes: BTreeMap<usize, Vec<Memory>>,
    bytes: usize,
}

impl Drop for Waiting {
    /// What a thread has kept goes to all others when it ends.
    fn drop(&mut self) {
        std::mem::take(&mut self.classes).into_values().flatten().for_each(give_to_all);
    }
}

impl Waiting {
    fn take(&mut self, class: usize) -> Option<Memory> {
        let memory = self.classes.get_mut(&class)?.pop()?;
        self.bytes -= size_of_val(&*memory);
        Some(memory)
    }

    fn give(&mut self, memory: Memory) {
        self.bytes += size_of_val(&*memory);
        self.classes.entry(memory.len()).or_default().push(memory);
    }
}

thread_local! {
    static OWN: RefCell<Waiting> = RefCell::default();
}

static SHARED: Mutex<Waiting> = Mutex::new(Waiting { classes: BTreeMap::new(), bytes: 0 });

fn take(class: usize) -> Option<Memory> {
    // A thread that is ending has no list of its own any more.
    let own = OWN.try_with(|own| own.borrow_mut().take(class)).ok().flatten();
    own.or_else(|| SHARED.lock().unwrap_or_else(PoisonError::into_inner).take(class))
}

fn give(memory: Memory) {
    let mut memory = Some(memory);
    let _ = OWN.try_with(|own| {
        let mut own = own.borrow_mut();
        if own.bytes < KEPT
            && let Some(memory) = memory.take_if(|memory| size_of_val(&**memory) <= KEPT)
        {
            own.give(memory);
        }
    });
    memory.into_iter().for_each(give_to_all);
}

fn give_to_all(memory: Memory) {
    SHARED.lock().unwrap_or_else(PoisonError::into_inner).give(memory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_begin_at_a_cache_line() {
        // The last one needs more than one large page.
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
    fn large_memory_begins_at_several_places_of_a_page_and_keeps_its_own() {
        let len = 8 << 20;
        let mut buffers: Vec<Buffer> = (0..3).map(|_| Buffer::stale(len)).collect();
        let places: Vec<usize> = buffers.iter().map(|buffer| buffer.as_ptr().addr() % 4096).collect();
        assert!(places[0] != places[1] && places[1] != places[2] && places[0] != places[2], "{places:?}");
        buffers[2][len - 1] = 7.0;
        let address = buffers[2].as_ptr();
        drop(buffers.pop());
        let again = Buffer::stale(len);
        assert_eq!((again.as_ptr(), again[len - 1]), (address, 7.0));
    }

    #[test]
    fn what_a_thread_has_kept_is_there_for_others_when_it_ends() {
        // Of a class that no other test has.
        let len = 350_000;
        let address = move || Buffer::stale(len).as_ptr().addr();
        let first = std::thread::spawn(address).join().expect("it does not panic");
        assert_eq!(std::thread::spawn(address).join().expect("it does not panic"), first);
        assert_eq!(address(), first);
    }

    #[test]
    fn parts_of_slabs_lie_apart() {
        let mut buffers = [300, 300_000, 3_000_000, 300, 1_000_000, 256].map(Buffer::stale);
        buffers.iter_mut().zip(1u8..).for_each(|(buffer, number)| buffer.fill(f32::from(number)));
        for (buffer, number) in buffers.iter().zip(1u8..) {
            assert!(buffer.iter().all(|&x| x == f32::from(number)), "{number}");
        }
    }

    #[test]
    fn classes_waste_at_most_an_eighth() {
        for lines in 64..5000 {
            let class = class(lines);
            assert!(class >= lines && class - lines <= lines / 8, "{lines} in {class}");
        }
    }
}
