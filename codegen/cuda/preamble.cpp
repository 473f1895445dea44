// One long text: it is read as a whole in every dump.
#include <uwaga/codegen/cuda/preamble.h>

#include <string>

namespace uwaga::kernel {
namespace {

constexpr std::string_view kTypes = R"(// ---- types
typedef signed char i8;
typedef unsigned char u8;
typedef unsigned short u16, bf16, f16;  // narrow floats are their bits, computed with as f32
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
)";

constexpr std::string_view kDevice = R"(
#ifdef __CUDACC__
#pragma nv_diag_suppress 177, 186  // functions that no kernel here needs; u8 is never below 0
// ---- the device layer, on a GPU
#define DEVICE static __device__ __forceinline__
#define SHARED(type, name, count, offset) __shared__ type name[count]
#define LOCAL(type, name, count) type name[count]
DEVICE i64 block_index() {
  u32 x;
  asm("mov.u32 %0, %%ctaid.x;" : "=r"(x));
  return x;
}
DEVICE i64 thread_index() {
  u32 x;
  asm("mov.u32 %0, %%tid.x;" : "=r"(x));
  return x;
}
DEVICE void barrier(int) { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE u64 compare_and_swap(u64* word, u64 expected, u64 desired) {
  u64 old;
  asm volatile("atom.global.cas.b64 %0, [%1], %2, %3;" : "=l"(old) : "l"(word), "l"(expected), "l"(desired) : "memory");
  return old;
}
DEVICE f32 fma_f32(f32 a, f32 b, f32 c) { return __fmaf_rn(a, b, c); }
DEVICE f64 fma_f64(f64 a, f64 b, f64 c) { return __fma_rn(a, b, c); }
DEVICE f32 sqrt_f32(f32 x) { return __fsqrt_rn(x); }
DEVICE f64 sqrt_f64(f64 x) { return __dsqrt_rn(x); }
DEVICE f32 floor_f32(f32 x) { return floorf(x); }
DEVICE f64 floor_f64(f64 x) { return floor(x); }
DEVICE i32 as_i32(f32 x) { return __float_as_int(x); }
DEVICE f32 as_f32(i32 x) { return __int_as_float(x); }
DEVICE i64 as_i64(f64 x) { return __double_as_longlong(x); }
DEVICE f64 as_f64(i64 x) { return __longlong_as_double(x); }
#else
// ---- the device layer, in plain C++
#define DEVICE static inline
#define __global__
#define __launch_bounds__(threads, blocks)
#define SHARED(type, name, count, offset) type* const name = (type*)(place->shared + (offset))
#define LOCAL(type, name, count) \
  type name[count];              \
  __builtin_memset(name, 0xff, sizeof name)  /* poison: NaN, and indices out of range */
struct Place {
  i64 block, thread;
  u8* shared;
  void (*wait)(Place*, int);
};
static __thread Place* place;  // of the thread that runs
DEVICE i64 block_index() { return place->block; }
DEVICE i64 thread_index() { return place->thread; }
DEVICE void barrier(int number) {
  Place* const mine = place;
  mine->wait(mine, number);
  place = mine;
}
DEVICE u64 compare_and_swap(u64* word, u64 expected, u64 desired) {
  __atomic_compare_exchange_n(word, &expected, desired, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
  return expected;
}
DEVICE f32 fma_f32(f32 a, f32 b, f32 c) { return __builtin_fmaf(a, b, c); }
DEVICE f64 fma_f64(f64 a, f64 b, f64 c) { return __builtin_fma(a, b, c); }
DEVICE f32 sqrt_f32(f32 x) { return __builtin_sqrtf(x); }
DEVICE f64 sqrt_f64(f64 x) { return __builtin_sqrt(x); }
DEVICE f32 floor_f32(f32 x) { return __builtin_floorf(x); }
DEVICE f64 floor_f64(f64 x) { return __builtin_floor(x); }
template <typename To, typename From>
DEVICE To same_bits(From x) {
  To y;
  __builtin_memcpy(&y, &x, sizeof y);
  return y;
}
DEVICE i32 as_i32(f32 x) { return same_bits<i32>(x); }
DEVICE f32 as_f32(i32 x) { return same_bits<f32>(x); }
DEVICE i64 as_i64(f64 x) { return same_bits<i64>(x); }
DEVICE f64 as_f64(i64 x) { return same_bits<f64>(x); }
#endif

// Keeps the smallest failure: the lowest index, then the lowest op.
DEVICE void fail(u64* error, i64 index, u32 ordinal) {
  const u64 failure = (u64)index << 16 | (ordinal + 1);
  u64 seen = *(volatile u64*)error;
  while (seen == 0 || failure < seen) {
    const u64 old = compare_and_swap(error, seen, failure);
    if (old == seen) return;
    seen = old;
  }
}
)";

constexpr std::string_view kConversions = R"(
// ---- conversions
DEVICE f32 f32_of_bf16(bf16 x) { return as_f32((i32)((u32)x << 16)); }
DEVICE bf16 bf16_of_f32(f32 x) {  // to nearest, ties to even; NaN stays NaN
  const u32 bits = (u32)as_i32(x);
  if (x != x) return (bf16)(bits >> 16 | 0x40);
  return (bf16)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
DEVICE f32 f32_of_f16(f16 x) {  // exponent and mantissa moved into place and scaled: exact, denormals too
  const u32 magnitude = x & 0x7fff;
  const u32 scaled = (u32)as_i32(as_f32((i32)(magnitude << 13)) * 0x1p112f);
  return as_f32((i32)((x & 0x8000u) << 16 | scaled | (magnitude >= 0x7c00 ? 0x7f800000 : 0)));
}
DEVICE f16 f16_of_f32(f32 x) {
  const u32 bits = (u32)as_i32(x), magnitude = bits & 0x7fffffff, sign = bits >> 16 & 0x8000;
  if (x != x) return (f16)(sign | 0x7e00);
  if (magnitude >= 0x477ff000) return (f16)(sign | 0x7c00);
  if (magnitude < 0x38800000)  // beside 1/2 the unit of an f32 is 2^-24: the addition rounds to a denormal of f16
    return (f16)(sign | ((u32)as_i32(as_f32((i32)magnitude) + 0.5f) - 0x3f000000));
  return (f16)(sign | ((magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13));
}
// Truncated, saturated, NaN to 0.
DEVICE i32 i32_of_f64(f64 x) {
  return x != x ? 0 : x >= 2147483648.0 ? 2147483647 : x <= -2147483649.0 ? -2147483647 - 1 : (i32)x;
}
DEVICE i32 i32_of_f32(f32 x) {
  return x != x ? 0 : x >= 2147483648.0f ? 2147483647 : x < -2147483648.0f ? -2147483647 - 1 : (i32)x;
}
DEVICE i64 i64_of_f64(f64 x) {
  return x != x ? 0 : x >= 0x1p63 ? 0x7fffffffffffffffll : x < -0x1p63 ? -0x7fffffffffffffffll - 1 : (i64)x;
}
DEVICE i64 i64_of_f32(f32 x) { return i64_of_f64((f64)x); }
DEVICE i8 i8_of_i32(i32 x) { return (i8)(x < -128 ? -128 : x > 127 ? 127 : x); }
DEVICE u8 u8_of_i32(i32 x) { return (u8)(x < 0 ? 0 : x > 255 ? 255 : x); }
DEVICE i8 i8_of_f32(f32 x) { return i8_of_i32(i32_of_f32(x)); }
DEVICE u8 u8_of_f32(f32 x) { return u8_of_i32(i32_of_f32(x)); }
DEVICE i8 i8_of_f64(f64 x) { return i8_of_i32(i32_of_f64(x)); }
DEVICE u8 u8_of_f64(f64 x) { return u8_of_i32(i32_of_f64(x)); }
)";

constexpr std::string_view kArithmetic = R"(
// ---- arithmetic: integers wrap; quotients round down, and by zero they are 0; NaN wins in max and min
#define INTEGER(T, U)                                                                                        \
  DEVICE T add_##T(T a, T b) { return (T)((U)a + (U)b); }                                                    \
  DEVICE T sub_##T(T a, T b) { return (T)((U)a - (U)b); }                                                    \
  DEVICE T mul_##T(T a, T b) { return (T)((U)a * (U)b); }                                                    \
  DEVICE T neg_##T(T a) { return (T)(0 - (U)a); }                                                            \
  DEVICE T abs_##T(T a) { return a < 0 ? neg_##T(a) : a; }                                                   \
  DEVICE T max_##T(T a, T b) { return a < b ? b : a; }                                                       \
  DEVICE T min_##T(T a, T b) { return b < a ? b : a; }
#define SIGNED_DIVISION(T, U)                                                                                \
  DEVICE T div_##T(T a, T b) {                                                                               \
    if (b == 0) return 0;                                                                                    \
    if (b == -1) return neg_##T(a);                                                                          \
    const T q = (T)(a / b);                                                                                  \
    return (T)(q - (q * b != a && (a < 0) != (b < 0)));                                                      \
  }                                                                                                          \
  DEVICE T rem_##T(T a, T b) { return b == 0 ? (T)0 : sub_##T(a, mul_##T(div_##T(a, b), b)); }
INTEGER(i64, u64)
INTEGER(i32, u32)
INTEGER(i8, u32)
INTEGER(u8, u32)
SIGNED_DIVISION(i32, u32)
SIGNED_DIVISION(i8, u32)
DEVICE u8 div_u8(u8 a, u8 b) { return b == 0 ? 0 : a / b; }
DEVICE u8 rem_u8(u8 a, u8 b) { return b == 0 ? 0 : a % b; }
DEVICE i64 div_i64(i64 a, i64 b) {
  if (b == 0) return 0;
  if (b == -1) return neg_i64(a);
  const i64 q = a / b;
  return q - (q * b != a && (a < 0) != (b < 0));
}
DEVICE i64 rem_i64(i64 a, i64 b) { return b == 0 ? 0 : sub_i64(a, mul_i64(div_i64(a, b), b)); }
// An index by a size: 32 bits serve most, and are several times faster.
DEVICE i64 div_index(i64 a, i64 b) {
  if (b == 0) return 0;
  if (((u64)(a | b) >> 32) == 0) return (u32)a / (u32)b;
  const i64 q = a / b;
  return q - (q * b > a);
}
DEVICE i64 rem_index(i64 a, i64 b) {
  if (b == 0) return 0;
  if (((u64)(a | b) >> 32) == 0) return (u32)a % (u32)b;
  const i64 r = a % b;
  return r < 0 ? r + b : r;
}
DEVICE i64 shift_left_i64(i64 a, i64 b) { return (i64)((u64)a << b); }
DEVICE i64 shift_right_i64(i64 a, i64 b) { return (i64)((u64)a >> b); }
DEVICE i32 shift_left_i32(i32 a, i32 b) { return (i32)((u32)a << b); }
DEVICE i32 shift_right_i32(i32 a, i32 b) { return (i32)((u32)a >> b); }
DEVICE i8 shift_left_i8(i8 a, i8 b) { return (i8)((u32)a << b); }
DEVICE i8 shift_right_i8(i8 a, i8 b) { return (i8)((u8)a >> b); }
DEVICE u8 shift_left_u8(u8 a, u8 b) { return (u8)((u32)a << b); }
DEVICE u8 shift_right_u8(u8 a, u8 b) { return (u8)(a >> b); }
DEVICE i32 mul_high_i32(i32 a, i32 b) { return (i32)((u64)(u32)a * (u32)b >> 32); }
DEVICE f32 abs_f32(f32 x) { return as_f32(as_i32(x) & 0x7fffffff); }
DEVICE f64 abs_f64(f64 x) { return as_f64(as_i64(x) & 0x7fffffffffffffffll); }
DEVICE f32 max_f32(f32 a, f32 b) { return a < b || b != b ? b : a; }
DEVICE f64 max_f64(f64 a, f64 b) { return a < b || b != b ? b : a; }
DEVICE f32 min_f32(f32 a, f32 b) { return b < a || b != b ? b : a; }
DEVICE f64 min_f64(f64 a, f64 b) { return b < a || b != b ? b : a; }
)";

}  // namespace

std::string_view cuda_preamble() {
  static const std::string text = std::string(kTypes) + std::string(kDevice) + std::string(kConversions) + std::string(kArithmetic);
  return text;
}

}  // namespace uwaga::kernel
