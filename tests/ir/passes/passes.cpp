// Passes preserve bits and provenance, and doing them twice does nothing more.
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/passes/pass.h>
#include <uwaga/ir/passes/passes.h>

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <random>

#include <uwaga/ir/canonical.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/print.h>
#include <uwaga/ir/rewrite.h>
#include <uwaga/ir/verify.h>

#include "tests/catch.h"
#include "tests/ir/every_op.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis rows{"rows"}, cols{"cols", 5};

Arrays inputs_of(const Graph& g, double low, double high, std::int64_t limit) {
  Arrays out;
  std::mt19937 random(11);
  for (NodeId id : g->inputs()) {
    const auto& a = g->node(id).as<InputAttrs>();
    ArrayDims dims;
    for (const Dim& d : a.type.dims) dims.push_back({d.axis, d.extent.evaluate(kSizes)});
    Array values(a.type.dtype, dims);
    for (std::int64_t i = 0; i < values.elements(); ++i) {
      const double u = static_cast<double>(random() % 1000) / 1000;
      if (is_float(a.type.dtype)) values.set(i, i == 1 && low < 0 ? -0.0 : low + (high - low) * u);
      else values.set_integer(i, a.type.dtype == boolean ? random() % 2 : a.type.rank() == 0 ? 1 : static_cast<std::int64_t>(u * limit));
    }
    out.insert_or_assign(a.name, values);
  }
  return out;
}

bool same_bits(const Array& a, const Array& b) {
  if (a.dims() != b.dims() || a.dtype() != b.dtype()) return false;
  if (!is_float(a.dtype())) return a.to_integers() == b.to_integers();
  const std::vector<double> x = a.to_doubles(), y = b.to_doubles();
  for (std::size_t i = 0; i < x.size(); ++i)
    if (!(std::isnan(x[i]) && std::isnan(y[i])) && std::bit_cast<std::uint64_t>(x[i]) != std::bit_cast<std::uint64_t>(y[i])) return false;
  return true;
}

void check_same_results(const Graph& a, const Graph& b, double low, double high, std::int64_t limit) {
  const Arrays in = inputs_of(a, low, high, limit), slots = initial_parameters(a, 3);
  const Results left = interpret(a, in, slots, Mode::typed), right = interpret(b, in, slots, Mode::typed);
  REQUIRE(left.outputs.size() == right.outputs.size());
  for (const auto& [name, value] : left.outputs) {
    INFO(name);
    CHECK(same_bits(value, right.outputs.at(name)));
  }
  for (const auto& [name, value] : left.updates) CHECK(same_bits(value, right.updates.at(name)));
}

std::vector<Pass> all_passes() {
  return {{"simplify", simplify}, {"fold", fold}, {"cse", cse}, {"dce", dce},
          {"expand", [](const Graph& g) { return expand(g); }}, {"strip", strip}};
}

// A random chain of ops that the rules look for.
Graph random_graph(unsigned seed, DType dtype) {
  std::mt19937 random(seed);
  Graph g;
  std::vector<Tensor> pool{g.input("x", dtype, {rows, cols}), g.input("y", dtype, {rows, cols})};
  const auto any = [&] { return pool[random() % pool.size()]; };
  const double numbers[] = {0.0, -0.0, 1.0, 2.0, -1.0, 0.5};
  for (int i = 0; i < 24; ++i) {
    const Tensor a = any(), b = any();
    const double c = is_float(dtype) ? numbers[random() % 6] : static_cast<double>(random() % 3);
    const auto number = [&] { return full_like(a, c); };
    switch (random() % 19) {
      case 0: pool.push_back(-a); break;
      case 1: pool.push_back(abs(a)); break;
      case 2: pool.push_back(a + c); break;
      case 3: pool.push_back(a * c); break;
      case 4: pool.push_back(a - c); break;
      case 5: pool.push_back(a / c); break;
      case 6: pool.push_back(order(order(a, {cols, rows}), {rows, cols})); break;
      case 7: pool.push_back(rename(rename(a, rows, Axis{"key"}), Axis{"key"}, rows)); break;
      case 8: pool.push_back(cast(cast(a, random() % 2 ? f64 : f32), dtype)); break;
      case 9: pool.push_back(select(random() % 2 ? logical_not(a < b) : b < a, a, b)); break;
      case 10: pool.push_back(max(a, random() % 2 ? a : b)); break;
      case 11: pool.push_back(order(split(merge(a, {rows, cols}, Axis{"all"}), Axis{"all"}, {rows, cols}), {rows, cols})); break;
      case 12: pool.push_back(reverse(reverse(a, cols), cols)); break;
      case 13: pool.push_back(a + (number() * number() - number())); break;
      case 14: pool.push_back(order(number(), {cols, rows})); pool.back() = order(pool.back() * order(a, {cols, rows}), {rows, cols}); break;
      case 15: pool.push_back(concat({slice(slice(a, cols, 0, 4), Axis{"cols"}, 1, 3), slice(a, cols, 2, 5)}, Axis{"cols"})); break;
      case 16: pool.push_back(select(logical_and(number() < 1.0, a < b), a, stop_gradient(b))); break;
      case 17: pool.push_back(pad(slice(a, cols, 0, 5), cols, 0, 0)); break;
      default: pool.push_back(cast(cast(cast(a, i8), f32), dtype)); break;
    }
    if (random() % 6 == 0) pool.push_back(tag(pool.back(), "t"));
  }
  for (std::size_t i = pool.size() - 4; i < pool.size(); ++i) g->add_output(fmt::format("out{}", i), pool[i].value());
  return g;
}

}  // namespace

TEST_CASE("Every pass preserves the bits of every op") {
  for (const OpExample& e : every_op())
    for (const Pass& p : all_passes()) {
      INFO(e.what << ", " << p.name);
      const Graph after = p.run(e.graph);
      verify(after, p.name);
      check_same_results(e.graph, after, e.low, e.high, e.index_limit);
      CHECK(same_structure(p.run(after), after));
    }
}

TEST_CASE("Every pass preserves the bits of random graphs, and is done when it is done") {
  PassOptions everything;
  everything.verify_everything = true;
  for (unsigned seed = 0; seed < 40; ++seed)
    for (DType dtype : {f32, bf16, f64, i32}) {
      const Graph g = random_graph(seed, dtype);
      for (const Pass& p : all_passes()) {
        INFO(p.name << ", seed " << seed << ", " << name(dtype) << "\n" << print(g));
        const Graph after = p.run(g);
        verify(after, p.name);
        check_same_results(g, after, -3, 3, 5);
        CHECK(same_structure(p.run(after), after));
      }
      const Graph all = run_passes(g, standard_passes(), everything);
      INFO(print(g) << print(all));
      check_same_results(g, all, -3, 3, 5);
      CHECK(all->size() <= g->size());
    }
}

TEST_CASE("Simplifying finds what it is for") {
  const auto simplified = [](auto f) {
    Graph g;
    Tensor x = g.input("x", f32, {rows, cols});
    g->add_output("y", f(x).value());
    const Graph s = dce(simplify(g));
    return print(s, {.lines = Lines::none});
  };
  const std::string identity = "graph {\n  %x = input : f32[rows, cols=5]\n  output y = %x\n}\n";
  CHECK(simplified([](Tensor x) { return -(-x); }) == identity);
  CHECK(simplified([](Tensor x) { return 1.0 * (x * 1.0 / 1.0); }) == identity);
  CHECK(simplified([](Tensor x) { return x - 0.0; }) == identity);
  CHECK(simplified([](Tensor x) { return pow(x, 1.0); }) == identity);
  CHECK(simplified([](Tensor x) { return pow(x, 2.0); }) == simplified([](Tensor x) { return x * x; }));
  CHECK(simplified([](Tensor x) { return pow(cast(x, f64), 2.0); }) != simplified([](Tensor x) { return cast(x, f64) * cast(x, f64); }));
  CHECK(simplified([](Tensor x) { return x + -0.0; }) == identity);
  CHECK(simplified([](Tensor x) { return cast(cast(x, f64), f32); }) == identity);
  CHECK(simplified([](Tensor x) { return split(merge(x, {rows, cols}, Axis{"all"}), Axis{"all"}, {rows, cols}); }) == identity);
  CHECK(simplified([](Tensor x) { return slice(x, rows, 0, Extent::symbol("rows")); }) == identity);
  const Axis as{"as"};  // a reduced axis needs no name of its own
  CHECK(simplified([&](Tensor x) { return sum(rename(x, rows, as), {as}); }) == simplified([](Tensor x) { return sum(x, {rows}); }));
  CHECK(simplified([&](Tensor x) { return sum(rename(x, rows, as), {cols}); }) != simplified([](Tensor x) { return sum(x, {cols}); }));
  CHECK(simplified([&](Tensor x) { return reduce_max(rename(x, rows, as), {cols, as}); }) == simplified([](Tensor x) { return reduce_max(x, {cols, rows}); }));
  CHECK(simplified([](Tensor x) { return x + 0.0; }) != identity);   // -0 + 0 is +0
  CHECK(simplified([](Tensor x) { return x * 0.0; }) != identity);
  CHECK(simplified([](Tensor x) { return cast(cast(x, bf16), f32); }) != identity);
}

TEST_CASE("A square is the power's bits where it takes its place") {
  for (DType dtype : {f32, bf16, f16}) {
    Graph g;
    g->add_output("y", pow(g.input("x", dtype, {Axis("n", 4096)}), 2.0).value());
    const Graph after = simplify(g);
    INFO(name(dtype) << "\n" << print(after));
    check_same_results(g, after, -3, 3, 5);
    check_same_results(g, after, -1e-21, 1e-21, 5);
    check_same_results(g, after, -1e20, 1e20, 5);
  }
}

TEST_CASE("Folding computes integers and simple floats only") {
  Graph g;
  const Tensor two = constant(g, 2.0, f32), third = constant(g, 1.0, f32) / constant(g, 3.0, f32);
  g->add_output("third", third.value());
  g->add_output("root", sqrt(two).value());
  g->add_output("exp", exp(two).value());
  g->add_output("nan", (constant(g, 0.0, f32) / constant(g, 0.0, f32)).value());
  g->add_output("wraps", (constant(g, 127, i8) + constant(g, 1, i8)).value());
  g->add_output("floors", (constant(g, -7, i32) / constant(g, 2, i32)).value());
  g->add_output("by zero", rem(constant(g, -7, i32), constant(g, 0, i32)).value());
  const Graph f = fold(g);
  const auto value = [&](const char* output) -> std::optional<double> {
    const Node& n = f->node(f->output(output)->node);
    if (n.op != Op::constant) return std::nullopt;
    return n.as<ConstantAttrs>().values[0].as_double();
  };
  CHECK(value("third") == 1.0f / 3.0f);
  CHECK(value("root") == std::sqrt(2.0f));
  CHECK_FALSE(value("exp"));
  CHECK_FALSE(value("nan"));
  CHECK(value("wraps") == -128.0);
  CHECK(value("floors") == -4.0);
  CHECK(value("by zero") == 0.0);
}

TEST_CASE("Expanding writes calls out, those inside bodies too, and keeps what is claimed") {
  Graph g;
  const auto which = std::make_shared<Composite>(Composite{.name = "twice", .version = 1, .backward = nullptr});
  const auto call = [&](Tensor x) {
    return composite1(which, {}, {x}, [](const std::vector<Tensor>& in) { return exp(in[0]) * 2.0; });
  };
  const Tensor x = g.input("x", f32, {rows, cols});
  const ScanResult r = scan(rows, {}, {call(x)}, [&](const std::vector<Tensor>&, const std::vector<Tensor>& in, Tensor) {
    return ScanStep{{}, {call(in[0])}};
  });
  g->add_output("y", r.outputs[0].value());
  const auto calls = [](const Graph& graph) {
    const std::string text = print(graph);
    std::size_t n = 0;
    for (std::size_t at = text.find("= call"); at != std::string::npos; at = text.find("= call", at + 1)) ++n;
    return n;
  };
  CHECK(calls(g) == 2);
  CHECK(calls(expand(g)) == 0);
  CHECK(calls(expand(g, [](const CallAttrs& a) { return a.composite->name == "twice"; })) == 2);
  check_same_results(g, expand(g), -2, 2, 3);
}

TEST_CASE("Passes can be switched off by name, and an unknown name lists them") {
  const std::vector<Pass> passes = standard_passes();
  CHECK(parse_pass_switches("", passes).empty());
  CHECK(parse_pass_switches("-cse,-fold", passes) == std::set<std::string>{"cse", "fold"});
  CHECK_THROWS_WITH(parse_pass_switches("-cse,-fuse", passes),
                    "'-fuse' switches off no pass; write -name,-name with names of cse, fold, simplify");
  CHECK_THROWS_AS(parse_pass_switches("cse", passes), Error);
  std::vector<std::string> ran;
  Graph g;
  exp(g.input("x", f32, {cols})).watch("y");
  PassOptions options;
  options.off = {"simplify"};
  options.observe = [&](const Pass& p, const Graph&, const Graph&) { ran.push_back(p.name); };
  run_passes(g, passes, options);
  CHECK(ran == std::vector<std::string>{"fold", "cse"});
}

TEST_CASE("A pass that breaks the graph is named") {
  Graph g;
  exp(g.input("x", f32, {cols})).watch("y");
  const std::vector<Pass> passes{{"vandal", [](const Graph& in) {
    Graph out = rewrite(in, [](Rewriter&, NodeId) { return false; });
    const_cast<Node&>(out->node(1)).provenance = 0;
    return out;
  }}};
  CHECK_THROWS_WITH(run_passes(g, passes), Contains("after 'vandal': node '%1 = exp %x : f32[cols=5]' has no provenance"));
}
