// Bodies, borders, and what a checker can ask of a run.
#include <uwaga/ir/initial.h>

#include "tests/ir/example_inputs.h"
#include "tests/ir/interpreter_run.h"

using namespace uwaga;
using Catch::Contains;

namespace {
Array floats(const char* axis, const std::vector<float>& v) { return array({{axis, static_cast<std::int64_t>(v.size())}}, v); }
}  // namespace

TEST_CASE("scan hands its carries on and stacks its outputs, in either direction") {
  Graph g;
  const Tensor x = g.input("x", f32, {"time"}), start = g.input("start", f32, {}), scale = g.input("scale", f32, {});
  const ScanBody body = [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor index) {
    const Tensor next = c[0] * scale + s[0];  // captures scale
    return ScanStep{{next}, {next + 0.0, index}};
  };
  const ScanResult forth = scan("time", {start}, {x}, body), back = scan("time", {start}, {x}, body, ScanOptions{true, std::nullopt});
  const Arrays in = {{"x", floats("time", {1, 2, 3})}, {"start", 1.0}, {"scale", 10.0}};
  CHECK(value_of(forth.carries[0], in).item<float>() == 1123);
  CHECK(value_of(forth.outputs[0], in).to_doubles() == Doubles{11, 112, 1123});
  CHECK(value_of(forth.outputs[1], in).to_integers() == Integers{0, 1, 2});
  CHECK(value_of(back.carries[0], in).item<float>() == 1321);
  CHECK(value_of(back.outputs[0], in).to_doubles() == Doubles{1321, 132, 13});
  CHECK(value_of(back.outputs[1], in).to_integers() == Integers{0, 1, 2});
  const Arrays none = {{"x", floats("time", {})}, {"start", 1.0}, {"scale", 10.0}};
  CHECK(value_of(forth.carries[0], none).item<float>() == 1);
  CHECK(value_of(forth.outputs[0], none).elements() == 0);
}

TEST_CASE("cond runs one branch only") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n"}), at = g.input("at", i32, {"n"}), safe = g.input("safe", boolean, {});
  const Tensor y = cond(safe, {x, at}, [](const std::vector<Tensor>& v) { return std::vector{v[0] + 0.0}; },
                        [](const std::vector<Tensor>& v) { return std::vector{gather(rename(v[0], "n", "v"), v[1], "v")}; })[0];
  Arrays in = {{"x", floats("n", {1, 2})}, {"at", array({{"n", 2}}, std::vector<std::int32_t>{1, 9})}, {"safe", true}};
  CHECK(value_of(y, in).to_doubles() == Doubles{1, 2});
  in["safe"] = false;
  CHECK_THROWS_WITH(value_of(y, in), Contains("gather over 'v': index 9 is outside v=2"));
  in["at"] = array({{"n", 2}}, std::vector<std::int32_t>{1, 0});
  CHECK(value_of(y, in).to_doubles() == Doubles{2, 1});
}

TEST_CASE("inputs may list their axes in any order") {
  Graph g;
  const Tensor x = g.input("x", f32, {"r", "c"});
  const Array a = array({{"r", 2}, {"c", 3}}, std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(value_of(x + 0.0, {{"x", a.reordered({"c", "r"})}}) == a);
}

TEST_CASE("parameters enter by path, updates leave by path") {
  Graph g;
  Scope s = g.scope();
  const Tensor w = (s / "fc").param("weight", {Axis("n", 2)}, constant_value(3));
  const Tensor next = w * g.input("rate", f32, {});
  g->add_update("fc.weight", next.value());
  const Arrays start = initial_parameters(g, 1);
  CHECK(start.at("fc.weight").to_doubles() == Doubles{3, 3});
  const Results r = interpret(g, {{"rate", 0.5}}, start, Mode::typed);
  CHECK(r.outputs.empty());
  CHECK(r.updates.at("fc.weight").to_doubles() == Doubles{1.5, 1.5});
  CHECK(r.updates.at("fc.weight").dtype() == f32);
  CHECK_THROWS_WITH(interpret(g, {{"rate", 0.5}}), Contains("parameter 'fc.weight' is missing: f32[n=2] (interpreter_structure.cpp:"));
}

TEST_CASE("an input that does not fit is one clear error") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("batch", up_to(4)), Axis("model", 2)}), i = g.input("i", i32, {"batch"});
  g->add_output("y", (x * 2.0).value());
  const Array ok = Array(f32, {{"batch", 3}, {"model", 2}}), index = Array(i32, {{"batch", 3}});
  const auto run = [&](const Arrays& in) { return interpret(g, in, {}, Mode::typed); };
  CHECK_NOTHROW(run({{"x", ok}, {"i", index}}));
  CHECK_THROWS_WITH(run({{"x", ok}}), Contains("input 'i' is missing: i32[batch] (interpreter_structure.cpp:"));
  CHECK_THROWS_WITH(run({{"x", ok}, {"i", index}, {"z", 1}}), "there is no input 'z', only {x, i}");
  CHECK_THROWS_WITH(run({{"x", ok}, {"i", Array(i32, {{"batch", 2}})}}), "'batch' is 3 in input 'x' and 2 in input 'i'");
  CHECK_THROWS_WITH(run({{"x", ok.cast(f64)}, {"i", index}}), "input 'x' is f64[batch=3, model=2] instead of f32[batch, model=2]");
  CHECK_THROWS_WITH(run({{"x", Array(f32, {{"batch", 3}})}, {"i", index}}), "input 'x' has axes {batch} instead of {batch, model}");
  CHECK_THROWS_WITH(run({{"x", Array(f32, {{"batch", 3}, {"model", 5}})}, {"i", index}}), "input 'x' has model=5 instead of 2");
  CHECK_THROWS_WITH(run({{"x", Array(f32, {{"batch", 5}, {"model", 2}})}, {"i", Array(i32, {{"batch", 5}})}}),
                    "'batch' is 5 in input 'x' and at most 4 by its declaration");
  CHECK_NOTHROW(interpret(g, {{"x", ok.cast(f64)}, {"i", index}}, {}, Mode::exact));
}

TEST_CASE("extents that only the run knows are checked there, with the line") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n"});
  const Extent n = Extent::symbol("n");
  g->add_output("y", slice(x, "n", 3, n).value());
  CHECK(interpret(g, {{"x", floats("n", {1, 2, 3, 4})}}).outputs.at("y").to_doubles() == Doubles{4});
  CHECK_THROWS_WITH(interpret(g, {{"x", floats("n", {1, 2})}}), Contains("interpreter_structure.cpp:") && Contains("slice has n = n - 3 = -1"));
}

TEST_CASE("a run can be observed node by node, and NaN named where it first appears") {
  Graph g;
  const Tensor x = g.input("x", f32, {"n"});
  const Tensor y = exp(log(x)) * 2.0;
  const Tensor unused = sin(x);
  g->add_output("y", y.value());
  std::vector<std::string> seen;
  InterpretOptions options;
  options.observe = [&](const GraphData& graph, NodeId id, int output, const Array& value) {
    CHECK(output == 0);
    CHECK(value.dtype() == f32);
    seen.emplace_back(name(graph.node(id).op));
  };
  interpret(g, {{"x", floats("n", {1, 2})}}, {}, Mode::typed, options);
  CHECK(seen == std::vector<std::string>{"input", "log", "exp", "constant", "broadcast", "mul"});
  options = {};
  options.refuse_nan = true;
  CHECK_THROWS_WITH(interpret(g, {{"x", floats("n", {1, 2, -1})}}, {}, Mode::typed, options),
                    Contains("interpreter_structure.cpp:") && Contains("log gives NaN at [n=2]"));
  CHECK_NOTHROW(interpret(g, {{"x", floats("n", {0})}}, {}, Mode::typed, options));
  CHECK(unused.type().dtype == f32);
}

TEST_CASE("random bits depend on path, seed, step and scan index, not on the written order of axes") {
  const auto bits = [](const std::string& path, const std::vector<Dim>& dims, std::int64_t seed, std::int64_t step) {
    Graph g;
    const Tensor b = random_bits(g.scope(), path, Type{i32, dims});
    g->add_output("b", b.value());
    return interpret(g, {}, {{"seed", Array(seed)}, {"step", Array(step)}}, Mode::typed).outputs.at("b");
  };
  const std::vector<Dim> ab = {{"a", 2}, {"b", 3}}, ba = {{"b", 3}, {"a", 2}};
  const Array x = bits("drop", ab, 1, 2);
  const std::uint64_t key = random_key("drop", 1);
  for (std::int64_t i = 0; i < 6; ++i)
    CHECK(x.integer_at(i) == static_cast<std::int32_t>(random_word(key, 2, static_cast<std::uint64_t>(i))));
  CHECK(bits("drop", ba, 1, 2).reordered({"a", "b"}) == x);
  CHECK(!(bits("drop2", ab, 1, 2) == x));
  CHECK(!(bits("drop", ab, 2, 2) == x));
  CHECK(!(bits("drop", ab, 1, 3) == x));
}

TEST_CASE("every example runs in both modes, and the modes differ by rounding only") {
  InterpretOptions options;
  options.sizes = test::kSizes;
  for (const test::OpExample& e : test::every_op()) {
    INFO(e.what);
    const Arrays in = test::example_inputs(e, 11), parameters = initial_parameters(e.graph, 11);
    const Results exact = interpret(e.graph, in, parameters, Mode::exact, options), typed = interpret(e.graph, in, parameters, Mode::typed, options);
    for (const auto& [name, y] : typed.outputs) {
      INFO(name << " " << y.str());
      const Array& want = exact.outputs.at(name);
      CHECK(y.dtype() == e.graph->type(*e.graph->output(name)).dtype);
      CHECK(want.dims() == y.dims());
      if (!is_float(y.dtype())) continue;
      for (std::int64_t i = 0; i < y.elements(); ++i)
        CHECK(std::fabs(y.at(i) - want.at(i)) <= 40 * unit_roundoff(y.dtype()) * (1 + std::fabs(want.at(i))));
    }
  }
  for (const test::OpExample& e : test::every_op_and_dtype()) {
    INFO(e.what);
    CHECK_NOTHROW(interpret(e.graph, test::example_inputs(e, 12), initial_parameters(e.graph, 12), Mode::typed));
  }
}

TEST_CASE("one row and many run through every example") {
  for (const std::int64_t rows : {1, 17}) {
    InterpretOptions options;
    options.sizes = {{"rows", rows}};
    for (const test::OpExample& e : test::every_op()) {
      INFO(e.what << " rows " << rows);
      CHECK_NOTHROW(interpret(e.graph, test::example_inputs(e, 3, false, options.sizes), initial_parameters(e.graph, 3), Mode::typed, options));
    }
  }
}
