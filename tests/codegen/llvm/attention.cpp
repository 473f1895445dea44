// Claimed attention as machine code, forward and backward, at every vector width this machine has.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/attention.h>
#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/precision.h>

#include <cmath>
#include <cstdlib>

#include "tests/catch.h"
#include "tests/codegen/llvm/run.h"
#include "tests/codegen/schedule/attention_variants.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

// Runs the tasks in the given number of pieces, the last first.
KernelRunner in_pieces(const HostCompiler& compiler, std::int64_t pieces) {
  return [&compiler, pieces](const kernel::Kernel& k, const std::vector<std::span<std::byte>>& buffers,
                             const std::vector<std::uint64_t>& arguments, std::uint64_t* error, bool) {
    const HostCode code(compiler.compile(kernel::expand_math(k)).object);
    std::vector<std::byte> scratch(static_cast<std::size_t>(kernel::scratch_bytes(k, arguments)) + 64, std::byte{0xa5});
    const auto aligned = [](std::byte* p) { return reinterpret_cast<std::byte*>((reinterpret_cast<std::uintptr_t>(p) + 63) / 64 * 64); };
    std::vector<std::vector<std::byte>> memory;
    std::vector<void*> pointers;
    for (const auto& b : buffers) {
      memory.emplace_back(b.size() + 128);
      pointers.push_back(aligned(memory.back().data()));
      std::copy(b.begin(), b.end(), static_cast<std::byte*>(pointers.back()));
    }
    const kernel::HostArguments given{pointers.data(), arguments.data(), aligned(scratch.data()), error};
    const std::int64_t tasks = kernel::task_count(k, arguments);
    for (std::int64_t piece = pieces; piece-- > 0;) code.function()(&given, tasks * piece / pieces, tasks * (piece + 1) / pieces);
    for (std::size_t i = 0; i < buffers.size(); ++i) {
      const auto* p = static_cast<const std::byte*>(pointers[i]);
      std::copy(p, p + buffers[i].size(), buffers[i].begin());
    }
  };
}

// Soft cap, learned slope per head, mask; all gradients.
Graph attended(const MaskFunction& mask) {
  Graph g;
  const Axis batch("batch"), time("time"), key("key"), head("head", 3), depth("depth", 24);
  const Axes rows{batch, time, head, depth}, keys{batch, key, head, depth};
  const Tensor q = g.input("q", DType::f32, rows), k = g.input("k", DType::f32, keys), v = g.input("v", DType::f32, keys),
               w = g.input("w", DType::f32, rows), slope = g.input("slope", DType::f32, {head});
  AttentionOptions options;
  options.query = time;
  options.key = key;
  options.depth = depth;
  options.mask = mask;
  options.score = [&](const Score& s) {
    const Tensor distance = broadcast_like(cast(s.query - s.key, DType::f32), s.score);
    return tanh((s.score - broadcast_like(slope, s.score) * distance * 0.05) * 0.2) * 5.0;
  };
  const Tensor o = attention(q, k, v, options);
  g->add_output("o", o.value());
  const std::vector<Tensor> wrt{q, k, v, slope};
  const std::vector<Tensor> gradients = grad(sum(o * w, rows), wrt);
  for (std::size_t i = 0; i < gradients.size(); ++i) g->add_output("g" + std::to_string(i), gradients[i].value());
  return g;
}

// Compares with the body, and with themselves all widths and divisions of tasks.
void check(const Graph& g, std::initializer_list<std::int64_t> divisions, const Sizes& sizes = {{"batch", 2}, {"time", 201}, {"key", 201}}) {
  const AttentionClaims claims = find_attention(g);
  REQUIRE(claims.refused.empty());
  const Graph low = dce(cse(simplify(strip(expand(g, [&](const CallAttrs& c) { return claims.keeps(c); })))));
  const Drawn given = draw(g, sizes, 5, -1, 1);
  const Results want = interpret(g, given.inputs, given.parameters, Mode::exact);
  std::vector<ClusterRun> runs;
  for (const Level& level : levels())
    for (std::int64_t pieces : divisions) {
      if (pieces > 1 && level.name != levels().back().name) continue;
      const HostCompiler compiler(level.target);
      runs.push_back(run_clusters(low, given.inputs, given.parameters, sizes, level.target, in_pieces(compiler, pieces)));
    }
  const double u = std::ldexp(1.0, -24);
  for (const auto& [name, array] : want.outputs) {
    double largest = 1, worst = 0;
    for (std::int64_t i = 0; i < array.elements(); ++i) {
      largest = std::max(largest, std::abs(array.at(i)));
      worst = std::max(worst, std::abs(array.at(i) - runs[0].outputs.at(name).at(i)));
    }
    INFO("output " << name << ": worst " << worst << " of " << largest);
    CHECK(worst <= 32 * (std::sqrt(2 * 201.0) + 24) * u * largest);
    for (std::size_t r = 1; r < runs.size(); ++r) check_bits(runs[r].outputs.at(name), runs[0].outputs.at(name));
  }
}

}  // namespace

TEST_CASE("machine code of claimed attention equals the body, with the same bits for every vector width and division of tasks") {
  check(attended(sliding_window(150)), {1, 2, 3});
}

TEST_CASE("machine code of the gradient of what scores read equals the body's, whatever axes it has") {
  for (const Variant& v : learned_variants()) {
    INFO(v.what);
    check(attend(v), {1, 3}, {{"batch", 2}, {"time", 70}, {"key", 141}});
  }
}

TEST_CASE("machine code of attention under masks whose edge turns back equals the body") {
  // Late queries see the first keys again.
  check(attended([](Tensor query, Tensor key) {
          return logical_or(equal(key, query), logical_and(key < 10, 100 < query));
        }), {1});
  // And between two panels that see a key there is one that does not.
  check(attended([](Tensor query, Tensor key) {
          return logical_or(equal(key, query), logical_and(key < 90, logical_or(query < 70, 110 < query)));
        }), {1});
}

TEST_CASE("machine code of attention in pairs of bf16 gives the kernel interpreter's bits where the processor has them") {
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bf16")) {
    WARN("skipped: no AVX512_BF16");
    return;
  }
  const HostTarget target = host_target({.avx2 = true, .avx512 = true, .avx512_bf16 = true});
  const HostCompiler compiler(target);
  for (const bool narrow : {false, true}) {
    Variant v = variants()[1];
    v.gradient = true;
    v.narrow = narrow;
    v.depth = 64;
    const Graph low = lowered(compute_in(attend(v), DType::bf16));
    const Sizes sizes{{"batch", 2}, {"time", 131}, {"key", 131}};
    const Drawn given = draw(low, sizes, 5, -1, 1);
    const KernelRunner judge = kernel_interpreter();
    const auto expanded = [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, auto* error, bool first) {
      judge(kernel::expand_math(k), buffers, arguments, error, first);
    };
    const ClusterRun want = run_clusters(low, given.inputs, {}, sizes, target, expanded);
    const ClusterRun have = run_clusters(low, given.inputs, {}, sizes, target, in_pieces(compiler, 2));
    for (const auto& [name, array] : want.outputs) {
      INFO("output " << name << (narrow ? " of bf16" : ""));
      check_bits(have.outputs.at(name), array);
    }
  }
#endif
}

}  // namespace uwaga::test
