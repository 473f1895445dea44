// Running kernels over vectors in tests.
#pragma once

#include <cstring>
#include <vector>

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/codegen/kernel/math.h>

namespace uwaga::kernel {

template <typename T>
std::span<std::byte> bytes(std::vector<T>& v) {
  return std::as_writable_bytes(std::span<T>(v));
}

// y[i] = op(x[i]) or op(x[i], z[i]), eight lanes at a time with a mask at the end; functions are expanded.
inline Kernel elementwise_kernel(Op op, DType d) {
  KernelBuilder b("loop");
  const bool two = is_binary(op);
  const BufferId x = b.input(d), z = two ? b.input(d) : 0, y = b.output(d);
  const Ex n = b.argument(DType::i64);
  const Ex row = b.grid((n + 7) / 8);
  const Ex at = b.ramp(row * 8, 8), mask = at < n;
  const Ex a = b.load(x, at, mask);
  b.store(y, at, two ? b.apply(op, {a, b.load(z, at, mask)}) : b.apply(op, {a}), mask);
  return expand_math(b.finish());
}

template <typename T>
std::vector<T> run_elementwise(Op op, std::vector<T> x, std::vector<T> z = {}) {
  const DType d = sizeof(T) == 4 ? DType::f32 : DType::f64;
  const Kernel k = elementwise_kernel(op, d);
  std::vector<T> y(x.size());
  std::vector<std::span<std::byte>> buffers{bytes(x)};
  if (is_binary(op)) buffers.push_back(bytes(z));
  buffers.push_back(bytes(y));
  const std::uint64_t n = x.size();
  std::uint64_t error = 0;
  interpret(k, buffers, {&n, 1}, &error);
  return y;
}

}  // namespace uwaga::kernel
