// Every op in every dtype, and every composite, on emulated CUDA: values and gradients at two shapes, against the typed
// interpreter. One unit of host code a question, since its compiler's start is most of the time.
#include <uwaga/runtime/compiled/internal/passes.h>

#include <fmt/format.h>

#include "tests/catch.h"
#include "tests/count.h"
#include "tests/runtime/cuda/run_cuda.h"
#include "tests/runtime/questions.h"

namespace uwaga::test {
namespace {

// Scans and conditions are steps of a program, not kernels: tests/runtime/cuda/examples.cpp has them.
bool has_structure(const Graph& g) {
  for (const Node& n : g->nodes())
    if (n.op == Op::scan || n.op == Op::cond) return true;
  return false;
}

void ask(Question q, bool floating) {
  struct Case {
    DTypeExample example;
    Graph graph;
    std::size_t number;
  };
  CudaGraphs graphs;
  std::vector<Case> cases;
  for (const DTypeExample& e : every_dtype()) {
    if (is_float(e.dtype) != floating || has_structure(e.example.graph)) continue;
    if (q != Question::forward && !is_differentiable(e)) continue;
    INFO(e.example.what << ", " << name(q));
    const Graph g = question_of(e, q), lowered = lower_for_kernels(g);
    cases.push_back({e, g, graphs.add(lowered)});
  }
  graphs.compile();
  const std::vector<Sizes> shapes = {{{"rows", 7}, {"cols", 13}}, {{"rows", 2}, {"cols", 33}}};
  for (const Case& c : cases)
    for (const Sizes& sizes : shapes) {
      INFO(fmt::format("{}, {}, rows={}, cols={}", c.example.example.what, name(q), sizes.at("rows"), sizes.at("cols")));
      const Arrays inputs = question_inputs(c.graph, c.example, sizes);
      const CudaGraphs::Result have = graphs.run(c.number, inputs, {}, sizes);
      CHECK(have.error == 0);
      CHECK(difference(have.outputs, answer(c.graph, inputs, sizes)) == "");
    }
  CHECK(!cases.empty());
  count_for_summary(static_cast<long>(cases.size() * shapes.size()), "cases of an op, a dtype, a question and a shape on emulated CUDA");
}

}  // namespace

TEST_CASE("every op in every floating dtype on emulated CUDA gives the interpreter's values", "[slow]") { ask(Question::forward, true); }

TEST_CASE("every op on integers and bools on emulated CUDA gives the interpreter's values", "[slow]") { ask(Question::forward, false); }

TEST_CASE("JVP and gradient of every op in every dtype on emulated CUDA give the interpreter's values", "[slow]") {
  ask(Question::derivatives, true);
}

}  // namespace uwaga::test
