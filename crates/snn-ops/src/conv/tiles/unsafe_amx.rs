//! A block of tiles on AMX: `tdpbf16ps` multiplies a 16 x 32 by a 32 x 16 tile of bf16 numbers.
//!
//! The instructions are written in assembly, as stable Rust has no intrinsics for them. A processor that has them
//! must also be allowed to use them: the kernel keeps 8 KiB a thread for the tiles' contents only when asked.
#![allow(unsafe_code)]

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::marker::PhantomData;
use std::sync::OnceLock;

use super::{Block, PANEL, TILE};

/// Why the unit cannot be used here; `Ok` when it can.
pub(crate) fn available() -> Result<(), &'static str> {
    static ANSWER: OnceLock<Result<(), &'static str>> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        if !has_instructions() {
            return Err("this processor has no AMX-BF16");
        }
        if !is_permitted() {
            return Err("the operating system does not permit AMX (Linux 5.16 or later does)");
        }
        if !agrees() {
            return Err("AMX gives another product than its definition here");
        }
        Ok(())
    })
}

/// CPUID leaf 7: AMX-BF16 is bit 22 and AMX-TILE bit 24 of EDX.
fn has_instructions() -> bool {
    if __cpuid_count(0, 0).eax < 7 {
        return false;
    }
    let edx = __cpuid_count(7, 0).edx;
    edx >> 22 & 1 == 1 && edx >> 24 & 1 == 1
}

/// Asks Linux for the tiles' state, once for the whole process and the threads it starts.
fn is_permitted() -> bool {
    #[cfg(target_os = "linux")]
    {
        const ARCH_PRCTL: i64 = 158;
        const ARCH_REQ_XCOMP_PERM: i64 = 0x1023;
        const XFEATURE_XTILEDATA: i64 = 18;
        let answer: i64;
        // SAFETY: the call changes nothing but which registers this process may use.
        unsafe {
            asm!(
                "syscall",
                inlateout("rax") ARCH_PRCTL => answer,
                in("rdi") ARCH_REQ_XCOMP_PERM,
                in("rsi") XFEATURE_XTILEDATA,
                out("rcx") _,
                out("r11") _,
                options(nostack),
            );
        }
        answer == 0
    }
    #[cfg(not(target_os = "linux"))]
    false
}

/// One block of every kind against `plain`, on numbers whose sums are exact.
fn agrees() -> bool {
    let _tiles = Tiles::new();
    let number = |i: usize| super::round(((i * 7 + i / 5) % 17) as f32 - 8.0);
    let a: Vec<u16> = (0..96 * TILE).map(number).collect();
    let b: Vec<u16> = (0..4 * PANEL).map(|i| number(i + 3)).collect();
    let steps = [super::Step { a: 0, b: 0 }, super::Step { a: 3, b: PANEL as u32 }];
    [(1, 1, false), (2, 1, true), (1, 2, false), (2, 2, true)].into_iter().all(
        |(rows, columns, accumulate)| {
            let mut got = vec![1.0; 4 * TILE * TILE];
            let mut want = got.clone();
            let block = |c| Block {
                a: &a,
                a_row: 40,
                b: &b,
                b_tile: 2 * PANEL,
                steps: &steps,
                c,
                c_row: 2 * TILE,
                rows,
                columns,
                accumulate,
            };
            super::plain::run(block(&mut want));
            run(block(&mut got));
            got == want
        },
    )
}

/// What LDTILECFG reads: palette 1, eight tiles of 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Config([u8; 64]);

const CONFIG: Config = {
    let mut bytes = [0; 64];
    bytes[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        bytes[16 + 2 * tile] = 64;
        bytes[48 + tile] = TILE as u8;
        tile += 1;
    }
    Config(bytes)
};

/// Gives this thread's tiles their shape for as long as it lives; the release lets the operating system save less
/// again.
pub(super) struct Tiles(PhantomData<*const ()>);

impl Tiles {
    pub(super) fn new() -> Self {
        // SAFETY: the unit was chosen, so the processor has the instruction and the process the permission.
        unsafe { asm!("ldtilecfg [{}]", in(reg) CONFIG.0.as_ptr(), options(nostack, readonly)) }
        Self(PhantomData)
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { asm!("tilerelease", options(nostack, nomem)) }
    }
}

/// Computes the block on a thread that holds [`Tiles`]; [`Block::check`] has seen its bounds.
///
/// Tiles 0 to 3 are the sums, 4 and 5 the left operand's rows, 6 and 7 the right operand's columns.
pub(super) fn run(block: Block<'_>) {
    let Block { a, a_row, b, b_tile, steps, c, c_row, rows, columns, accumulate } = block;
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    let (a_bytes, c_bytes) = (2 * a_row, 4 * c_row);
    let right = if columns == 2 { TILE } else { 0 };
    let below = if rows == 2 { TILE * c_row } else { 0 };
    // SAFETY: `Block::check` has seen that every tile of every step, and every element of `c`, lies inside of its
    // slice; rows are `a_bytes`, 64 and `c_bytes` apart. Where there is no second row or column of tiles, `right`
    // and `below` are 0, so that the loads repeat the first; its sums are not stored.
    unsafe {
        let corners = [c, c.add(right), c.add(below), c.add(below + right)];
        if accumulate {
            asm!(
                "tileloadd tmm0, [{c0} + {s}*1]",
                "tileloadd tmm1, [{c1} + {s}*1]",
                "tileloadd tmm2, [{c2} + {s}*1]",
                "tileloadd tmm3, [{c3} + {s}*1]",
                c0 = in(reg) corners[0],
                c1 = in(reg) corners[1],
                c2 = in(reg) corners[2],
                c3 = in(reg) corners[3],
                s = in(reg) c_bytes,
                options(nostack, readonly),
            );
        } else {
            asm!(
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                options(nostack, nomem)
            );
        }
        for step in steps {
            let (a, b) = (a.add(step.a as usize), b.add(step.b as usize));
            match (rows, columns) {
                (2, 2) => asm!(
                    "tileloadd tmm4, [{a0} + {s}*1]",
                    "tileloadd tmm6, [{b0} + {t}*1]",
                    "tileloadd tmm7, [{b1} + {t}*1]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tileloadd tmm5, [{a1} + {s}*1]",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    "tdpbf16ps tmm3, tmm5, tmm7",
                    a0 = in(reg) a,
                    a1 = in(reg) a.add(TILE * a_row),
                    b0 = in(reg) b,
                    b1 = in(reg) b.add(b_tile),
                    s = in(reg) a_bytes,
                    t = in(reg) 64usize,
                    options(nostack, readonly),
                ),
                (1, 2) => asm!(
                    "tileloadd tmm4, [{a0} + {s}*1]",
                    "tileloadd tmm6, [{b0} + {t}*1]",
                    "tileloadd tmm7, [{b1} + {t}*1]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm1, tmm4, tmm7",
                    a0 = in(reg) a,
                    b0 = in(reg) b,
                    b1 = in(reg) b.add(b_tile),
                    s = in(reg) a_bytes,
                    t = in(reg) 64usize,
                    options(nostack, readonly),
                ),
                (2, 1) => asm!(
                    "tileloadd tmm4, [{a0} + {s}*1]",
                    "tileloadd tmm6, [{b0} + {t}*1]",
                    "tileloadd tmm5, [{a1} + {s}*1]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    "tdpbf16ps tmm2, tmm5, tmm6",
                    a0 = in(reg) a,
                    a1 = in(reg) a.add(TILE * a_row),
                    b0 = in(reg) b,
                    s = in(reg) a_bytes,
                    t = in(reg) 64usize,
                    options(nostack, readonly),
                ),
                _ => asm!(
                    "tileloadd tmm4, [{a0} + {s}*1]",
                    "tileloadd tmm6, [{b0} + {t}*1]",
                    "tdpbf16ps tmm0, tmm4, tmm6",
                    a0 = in(reg) a,
                    b0 = in(reg) b,
                    s = in(reg) a_bytes,
                    t = in(reg) 64usize,
                    options(nostack, readonly),
                ),
            }
        }
        asm!("tilestored [{c} + {s}*1], tmm0", c = in(reg) corners[0], s = in(reg) c_bytes, options(nostack));
        if columns == 2 {
            asm!("tilestored [{c} + {s}*1], tmm1", c = in(reg) corners[1], s = in(reg) c_bytes, options(nostack));
        }
        if rows == 2 {
            asm!("tilestored [{c} + {s}*1], tmm2", c = in(reg) corners[2], s = in(reg) c_bytes, options(nostack));
        }
        if rows == 2 && columns == 2 {
            asm!("tilestored [{c} + {s}*1], tmm3", c = in(reg) corners[3], s = in(reg) c_bytes, options(nostack));
        }
    }
}
