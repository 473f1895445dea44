// Scheduled kernels through LLVM: the bits of the typed interpreter for every op, functions within their bounds.
#include <cmath>
#include <cstdlib>

#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/load.h>
#include <uwaga/codegen/llvm/target.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/llvm/tile_registers.h"
#include "tests/codegen/schedule/bf16_products.h"
#include "tests/codegen/schedule/divided_products.h"
#include "tests/codegen/schedule/few_rows_products.h"
#include "tests/codegen/schedule/flat_indices.h"
#include "tests/codegen/schedule/inner_products.h"
#include "tests/codegen/schedule/patched_products.h"
#include "tests/codegen/schedule/run_clusters.h"
#include "tests/ir/every_op.h"

namespace uwaga::test {
namespace {

KernelRunner machine(const HostCompiler& compiler) {
  return [&compiler](const kernel::Kernel& k, const std::vector<std::span<std::byte>>& buffers,
                     const std::vector<std::uint64_t>& arguments, std::uint64_t* error, bool) {
    const HostCode code(compiler.compile(kernel::expand_math(k)).object);
    const auto bytes = static_cast<std::size_t>(kernel::scratch_bytes(k, arguments)) + 64;
    void* scratch = std::aligned_alloc(64, (bytes + 63) / 64 * 64);
    // The emitter counts on 64-byte alignment of buffers.
    std::vector<void*> pointers;
    for (const auto& b : buffers) {
      void* p = std::aligned_alloc(64, (b.size() + 127) / 64 * 64);
      std::copy(b.begin(), b.end(), static_cast<std::byte*>(p));
      pointers.push_back(p);
    }
    const kernel::HostArguments given{pointers.data(), arguments.data(), scratch, error};
    code.function()(&given, 0, kernel::task_count(k, arguments));
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const auto* p = static_cast<const std::byte*>(pointers[i]);
      std::copy(p, p + buffers[i].size(), buffers[i].begin());
      std::free(pointers[i]);
    }
    std::free(scratch);
  };
}

// Functions are off by their bounds, and what is computed from them by a little more.
bool has_functions(const Graph& g) {
  for (const Node& n : g->nodes())
    if (!n.operands.empty() && kernel::is_expanded(n.op, g->type(n.operands[0]).dtype == DType::f64 ? DType::f64 : DType::f32)) return true;
  return false;
}

void check_near(const Array& have, const Array& want) {
  REQUIRE(have.dims() == want.dims());
  int shown = 0;
  for (std::int64_t i = 0; i < have.elements() && shown < 3; ++i) {
    const double a = have.at(i), b = want.at(i);
    if (a == b || (a != a && b != b)) continue;
    const double bound = (is_float(want.dtype()) ? 8 * unit_roundoff(want.dtype()) : 0) * std::max(std::abs(b), 1e-30);
    if (std::abs(a - b) <= bound) continue;
    ++shown;
    INFO("element " << i << " of " << want.str() << " is " << a << " instead of " << b);
    CHECK(std::abs(a - b) <= bound);
  }
}

void check_examples(const std::vector<OpExample>& examples, const HostFeatures& features, std::int64_t rows) {
  const HostCompiler compiler(host_target(features));
  for (const OpExample& e : examples) {
    bool structure = false;
    for (const Node& n : e.graph->nodes()) structure = structure || n.op == Op::scan || n.op == Op::cond || n.op == Op::call;
    if (structure) continue;
    INFO(e.what << ", rows=" << rows);
    const Sizes sizes{{"rows", rows}};
    const Drawn given = draw(e.graph, sizes, 11, e.low, e.high, e.index_limit);
    const Results want = interpret(e.graph, given.inputs, given.parameters, Mode::typed);
    const ClusterRun have = run_clusters(e.graph, given.inputs, given.parameters, sizes, compiler.target(), machine(compiler));
    CHECK_FALSE(have.failed);
    for (const auto& [name, array] : want.outputs) {
      INFO("output " << name);
      if (has_functions(e.graph)) check_near(have.outputs.at(name), array);
      else check_bits(have.outputs.at(name), array);
    }
  }
}

void check_bf16_products(const HostTarget& target) {
  const HostCompiler compiler(target);
  for (const Bf16Product& p : bf16_products()) {
    INFO(p.what);
    const Drawn given = draw(p.graph, p.sizes, 5);
    const ClusterRun want = run_clusters(p.graph, given.inputs, {}, p.sizes, compiler.target());
    const ClusterRun have = run_clusters(p.graph, given.inputs, {}, p.sizes, compiler.target(), machine(compiler));
    check_bits(have.outputs.at("c"), want.outputs.at("c"));
  }
}

}  // namespace

TEST_CASE("every op in machine code gives the bits of the typed interpreter") {
  check_examples(every_op(), {.avx2 = true}, 17);
  check_examples(every_op_and_dtype(), {.avx2 = true}, 9);
}

TEST_CASE("products of few rows in machine code give the bits of the typed interpreter") {
  const HostCompiler compiler(host_target({.avx2 = true}));
  for (const SizedGraph& g : few_rows_products()) check_typed_bits(g, 5, compiler.target(), machine(compiler));
}

TEST_CASE("one index over several axes in vectors of machine code gives the bits of the typed interpreter") {
  const HostCompiler compiler(host_target({.avx2 = true}));
  for (const SizedGraph& g : flat_indices()) check_typed_bits(g, 5, compiler.target(), machine(compiler));
}

TEST_CASE("inner products in machine code give the bits of the typed interpreter") {
  const HostCompiler compiler(host_target({.avx2 = true}));
  for (const SizedGraph& g : inner_products()) check_typed_bits(g, 5, compiler.target(), machine(compiler));
}

TEST_CASE("products in machine code whose terms tasks divide give the bits of the typed interpreter") {
  const HostCompiler compiler(host_target({.avx2 = true}));
  HostTarget target = compiler.target();
  target.threads = 16;
  for (const SizedGraph& g : divided_products()) check_typed_bits(g, 5, target, machine(compiler));
}

TEST_CASE("products in machine code take sums over patches along with the bits of the typed interpreter") {
  const HostCompiler compiler(host_target({.avx2 = true}));
  for (const PatchedProduct& p : patched_products()) {
    INFO(p.what());
    const Graph g = p.graph();
    const Drawn given = draw(g, p.sizes(), 5);
    const Results want = interpret(g, given.inputs, {}, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = p.sizes()});
    const ClusterRun have = run_clustering(g, fuse(g, kPatchRules), given.inputs, {}, p.sizes(), compiler.target(), machine(compiler));
    for (const auto& [name, array] : want.outputs) {
      INFO(name);
      check_bits(have.outputs.at(name), array);
    }
  }
}

TEST_CASE("products of bf16 in pairs give the kernel interpreter's bits where the processor has them") {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bf16")) {
    WARN("skipped: no AVX512_BF16");
    return;
  }
  check_bf16_products(host_target({.avx2 = true, .avx512 = true, .avx512_bf16 = true}));
#endif
}

TEST_CASE("a row of bf16 by itself counts as it does in tiles of machine code") {
#if defined(__x86_64__) && defined(__linux__)
  if (!__builtin_cpu_supports("avx512bf16")) {
    WARN("skipped: no AVX512_BF16");
    return;
  }
  HostTarget target = host_target({.avx2 = true, .avx512 = true, .avx512_bf16 = true});
  target.amx = true;
  target.features += ",+amx-tile,+amx-bf16";
  const HostCompiler compiler(target);
  const EmulatedTiles tiles;
  check_rows_among_many(target, machine(compiler));
#endif
}

TEST_CASE("products of bf16 in tiles in machine code give the kernel interpreter's bits") {
#if defined(__x86_64__) && defined(__linux__)
  // On vectors that more processors have than do tiles, whose instructions are emulated: so that it is tested everywhere.
  HostTarget target = host_target({.avx2 = true});
  target.amx = true;
  target.features = "+amx-tile,+amx-bf16";
  const EmulatedTiles tiles;
  check_bf16_products(target);
  CHECK(EmulatedTiles::instructions() > 0);
#endif
}

}  // namespace uwaga::test
