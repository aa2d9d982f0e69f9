//! The one dispatch file: which instruction-set level runs, chosen once.
//!
//! The best level of the machine is taken; the environment variable `SEISMOGRAD_LEVEL` (`portable`, `avx2`, `avx512`)
//! forces another, for tests and comparisons. These kernels' results have the same bits at every level.

use crate::vector::{Array, ArrayPairs, Pairs, Tiles, Vector};
use std::{fmt, str::FromStr, sync::OnceLock};

/// The environment variable that forces a level.
pub const VARIABLE: &str = "SEISMOGRAD_LEVEL";

/// An instruction-set level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// No instruction beyond the target's baseline.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512F and BW; with VNNI and AMX-INT8 where the processor has them.
    Avx512,
}

/// A level that cannot run here.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LevelError {
    /// No level has this name.
    #[error("{VARIABLE}={0}: no such level; use portable, avx2 or avx512, or unset it")]
    Unknown(String),
    /// The machine lacks the level's instructions.
    #[error("{VARIABLE}={0}: this processor lacks its instructions; use {1}, or unset it")]
    Unavailable(Level, Level),
}

impl Level {
    /// Every level, the plainest first.
    pub const ALL: [Level; 3] = [Level::Portable, Level::Avx2, Level::Avx512];

    /// Whether this machine can run the level.
    pub fn is_available(self) -> bool {
        match self {
            Level::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => {
                is_x86_feature_detected!("avx2")
                    && is_x86_feature_detected!("fma")
                    && is_x86_feature_detected!("popcnt")
            }
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && Level::Avx2.is_available()
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The best level of this machine.
    pub fn best() -> Level {
        Level::ALL.into_iter().rfind(|level| level.is_available()).unwrap_or(Level::Portable)
    }

    /// The level asked for by `SEISMOGRAD_LEVEL`, or the best one. A program that starts asks this once and reports the error.
    pub fn from_environment() -> Result<Level, LevelError> {
        let Ok(name) = std::env::var(VARIABLE) else { return Ok(Level::best()) };
        let level: Level = name.parse()?;
        if level.is_available() { Ok(level) } else { Err(LevelError::Unavailable(level, Level::best())) }
    }

    /// The level that every kernel of this process runs at.
    pub fn current() -> Level {
        static CURRENT: OnceLock<Level> = OnceLock::new();
        *CURRENT.get_or_init(|| Level::from_environment().unwrap_or_else(|_| Level::best()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Portable => "portable",
            Level::Avx2 => "avx2",
            Level::Avx512 => "avx512",
        })
    }
}

impl FromStr for Level {
    type Err = LevelError;

    fn from_str(name: &str) -> Result<Level, LevelError> {
        Level::ALL
            .into_iter()
            .find(|level| level.to_string() == name)
            .ok_or_else(|| LevelError::Unknown(name.to_owned()))
    }
}

/// A loop written over [`Vector`], with its arguments. `run` must be `#[inline(always)]`, so that it is compiled
/// under the features of the level that enters it.
pub(crate) trait Kernel {
    /// Runs the loop.
    ///
    /// # Safety
    /// The instructions of `V`'s level must be available.
    unsafe fn run<V: Vector>(self);
}

/// Runs `kernel` at the current level.
pub(crate) fn run(kernel: impl Kernel) {
    // SAFETY: the current level was asked whether it is available when it was chosen.
    unsafe { enter(Level::current(), kernel) }
}

/// Runs `kernel` at `level`, which must be available.
pub(crate) fn run_at(level: Level, kernel: impl Kernel) {
    assert!(level.is_available(), "level {level} is not available on this processor");
    // SAFETY: asserted.
    unsafe { enter(level, kernel) }
}

/// # Safety
/// The level must be available.
#[inline(always)]
unsafe fn enter(level: Level, kernel: impl Kernel) {
    // SAFETY: the caller's; arrays need no instruction beyond the baseline.
    unsafe {
        match level {
            Level::Portable => kernel.run::<Array>(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => x86::avx2(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => x86::avx512(kernel),
            #[cfg(not(target_arch = "x86_64"))]
            _ => unreachable!("available levels only"),
        }
    }
}

/// A loop written over [`Pairs`], with its arguments; as [`Kernel`] otherwise.
pub(crate) trait PairsKernel {
    /// Runs the loop.
    ///
    /// # Safety
    /// The instructions of `P`'s level must be available.
    unsafe fn run<P: Pairs>(self);
}

/// Runs `kernel` at the current level.
pub(crate) fn run_pairs(kernel: impl PairsKernel) {
    run_pairs_at(Level::current(), multiplies_pairs(), kernel);
}

/// Whether the processor has what only some of the level AVX-512 have: one instruction for both products of a pair and their sum.
pub(crate) fn multiplies_pairs() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512vnni");
    #[cfg(not(target_arch = "x86_64"))]
    false
}

/// Runs `kernel` at `level`, which must be available, `with` the instruction of [`multiplies_pairs`] or without it where the level may have it.
pub(crate) fn run_pairs_at(level: Level, with: bool, kernel: impl PairsKernel) {
    assert!(level.is_available() && (multiplies_pairs() || !with), "level {level} is not available on this processor");
    match level {
        // SAFETY: arrays need no instruction beyond the baseline.
        Level::Portable => unsafe { kernel.run::<ArrayPairs>() },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: asserted to be available above.
        Level::Avx2 => unsafe { x86::avx2_pairs(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: asserted to be available above.
        Level::Avx512 if with => unsafe { x86::avx512_vnni_pairs(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: asserted to be available above.
        Level::Avx512 => unsafe { x86::avx512_pairs(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("asserted to be available above"),
    }
}

/// A loop written over [`Tiles`], with its arguments; as [`Kernel`] otherwise.
pub(crate) trait TilesKernel {
    /// Runs the loop.
    ///
    /// # Safety
    /// The instructions of `T` must be available, and the process be allowed to use them.
    unsafe fn run<T: Tiles>(self);
}

/// Whether the current level is AVX-512 and the processor multiplies tiles of bytes, as only some of that level do, and lets this process use them.
pub(crate) fn multiplies_tiles() -> bool {
    static TILES: OnceLock<bool> = OnceLock::new();
    *TILES.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        return Level::current() == Level::Avx512 && multiplies_pairs() && x86::multiplies_tiles();
        #[cfg(not(target_arch = "x86_64"))]
        false
    })
}

/// Runs `kernel` with the processor's tiles, which must be available.
pub(crate) fn run_tiles(kernel: impl TilesKernel) {
    assert!(multiplies_tiles(), "this processor has no tiles of bytes");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: asserted to be available above.
    unsafe {
        x86::amx(kernel);
    }
    // Never reached, since other processors have none; with it the same code is checked there.
    #[cfg(not(target_arch = "x86_64"))]
    run_array_tiles(kernel);
}

/// Runs `kernel` with tiles in arrays.
#[cfg(any(test, not(target_arch = "x86_64")))]
pub(crate) fn run_array_tiles(kernel: impl TilesKernel) {
    // SAFETY: arrays need no instruction beyond the baseline.
    unsafe { kernel.run::<crate::vector::ArrayTiles>() };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    //! The functions through which x86-64 instruction sets are entered.

    use super::{Kernel, PairsKernel, TilesKernel};
    use crate::vector::{Amx, Avx2, Avx2Pairs, Avx512, Avx512Pairs};
    use std::arch::x86_64::{__cpuid, __cpuid_count};

    /// # Safety
    /// The processor must have AVX2, FMA and POPCNT.
    #[target_feature(enable = "avx2,fma,popcnt")]
    pub(super) unsafe fn avx2(kernel: impl Kernel) {
        // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
        unsafe { kernel.run::<Avx2>() }
    }

    /// # Safety
    /// The processor must have AVX-512F and BW, AVX2, FMA and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx2,fma,popcnt")]
    pub(super) unsafe fn avx512(kernel: impl Kernel) {
        // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
        unsafe { kernel.run::<Avx512>() }
    }

    /// # Safety
    /// The processor must have AVX2, FMA and POPCNT.
    #[target_feature(enable = "avx2,fma,popcnt")]
    pub(super) unsafe fn avx2_pairs(kernel: impl PairsKernel) {
        // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
        unsafe { kernel.run::<Avx2Pairs>() }
    }

    /// # Safety
    /// The processor must have AVX-512F and BW, AVX2, FMA and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx2,fma,popcnt")]
    pub(super) unsafe fn avx512_pairs(kernel: impl PairsKernel) {
        // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
        unsafe { kernel.run::<Avx512Pairs<false>>() }
    }

    /// # Safety
    /// The processor must have AVX-512F, BW and VNNI, AVX2, FMA and POPCNT.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx2,fma,popcnt")]
    pub(super) unsafe fn avx512_vnni_pairs(kernel: impl PairsKernel) {
        // SAFETY: this function is compiled for the level, and the caller vouches for the processor.
        unsafe { kernel.run::<Avx512Pairs<true>>() }
    }

    /// # Safety
    /// As for [`avx512_vnni_pairs`], and [`multiplies_tiles`] must have said yes.
    #[target_feature(enable = "avx512f,avx512bw,avx512vnni,avx512vbmi,avx2,fma,popcnt")]
    pub(super) unsafe fn amx(kernel: impl TilesKernel) {
        // SAFETY: this function is compiled for the vectors, the tiles are assembly, and the caller vouches for the processor.
        unsafe { kernel.run::<Amx>() }
    }

    /// Whether the processor has AMX-INT8 and AVX-512 VBMI, and the system lets this process use tiles: eight kilobytes of registers are for those who ask.
    pub(super) fn multiplies_tiles() -> bool {
        const AMX: u32 = 1 << 24 | 1 << 25;
        let has = __cpuid(0).eax >= 7 && __cpuid_count(7, 0).edx & AMX == AMX;
        has && is_x86_feature_detected!("avx512vbmi") && may_use_tiles()
    }

    #[cfg(target_os = "linux")]
    fn may_use_tiles() -> bool {
        const REQUEST_PERMISSION: libc::c_long = 0x1023;
        const TILES: libc::c_long = 18;
        // SAFETY: the call changes nothing but what the process may do, and fails on a system that does not know it.
        unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILES) == 0 }
    }

    #[cfg(not(target_os = "linux"))]
    fn may_use_tiles() -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for level in Level::ALL {
            assert_eq!(level.to_string().parse(), Ok(level));
        }
        assert_eq!("sse9".parse::<Level>(), Err(LevelError::Unknown("sse9".into())));
    }

    #[test]
    fn a_forced_level_is_the_one_that_runs() {
        if let Ok(name) = std::env::var(VARIABLE) {
            assert_eq!(Level::current().to_string(), name, "the forced level did not run");
        }
    }
}
