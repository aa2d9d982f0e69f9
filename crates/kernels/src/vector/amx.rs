//! Tiles in the registers of AMX-INT8.
//!
//! The compiler's intrinsics for them are not stable, so the instructions are written as assembly. No value of the program is ever kept in a tile register:
//! what one piece of assembly leaves there is there for the next one, and the pieces stay in their order.

use super::tiles::{Step, Sums, Tiles};
use super::{Avx512Pairs, LANES};
use core::arch::asm;
use core::arch::x86_64::*;

/// Bytes from row to row of a tile in memory.
const ROW: usize = 64;

/// What the processor is told about its tile registers.
#[repr(C, align(64))]
struct Config {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    bytes_a_row: [u16; 16],
    rows: [u8; 16],
}

/// Eight tiles of 16 rows of 64 bytes.
static WHOLE: Config = {
    let (mut bytes_a_row, mut rows) = ([0; 16], [0; 16]);
    let mut tile = 0;
    while tile < 8 {
        (bytes_a_row[tile], rows[tile]) = (ROW as u16, 16);
        tile += 1;
    }
    Config { palette: 1, start_row: 0, reserved: [0; 14], bytes_a_row, rows }
};

/// The first three tile registers of a thread, which hold the sums; the last four hold factors. Given back when this is dropped.
pub struct Amx {
    /// Registers belong to a thread.
    not_sent: std::marker::PhantomData<*mut ()>,
}

impl Tiles for Amx {
    type Pairs = Avx512Pairs<true>;

    #[inline(always)]
    unsafe fn begin() -> Self {
        // SAFETY: the configuration has 64 bytes and is one that AMX knows; the caller vouches for AMX.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &WHOLE, options(nostack, preserves_flags, readonly)) };
        Amx { not_sent: std::marker::PhantomData }
    }

    #[inline(always)]
    unsafe fn clear(&mut self) {
        // SAFETY: the registers are configured while `self` is there.
        unsafe {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                out("tmm0") _,
                out("tmm1") _,
                out("tmm2") _,
                options(nostack, preserves_flags, nomem),
            );
        }
    }

    #[inline(always)]
    unsafe fn add_products(&mut self, left: &Step, right: &Step) {
        // SAFETY: a step is two tiles without gaps, and the registers are configured while `self` is there.
        unsafe {
            asm!(
                "tileloadd tmm4, [{left} + {row}]",
                "tileloadd tmm6, [{right} + {row}]",
                "tdpbssd tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{right} + {row} + 1024]",
                "tdpbsud tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{left} + {row} + 1024]",
                "tdpbusd tmm1, tmm5, tmm6",
                "tdpbuud tmm2, tmm5, tmm7",
                left = in(reg) left,
                right = in(reg) right,
                row = in(reg) ROW,
                out("tmm0") _,
                out("tmm1") _,
                out("tmm2") _,
                out("tmm4") _,
                out("tmm5") _,
                out("tmm6") _,
                out("tmm7") _,
                options(nostack, preserves_flags, readonly),
            );
        }
    }

    #[inline(always)]
    unsafe fn store(&self, sums: &mut Sums) {
        // SAFETY: there is room for three tiles, and the registers are configured while `self` is there.
        unsafe {
            asm!(
                "tilestored [{sums} + {row}], tmm0",
                "tilestored [{sums} + {row} + 1024], tmm1",
                "tilestored [{sums} + {row} + 2048], tmm2",
                sums = in(reg) sums,
                row = in(reg) ROW,
                options(nostack, preserves_flags),
            );
        }
    }

    #[inline(always)]
    unsafe fn cut(first: Self::Pairs, second: Self::Pairs) -> [Self::Pairs; 2] {
        /// Of each lane's pair the high or the low bytes, from the first register and from the second, whose bytes are numbered from 64 on.
        const fn bytes(byte: u8) -> [u8; 4 * LANES] {
            let mut bytes = [0; 4 * LANES];
            let mut lane = 0;
            while lane < LANES {
                let own = 4 * lane as u8 + byte;
                (bytes[4 * lane], bytes[4 * lane + 1]) = (own, own + 2);
                (bytes[4 * lane + 2], bytes[4 * lane + 3]) = (own + 64, own + 66);
                lane += 1;
            }
            bytes
        }
        // SAFETY: the caller vouches for AVX-512F and VBMI; an array is as large as a register.
        unsafe {
            let [high, low] =
                [const { &bytes(1) }, const { &bytes(0) }].map(|at| _mm512_loadu_si512(at.as_ptr().cast()));
            let high = _mm512_permutex2var_epi8(first.0, high, second.0);
            let low = _mm512_permutex2var_epi8(first.0, low, second.0);
            [Avx512Pairs(high), Avx512Pairs(low)]
        }
    }

    #[inline(always)]
    unsafe fn join(high: Self::Pairs, middle: Self::Pairs, low: Self::Pairs) -> Self::Pairs {
        // SAFETY: the caller vouches for AVX-512F.
        unsafe {
            let upper = _mm512_add_epi32(_mm512_slli_epi32::<16>(high.0), _mm512_slli_epi32::<8>(middle.0));
            Avx512Pairs(_mm512_add_epi32(upper, low.0))
        }
    }
}

impl Drop for Amx {
    #[inline(always)]
    fn drop(&mut self) {
        // SAFETY: the registers were configured by `begin`.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags, nomem)) };
    }
}
