// What every kernel file starts with.
//
// The same text compiles as CUDA, for a GPU, and as C++, where a test calls a kernel once for every thread.
// So that both mean the same, no kernel has a barrier, a shuffle, an atomic or shared memory: sums go
// through two launches. Contraction to fused multiply-adds is off in both, so f32 results have the bits of
// the Rust reference.

#ifdef __CUDACC__
#define KERNEL extern "C" __global__ void
#define DEVICE static __device__ __forceinline__
#else
#include <cmath>
#define KERNEL void
#define DEVICE static inline
#endif

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// This thread's number; the last block is not full, so every kernel compares it with its extent.
#ifdef __CUDACC__
DEVICE u64 thread() { return (u64)blockIdx.x * blockDim.x + threadIdx.x; }
#else
static u64 current_thread;
DEVICE u64 thread() { return current_thread; }
#endif

// How the elements of an activation are stored. Arithmetic is in f32 whatever the storage.
enum Kind { F32 = 0, U8 = 1, BF16 = 2 };

union Bits {
    u32 bits;
    float value;
};

DEVICE float from_bf16(u16 x) {
    Bits b;
    b.bits = (u32)x << 16;
    return b.value;
}

// Rounds to nearest, ties to even; a NaN stays one.
DEVICE u16 to_bf16(float x) {
    Bits b;
    b.value = x;
    if (x != x) return (u16)(b.bits >> 16 | 0x40);
    return (u16)((b.bits + 0x7fff + (b.bits >> 16 & 1)) >> 16);
}

DEVICE float load(const void* x, u32 kind, u64 at) {
    if (kind == U8) return (float)((const u8*)x)[at];
    if (kind == BF16) return from_bf16(((const u16*)x)[at]);
    return ((const float*)x)[at];
}

DEVICE void store(void* x, u32 kind, u64 at, float value) {
    if (kind == BF16) {
        ((u16*)x)[at] = to_bf16(value);
    } else {
        ((float*)x)[at] = value;
    }
}
