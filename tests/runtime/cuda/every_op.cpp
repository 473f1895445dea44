// Every op through the CUDA schedules and the emulated kernels, against the typed interpreter.
#include <random>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/runtime/cuda/nvrtc.h>

#include "tests/catch.h"
#include "tests/ir/every_op.h"
#include "tests/runtime/cuda/run_cuda.h"

namespace uwaga::test {
namespace {

Array random_array(const Type& t, const Sizes& sizes, const OpExample& e, std::mt19937& random) {
  ArrayDims dims;
  for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  Array x(t.dtype, dims);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    if (is_float(t.dtype)) x.set(i, std::uniform_real_distribution<double>(e.low, e.high)(random));
    else if (t.dtype == DType::boolean) x.set_integer(i, static_cast<std::int64_t>(random() % 2));
    else x.set_integer(i, static_cast<std::int64_t>(random() % static_cast<unsigned>(e.index_limit)));
  }
  return x;
}

bool has_structure(const Graph& g) {
  for (const Node& n : g->nodes())
    if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call) return true;
  return false;
}

// Functions that math.h expands: a few units of the last place off the interpreter's, which are libm's. Everything else is
// equal to the bit, sums and dots included.
bool is_function(Op op) {
  switch (op) {
    case Op::exp: case Op::log: case Op::log1p: case Op::rsqrt: case Op::sin: case Op::cos: case Op::tanh: case Op::erf: case Op::sigmoid:
    case Op::pow: return true;
    default: return false;
  }
}
bool has_function(const Graph& g) {
  for (const Node& n : g->nodes())
    if (is_function(n.op)) return true;
  return false;
}

struct Case {
  OpExample example;
  std::size_t fused = 0, apart = 0;
};

void check_all(const std::vector<OpExample>& examples, const std::vector<std::int64_t>& rows) {
  CudaGraphs graphs;
  std::vector<Case> cases;
  for (const OpExample& e : examples) {
    if (has_structure(e.graph)) continue;
    INFO(e.what);
    cases.push_back({e, graphs.add(e.graph, true), graphs.add(e.graph, false)});
  }
  graphs.compile();
  for (const Case& c : cases)
    for (std::int64_t n : rows)
      for (std::size_t number : {c.fused, c.apart}) {
        INFO(c.example.what << ", rows=" << n << (number == c.fused ? "" : ", unfused"));
        const Sizes sizes{{"rows", n}};
        std::mt19937 random(7);
        Arrays inputs, parameters;
        const Graph& g = c.example.graph;
        for (NodeId id : g->inputs()) inputs.emplace(g->node(id).as<InputAttrs>().name, random_array(g->node(id).types[0], sizes, c.example, random));
        for (const auto& [path, id] : g->parameters()) parameters.emplace(path, random_array(g->node(id).types[0], sizes, c.example, random));
        const Results want = interpret(g, inputs, parameters, Mode::typed);
        const CudaGraphs::Result have = graphs.run(number, inputs, parameters, sizes);
        CHECK(have.error == 0);
        for (const auto& [name, array] : want.outputs) check_near(have.outputs.at(name), array, has_function(g) ? 8 : 0);
      }
}

}  // namespace

TEST_CASE("every op on emulated CUDA gives the bits of the typed interpreter") { check_all(every_op(), {1, 3, 17}); }

TEST_CASE("every op and dtype on emulated CUDA gives the bits of the typed interpreter") { check_all(every_op_and_dtype(), {4, 9}); }

TEST_CASE("kernels of every op compile to cubins of sm_80 and sm_90a without spills") {
  if (const std::string why = Nvrtc::why_not(); !why.empty()) {
    WARN(why);
    return;
  }
  const Nvrtc nvrtc;
  CudaGraphs graphs;
  for (const OpExample& e : every_op())
    if (!has_structure(e.graph)) graphs.add(e.graph, true);
  const std::vector<kernel::NamedKernel> kernels = graphs.kernels();
  const std::string source = kernel::cuda_source(kernels);
  CHECK(source.find("#include") == std::string::npos);
  for (const char* architecture : {"sm_80", "sm_90a"}) {
    const CudaBinary b = nvrtc.compile(source, {.architecture = architecture, .ptx = false});
    CHECK(b.cubin.substr(1, 3) == "ELF");
    CHECK(b.functions.size() == kernels.size());
    for (const std::string& w : b.warnings) CHECK(w == "");
    int registers = 0;
    for (const CudaFunction& f : b.functions) {
      INFO(f.name);
      CHECK(f.registers > 0);
      CHECK(f.spill_store_bytes + f.spill_load_bytes == 0);
      registers = std::max(registers, f.registers);
    }
    INFO(architecture << ": " << kernels.size() << " kernels, " << b.microseconds / 1000 << " ms, at most " << registers << " registers");
    CHECK(registers <= 255);
  }
}

}  // namespace uwaga::test
