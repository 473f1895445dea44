// Loops, branches, mutable variables, scratch, the grid and failures of compiled kernels.
#include <thread>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

std::vector<double> run_f64(const Kernel& k, const HostTarget& target, std::vector<double> in, std::size_t outputs,
                            std::vector<std::uint64_t> arguments = {}) {
  std::vector<double> out(outputs, -1);
  Launch launch{{in.data(), out.data()}, std::move(arguments)};
  launch.run(k, compiled(k, target));
  return out;
}

}  // namespace

TEST_CASE("a mutable variable carries its value through loops, also those that never turn") {
  for (const Level& level : levels()) {
    KernelBuilder b("loop");
    const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
    const Ex n = b.argument(DType::i64);
    const Ex row = b.grid(b.integer(2));
    const Ex sum = b.variable(b.real(0, DType::f64)), last = b.variable(b.real(5, DType::f64));
    b.loop(b.integer(0), n, 1, [&](Ex i) {
      const Ex inner = b.variable(b.real(0, DType::f64));
      b.loop(b.integer(0), i, 1, [&](Ex j) { b.assign(inner, inner + b.load(x, row * n + j)); });
      b.assign(sum, sum + inner);
      b.assign(last, inner);
    });
    b.loop(b.integer(3), b.integer(3), 1, [&](Ex) { b.assign(sum, b.real(-100, DType::f64)); });
    b.loop(b.integer(3), b.integer(4), 1, [&](Ex i) { b.assign(sum, sum + b.cast(i, DType::f64)); });
    b.store(y, row * 2, sum);
    b.store(y, row * 2 + 1, last);
    const Kernel k = b.finish();
    INFO(level.name);
    // Row sums of prefixes: for n = 4 of {1 2 3 4}: 0 + 1 + 3 + 6.
    CHECK(run_f64(k, level.target, {1, 2, 3, 4, 10, 20, 30, 40}, 4, {4}) == std::vector<double>{13, 6, 103, 60});
    CHECK(run_f64(k, level.target, {}, 4, {0}) == std::vector<double>{3, 5, 3, 5});
    CHECK(run_f64(k, level.target, {1, 2}, 4, {1}) == std::vector<double>{3, 0, 3, 0});
  }
}

TEST_CASE("a loop counts by its step and stops at its end") {
  KernelBuilder b("loop");
  b.input(DType::f64);
  const BufferId y = b.output(DType::f64);
  const Ex n = b.argument(DType::i64), from = b.argument(DType::i64);
  b.grid(b.integer(1));
  const Ex turns = b.variable(b.integer(0));
  b.loop(from, n, 3, [&](Ex i) { b.assign(turns, turns * 100 + i); });
  b.store(y, b.integer(0), b.cast(turns, DType::f64));
  const Kernel k = b.finish();
  for (const Level& level : levels()) {
    CHECK(run_f64(k, level.target, {}, 1, {10, 1})[0] == 10407);    // 1 4 7
    CHECK(run_f64(k, level.target, {}, 1, {11, 1})[0] == 1040710);  // 1 4 7 10
    CHECK(run_f64(k, level.target, {}, 1, {1, 1})[0] == 0);
    CHECK(run_f64(k, level.target, {}, 1, {static_cast<std::uint64_t>(-1), static_cast<std::uint64_t>(-3)})[0] == -3);
  }
}

namespace {

// Sums of x in blocks of 8 elements, four tasks a row of `row`: y[task] = 1 + the sum of what the row's blocks hold.
Kernel sums_of_blocks(std::int64_t row, bool known) {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
  const Ex length = known ? b.integer(row) : b.argument(DType::i64);
  const Ex task = b.grid(b.integer(4));
  const Ex sum = b.variable(b.real(1, DType::f64));
  b.loop(b.integer(0), (length + 7) / 8, 1, [&](Ex block) {
    const Ex from = b.let(block * 8), count = b.let(min(length - from, b.integer(8)));
    b.loop(b.integer(0), count, 4, [&](Ex i) {
      const Ex at = b.ramp(from + i, 4);
      const Ex four = b.load(x, b.ramp(task * length + from + i, 4), at < b.splat(length, 4));
      for (int lane = 0; lane < 4; ++lane) b.assign(sum, sum + b.lanes(four, lane, 1));
    });
  });
  b.store(y, task, sum);
  return b.finish();
}

// Branches of its LLVM IR that are taken or not, and masked loads.
std::pair<int, int> guards_and_masks(const Kernel& k, const HostTarget& target) {
  std::pair<int, int> n;
  for (const ListingLine& line : HostCompiler(target).llvm_listing(k)) {
    n.first += line.text.find("br i1") != std::string::npos;
    n.second += line.text.find("call <4 x double> @llvm.masked.load") != std::string::npos;
  }
  return n;
}

}  // namespace

TEST_CASE("loops that must turn have no guards, and whole tiles no masks, where static extents say so") {
  for (std::int64_t row : {1, 4, 7, 8, 12, 16, 20, 24, 31, 32}) {
    std::vector<double> in(static_cast<std::size_t>(4 * row)), sums(4, 1);
    for (std::size_t i = 0; i < in.size(); ++i) sums[i / static_cast<std::size_t>(row)] += in[i] = static_cast<double>(i % 97);
    for (const Level& level : levels()) {
      INFO(level.name << ", rows of " << row);
      const auto n = static_cast<std::uint64_t>(row);
      CHECK(run_f64(sums_of_blocks(row, true), level.target, in, 4) == sums);
      CHECK(run_f64(sums_of_blocks(row, false), level.target, in, 4, {n}) == sums);
    }
  }
#if defined(__x86_64__)
  const HostTarget avx2 = host_target({.avx2 = true});
  // Are there tasks, blocks, fours of a block, and each of them more than one.
  CHECK(guards_and_masks(sums_of_blocks(32, false), avx2) == std::pair(6, 1));
  CHECK(guards_and_masks(sums_of_blocks(32, true), avx2) == std::pair(4, 0));
  CHECK(guards_and_masks(sums_of_blocks(8, true), avx2) == std::pair(3, 0));
  CHECK(guards_and_masks(sums_of_blocks(30, true), avx2) == std::pair(4, 1));
#endif
}

TEST_CASE("branches join the values of their arms, and arms may lie in loops") {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
  const Ex n = b.argument(DType::i64);
  b.grid(b.integer(1));
  const Ex up = b.variable(b.real(0, DType::f64)), down = b.variable(b.real(0, DType::f64)),
           both = b.variable(b.real(0, DType::f64));
  const Ex zero = b.real(0, DType::f64);
  b.loop(b.integer(0), n, 1, [&](Ex i) {
    const Ex v = b.let(b.load(x, i));
    b.branch(
        zero < v,
        [&] {
          b.assign(up, up + v);
          b.loop(b.integer(0), i, 1, [&](Ex) { b.assign(both, both + v * v); });
        },
        [&] {
          b.assign(down, down + v);
          b.assign(both, both - b.real(1, DType::f64));
        });
    b.branch(equal(v, b.real(7, DType::f64)), [&] { b.assign(up, up + b.real(1000, DType::f64)); });
  });
  b.store(y, b.integer(0), up);
  b.store(y, b.integer(1), down);
  b.store(y, b.integer(2), both);
  const Kernel k = b.finish();
  for (const Level& level : levels()) {
    INFO(level.name);
    CHECK(run_f64(k, level.target, {1, -2, 3, 7, -5}, 3, {5}) == std::vector<double>{1011, -7, 2 * 9 + 3 * 49 - 2});
  }
}

TEST_CASE("an expression is computed anew after what it reads has changed, and a let is not") {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
  b.grid(b.integer(1));
  const Ex v = b.variable(b.load(x, b.integer(0)));
  const Ex twice = v + v, stored = b.load(y, b.integer(0));
  b.store(y, b.integer(0), twice);  // 2
  const Ex first = b.let(stored);   // 2
  b.assign(v, b.real(10, DType::f64));
  b.store(y, b.integer(1), twice);           // 20
  b.store(y, b.integer(0), stored + twice);  // 22
  b.store(y, b.integer(2), stored);          // 22
  b.store(y, b.integer(3), first);           // 2
  const Ex before = b.let(stored);           // read again in the loop, which changes it
  b.loop(b.integer(0), b.integer(3), 1, [&](Ex i) {
    b.store(y, i + 4, stored);  // 22, 23, 24
    b.store(y, b.integer(0), stored + b.real(1, DType::f64));
  });
  b.store(y, b.integer(7), stored);                                                    // 25
  b.branch(twice < stored, [&] { b.store(y, b.integer(0), b.real(0, DType::f64)); });  // 20 < 25
  b.store(y, b.integer(8), stored);                                                    // 0
  b.store(y, b.integer(9), before);                                                    // 22
  const Kernel k = b.finish();
  for (const Level& level : levels())
    CHECK(run_f64(k, level.target, {1}, 10) == std::vector<double>{0, 20, 22, 2, 22, 23, 24, 25, 0, 22});
}

TEST_CASE("what moves out of a loop is right in every loop around it") {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
  const Ex n = b.argument(DType::i64);
  const Ex g = b.grid(n), h = b.grid(b.integer(2));
  const auto real = [&](Ex i) { return b.cast(i, DType::f64); };
  b.loop(b.integer(0), n, 1, [&](Ex i) {
    b.branch(g < i + 1, [&] {
      b.loop(b.integer(0), n, 1, [&](Ex j) {
        // Parts that read nothing, g, i and j each belong somewhere else.
        b.store(y, ((g * 2 + h) * n + i) * n + j,
                real(n * 1000) + real(g * 100 + i * 10) + real(j) + b.load(x, i * n + j));
      });
    });
  });
  const Kernel k = b.finish();
  const std::size_t n_ = 3;
  std::vector<double> in(9);
  for (std::size_t i = 0; i < 9; ++i) in[i] = static_cast<double>(i) / 16;
  std::vector<double> expected;
  for (std::size_t gh = 0; gh < 6; ++gh)
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 3; ++j) {
        const std::size_t g_ = gh / 2;
        expected.push_back(g_ < i + 1 ? 3000.0 + static_cast<double>(g_ * 100 + i * 10 + j) + in[i * 3 + j] : -1);
      }
  for (const Level& level : levels()) CHECK(run_f64(k, level.target, in, expected.size(), {n_}) == expected);
}

TEST_CASE("any cut of the tasks into ranges does the same work") {
  KernelBuilder b("loop");
  const BufferId y = b.output(DType::i64);
  const Ex a = b.argument(DType::i64), c = b.argument(DType::i64), d = b.argument(DType::i64);
  const Ex i = b.grid(a), j = b.grid(c), l = b.grid(d);
  b.store(y, (i * c + j) * d + l, i * 10000 + j * 100 + l);
  const Kernel k = b.finish();
  for (const Level& level : levels()) {
    const HostCode code = compiled(k, level.target);
    for (std::int64_t cut = 1; cut <= 30; cut += 7) {
      std::vector<std::int64_t> out(30, -1), expected;
      for (int p = 0; p < 2; ++p)
        for (int q = 0; q < 5; ++q)
          for (int r = 0; r < 3; ++r) expected.push_back(p * 10000 + q * 100 + r);
      Launch launch{{out.data()}, {2, 5, 3}};
      for (std::int64_t begin = 0; begin < 30; begin += cut)
        launch.run(k, code, begin, std::min<std::int64_t>(begin + cut, 30));
      CHECK(out == expected);
    }
    Launch empty{{nullptr}, {2, 0, 3}};
    empty.run(k, code);
  }
}

TEST_CASE("scratch buffers lie one after the other, and a task may pass values through them") {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::f64), y = b.output(DType::f64);
  const Ex n = b.argument(DType::i64);
  const BufferId s = b.scratch(DType::f64, n), t = b.scratch(DType::boolean, n + 1),
                 u = b.scratch(DType::f32, b.integer(3));
  const Ex g = b.grid(b.integer(2));
  b.loop(b.integer(0), n, 1, [&](Ex i) {
    b.store(s, i, b.load(x, g * n + i));
    b.store(t, i, b.real(0, DType::f64) < b.load(x, g * n + i));
    b.store(u, b.integer(2), b.real(8));
  });
  b.loop(b.integer(0), n, 1, [&](Ex i) {
    b.store(y, g * n + i, b.select(b.load(t, i), b.load(s, n - 1 - i), b.cast(b.load(u, b.integer(2)), DType::f64)));
  });
  const Kernel k = b.finish();
  const std::uint64_t n_[] = {5};
  CHECK(scratch_bytes(k, n_) == 64 * 3);
  for (const Level& level : levels())
    CHECK(run_f64(k, level.target, {1, -1, 2, -2, 3, -1, 1, -2, 2, -3}, 10, {5}) ==
          std::vector<double>{3, 8, 2, 8, 1, 8, 2, 8, 1, 8});
}

TEST_CASE("the error word keeps the smallest failure, whichever thread came first") {
  KernelBuilder b("loop");
  const BufferId x = b.input(DType::i64);
  const Ex n = b.argument(DType::i64);
  const Ex g = b.grid(n);
  const Ex v = b.load(x, b.ramp(g * 8, 8));
  b.at(6);
  b.fail(b.splat(b.integer(99), 8) < v, v);
  b.at(2);
  b.fail(equal(g, b.integer(3)), b.integer(150));
  const Kernel k = b.finish();
  for (const Level& level : levels()) {
    INFO(level.name);
    const HostCode code = compiled(k, level.target);
    std::vector<std::int64_t> in(64, 1);
    Launch fine{{in.data()}, {3}};
    fine.run(k, code);
    CHECK(fine.error == 0);
    in[20] = 200, in[21] = 120, in[50] = 120, in[51] = 110;  // of a vector the first lane speaks
    for (int turn = 0; turn < 20; ++turn) {
      Launch launch{{in.data()}, {8}};
      {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 4; ++t) threads.emplace_back([&, t] { launch.run(k, code, t * 2, t * 2 + 2); });
      }
      CHECK(launch.error == (std::uint64_t{120} << 16 | 7));
    }
    in[50] = 1, in[20] = 1, in[21] = 150, in[51] = 1;  // equal indices: the lower ordinal
    Launch launch{{in.data()}, {8}};
    launch.run(k, code);
    CHECK(launch.error == (std::uint64_t{150} << 16 | 3));
  }
}
