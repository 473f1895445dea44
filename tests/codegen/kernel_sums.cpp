#include <uwaga/codegen/kernel/sums.h>
#include <uwaga/codegen/kernel/verify.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "tests/catch.h"
#include "tests/codegen/kernel_run.h"

using namespace uwaga;
using namespace uwaga::kernel;

namespace {

// The rule, in plain words of C++.
float rule(const std::vector<float>& terms) {
  if (terms.size() <= 4096) {
    std::array<float, 64> lane{};
    for (std::size_t i = 0; i < terms.size(); ++i) lane[i % 64] += terms[i];
    for (std::size_t s = 32; s > 0; s /= 2)
      for (std::size_t i = 0; i < s; ++i) lane[i] += lane[i + s];
    return lane[0];
  }
  std::vector<float> blocks;
  for (std::size_t i = 0; i < terms.size(); i += 4096)
    blocks.push_back(rule({terms.begin() + static_cast<std::ptrdiff_t>(i),
                           terms.begin() + static_cast<std::ptrdiff_t>(std::min(i + 4096, terms.size()))}));
  return rule(blocks);
}

std::vector<float> noise(std::size_t n) {
  std::mt19937 random(static_cast<unsigned>(n));
  std::vector<float> x(n);
  for (float& v : x) v = std::ldexp(static_cast<float>(random() % 20001) - 10000, static_cast<int>(random() % 12));
  return x;
}

}  // namespace

TEST_CASE("a contiguous sum adds in the order of the contracts at every width", "[kernel]") {
  const std::size_t n = GENERATE(0u, 1u, 7u, 63u, 64u, 65u, 1000u, 4095u, 4096u, 4097u, 9000u);
  const int lanes = GENERATE(1, 8, 16);
  const bool known = GENERATE(false, true);
  KernelBuilder b("sum");
  const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex argument = b.argument(DType::i64);
  const Ex count = known ? b.integer(static_cast<std::int64_t>(n)) : argument;
  b.store(y, b.integer(0), contiguous_sum(b, count, lanes, DType::f32, [&](Ex first, int width, Ex mask) {
            return b.load(x, b.ramp(first, width), mask);
          }));
  const Kernel k = b.finish();
  verify(k);
  std::vector<float> in = noise(n), out(1);
  const std::span<std::byte> buffers[] = {bytes(in), bytes(out)};
  const std::uint64_t size = n;
  std::uint64_t error = 0;
  interpret(k, buffers, {&size, 1}, &error);
  CAPTURE(n, lanes, known);
  CHECK(out[0] == rule(in));
}

TEST_CASE("a sum down columns adds in the same order as a contiguous one", "[kernel]") {
  const std::size_t n = GENERATE(0u, 1u, 5u, 64u, 100u, 4097u, 8200u);
  KernelBuilder b("sum");
  const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex count = b.argument(DType::i64);
  b.store(y, b.ramp(b.integer(0), 4), column_sum(b, count, {DType::f32, 4}, [&](Ex i) { return b.load(x, b.ramp(i * 4, 4)); }));
  const Kernel k = b.finish();
  verify(k);
  std::vector<float> in = noise(4 * n), out(4);
  const std::span<std::byte> buffers[] = {bytes(in), bytes(out)};
  const std::uint64_t size = n;
  std::uint64_t error = 0;
  interpret(k, buffers, {&size, 1}, &error);
  for (std::size_t c = 0; c < 4; ++c) {
    std::vector<float> column;
    for (std::size_t i = 0; i < n; ++i) column.push_back(in[4 * i + c]);
    CAPTURE(n, c);
    CHECK(out[c] == rule(column));
  }
}
