#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/vmap.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/verify.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"
#include "tests/ir/every_op.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kSamples = 3;
const Axis sample{"sample"};

// Element s along the axis, which goes.
Array at_sample(const Array& a, std::int64_t s) {
  AxisNames axes{"sample"};
  for (const ArrayDim& d : a.dims())
    if (d.axis != "sample") axes.push_back(d.axis);
  const Array first = a.reordered(axes);
  ArrayDims dims(first.dims().begin() + 1, first.dims().end());
  Array out(a.dtype(), dims);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    if (is_float(a.dtype()))
      out.set(i, first.at(s * out.elements() + i));
    else
      out.set_integer(i, first.integer_at(s * out.elements() + i));
  }
  return out;
}

bool draws(const Graph& g) {
  for (const Node& node : g->nodes())
    if (node.op == Op::random_bits) return true;
  return false;
}

void check_vmap(const Graph& g, const std::vector<std::string>& names, const Draw& draw) {
  const Graph many = vmap(g, sample, names);
  verify(many, "vmap");
  Draw wide = draw;
  wide.sizes.emplace("sample", kSamples);
  const Arrays in = random_inputs(many, wide), parameters = initial_parameters(g, 1);
  const Results r = interpret(many, in, parameters);
  for (std::int64_t s = 0; s < kSamples; ++s) {
    Arrays one = in;
    for (const std::string& name : names) one[name] = at_sample(in.at(name), s);
    const Results expected = interpret(g, one, parameters);
    for (const auto& [name, value] : expected.outputs) {
      INFO(name << " of sample " << s);
      const Array mine = at_sample(r.outputs.at(name), s);
      if (is_float(value.dtype()))
        CHECK(is_close(mine, value));
      else
        CHECK(mine.reordered(value.axes()).to_integers() == value.to_integers());
    }
  }
}

}  // namespace

TEST_CASE("vmap of every op is the op on each element, whichever inputs have the axis") {
  for (const OpExample& e : every_op()) {
    if (draws(e.graph)) continue;
    std::vector<std::string> names;
    for (NodeId id : e.graph->inputs()) names.push_back(e.graph->node(id).as<InputAttrs>().name);
    for (unsigned subset = 1; subset < 1u << names.size(); ++subset) {
      if (e.graph->updates().size()) continue;
      std::vector<std::string> chosen;
      for (std::size_t i = 0; i < names.size(); ++i)
        if (subset >> i & 1) chosen.push_back(names[i]);
      INFO(e.what << " over " << join(chosen));
      check_vmap(e.graph, chosen, {.low = e.low, .high = e.high, .index_limit = e.index_limit, .sizes = kSizes});
    }
  }
}

TEST_CASE("vmap of a gradient is the gradient of each element") {
  Graph g;
  const Axis n{"n", 4};
  const Tensor x = g.input("x", f32, {n}), w = g.input("w", f32, {n});
  const ScanResult r =
      scan(n, {sum(x, {n})}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
        return ScanStep{{sin(c[0]) + s[0] * sum(w, {n})}, {}};
      });
  g->add_output("dx", grad(r.carries[0], {x})[0].value());
  g->add_output("dw", grad(r.carries[0], {w})[0].value());
  check_vmap(g, {"x"}, {});
  check_vmap(g, {"x", "w"}, {});
}

TEST_CASE("vmap draws random bits anew along its axis") {
  Graph g;
  const Tensor bits = random_bits(g.scope(), "mask", Type{i32, {{"n", 4}}});
  const Tensor x = g.input("x", f32, {{"n", 4}});
  g->add_output("bits", bits.value());
  g->add_output("x", x.value());
  const Graph many = vmap(g, Axis{"sample", 2}, {"x"});
  const Array drawn = interpret(many, random_inputs(many, {}), initial_parameters(g, 1)).outputs.at("bits");
  CHECK(at_sample(drawn, 0).to_integers() != at_sample(drawn, 1).to_integers());
}

TEST_CASE("vmap over an axis the graph has is an error, and so is an input that it lacks") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"n", 4}});
  g->add_output("y", (x * 2.0).value());
  CHECK_THROWS_WITH(vmap(g, Axis{"n"}, {"x"}), Contains("vmap over 'n'") && Contains("has that axis"));
  CHECK_THROWS_WITH(vmap(g, sample, {"z"}), Contains("there is no input 'z'"));
}

TEST_CASE("vmap of a slot's update is an error where each element would get its own") {
  Graph g;
  const Tensor w = g.scope().state("w", {{"n", 4}}, {[](Graph& i, const std::string&, const Type& t) {
                                     return broadcast(constant(i, 0.0, t.dtype), t.dims);
                                   }});
  const Tensor x = g.input("x", f32, {{"n", 4}});
  g->add_output("w", w.value());
  g->add_update("w", (w + x).value());
  CHECK_THROWS_WITH(vmap(g, sample, {"x"}), Contains("slot 'w' would get a value for each"));
}
