#include "tests/codegen/schedule/run_clusters.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <random>

#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

using Bytes = std::vector<std::byte>;

Bytes bytes_of(const Array& a) { return {a.data(), a.data() + a.bytes()}; }

ArrayDims dims_of(const Type& type, const AxisNames& order, const Sizes& sizes) {
  ArrayDims dims;
  for (const std::string& axis : order) dims.push_back({axis, type.extent(axis).evaluate(sizes)});
  return dims;
}

std::uint64_t bits_of(const Binding& binding, DType d, const Sizes& sizes) {
  if (const auto* e = std::get_if<Extent>(&binding)) return static_cast<std::uint64_t>(e->evaluate(sizes));
  const Literal& v = std::get<Literal>(binding);
  if (d == DType::f64) return std::bit_cast<std::uint64_t>(v.as_double());
  if (d == DType::f32) return std::bit_cast<std::uint32_t>(static_cast<float>(v.as_double()));
  return static_cast<std::uint64_t>(v.as_integer());
}

}  // namespace

KernelRunner kernel_interpreter() {
  return [](const kernel::Kernel& k, const std::vector<std::span<std::byte>>& buffers, const std::vector<std::uint64_t>& arguments,
            std::uint64_t* error, bool first) { kernel::interpret(k, buffers, arguments, error, {.order = 5, .outputs_are_set = !first}); };
}

ClusterRun run_clustering(const Graph& graph, Clustering clustering, const Arrays& inputs, const Arrays& parameters,
                          const Sizes& sizes, const HostTarget& target, const KernelRunner& runner, const Scheduler& scheduler) {
  const GraphData& g = graph.data();
  ClusterRun run;
  std::map<Value, Bytes> memory;
  const auto leaf = [&](NodeId id, const Array& a) { memory[{id, 0}] = bytes_of(a.reordered(g.node(id).types[0].axes())); };
  for (NodeId id : g.inputs()) leaf(id, inputs.at(g.node(id).as<InputAttrs>().name));
  for (const auto& [path, id] : g.parameters()) leaf(id, parameters.at(path));
  for (NodeId id = 0; id < g.nodes().size(); ++id)
    if (g.node(id).op == Op::constant && g.node(id).as<ConstantAttrs>().values.size() > 1) {
      const Type& t = g.node(id).types[0];
      Array a(t.dtype, dims_of(t, t.axes(), sizes));
      const auto& values = g.node(id).as<ConstantAttrs>().values;
      for (std::size_t i = 0; i < values.size(); ++i) {
        if (is_float(t.dtype)) a.set(static_cast<std::int64_t>(i), values[i].as_double());
        else a.set_integer(static_cast<std::int64_t>(i), values[i].as_integer());
      }
      memory[{id, 0}] = bytes_of(a);
    }
  const Layouts layouts = choose_layouts(graph, clustering);
  for (const Cluster& c : clustering.clusters) {
    const Schedule s = scheduler ? scheduler(graph, c, layouts) : schedule_for_host(graph, c, layouts, target);
    std::vector<Bytes> temporaries;
    for (const Temporary& t : s.temporaries) temporaries.emplace_back(static_cast<std::size_t>(t.count(sizes)) * size_of(t.dtype));
    for (const Value& v : c.outputs)
      memory[v] = Bytes(static_cast<std::size_t>(g.type(v).elements().evaluate(sizes)) * size_of(g.type(v).dtype), std::byte{0x5a});
    for (const ScheduledKernel& k : s.kernels) {
      std::vector<std::span<std::byte>> buffers;
      for (const Value& v : k.buffers) buffers.push_back(v.node == kTemporary ? temporaries[v.output] : memory.at(v));
      std::vector<std::uint64_t> arguments;
      for (std::size_t i = 0; i < k.arguments.size(); ++i) arguments.push_back(bits_of(k.arguments[i], k.kernel.arguments[i], sizes));
      std::uint64_t error = 0;
      runner(k.kernel, buffers, arguments, &error, &k == s.kernels.data());
      run.failed |= error != 0;
      ++run.kernels;
    }
  }
  for (const Output& o : g.outputs()) {
    const Type& t = g.type(o.value);
    const auto layout = layouts.find(o.value);
    Array a(t.dtype, dims_of(t, layout == layouts.end() ? t.axes() : layout->second.order, sizes));
    if (a.bytes() > 0) std::memcpy(a.mutable_data(), memory.at(o.value).data(), a.bytes());
    run.outputs.emplace(o.name, a.reordered(t.axes()));
  }
  run.clustering = std::move(clustering);
  return run;
}

ClusterRun run_clusters(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes, const HostTarget& target,
                        const KernelRunner& runner) {
  return run_clustering(graph, fuse(graph, {.sums_beside_rows = true}), inputs, parameters, sizes, target, runner);
}

Drawn draw(const Graph& graph, const Sizes& sizes, unsigned seed, double low, double high, std::int64_t index_limit) {
  std::mt19937 random(seed);
  Drawn out;
  const auto array = [&](const Type& t) {
    Array x(t.dtype, dims_of(t, t.axes(), sizes));
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      if (is_float(t.dtype)) x.set(i, std::uniform_real_distribution<double>(low, high)(random));
      else if (t.dtype == DType::boolean) x.set_integer(i, static_cast<std::int64_t>(random() % 2));
      else x.set_integer(i, static_cast<std::int64_t>(random() % static_cast<unsigned>(index_limit)));
    }
    return x;
  };
  for (NodeId id : graph->inputs()) out.inputs.emplace(graph->node(id).as<InputAttrs>().name, array(graph->node(id).types[0]));
  for (const auto& [path, id] : graph->parameters()) out.parameters.emplace(path, array(graph->node(id).types[0]));
  return out;
}

void check_bits(const Array& have, const Array& want) {
  REQUIRE(have.dims() == want.dims());
  REQUIRE(have.dtype() == want.dtype());
  int shown = 0;
  for (std::int64_t i = 0; i < have.elements() && shown < 3; ++i) {
    const bool same = is_float(want.dtype()) ? have.at(i) == want.at(i) || (have.at(i) != have.at(i) && want.at(i) != want.at(i))
                                             : have.integer_at(i) == want.integer_at(i);
    if (same) continue;
    ++shown;
    INFO("element " << i << " of " << want.str() << " is " << have.at(i) << " instead of " << want.at(i));
    CHECK(same);
  }
  CHECK(shown == 0);
}

void check_typed_bits(const SizedGraph& g, unsigned seed, const HostTarget& target, const KernelRunner& runner) {
  INFO(g.what << ", vectors of " << target.vector_bytes << " bytes");
  const Drawn given = draw(g.graph, g.sizes, seed);
  const Results want = interpret(g.graph, given.inputs, {}, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = g.sizes});
  const ClusterRun have = run_clusters(g.graph, given.inputs, {}, g.sizes, target, runner);
  for (const auto& [name, array] : want.outputs) {
    INFO(name);
    check_bits(have.outputs.at(name), array);
  }
}

}  // namespace uwaga::test
