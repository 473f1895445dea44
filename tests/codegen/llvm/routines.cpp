// Routines as functions: in their kernel's object, and found by symbol.
#include <uwaga/codegen/kernel/routine.h>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// y[i] += sum over steps of x[first + step], for lanes of a row a task; and what the row held is doubled after the routine.
Kernel summed(std::int64_t lanes) {
  KernelBuilder b("summed");
  const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex n = b.argument(DType::i64), row = b.grid(b.integer(6));
  const Ex first = b.let(row * n), at = b.let(row * lanes);
  const int wide = static_cast<int>(lanes);
  const Ex before = b.let(b.load(y, b.ramp(at, wide)));
  b.routine({first, at, n}, [&](const std::vector<Ex>& p) {
    const Ex sum = b.variable(b.load(y, b.ramp(p[1], 4)));
    b.loop(b.integer(0), p[2], 1, [&](Ex i) { b.assign(sum, sum + b.splat(b.load(x, p[0] + i), 4)); });
    b.store(y, b.ramp(p[1], 4), sum);
  });
  b.store(y, b.ramp(at, wide), b.load(y, b.ramp(at, wide)) + before);  // of what the routine wrote
  return b.finish();
}

std::vector<float> results(const Kernel& k, const HostCode& code, std::size_t lanes) {
  std::vector<float> x(66), y(6 * lanes);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.1f * static_cast<float>(i % 7);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<float>(i);
  Launch launch{{x.data(), y.data()}, {11}};
  launch.run(k, code);
  return y;
}

}  // namespace

TEST_CASE("a kernel calls its routine, in its own object or another", "[llvm]") {
  const Kernel four = summed(4), eight = summed(8);
  const auto routines = different_routines(four);
  REQUIRE(routines.size() == 1);
  REQUIRE(symbol(different_routines(eight).at(0)) == symbol(routines[0]));
  for (const Level& level : levels()) {
    INFO(level.name);
    const HostCompiler compiler(level.target, {.verify = true});
    const Kernel* batch[] = {&four, &eight, &routines[0].kernel};
    const std::vector<CompiledKernel> made = compiler.compile(batch, 2);
    const HostCode routine(made[2].object);
    const std::map<std::string, std::uintptr_t> known{{symbol(routines[0]), routine.address()}};
    for (const auto& [kernel, object, lanes] : {std::tuple(&four, &made[0].object, 4u), std::tuple(&eight, &made[1].object, 8u)}) {
      std::vector<float> want(6 * lanes), x(66);
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.1f * static_cast<float>(i % 7);
      for (std::size_t row = 0; row < 6; ++row)
        for (std::size_t lane = 0; lane < lanes; ++lane) {
          const float before = static_cast<float>(row * lanes + lane);
          float sum = before;
          for (std::size_t i = 0; i < 11 && lane < 4; ++i) sum += x[row * 11 + i];
          want[row * lanes + lane] = sum + before;
        }
      CHECK(difference(results(*kernel, HostCode(*object, known), lanes), want) == -1);
      CHECK(difference(results(*kernel, compiled(*kernel, level.target), lanes), want) == -1);
      CHECK_THROWS_AS(HostCode(*object), InternalError);  // without its routine
    }
    CHECK(made[2].object == compiler.compile(routines[0].kernel).object);
  }
}

TEST_CASE("listings hold a kernel's routines, each once", "[llvm]") {
  const Kernel k = summed(4);
  const std::string name = symbol(different_routines(k).at(0));
  const HostCompiler compiler(levels().back().target);
  const auto starts = [](const std::vector<ListingLine>& lines, const std::string& what) {
    return std::count_if(lines.begin(), lines.end(), [&](const ListingLine& l) { return l.text.starts_with(what); });
  };
  CHECK(starts(compiler.llvm_listing(k), "define void @kernel(ptr %0, i64 %1, i64 %2) {") == 1);
  CHECK(starts(compiler.llvm_listing(k), "define void @" + name + "(ptr %0, ptr %1, i64 %2, i64 %3, i64 %4) {") == 1);
  CHECK(starts(compiler.assembly_listing(k), "kernel:") == 1);
  CHECK(starts(compiler.assembly_listing(k), name + ":") == 1);
}
