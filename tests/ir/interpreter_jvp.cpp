// Dual numbers against finite differences: two derivations that share nothing.
#include <cmath>

#include <uwaga/ir/initial.h>

#include "tests/ir/example_inputs.h"
#include "tests/ir/interpreter_run.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const InterpretOptions kSized{.observe = nullptr, .refuse_nan = false, .sizes = kSizes};

// x + h * t, in f64.
Arrays moved(const Arrays& x, const Arrays& t, double h) {
  Arrays out = x;
  for (auto& [name, a] : out) {
    const auto it = t.find(name);
    if (it == t.end()) continue;
    a = a.cast(f64);
    for (std::int64_t i = 0; i < a.elements(); ++i) a.set(i, a.at(i) + h * it->second.at(i));
  }
  return out;
}

Arrays directions(const Arrays& x, std::int64_t seed) {
  Arrays out;
  for (const auto& [name, a] : x)
    if (is_float(a.dtype())) out.emplace(name, example_array("direction." + name, a.type().with_dtype(f64), seed, -1, 1, 1));
  return out;
}

void check_close(const Arrays& jvp, const Arrays& above, const Arrays& below, double h) {
  for (const auto& [name, t] : jvp) {
    INFO(name);
    for (std::int64_t i = 0; i < t.elements(); ++i) {
      const double difference = (above.at(name).at(i) - below.at(name).at(i)) / (2 * h);
      INFO("element " << i << " tangent " << t.at(i) << " difference " << difference);
      // The cubic term of the difference, and the rounding of the values over 2h.
      CHECK(std::fabs(t.at(i) - difference) <= 2e-7 * (1 + std::fabs(difference)));
    }
  }
}

// Compares at one point along one direction; gives how many tangents there were.
std::size_t compare(const Graph& g, const Arrays& inputs, const Arrays& parameters, std::int64_t seed) {
  const double h = 1e-5;
  const Tangents t{directions(inputs, seed), directions(parameters, seed)};
  const JvpResults r = interpret_jvp(g, inputs, parameters, t, kSized);
  const auto at = [&](double step) {
    return interpret(g, moved(inputs, t.inputs, step), moved(parameters, t.parameters, step), Mode::exact, kSized);
  };
  const Results above = at(h), below = at(-h);
  check_close(r.tangent.outputs, above.outputs, below.outputs, h);
  check_close(r.tangent.updates, above.updates, below.updates, h);
  return r.tangent.outputs.size() + r.tangent.updates.size();
}

}  // namespace

TEST_CASE("dual numbers agree with finite differences for every op at several points") {
  std::size_t compared = 0;
  for (const OpExample& e : every_op()) {
    if (e.op == Op::stop_gradient) continue;  // the one op whose derivative is not that of its value
    for (std::int64_t seed : {1, 2, 3, 4}) {
      INFO(e.what << ", seed " << seed);
      const Arrays inputs = example_inputs(e, seed, true);
      const Arrays parameters = initial_parameters(e.graph, seed);
      compared += compare(e.graph, inputs, parameters, seed);
    }
  }
  CHECK(compared > 200);
}

TEST_CASE("values of the dual run are those of the exact run") {
  for (const OpExample& e : every_op()) {
    INFO(e.what);
    const Arrays inputs = example_inputs(e, 5, true), parameters = initial_parameters(e.graph, 5);
    const Results r = interpret(e.graph, inputs, parameters, Mode::exact, kSized);
    const JvpResults d = interpret_jvp(e.graph, inputs, parameters, {directions(inputs, 5), {}}, kSized);
    CHECK(r.outputs == d.primal.outputs);
    CHECK(r.updates == d.primal.updates);
  }
}

TEST_CASE("operands that do not move add nothing, even where their derivative is infinite") {
  Graph g;
  const Tensor x = g.input("x", f64, {}), y = g.input("y", f64, {});
  g->add_output("pow", pow(x, y).value());
  g->add_output("div", (x / y).value());
  const Arrays in = {{"x", 0.0}, {"y", 2.0}};
  JvpResults r = interpret_jvp(g, in, {}, {{{"x", 1.0}}, {}});
  CHECK(r.tangent.outputs.at("pow").item<double>() == 0);
  CHECK(r.tangent.outputs.at("div").item<double>() == 0.5);
  r = interpret_jvp(g, in, {}, {{{"y", 1.0}}, {}});
  CHECK(r.tangent.outputs.at("pow").item<double>() == 0);
  r = interpret_jvp(g, in, {}, {});
  CHECK(r.tangent.outputs.at("pow").item<double>() == 0);
}

TEST_CASE("kinks: abs at 0 has no slope, ties share, relu has none at 0") {
  Graph g;
  const Tensor x = g.input("x", f64, {"n"}), y = g.input("y", f64, {"n"});
  g->add_output("abs", abs(x).value());
  g->add_output("max", max(x, y).value());
  g->add_output("min", min(x, y).value());
  g->add_output("all", reduce_max(x, {"n"}).value());
  g->add_output("relu", select(x > 0.0, x, 0.0).value());
  g->add_output("stopped", (stop_gradient(x) * x).value());
  const Arrays in = {{"x", array({{"n", 3}}, Doubles{0, 1, 1})}, {"y", array({{"n", 3}}, Doubles{0, 1, 2})}};
  const JvpResults r = interpret_jvp(g, in, {}, {{{"x", array({{"n", 3}}, Doubles{10, 20, 40})}}, {}});
  CHECK(r.tangent.outputs.at("abs").to_doubles() == Doubles{0, 20, 40});
  CHECK(r.tangent.outputs.at("max").to_doubles() == Doubles{5, 10, 0});
  CHECK(r.tangent.outputs.at("min").to_doubles() == Doubles{5, 10, 40});
  CHECK(r.tangent.outputs.at("all").to_doubles() == Doubles{30});
  CHECK(r.tangent.outputs.at("relu").to_doubles() == Doubles{0, 20, 40});
  CHECK(r.tangent.outputs.at("stopped").to_doubles() == Doubles{0, 20, 40});
}

TEST_CASE("tangents that fit nothing are refused") {
  Graph g;
  const Tensor x = g.input("x", f64, {"n"}), i = g.input("i", i32, {"n"});
  g->add_output("y", (x * cast(i, f64)).value());
  const Arrays in = {{"x", array({{"n", 1}}, Doubles{1})}, {"i", array({{"n", 1}}, std::vector<std::int32_t>{1})}};
  CHECK_THROWS_WITH(interpret_jvp(g, in, {}, {{{"i", array({{"n", 1}}, Doubles{1})}}, {}}), "input 'i' is i32 and has no tangent");
  CHECK_THROWS_WITH(interpret_jvp(g, in, {}, {{{"x", array({{"n", 2}}, Doubles{1, 2})}}, {}}),
                    "the tangent of input 'x' has n=2 instead of 1");
}
