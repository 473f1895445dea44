// Calls that stay one node until their kernel is written: which do, and that nobody can tell by the values.
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/listing.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/passes.h>

#include <set>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis rows{"rows", 5}, cols{"cols", 19};
const std::vector<DType> kAll = {f64, f32, bf16, f16, i64, i32, i8, u8, boolean};

int calls(const Graph& g) {
  return static_cast<int>(std::count_if(g->nodes().begin(), g->nodes().end(), [](const Node& n) { return n.op == Op::call; }));
}

// Two results of two tensors and a scalar; products of integers wrap.
std::vector<Tensor> mix(const Tensor& x, const Tensor& y, const Tensor& s) {
  return composite(composite_named("mix"), {}, {x, y, s}, [](const std::vector<Tensor>& in) {
    if (in[0].dtype() == boolean) return std::vector<Tensor>{logical_and(in[0], in[1]), select(in[1], in[0], logical_not(in[0]))};
    const Tensor scaled = in[0] * in[2];
    return std::vector<Tensor>{select(in[0] < in[1], scaled + in[1], in[1]), max(scaled, in[1]) * in[0]};
  });
}

Array filled(const Type& t, int start) {
  ArrayDims dims;
  for (const Dim& d : t.dims) dims.push_back({d.axis, *d.extent.constant()});
  Array a(t.dtype, dims);
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const std::int64_t v = (start + 7 * i) % 11 - (t.dtype == u8 ? 0 : 5);
    if (is_float(t.dtype)) a.set(i, static_cast<double>(v) * 0.375);
    else a.set_integer(i, t.dtype == boolean ? v & 1 : v);
  }
  return a;
}

// The interpreter's bits on the host, on one thread and on three, and on emulated CUDA.
void agrees(const Graph& g) {
  Arrays inputs;
  int start = 0;
  for (NodeId id : g->inputs()) inputs[g->node(id).as<InputAttrs>().name] = filled(g->node(id).types[0], ++start);
  const auto run = [&](const Target& target) {
    State state;
    return compile(g, target, state).run(inputs);
  };
  const Arrays want = run(Target::interpreter());
  CHECK(!want.empty());
  for (const auto& [target, what] : {std::pair{Target::host(1), "one thread"}, {Target::host(3), "three threads"}, {Target::emulated(), "emulated CUDA"}}) {
    const Arrays got = run(target);
    for (const auto& [name, value] : want) {
      INFO(name << " on " << what);
      CHECK(got.at(name).to_doubles() == value.to_doubles());
    }
  }
}

std::shared_ptr<Executable> executable_of(const Graph& g, KernelSet& kernels) {
  const auto backend = host_backend(1);
  double fuse = 0, schedule = 0;
  return build_executable(lower_for_kernels(g), *backend, kernels, false, &fuse, &schedule);
}

Graph every_dtype_mixed() {
  Graph g;
  for (DType d : kAll) {
    const std::string name(uwaga::name(d));
    const auto out = mix(g.input("x." + name, d, {rows, cols}), g.input("y." + name, d, {cols, rows}), g.input("s." + name, d, {}));
    for (std::size_t i = 0; i < out.size(); ++i) g->add_output(name + std::to_string(i), out[i].value());
  }
  return g;
}

}  // namespace

TEST_CASE("calls whose results only leave the graph stay whole, and give the interpreter's values in every dtype") {
  const Graph g = every_dtype_mixed();
  CHECK(calls(lower_for_kernels(g)) == static_cast<int>(kAll.size()));
  agrees(g);
}

TEST_CASE("a call that something reads, that reduces, or that repeats more than scalars is written out") {
  const auto calls_left = [](const std::function<Tensor(const Tensor& x, const Tensor& row)>& of) {
    Graph g;
    const Tensor x = g.input("x", f32, {rows, cols}), row = g.input("row", f32, {cols});
    g->add_output("y", of(x, row).value());
    return calls(lower_for_kernels(g));
  };
  const auto twice = [](const Tensor& x) {
    return composite1(composite_named("twice"), {}, {x}, [](const std::vector<Tensor>& in) { return in[0] + in[0]; });
  };
  CHECK(calls_left([&](auto& x, auto&) { return twice(x); }) == 1);
  CHECK(calls_left([&](auto& x, auto&) { return twice(twice(x)); }) == 1);
  CHECK(calls_left([&](auto& x, auto&) { return twice(x) + 1.0; }) == 0);
  CHECK(calls_left([&](auto& x, auto& row) {
          return composite1(composite_named("shift"), {}, {x, row}, [](const std::vector<Tensor>& in) { return in[0] + in[1]; });
        }) == 0);
  CHECK(calls_left([&](auto& x, auto&) {
          return composite1(composite_named("centre"), {}, {x}, [](const std::vector<Tensor>& in) { return in[0] - sum(in[0], {cols}); });
        }) == 0);
  CHECK(calls_left([&](auto& x, auto&) {
          return composite1(composite_named("row"), {}, {x}, [](const std::vector<Tensor>& in) { return in[0] + iota(in[0], cols, f32); });
        }) == 0);
}

TEST_CASE("a call that stays is fused with what makes its operands, its ops told apart in the kernel") {
  Graph g;
  const Tensor x = g.input("x", f32, {rows, {"in", 8}}), w = g.input("w", f32, {{"in", 8}, cols}), y = g.input("y", f32, {rows, cols});
  const auto out = mix(dot(x, w, {Axis("in")}) + y, y, g.input("s", f32, {}));
  g->add_output("a", out[0].value());
  g->add_output("b", out[1].value());
  KernelSet kernels;
  const auto e = executable_of(g, kernels);
  REQUIRE(e->clustering.clusters.size() == 1);
  CHECK(e->clustering.clusters[0].kind == ClusterKind::contraction);
  REQUIRE(e->steps.size() == 1);
  const auto& launch = std::get<Launch>(e->steps[0]);
  const auto listing = kernel_listing(kernels.kernels()[static_cast<std::size_t>(launch.kernel)]);
  CHECK(without_origin(listing) == 0);
  std::set<Op> ops;
  for (const ListingLine& line : listing)
    if (line.instruction) ops.insert(e->graph->node(launch.nodes.at(static_cast<std::size_t>(line.ordinal))).op);
  CHECK(ops.contains(Op::call));
  CHECK(ops.contains(Op::dot));
  agrees(g);
}

TEST_CASE("gradients that are calls stay whole, and so do results that a body hands on or gives twice") {
  Graph g;
  const Tensor x = g.input("x", f32, {rows, cols});
  g->add_output("gradient", grad(sum(relu(x) * 1.0, {rows, cols}), {x})[0].value());
  const auto out = composite(composite_named("hand on"), {}, {x}, [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{in[0] * 1.0, in[0] + 2.0, in[0] + 2.0, stop_gradient(in[0])};
  });
  for (std::size_t i = 0; i < out.size(); ++i) g->add_output("out" + std::to_string(i), out[i].value());
  CHECK(calls(lower_for_kernels(g)) >= 1);
  agrees(g);
  for (const char* off : {"-simplify", "-cse", "-fold", "-simplify,-cse,-fold,-dce"}) {
    const Environment passes("UWAGA_PASSES", off);
    agrees(g);
  }
}

TEST_CASE("the kernel that joins sums beside rows names its sum, whatever order a cluster has once its calls are written out") {
  KernelSet kernels;
  const auto e = executable_of(small_gpt2_step(), kernels);
  int joins = 0;
  for (const Step& s : e->steps) {
    const auto* l = std::get_if<Launch>(&s);
    if (!l || kernels.kernels()[static_cast<std::size_t>(l->kernel)].kind != "sums.join") continue;
    ++joins;
    REQUIRE(l->nodes.size() == 1);
    CHECK(e->graph->node(l->nodes[0]).op == Op::sum);
  }
  CHECK(joins > 0);
}

TEST_CASE("parameters of one type share the body of their update and its kernel, however many there are") {
  const auto step = [](int layers) {
    Graph g;
    Tensor h = g.input("x", f32, {rows, cols});
    for (int i = 0; i < layers; ++i) h = h * g.scope().param("w" + std::to_string(i), {rows, cols}, ones());
    return train_step(sum(h, {rows, cols}), AdamW{});
  };
  const Graph g = step(6), lowered = lower_for_kernels(g);
  CHECK(calls(lowered) == 6);
  for (const Graph& each : {g, lowered}) {
    std::set<const GraphData*> bodies;
    for (const Node& n : each->nodes())
      if (n.op == Op::call) bodies.insert(&n.as<CallAttrs>().body.data());
    CHECK(bodies.size() == 1);
  }
  KernelSet kernels;
  const auto e = executable_of(lowered, kernels);
  std::multiset<int> updates;
  for (const Step& s : e->steps)
    if (const auto* l = std::get_if<Launch>(&s))
      if (std::any_of(l->nodes.begin(), l->nodes.end(), [&](NodeId id) { return e->graph->node(id).op == Op::call; })) updates.insert(l->kernel);
  CHECK(updates.size() == 6);
  CHECK(updates.count(*updates.begin()) == 6);
}
