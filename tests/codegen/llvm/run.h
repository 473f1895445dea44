// Compiles a kernel for a target and runs it on typed arrays.
#pragma once

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/load.h>
#include <uwaga/codegen/llvm/target.h>
#include <uwaga/ir/error.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace uwaga::test {

using namespace uwaga::kernel;

struct Level {
  std::string name;
  HostTarget target;
};

// The targets this machine can run, the narrowest first: code for each must give the same bits.
inline std::vector<Level> levels() {
  std::vector<Level> result{{"baseline", host_target({})}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    result.push_back({"avx2", host_target({.avx2 = true})});
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    result.push_back({"avx512", host_target({.avx2 = true, .avx512 = true})});
  }
#endif
  return result;
}

inline HostCode compiled(const Kernel& k, const HostTarget& target) {
  return HostCode(HostCompiler(target, {.verify = true}).compile(k).object);
}

// One run over all tasks (or a range of them); gives the error word.
struct Launch {
  std::vector<void*> buffers;
  std::vector<std::uint64_t> arguments;
  std::uint64_t error = 0;

  void run(const Kernel& k, const HostCode& code) { run(k, code, 0, task_count(k, arguments)); }
  void run(const Kernel& k, const HostCode& code, std::int64_t begin, std::int64_t end) {
    const std::size_t bytes = static_cast<std::size_t>(scratch_bytes(k, arguments));
    std::vector<std::uint8_t> arena(bytes + 64, 0xa5);
    auto* scratch = reinterpret_cast<void*>((reinterpret_cast<std::uintptr_t>(arena.data()) + 63) / 64 * 64);
    const HostArguments call{buffers.data(), arguments.data(), scratch, &error};
    code.function()(&call, begin, end);
  }
};

// bf16 and f16 as tests keep them: their 16 bits.
struct Half {
  std::uint16_t bits = 0;
  friend bool operator==(Half, Half) = default;
};
struct Brain {
  std::uint16_t bits = 0;
  friend bool operator==(Brain, Brain) = default;
};
struct Truth {  // std::vector<bool> has no data()
  std::uint8_t byte = 0;
  friend bool operator==(Truth, Truth) = default;
};

template <typename T>
constexpr DType dtype_of();
template <>
constexpr DType dtype_of<double>() {
  return DType::f64;
}
template <>
constexpr DType dtype_of<float>() {
  return DType::f32;
}
template <>
constexpr DType dtype_of<Brain>() {
  return DType::bf16;
}
template <>
constexpr DType dtype_of<Half>() {
  return DType::f16;
}
template <>
constexpr DType dtype_of<std::int64_t>() {
  return DType::i64;
}
template <>
constexpr DType dtype_of<std::int32_t>() {
  return DType::i32;
}
template <>
constexpr DType dtype_of<std::int8_t>() {
  return DType::i8;
}
template <>
constexpr DType dtype_of<std::uint8_t>() {
  return DType::u8;
}
template <>
constexpr DType dtype_of<Truth>() {
  return DType::boolean;
}

// Equal bits, or both NaN.
template <typename T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) && std::isnan(b)) return true;
  }
  return std::memcmp(&a, &b, sizeof a) == 0;
}
inline bool same(Brain a, Brain b) {
  return a == b || (std::isnan(from_bf16(a.bits)) && std::isnan(from_bf16(b.bits)));
}
inline bool same(Half a, Half b) { return a == b || (std::isnan(from_f16(a.bits)) && std::isnan(from_f16(b.bits))); }

// Index of the first difference, or -1.
template <typename T>
std::ptrdiff_t difference(const std::vector<T>& a, const std::vector<T>& b) {
  if (a.size() != b.size()) return 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same(a[i], b[i])) return static_cast<std::ptrdiff_t>(i);
  return -1;
}

// Numbers where a dtype has its corners.
template <typename T>
std::vector<T> corners() {
  std::vector<T> v;
  if constexpr (std::is_floating_point_v<T>) {
    using L = std::numeric_limits<T>;
    const double wide[] = {
        0.0,   1.0,     0.5,     1.5,     2.5,          3.99999,      7.0,   127.0,  127.5,
        128.0, 255.0,   255.9,   256.0,   2147483520.0, 2147483648.0, 1e10,  9.2e18, 9223372036854775808.0,
        1e30,  65504.0, 65519.0, 65520.0, 6e-8,         6.2e-5,       1e-40, 0.1,    1.0 / 3};
    for (double x : wide) v.push_back(static_cast<T>(x)), v.push_back(static_cast<T>(-x));
    for (T x : {L::infinity(), L::quiet_NaN(), L::denorm_min(), L::max(), L::min()}) v.push_back(x), v.push_back(-x);
  } else if constexpr (std::is_same_v<T, Truth>) {
    v = {{0}, {1}, {1}, {0}};
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Brain>) {
    for (std::uint32_t bits = 0; bits < 65536; bits += 37) v.push_back({static_cast<std::uint16_t>(bits)});
  } else {
    using L = std::numeric_limits<T>;
    for (std::int64_t x : {0, 1, 2, 3, 5, 7, 8, 16, 100, 127})
      v.push_back(static_cast<T>(x)), v.push_back(static_cast<T>(-x));
    v.push_back(L::min()), v.push_back(L::max()), v.push_back(static_cast<T>(L::max() - 1));
  }
  return v;
}

// Every pair of corners, in two columns padded to a multiple of 64.
template <typename T>
void pairs(std::vector<T>& a, std::vector<T>& b) {
  const std::vector<T> all = corners<T>();
  for (const T& x : all)
    for (const T& y : all) a.push_back(x), b.push_back(y);
  while (a.size() % 64) a.push_back(all[1]), b.push_back(all[2]);
}

}  // namespace uwaga::test
