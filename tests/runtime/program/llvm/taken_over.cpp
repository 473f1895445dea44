// A value that only a scatter_add wants becomes its result: no copy, and nobody can tell by the values.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/passes.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;

namespace {

const Axis words{"words", 11}, model{"model", 19}, time_axis{"time", 7};

struct Parts {
  Graph g;
  Tensor h = g.input("h", f32, {time_axis, model}), p = g.input("p", f32, {time_axis, words});
  Tensor ids = g.input("ids", i32, {time_axis}), rows = g.input("rows", f32, {time_axis, model});
  Tensor base = dot(p, h, {time_axis});  // [words, model]

  Graph with(std::vector<Tensor> outputs) {
    for (std::size_t i = 0; i < outputs.size(); ++i) g->add_output("y" + std::to_string(i), outputs[i].value());
    return g;
  }
};

std::size_t launches(const Graph& g) {
  KernelSet kernels;
  double fuse = 0, schedule = 0;
  return build_executable(lower_for_kernels(g), *host_backend(1), kernels, false, &fuse, &schedule)->steps.size();
}

// As the interpreter has it, to the bit where sums are of few terms.
void agrees(const Graph& g) {
  const auto filled = [](DType d, ArrayDims dims, int step) {
    Array a(d, std::move(dims));
    for (std::int64_t i = 0; i < a.elements(); ++i)
      is_float(d) ? a.set(i, static_cast<double>((i * step) % 9 - 4)) : a.set_integer(i, (i * step) % 5);  // rows meet more than once
    return a;
  };
  const Arrays inputs{{"h", filled(f32, {{"time", 7}, {"model", 19}}, 4)}, {"p", filled(f32, {{"time", 7}, {"words", 11}}, 5)},
                      {"ids", filled(i32, {{"time", 7}}, 3)}, {"rows", filled(f32, {{"time", 7}, {"model", 19}}, 7)}};
  const auto run = [&](const Target& target) {
    State state;
    return compile(g, target, state).run(inputs);
  };
  const Arrays want = run(Target::interpreter());
  for (const Target& target : {Target::host(1), Target::host(3), Target::emulated()}) {
    const Arrays got = run(target);
    for (const auto& [name, value] : want) {
      INFO(name);
      CHECK(got.at(name).to_doubles() == value.to_doubles());
    }
  }
}

}  // namespace

TEST_CASE("What a scatter_add alone wants becomes its result") {
  Parts p;
  const Graph g = p.with({-scatter_add(p.base, p.ids, p.rows, words)});
  CHECK(launches(g) == 3);  // dot, scatter, exp
  agrees(g);
}

TEST_CASE("What others want too is copied before it is added to") {
  SECTION("an output") {
    Parts p;
    const Graph g = p.with({-scatter_add(p.base, p.ids, p.rows, words), p.base});
    CHECK(launches(g) == 4);
    agrees(g);
  }
  SECTION("a later cluster") {
    Parts p;
    const Tensor s = scatter_add(p.base, p.ids, p.rows, words);
    const Graph g = p.with({-s, dot(p.base, -s, {words})});
    agrees(g);
  }
  SECTION("another scatter_add") {
    Parts p;
    const Graph g = p.with({scatter_add(p.base, p.ids, p.rows, words) + scatter_add(p.base, p.ids, p.rows * 2, words)});
    agrees(g);
  }
  SECTION("the rows that are added") {
    Parts p;
    const Graph g = p.with({-scatter_add(p.base, p.ids, gather(p.base, p.ids, words), words)});
    agrees(g);
  }
  SECTION("an input") {
    Parts p;
    const Tensor table = p.g.input("table", f32, {words, model});
    const Graph g = p.with({scatter_add(table, p.ids, p.rows, words)});
    CHECK(launches(g) == 2);  // copy, scatter
  }
}

TEST_CASE("A tied embedding's gradient adds its rows to what the output layer gives") {
  Graph g;
  const Tensor table = g.scope().param("table", {words, model}, normal(0.02));
  const Tensor ids = g.input("ids", i32, {time_axis});
  const Tensor h = tanh(gather(table, ids, words));
  const Tensor loss = sum(dot(h, table, {model}), {time_axis, words});
  const Tensor d = grad(loss, {table})[0];
  const Node& last = g->node(d.value().node);
  REQUIRE(last.op == Op::scatter_add);
  CHECK(g->node(last.operands[0].node).op == Op::dot);
}
