#include "tests/codegen/schedule/run_clusters.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include <uwaga/codegen/lower/table.h>

#include "tests/codegen/schedule/run_kernel.h"

namespace uwaga::test {
namespace {

Cells cells_of(const Array& a) {
  Cells out(static_cast<std::size_t>(a.elements()));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    if (is_float(a.dtype())) out[i].real = a.at(at);
    else out[i].whole = a.integer_at(at);
  }
  return out;
}

Array array_of(const Type& type, const AxisNames& order, const Cells& cells, const Sizes& sizes) {
  ArrayDims dims;
  for (const std::string& axis : order) dims.push_back({axis, type.extent(axis).evaluate(sizes)});
  Array a(type.dtype, dims);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (is_float(type.dtype)) a.set(static_cast<std::int64_t>(i), cells[i].real);
    else a.set_integer(static_cast<std::int64_t>(i), cells[i].whole);
  }
  return a.reordered(type.axes());
}

}  // namespace

ClusterRun run_clustering(const Graph& graph, Clustering clustering, const Arrays& inputs, const Arrays& parameters,
                          const Sizes& sizes, const HostTarget& target) {
  const GraphData& g = graph.data();
  ClusterRun run;
  std::map<Value, Cells> memory;
  for (NodeId id : g.inputs()) memory[{id, 0}] = cells_of(inputs.at(g.node(id).as<InputAttrs>().name).reordered(g.node(id).types[0].axes()));
  for (const auto& [path, id] : g.parameters())
    memory[{id, 0}] = cells_of(parameters.at(path).reordered(g.node(id).types[0].axes()));
  for (NodeId id = 0; id < g.nodes().size(); ++id)
    if (g.node(id).op == Op::constant && g.node(id).as<ConstantAttrs>().values.size() > 1) {
      const DType d = g.node(id).types[0].dtype;
      for (const Literal& v : g.node(id).as<ConstantAttrs>().values)
        memory[{id, 0}].push_back(is_float(d) ? Cell{round_to(d, v.as_double()), 0} : Cell{0, v.as_integer()});
    }
  const Layouts layouts = choose_layouts(graph, clustering);
  for (const Cluster& c : clustering.clusters) {
    const Schedule s = schedule_for_host(graph, c, layouts, target);
    std::vector<Cells> temporaries;
    for (const Temporary& t : s.temporaries) temporaries.push_back(Cells(static_cast<std::size_t>(t.elements.evaluate(sizes)), {-77, -77}));
    for (const Value& v : c.outputs)
      memory[v] = Cells(static_cast<std::size_t>(g.type(v).elements().evaluate(sizes)), {-55, -55});
    for (const ScheduledKernel& k : s.kernels) {
      RunKernel r{k.kernel, {}, {}};
      for (const Value& v : k.buffers) r.buffers.push_back(v.node == kTemporary ? &temporaries[v.output] : &memory.at(v));
      for (std::size_t i = 0; i < k.arguments.size(); ++i) {
        if (const auto* e = std::get_if<Extent>(&k.arguments[i])) r.arguments.push_back({0, e->evaluate(sizes)});
        else if (is_float(k.kernel.arguments[i])) r.arguments.push_back({std::get<Literal>(k.arguments[i]).as_double(), 0});
        else r.arguments.push_back({0, std::get<Literal>(k.arguments[i]).as_integer()});
      }
      r.run();
      run.failed |= r.error != 0;
      ++run.kernels;
    }
  }
  for (const Output& o : g.outputs()) {
    const auto layout = layouts.find(o.value);
    run.outputs.emplace(o.name, array_of(g.type(o.value), layout == layouts.end() ? g.type(o.value).axes() : layout->second.order,
                                         memory.at(o.value), sizes));
  }
  run.clustering = std::move(clustering);
  return run;
}

ClusterRun run_clusters(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes, const HostTarget& target) {
  return run_clustering(graph, fuse(graph), inputs, parameters, sizes, target);
}

Clustering unfused(const Graph& graph) {
  const GraphData& g = graph.data();
  Clustering out;
  for (NodeId id = 0; id < g.nodes().size(); ++id) {
    const Node& n = g.node(id);
    if (n.op == Op::input || n.op == Op::parameter || (n.op == Op::constant && n.as<ConstantAttrs>().values.size() > 1)) continue;
    Cluster c;
    const auto how = kernel::lower_row(n.op).how;
    c.kind = kernel::is_inlined(g, n) || how == kernel::Lowering::reduction ? ClusterKind::loop
             : how == kernel::Lowering::contraction                        ? ClusterKind::contraction
             : how == kernel::Lowering::index                              ? ClusterKind::index
                                                                           : ClusterKind::structure;
    c.nodes = {id};
    c.inputs = n.operands;
    std::sort(c.inputs.begin(), c.inputs.end());
    c.inputs.erase(std::unique(c.inputs.begin(), c.inputs.end()), c.inputs.end());
    for (std::uint32_t o = 0; o < n.types.size(); ++o) c.outputs.push_back({id, o});
    out.clusters.push_back(std::move(c));
  }
  return out;
}

}  // namespace uwaga::test
