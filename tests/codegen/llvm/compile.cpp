// The host compiler as a whole: the same bytes always, code for the features it may use, listings with origins.
#include <algorithm>
#include <fstream>
#include <thread>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// A tile of a product: `rows` x 2 vectors of accumulators over packed operands.
Kernel tile(int rows, int lanes, int unroll) {
  KernelBuilder b("contraction");
  const BufferId a = b.input(DType::f32), w = b.input(DType::f32), c = b.output(DType::f32);
  const Ex depth = b.argument(DType::i64);
  const Ex t = b.grid(b.argument(DType::i64));
  std::vector<Ex> sums;
  for (int i = 0; i < rows * 2; ++i) sums.push_back(b.variable(b.splat(b.real(0), lanes)));
  b.at(1);
  b.loop(b.integer(0), depth, unroll, [&](Ex k) {
    for (int u = 0; u < unroll; ++u)
      for (int r = 0; r < rows; ++r)
        for (int v = 0; v < 2; ++v) {
          const Ex sum = sums[static_cast<std::size_t>(r * 2 + v)];
          b.assign(sum, b.fma(b.splat(b.load(a, (k + u) * rows + r), lanes),
                              b.load(w, b.ramp((k + u) * (2 * lanes) + v * lanes, lanes)), sum));
        }
  });
  b.at(2);
  for (int i = 0; i < rows * 2; ++i)
    b.store(c, b.ramp(t * (rows * 2 * lanes) + i * lanes, lanes), sums[static_cast<std::size_t>(i)]);
  return b.finish();
}

std::string text(const std::vector<ListingLine>& lines) {
  std::string all;
  for (const ListingLine& line : lines) all += line.text + "\n";
  return all;
}

}  // namespace

TEST_CASE("an object is the same bytes alone, in a batch, and on many threads") {
  std::vector<Kernel> kernels;
  for (int rows = 1; rows <= 6; ++rows)
    for (int unroll : {1, 2}) kernels.push_back(tile(rows, 8, unroll));
  std::vector<const Kernel*> pointers;
  for (const Kernel& k : kernels) pointers.push_back(&k);
  for (const Level& level : levels()) {
    const HostCompiler compiler(level.target);
    std::vector<std::vector<std::byte>> alone;
    for (const Kernel& k : kernels) alone.push_back(compiler.compile(k).object);
    for (int threads : {1, 2, 8}) {
      const auto batch = compiler.compile(pointers, threads);
      REQUIRE(batch.size() == kernels.size());
      for (std::size_t i = 0; i < batch.size(); ++i) CHECK(batch[i].object == alone[i]);
    }
  }
}

TEST_CASE("many threads may share one compiler") {
  const HostCompiler compiler(levels().back().target);
  const Kernel k = tile(4, 8, 2);
  const auto expected = compiler.compile(k).object;
  std::vector<std::vector<std::byte>> got(6);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : got) threads.emplace_back([&] { mine = compiler.compile(k).object; });
  }
  for (const auto& object : got) CHECK(object == expected);
}

TEST_CASE("the result of a tile is the fma chain, on every target") {
  const Kernel k = tile(6, 8, 4);
  std::vector<float> a(64 * 6), w(64 * 16);
  for (std::size_t i = 0; i < a.size(); ++i) a[i] = 1.0f / static_cast<float>(i + 3);
  for (std::size_t i = 0; i < w.size(); ++i) w[i] = std::sqrt(static_cast<float>(i));
  std::vector<float> expected(96);
  for (std::size_t r = 0; r < 6; ++r)
    for (std::size_t j = 0; j < 16; ++j)
      for (std::size_t d = 0; d < 64; ++d)
        expected[r * 16 + j] = std::fma(a[d * 6 + r], w[d * 16 + j], expected[r * 16 + j]);
  for (const Level& level : levels()) {
    std::vector<float> c(96);
    Launch launch{{a.data(), w.data(), c.data()}, {64, 1}};
    launch.run(k, compiled(k, level.target));
    INFO(level.name);
    CHECK(difference(c, expected) == -1);
  }
}

TEST_CASE("every instruction of the listings has an origin, and the origins are the kernel's") {
  const Kernel k = tile(6, 8, 2);
  for (const Level& level : levels()) {
    const HostCompiler compiler(level.target);
    for (const auto& listing : {compiler.llvm_listing(k), compiler.assembly_listing(k)}) {
      INFO(level.name);
      CHECK(std::count_if(listing.begin(), listing.end(), [](const ListingLine& l) { return l.instruction; }) > 40);
      CHECK(without_origin(listing) == 0);
      for (int ordinal : {0, 1, 2})
        CHECK(std::any_of(listing.begin(), listing.end(),
                          [&](const ListingLine& l) { return l.instruction && l.ordinal == ordinal; }));
      CHECK(std::none_of(listing.begin(), listing.end(), [](const ListingLine& l) { return l.ordinal > 2; }));
    }
  }
}

#if defined(__x86_64__)
TEST_CASE("a target's code keeps to its registers, and a product tile keeps its sums in them") {
  const Kernel narrow = tile(6, 8, 4);
  const std::string avx2 = text(HostCompiler(host_target({.avx2 = true})).assembly_listing(narrow));
  CHECK(avx2.find("vfmadd231ps") != avx2.npos);
  CHECK(avx2.find("%zmm") == avx2.npos);
  CHECK(avx2.find("%ymm16") == avx2.npos);
  CHECK(avx2.find("%k1") == avx2.npos);
  CHECK(avx2.find("(%rsp)") == avx2.npos);  // no spill
  const std::string avx512 =
      text(HostCompiler(host_target({.avx2 = true, .avx512 = true})).assembly_listing(tile(14, 16, 4)));
  CHECK(avx512.find("%zmm28") != avx512.npos);  // 28 sums, and what they are made from
  CHECK(avx512.find("%ymm") == avx512.npos);  // 64-byte vectors are not split
  CHECK(avx512.find("(%rsp)") == avx512.npos);
  const std::string baseline = text(HostCompiler(host_target({})).assembly_listing(narrow));
  CHECK(baseline.find("%ymm") == baseline.npos);
  CHECK(baseline.find("fmaf") != baseline.npos);  // rounded once, also where there is no such instruction
}
#endif

TEST_CASE("a key names what an object depends on") {
  const HostTarget base = host_target({}), wide = host_target({.avx2 = true});
  CHECK(target_key(base) == target_key(base));
#if defined(__x86_64__)
  CHECK(target_key(base) != target_key(wide));
#endif
  CHECK_THAT(target_key(base), Contains("llvm 19") && Contains("emitter "));
}

TEST_CASE("code is never writable and executable, and what is no object is refused") {
  const HostCode code = compiled(tile(2, 8, 1), levels().back().target);
  CHECK(code.code_bytes() > 0);
  CHECK(code.perf_line("k001_contraction").ends_with(" k001_contraction\n"));
  std::ifstream maps("/proc/self/maps");
  const auto address = reinterpret_cast<std::uintptr_t>(code.function());
  bool found = false;
  for (std::string line; std::getline(maps, line);) {
    std::size_t used = 0;
    const std::uintptr_t begin = std::stoull(line, &used, 16), end = std::stoull(line.substr(used + 1), nullptr, 16);
    const std::string rights = line.substr(line.find(' ') + 1, 4);
    if (address < begin || address >= end) continue;
    found = true;
    CHECK(rights.substr(0, 3) == "r-x");
  }
  CHECK(found);
  const std::string nonsense = "these are the bytes of no object file at all";
  CHECK_THROWS_AS(HostCode(std::as_bytes(std::span(nonsense))), InternalError);
  CHECK_THROWS_AS(HostCode({}), InternalError);
}

// What gdb reads (its documentation, "JIT Compilation Interface").
struct JitEntry {
  JitEntry *next, *previous;
  const char* file;
  std::uint64_t size;
};
extern "C" {
extern struct {
  std::uint32_t version, action;
  JitEntry *relevant, *first;
} __jit_debug_descriptor;
}

TEST_CASE("gdb is told of the model's lines while the code lives") {
  const Kernel k = tile(2, 8, 1);
  const HostCompiler compiler(levels().back().target);
  const std::vector<SourceLine> lines = {{"/models/gpt.cpp", 9}, {"/models/gpt.cpp", 22}, {"/models/layers.cpp", 5}};
  {
    const HostCode code(compiler.compile(k, lines).object, {}, /*debugger=*/true);
    REQUIRE(__jit_debug_descriptor.first != nullptr);
    const std::string object(__jit_debug_descriptor.first->file, __jit_debug_descriptor.first->size);
    CHECK_THAT(object, Contains("gpt.cpp") && Contains("layers.cpp"));
  }
  CHECK(__jit_debug_descriptor.first == nullptr);
  const HostCode plain(compiler.compile(k).object);
  CHECK(__jit_debug_descriptor.first == nullptr);
}

TEST_CASE("the failure of one kernel of a batch is reported") {
  KernelBuilder b("loop");
  const BufferId y = b.output(DType::f32);
  b.store(y, b.grid(b.integer(1)), b.apply(Op::tanh, {b.real(1)}));
  const Kernel bad = b.finish(), good = tile(1, 8, 1);
  const Kernel* batch[] = {&good, &bad, &good};
  CHECK_THROWS_AS(HostCompiler(levels().back().target).compile(batch, 2), InternalError);
}
