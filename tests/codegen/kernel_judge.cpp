// The verifier, the interpreter as a judge, the hash and the printer.
#include <uwaga/codegen/kernel/hash.h>
#include <uwaga/codegen/kernel/print.h>
#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/ir/error.h>

#include "tests/catch.h"
#include "tests/codegen/kernel_run.h"

using namespace uwaga;
using namespace uwaga::kernel;

namespace {

void run(const Kernel& k, std::vector<std::vector<float>*> arrays, std::uint64_t* error = nullptr, InterpretOptions options = {}) {
  std::vector<std::span<std::byte>> buffers;
  for (auto* a : arrays) buffers.push_back(bytes(*a));
  std::uint64_t ignored = 0;
  interpret(k, buffers, {}, error ? error : &ignored, options);
}

// 4 threads turn a row of 4 round through shared memory.
Kernel turned(bool with_barrier) {
  KernelBuilder b("turn");
  const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex row = b.grid(b.integer(2)), t = b.threads(4);
  const BufferId s = b.shared(DType::f32, b.integer(4));
  b.store(s, t, b.load(x, row * 4 + t));
  if (with_barrier) b.barrier();
  b.store(y, row * 4 + t, b.load(s, b.integer(3) - t));
  return b.finish();
}

}  // namespace

TEST_CASE("the interpreter refuses what is out of bounds, never written, or a race", "[kernel]") {
  std::vector<float> x(8, 1), y(8);
  const auto kernel = [](auto body) {
    KernelBuilder b("bad");
    const BufferId in = b.input(DType::f32), out = b.output(DType::f32);
    const Ex g = b.grid(b.integer(4));
    body(b, in, out, g);
    return b.finish();
  };
  CHECK_THROWS_WITH(run(kernel([](auto& b, auto in, auto out, Ex g) { b.store(out, g, b.load(in, g + 5)); }), {&x, &y}),
                    Contains("load of element 8 of buffer 0, which has 8"));
  CHECK_THROWS_WITH(run(kernel([](auto& b, auto in, auto out, Ex g) { b.store(out, g - 1, b.load(in, g)); }), {&x, &y}),
                    Contains("store to element -1 of buffer 1, which has 8"));
  CHECK_THROWS_WITH(run(kernel([](auto& b, auto in, auto out, Ex g) { b.store(out, g / 2, b.load(in, g)); }), {&x, &y}),
                    Contains("store to element 0 of buffer 1 by task 1, which task 0 writes"));
  CHECK_THROWS_WITH(run(kernel([](auto& b, auto, auto out, Ex g) { b.store(out, g, b.load(out, g + 1)); }), {&x, &y}),
                    Contains("which was never written"));
  const Kernel reads = kernel([](auto& b, auto, auto out, Ex g) { b.store(out, g, b.load(out, g + 1)); });
  CHECK_THROWS_WITH(run(reads, {&x, &y}, nullptr, {.outputs_are_set = true}), Contains("by task 1, which another task reads"));
  const Kernel scratch = kernel([](auto& b, auto, auto out, Ex g) {
    const BufferId s = b.scratch(DType::f32, b.integer(4));
    b.store(out, g, b.load(s, g));
  });
  CHECK_THROWS_WITH(run(scratch, {&x, &y}), Contains("element 0 of buffer 2, which was never written"));
  // The mask keeps the last lanes from reading.
  const Kernel masked = kernel([](auto& b, auto in, auto out, Ex g) {
    const Ex at = b.ramp(g * 3, 3), mask = at < 8;
    b.store(out, at, b.load(in, at, mask), mask);
  });
  CHECK_NOTHROW(run(masked, {&x, &y}, nullptr, {.order = 5}));
  CHECK(y == x);
}

TEST_CASE("threads that share memory need a barrier between", "[kernel]") {
  std::vector<float> x{0, 1, 2, 3, 4, 5, 6, 7}, y(8);
  run(turned(true), {&x, &y}, nullptr, {.order = 3});
  CHECK(y == std::vector<float>{3, 2, 1, 0, 7, 6, 5, 4});
  CHECK_THROWS_WITH(run(turned(false), {&x, &y}), Contains("with no barrier between"));
  KernelBuilder b("half");
  const Ex t = b.threads(4);
  b.branch(t < 2, [&] { b.barrier(); });
  CHECK_THROWS_WITH(run(b.finish(), {}), Contains("2 of 4 threads came to a barrier"));
}

TEST_CASE("the first failure sets the error word to its ordinal and index", "[kernel]") {
  KernelBuilder b("fail");
  b.at(6);
  const Ex g = b.grid(b.integer(5));
  b.fail(b.integer(2) < g, g * 10);
  std::uint64_t error = 0;
  run(b.finish(), {}, &error);
  CHECK((error & 0xffff) == 7);
  CHECK(error >> 16 == 30);
}

TEST_CASE("the verifier refuses kernels that do not fit together", "[kernel]") {
  const Kernel good = turned(true);
  CHECK_NOTHROW(verify(good));
  CHECK_NOTHROW(verify(elementwise_kernel(Op::sin, DType::f32)));
  CHECK_NOTHROW(verify(elementwise_kernel(Op::rem, DType::f64)));
  CHECK_NOTHROW(verify(elementwise_kernel(Op::pow, DType::f32)));
  Kernel bad = good;
  bad.buffers[1].written = false;
  CHECK_THROWS_WITH(verify(bad), Contains("a store to no output"));
  bad = good;
  bad.threads = 1;
  CHECK_THROWS_WITH(verify(bad), Contains("is not defined there"));
  bad = good;
  bad.exprs[1].args = {5};
  CHECK_THROWS_WITH(verify(bad), Contains("an operand comes after its user"));
  bad = good;
  std::swap(bad.buffers[1], bad.buffers[2]);
  CHECK_THROWS_AS(verify(bad), InternalError);
}

TEST_CASE("the hash of a kernel sees statements and ordinals but neither its kind nor what is unused", "[kernel]") {
  const auto kernel = [](const char* kind, Ordinal ordinal, double factor, bool unused) {
    KernelBuilder b(kind);
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex g = b.grid(b.integer(4));
    if (unused) (void)(b.load(x, g * 99) + b.real(3));
    b.at(ordinal);
    b.store(y, g, b.load(x, g) * b.real(factor));
    return hash(b.finish());
  };
  const Hash128 h = kernel("a", 1, 2, false);
  CHECK(kernel("b", 1, 2, false) == h);
  CHECK(kernel("a", 1, 2, true) == h);
  CHECK(kernel("a", 2, 2, false) != h);
  CHECK(kernel("a", 1, 3, false) != h);
}

TEST_CASE("the hash of code sees no ordinals but those that failures store", "[kernel]") {
  const auto kernel = [](Ordinal store, Ordinal failure) {
    KernelBuilder b("k");
    const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
    const Ex g = b.grid(b.integer(4));
    b.at(store);
    b.store(y, g, b.load(x, g) + b.real(1));
    b.at(failure);
    b.fail(b.load(x, g) < b.real(0), g);
    return b.finish();
  };
  const Hash128 h = code_hash(kernel(1, 2));
  CHECK(code_hash(kernel(0, 2)) == h);
  CHECK(hash(kernel(0, 2)) != hash(kernel(1, 2)));
  CHECK(code_hash(kernel(1, 3)) != h);
}

TEST_CASE("a printed kernel shows the grid, buffers, statements and ordinals", "[kernel]") {
  CHECK(print(turned(true)) ==
        "kernel turn(b0: in f32, b1: out f32)\n"
        "for task v0 < 2\n"
        "for thread v1 < 4\n"
        "  shared b2: f32[4]\n"
        "  e5 = (v0 * 4) + v1  #0 i64\n"
        "  store b2[v1] = load b0[e5]  #0\n"
        "  barrier  #0\n"
        "  store b1[e5] = load b2[3 - v1]  #0\n");
}

// Two tiles of words by two, one product onto another: 16 x 16 sums of f32 at the end.
TEST_CASE("tiles are loaded by rows, multiplied in pairs of bf16 and stored", "[kernel]") {
  KernelBuilder b("tiles");
  const BufferId words = b.input(DType::i32), sums = b.output(DType::f32);
  b.tile_load(4, words, b.integer(0), b.integer(20));
  b.tile_load(6, words, b.integer(4), b.integer(20));
  b.tile_load(1, sums, b.integer(0), b.integer(16));
  b.tile_dot(1, 4, 6);
  b.tile_store(sums, b.integer(0), b.integer(16), 1);
  const Kernel k = b.finish();
  CHECK_NOTHROW(verify(k));
  CHECK_THAT(print(k), Contains("tile4 = rows b0[0] by 20") && Contains("tile1 += tile4 x tile6") && Contains("rows b1[0] by 16 = tile1"));
  Kernel other = k;
  other.body[3].tiles[1] = 5;
  CHECK(hash(other) != hash(k));
  other.body[3].tiles[1] = 4;
  CHECK_THROWS_WITH(verify(other), Contains("a product of a tile with itself"));

  // Small integers, whose sums are exact.
  std::vector<std::int32_t> w(20 * 16);
  const auto bf16 = [](int x) { return static_cast<std::uint32_t>(bf16_bits(static_cast<float>(x))); };
  const auto low = [](std::size_t i) { return static_cast<int>(i * 7 % 11) - 5; };
  const auto high = [](std::size_t i) { return static_cast<int>(i * 5 % 13) - 6; };
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = static_cast<std::int32_t>(bf16(low(i)) | bf16(high(i)) << 16);
  std::vector<float> y(256, 1);
  std::uint64_t error = 0;
  const std::vector<std::span<std::byte>> buffers{bytes(w), bytes(y)};
  interpret(k, buffers, {}, &error, {.outputs_are_set = true});
  for (std::size_t m = 0; m < 16; ++m)
    for (std::size_t n = 0; n < 16; ++n) {
      int want = 1;
      for (std::size_t c = 0; c < 16; ++c) {
        const std::size_t left = m * 20 + c, right = 4 + c * 20 + n;
        want += low(left) * low(right) + high(left) * high(right);
      }
      CHECK(y[m * 16 + n] == static_cast<float>(want));
    }

  KernelBuilder unset("tiles");
  const BufferId out = unset.output(DType::f32);
  unset.tile_store(out, unset.integer(0), unset.integer(16), 2);
  CHECK_THROWS_WITH(run(unset.finish(), {&y}), Contains("tile 2 is read before it is set"));
}

TEST_CASE("a tile of pairs is loaded from bf16 as from words", "[kernel]") {
  KernelBuilder b("tiles");
  const BufferId halves = b.input(DType::bf16), words = b.input(DType::i32), sums = b.output(DType::f32);
  b.tile_zero(0);
  b.tile_load(4, halves, b.integer(2), b.integer(40));
  b.tile_load(6, words, b.integer(0), b.integer(16));
  b.tile_dot(0, 4, 6);
  b.tile_store(sums, b.integer(0), b.integer(16), 0);
  const Kernel k = b.finish();
  CHECK_NOTHROW(verify(k));
  // 16 rows of 32 terms that are 40 apart, by the words of an identity: low halves land in the columns, high ones nowhere.
  std::vector<std::uint16_t> h(2 + 40 * 16);
  for (std::size_t i = 0; i < h.size(); ++i) h[i] = static_cast<std::uint16_t>(bf16_bits(static_cast<float>(i % 200)));
  std::vector<std::int32_t> identity(256);
  for (std::size_t i = 0; i < 16; ++i) identity[i * 17] = static_cast<std::int32_t>(bf16_bits(1.0F));
  std::vector<float> y(256);
  std::uint64_t error = 0;
  const std::vector<std::span<std::byte>> buffers{bytes(h), bytes(identity), bytes(y)};
  interpret(k, buffers, {}, &error, {});
  for (std::size_t m = 0; m < 16; ++m)
    for (std::size_t n = 0; n < 16; ++n) CHECK(y[m * 16 + n] == static_cast<float>((2 + m * 40 + 2 * n) % 200));
}

TEST_CASE("what streams is whole vectors side by side, in the open", "[kernel]") {
  const auto kernel = [](const std::function<void(KernelBuilder&, BufferId, Ex)>& body) {
    KernelBuilder b("streams");
    const BufferId y = b.output(DType::f32);
    body(b, y, b.grid(b.integer(2)) * 4);
    return b.finish();
  };
  const auto streaming = [&](std::int64_t from) {
    return kernel([&](KernelBuilder& b, BufferId y, Ex at) { b.stream(y, b.ramp(at + from, 4), b.real(3)); });
  };
  const Kernel k = streaming(0);
  CHECK_NOTHROW(verify(k));
  CHECK_THAT(print(k), Contains("stream b0["));
  std::vector<float> y(12);
  run(k, {&y});
  CHECK(y == std::vector<float>{3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0});
  CHECK_THROWS_WITH(run(streaming(1), {&y}), Contains("4 lanes stream from 1 on, which is no multiple of them"));

  Kernel stored = k;
  stored.body.back().streams = false;
  CHECK(hash(stored) != hash(k));
  Kernel masked = kernel([](KernelBuilder& b, BufferId y, Ex at) { b.store(y, b.ramp(at, 4), b.real(3), b.ramp(at, 4) < 6); });
  CHECK_NOTHROW(verify(masked));
  masked.body.back().streams = true;
  CHECK_THROWS_WITH(verify(masked), Contains("a masked or scattered store that streams"));
  Kernel scattered = kernel([](KernelBuilder& b, BufferId y, Ex at) { b.store(y, b.ramp(at, 4) * b.ramp(at, 4), b.real(3)); });
  scattered.body.back().streams = true;
  CHECK_THROWS_WITH(verify(scattered), Contains("a masked or scattered store that streams"));
  const Kernel inside = kernel([](KernelBuilder& b, BufferId y, Ex at) {
    b.routine({at}, [&](const std::vector<Ex>& p) { b.stream(y, b.ramp(p[0], 4), b.real(3)); });
  });
  CHECK_THROWS_WITH(verify(inside), Contains("one in a routine"));
}
