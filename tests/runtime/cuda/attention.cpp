// The kernels of claimed attention: their bits are the host's, they race nowhere, and they compile without spills.
#include <cmath>

#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#include <uwaga/runtime/program.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/attention_variants.h"
#include "tests/runtime/cuda/run_cuda.h"

namespace uwaga::test {
namespace {

Array drawn(const Type& t, const Sizes& sizes, std::uint64_t& state) {
  ArrayDims dims;
  for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  Array x(t.dtype, dims);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    if (is_float(t.dtype)) x.set(i, static_cast<double>(state >> 40) / 0x1p22 - 2);
    else x.set_integer(i, static_cast<std::int64_t>(state >> 63));
  }
  return x;
}

Arrays drawn(const Graph& g, const Sizes& sizes) {
  Arrays out;
  std::uint64_t state = 12345;
  for (NodeId id : g->inputs()) out.emplace(g->node(id).as<InputAttrs>().name, drawn(g->node(id).types[0], sizes, state));
  return out;
}

}  // namespace

TEST_CASE("claimed attention on emulated CUDA equals its body, forward and backward, at sizes that fit nothing") {
  CudaGraphs graphs;
  std::vector<std::pair<Variant, std::size_t>> cases;
  const auto add = [&](const Variant& v) {
    AttentionClaims claims;
    const Graph low = lowered(attend(v), &claims);
    REQUIRE(claims.refused.empty());
    cases.emplace_back(v, graphs.add(low));
  };
  for (Variant v : variants())
    for (bool gradient : {false, true}) {
      v.gradient = gradient;
      add(v);
    }
  for (const Variant& v : learned_variants())
    if (!v.host_only) add(v);
  graphs.compile(7);
  for (const auto& [v, number] : cases)
    for (const auto& [queries, keys] : {std::pair{1, 1}, {5, 5}, {66, 130}, {17, 33}}) {
      INFO(v.what << ", " << queries << " queries, " << keys << " keys" << (v.gradient ? ", gradient" : ""));
      const Sizes sizes{{"batch", 2}, {"time", queries}, {"key", keys}};
      const Graph g = attend(v);
      const Arrays inputs = drawn(g, sizes), parameters = initial_parameters(g, 1);
      const Results want = interpret(g, inputs, parameters, Mode::exact);
      const CudaGraphs::Result have = graphs.run(number, inputs, parameters, sizes);
      CHECK(have.error == 0);
      const double u = std::ldexp(1.0, -24), terms = static_cast<double>(std::max(queries, keys));
      check_close(have.outputs, want.outputs, 32 * (std::sqrt(terms) + v.depth) * u);
    }
}

TEST_CASE("attention computed in bf16 equals its body on emulated CUDA") {
  CudaGraphs graphs;
  std::vector<std::pair<Variant, std::size_t>> cases;
  for (const std::size_t i : {1, 3, 5}) {
    Variant v = variants()[i];
    v.gradient = true;
    AttentionClaims claims;
    const Graph low = lowered(compute_in(attend(v), bf16), &claims);
    REQUIRE(claims.refused.empty());
    cases.emplace_back(v, graphs.add(low));
  }
  graphs.compile(7);
  for (const auto& [v, number] : cases) {
    INFO(v.what);
    const Sizes sizes{{"batch", 2}, {"time", 17}, {"key", 33}};
    const Graph g = compute_in(attend(v), bf16);
    const Arrays inputs = drawn(g, sizes);
    const CudaGraphs::Result have = graphs.run(number, inputs, {}, sizes);
    CHECK(have.error == 0);
    // Of two probabilities that differ little, one may be rounded up and one down.
    check_close(have.outputs, interpret(g, inputs, {}, Mode::typed).outputs, std::ldexp(1.0, -7));
  }
}

TEST_CASE("a gradient of what scores read that CUDA kernels do not know runs from the body and says why") {
  for (const Variant& v : learned_variants()) {
    INFO(v.what);
    const AttentionClaims claims = find_attention(attend(v), AttentionKernels::sums_over_both);
    REQUIRE(claims.refused.size() == (v.host_only ? 1 : 0));
    if (v.host_only)
      CHECK(claims.refused[0].second ==
            "the gradient of what scores read is not a sum over both queries and keys, as this target's kernels have it");
  }
}

#ifdef UWAGA_WITH_LLVM
TEST_CASE("claimed attention on emulated CUDA has the host's bits") {
  for (Variant v : {variants()[3], variants()[5], learned_variants()[0]}) {
    v.gradient = true;
    INFO(v.what);
    const Sizes sizes{{"batch", 2}, {"time", 70}, {"key", 135}};
    const Graph g = attend(v);
    const Arrays inputs = drawn(g, sizes);
    State none;
    const Arrays host = compile(g, Target::host(2), none).run(inputs), cuda = compile(g, Target::emulated(3), none).run(inputs);
    for (const auto& [name, array] : host) {
      INFO("output " << name);
      check_near(cuda.at(name), array, 0);
    }
  }
}
#endif

TEST_CASE("CUDA kernels of attention race nowhere and read nothing that was not written") {
  for (Variant v : {variants()[2], variants()[5]}) {
    v.gradient = true;
    INFO(v.what);
    CudaGraphs graphs;
    const Sizes sizes{{"batch", 1}, {"time", 3}, {"key", 34}};
    const Graph g = attend(v);
    CHECK(graphs.judge(graphs.add(lowered(g)), drawn(g, sizes), {}, sizes) == 0);
  }
}

TEST_CASE("kernels of attention store nothing over queries and keys, and compile to cubins without spills") {
  CudaGraphs graphs;
  const std::vector<Variant> all = variants();
  for (Variant v : {all[1], all[5]})
    for (int depth : {64, 128}) {
      v.gradient = true;
      v.depth = v.value_depth = depth;
      const Graph low = lowered(attend(v));
      const Clustering clusters = fuse(low);
      for (const Cluster& c : clusters.clusters) {
        if (c.kind != ClusterKind::attention) continue;
        const Schedule s = schedule_for_cuda(low, c, choose_layouts(low, clusters), {});
        for (const Temporary& t : s.temporaries)  // one number a query and entry
          CHECK(t.elements.evaluate({{"batch", 1}, {"time", 64}, {"key", 1000}}) <= 64 * 2 * 3);
      }
      graphs.add(low);
    }
  if (const std::string why = Nvrtc::why_not(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  const Nvrtc nvrtc;
  const auto kernels = graphs.kernels();
  for (const kernel::NamedKernel& k : kernels) {
    if (!k.kernel->kind.starts_with("attention")) continue;
    const kernel::NamedKernel one[] = {k};
    const std::string source = kernel::cuda_source(one);
    CHECK(source.find("#include") == std::string::npos);
    for (const char* architecture : {"sm_80", "sm_90a"}) {
      const CudaBinary b = nvrtc.compile(source, {.architecture = architecture, .ptx = false});
      REQUIRE(b.functions.size() == 1);
      const CudaFunction& f = b.functions[0];
      INFO(architecture << " " << k.kernel->kind << ": " << f.registers << " registers, " << b.microseconds / 1000 << " ms");
      for (const std::string& w : b.warnings) CHECK(w == "");
      CHECK(f.spill_store_bytes + f.spill_load_bytes == 0);
      CHECK(f.shared_bytes <= 48 << 10);
      CHECK(f.registers <= 255);
    }
  }
}

}  // namespace uwaga::test
