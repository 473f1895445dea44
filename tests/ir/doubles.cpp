// What is given f64 is computed in f64, by composites too.
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/interpret.h>

#include <cmath>
#include <functional>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const Axis kTime{"time", 5}, kModel{"model", 6}, kKey{"key", 5};

struct Case {
  const char* what;
  std::function<Tensor(Graph&, Tensor x)> build;  // of x f64 [time model]
};

Tensor weight(const Tensor& x) { return cast(iota(x, kModel), x.dtype()) * 0.3 + 0.1; }

const std::vector<Case> kCases = {
    {"mean", [](Graph&, Tensor x) { return mean(x, {kTime}); }},
    {"relu", [](Graph&, Tensor x) { return relu(x); }},
    {"gelu", [](Graph&, Tensor x) { return gelu(x); }},
    {"gelu_tanh", [](Graph&, Tensor x) { return gelu_tanh(x); }},
    {"silu", [](Graph&, Tensor x) { return silu(x); }},
    {"swiglu", [](Graph&, Tensor x) { return swiglu(x, 0.7 * x); }},
    {"soft_cap", [](Graph&, Tensor x) { return soft_cap(x, 1.7); }},
    {"softmax", [](Graph&, Tensor x) { return softmax(x, kModel); }},
    {"log_sum_exp", [](Graph&, Tensor x) { return log_sum_exp(x, kModel); }},
    {"rms_norm", [](Graph&, Tensor x) { return rms_norm(x, weight(x), kModel, 1e-5); }},
    {"layer_norm", [](Graph&, Tensor x) { return layer_norm(x, weight(x), weight(x), kModel, 1e-5); }},
    {"embedding", [](Graph&, Tensor x) { return embedding(x, rem(iota(x, kModel), 5), kTime); }},
    {"rope", [](Graph&, Tensor x) { return rope(x, kTime, kModel); }},
    {"rope, interleaved", [](Graph&, Tensor x) { return rope(x, kTime, kModel, {.interleaved = true, .attention_factor = 1.1}); }},
    {"attention",
     [](Graph&, Tensor x) {
       return attention(x, rename(0.3 * x, kTime, kKey), rename(x, kTime, kKey), {.query = kTime, .key = kKey, .depth = kModel, .mask = causal()});
     }},
    {"cross_entropy_terms", [](Graph&, Tensor x) { return cross_entropy_terms(x, iota(x, kTime), kModel, 2); }},
    {"cross_entropy", [](Graph&, Tensor x) { return cross_entropy(x, iota(x, kTime), kModel, 2); }},
    {"the count of cross_entropy_sum", [](Graph&, Tensor x) { return cross_entropy_sum(x, iota(x, kTime), kModel, 2).count; }},
    {"dropout", [](Graph& g, Tensor x) { return dropout(g.scope(), x, 0.3); }},
};

}  // namespace

TEST_CASE("what is given f64 computes in f64 and gives f64") {
  std::vector<double> values;
  for (int i = 0; i < 30; ++i) values.push_back(2.5 * std::sin(1.7 * i + 0.3));
  const Array x = Array::of(f64, {{"time", 5}, {"model", 6}}, values);
  for (const Case& c : kCases) {
    INFO(c.what);
    Graph g;
    const Tensor y = c.build(g, g.input("x", f64, {kTime, kModel}));
    CHECK(y.dtype() == f64);
    g->add_output("y", y.value());
    Arrays given{{"x", x}};
    const Arrays slots = initial_parameters(g, 1);
    for (NodeId id : g->inputs())
      if (const auto& name = g->node(id).as<InputAttrs>().name; name != "x") given.emplace(name, Array(i64, ArrayDims{}));
    const std::vector<double> exact = interpret(g, given, slots).outputs.at("y").to_doubles();
    const std::vector<double> typed = interpret(g, given, slots, Mode::typed).outputs.at("y").to_doubles();
    // A rounding to f32 anywhere would be 2^-24 of its value; sums here have at most 30 terms.
    double largest = 0, apart = 0;
    for (std::size_t i = 0; i < exact.size(); ++i) {
      largest = std::max(largest, std::abs(exact[i]));
      apart = std::max(apart, std::abs(exact[i] - typed[i]));
    }
    CHECK(apart <= 1e-13 * largest);
  }
}

TEST_CASE("what is given f32 or less computes its losses and angles in f32") {
  for (const DType narrow : {f32, bf16, f16}) {
    Graph g;
    const Tensor x = g.input("x", narrow, {kTime, kModel});
    CHECK(cross_entropy(x, iota(x, kTime), kModel).dtype() == f32);
    CHECK(rope(x, kTime, kModel).dtype() == narrow);
  }
}
