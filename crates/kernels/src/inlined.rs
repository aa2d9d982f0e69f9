//! A check of what the compiler did: no instruction is left a function.
//!
//! A closure that calls an instruction of a level, and that the compiler does not inline into the kernel, is a function outside the level: then every
//! instruction in it is a call, several times slower, and all results are right.

use std::fs;

/// The bytes of a section of a 64-bit executable, given its header.
fn section<'a>(file: &'a [u8], header: &[u8]) -> &'a [u8] {
    &file[number(header, 0x18, 8)..][..number(header, 0x20, 8)]
}

/// A little-endian number of some bytes.
fn number(bytes: &[u8], at: usize, len: usize) -> usize {
    bytes[at..at + len].iter().rev().fold(0, |number, &byte| number << 8 | usize::from(byte))
}

#[test]
fn no_instruction_is_left_a_function() {
    const SYMBOLS: usize = 2;
    let file = fs::read(std::env::current_exe().expect("a test is a file")).expect("which can be read");
    assert_eq!(&file[..5], b"\x7fELF\x02", "a 64-bit executable");
    let (first, size, count) = (number(&file, 0x28, 8), number(&file, 0x3a, 2), number(&file, 0x3c, 2));
    let headers: Vec<&[u8]> = file[first..].chunks_exact(size).take(count).collect();
    let symbols = headers.iter().find(|header| number(header, 4, 4) == SYMBOLS).expect("symbols: not stripped");
    let names = section(&file, headers[number(symbols, 0x28, 4)]);
    let names: Vec<_> = names.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    assert!(names.iter().any(|name| name.contains("seismograd_kernels")));
    // The processor is asked for its features by functions.
    let is_left = |name: &&std::borrow::Cow<'_, str>| {
        name.contains("core_arch") && !name.contains("xgetbv") && !name.contains("cpuid")
    };
    let left: Vec<_> = names.iter().filter(is_left).collect();
    assert!(
        left.is_empty(),
        "make loops or functions that are always inlined of the closures that call these: {left:#?}"
    );
}
