// Clusters larger than a block of threads and smaller than one, at sizes that fit nothing.
#include <random>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>

#include "tests/catch.h"
#include "tests/runtime/cuda/run_cuda.h"

namespace uwaga::test {
namespace {

struct Case {
  std::string what;
  Graph graph;
  std::vector<Sizes> sizes;
  double units = 0;  // beyond 0: a function of math.h is in it
};

void check_cases(std::vector<Case> cases) {
  CudaGraphs graphs;
  std::vector<std::size_t> numbers;
  for (const Case& c : cases) {
    INFO(c.what);
    numbers.push_back(graphs.add(c.graph));
  }
  graphs.compile(5);
  for (std::size_t i = 0; i < cases.size(); ++i)
    for (const Sizes& sizes : cases[i].sizes) {
      std::string at;
      for (const auto& [name, n] : sizes) at += " " + name + "=" + std::to_string(n);
      INFO(cases[i].what << at);
      std::mt19937 random(11);
      Arrays inputs;
      const Graph& g = cases[i].graph;
      for (NodeId id : g->inputs()) {
        const Type& t = g->node(id).types[0];
        ArrayDims dims;
        for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
        Array x(t.dtype, dims);
        for (std::int64_t e = 0; e < x.elements(); ++e) x.set(e, std::uniform_real_distribution<double>(-1, 1)(random));
        inputs.emplace(g->node(id).as<InputAttrs>().name, x);
      }
      InterpretOptions options;
      options.sizes = sizes;
      const Results want = interpret(g, inputs, {}, Mode::typed, options);
      const CudaGraphs::Result have = graphs.run(numbers[i], inputs, {}, sizes);
      for (const auto& [name, array] : want.outputs) {
        INFO("output " << name);
        check_near(have.outputs.at(name), array, cases[i].units, 1);  // terms of size 1 cancel
      }
    }
}

}  // namespace

TEST_CASE("reductions on emulated CUDA keep the order of their terms at every length") {
  std::vector<Case> cases;
  std::vector<Sizes> lengths;
  for (std::int64_t n : {0, 1, 7, 63, 64, 65, 200, 4095, 4097, 9000}) lengths.push_back({{"n", n}});
  {
    Case& c = cases.emplace_back(Case{"rows", {}, lengths});
    const Tensor x = c.graph.input("x", f32, {Axis("row", 3), Axis("n")});
    c.graph->add_output("sum", sum(x, {"n"}).value());
    c.graph->add_output("max", reduce_max(x, {"n"}).value());
    c.graph->add_output("spread", (x - sum(x * x, {"n"})).value());
  }
  {
    Case& c = cases.emplace_back(Case{"columns", {}, {}});
    for (std::int64_t n : {0, 1, 65, 4100})
      for (std::int64_t columns : {1, 5, 37}) c.sizes.push_back({{"n", n}, {"column", columns}});
    const Tensor x = c.graph.input("x", f32, {"n", "column"});
    c.graph->add_output("sum", sum(x * 3.0, {"n"}).value());
  }
  {
    Case& c = cases.emplace_back(Case{"everything", {}, {}});
    for (std::int64_t n : {0, 1, 100, 4096, 13000}) c.sizes.push_back({{"n", n}});
    const Tensor x = c.graph.input("x", f32, {"n", Axis("m", 2)});
    c.graph->add_output("norm", sqrt(sum(x * x, {"n", "m"})).value());
  }
  {
    Case& c = cases.emplace_back(Case{"bf16 rows", {}, {{{"n", 130}}}});
    const Tensor x = c.graph.input("x", bf16, {Axis("row", 3), Axis("n")});
    c.graph->add_output("sum", sum(x + x, {"n"}).value());
  }
  check_cases(std::move(cases));
}

TEST_CASE("softmax and norms on emulated CUDA equal the interpreter's") {
  std::vector<Case> cases;
  const std::vector<Sizes> sizes{{{"row", 1}, {"n", 1}}, {{"row", 3}, {"n", 65}}, {{"row", 5}, {"n", 300}}};
  {
    Case& c = cases.emplace_back(Case{"softmax", {}, sizes, 8});
    const Tensor x = c.graph.input("x", f32, {"row", "n"});
    c.graph->add_output("y", softmax(x, "n").value());
  }
  {
    Case& c = cases.emplace_back(Case{"layer norm", {}, sizes, 8});
    const Tensor x = c.graph.input("x", f32, {"row", "n"}), w = c.graph.input("w", f32, {"n"}), b = c.graph.input("b", f32, {"n"});
    c.graph->add_output("y", layer_norm(x, w, b, "n", 1e-5).value());
  }
  for (Case& c : cases) c.graph = expand(c.graph);
  check_cases(std::move(cases));
}

TEST_CASE("dots on emulated CUDA keep chains of 512 terms, with prologues and epilogues") {
  std::vector<Case> cases;
  const auto sizes = [](std::initializer_list<std::array<std::int64_t, 3>> all) {
    std::vector<Sizes> out;
    for (const auto& [m, n, k] : all) out.push_back({{"m", m}, {"n", n}, {"k", k}});
    return out;
  };
  {
    Case& c = cases.emplace_back(Case{"plain", {}, sizes({{1, 1, 1}, {1, 1, 0}, {65, 3, 17}, {64, 64, 16}, {3, 70, 513}, {5, 2, 1300}})});
    const Tensor a = c.graph.input("a", f32, {"m", "k"}), b = c.graph.input("b", f32, {"k", "n"});
    c.graph->add_output("y", dot(a, b, {"k"}).value());
  }
  {
    Case& c = cases.emplace_back(Case{"transposed, with bias and relu", {}, sizes({{67, 66, 33}, {2, 130, 600}})});
    const Tensor a = c.graph.input("a", f32, {"k", "m"}), b = c.graph.input("b", f32, {"n", "k"}), bias = c.graph.input("bias", f32, {"n"});
    const Tensor y = dot(a * 0.25, b, {"k"}) + bias;
    c.graph->add_output("y", max(y, 0.0).value());
  }
  {
    Case& c = cases.emplace_back(Case{"batched, heads split", {}, sizes({{9, 70, 24}})});
    const Tensor a = c.graph.input("a", f32, {Axis("batch", 3), Axis("m"), Axis("k")}), b = c.graph.input("b", f32, {Axis("batch", 3), Axis("k"), Axis("n")});
    c.graph->add_output("y", dot(a, b, {"k"}).value());
  }
  {
    Case& c = cases.emplace_back(Case{"two contracted axes in bf16", {}, sizes({{20, 30, 40}})});
    const Tensor a = c.graph.input("a", bf16, {Axis("m"), Axis("j", 3), Axis("k")}), b = c.graph.input("b", bf16, {Axis("k"), Axis("n"), Axis("j", 3)});
    c.graph->add_output("y", dot(a, b, {"j", "k"}).value());
  }
  check_cases(std::move(cases));
}

}  // namespace uwaga::test
