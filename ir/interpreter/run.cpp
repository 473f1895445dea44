#include <fmt/format.h>

#include <cmath>

#include <uwaga/ir/check_sizes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

// The nodes that `wanted` needs, and how often each is used, so that a value can go after its last use.
std::vector<int> count_uses(const GraphData& graph, std::span<const Value> wanted) {
  std::vector<int> uses(static_cast<std::size_t>(graph.size()), 0);
  for (Value v : wanted) ++uses[v.node];
  for (std::size_t i = uses.size(); i-- > 0;)
    if (uses[i] > 0)
      for (Value v : graph.node(static_cast<NodeId>(i)).operands) ++uses[v.node];
  return uses;
}

std::vector<ArrayDims> dims_of(const Site& site) {
  std::vector<ArrayDims> out;
  for (const Type& t : site.node.types) {
    ArrayDims dims;
    for (const Dim& d : t.dims) {
      const std::int64_t extent = site.size(d.extent);
      if (extent < 0) throw site.error(negative_extent(site.graph, site.node, d, extent, site.run.sizes));
      dims.push_back({d.axis, extent});
    }
    out.push_back(std::move(dims));
  }
  return out;
}

void round_cells(const Site& site, Dense& x) {
  if (site.exact() || !is_float(x.dtype) || x.dtype == DType::f64) return;
  if (x.dtype == DType::f32)
    for (double& v : x.reals) v = static_cast<float>(v);
  else
    for (double& v : x.reals) v = round_to(x.dtype, v);
}

void refuse_nan(const Site& site, const Dense& x) {
  for (std::size_t i = 0; i < x.reals.size(); ++i) {
    if (!std::isnan(x.reals[i])) continue;
    ArrayDims at = x.dims;
    auto rest = static_cast<std::int64_t>(i);
    for (std::size_t d = at.size(); d-- > 0; rest /= x.dims[d].extent) at[d].extent = rest % x.dims[d].extent;
    throw site.error(fmt::format("gives NaN{}", at.empty() ? "" : " at " + str(at)));
  }
}

std::vector<Dual> evaluate(const Site& site, std::span<const Dual> operands) {
  const Row& r = row(site.node.op);
  if (r.whole) return r.whole(site, operands);
  std::vector<Cells> x, t, y;
  bool moves = false;
  for (const Dual& d : operands) {
    x.push_back(d.value);
    t.push_back(d.tangent);
    moves |= d.tangent != nullptr;
  }
  for (Dense& v : r.value(site, x)) {
    round_cells(site, v);
    y.push_back(cells(std::move(v)));
  }
  std::vector<Dual> out;
  for (const Cells& v : y) out.push_back({v, nullptr});
  if (moves) {
    const MaybeCells moved = r.tangent(site, x, t, y);
    for (std::size_t i = 0; i < out.size(); ++i)
      if (is_float(out[i].value->dtype)) out[i].tangent = moved[i];
  }
  return out;
}

}  // namespace

Error Site::error(const std::string& what) const {
  return Error(fmt::format("{}: {} {}", graph.provenance().brief(node.provenance), name(node.op), what));
}

std::int64_t Site::size(const Extent& extent) const {
  try {
    return extent.evaluate(run.sizes);
  } catch (const Error& e) {
    throw error(fmt::format("needs a size: {}", e.what()));
  }
}

std::vector<Dual> run_graph(const Run& run, const GraphData& graph, std::span<const Dual> inputs, std::span<const Value> wanted) {
  std::vector<int> uses = count_uses(graph, wanted);
  std::vector<std::vector<Dual>> values(uses.size());
  std::vector<Dual> operands;
  for (NodeId id = 0; id < values.size(); ++id) {
    if (uses[id] == 0) continue;
    const Node& node = graph.node(id);
    Site site{run, graph, id, node, {}, inputs};
    site.dims = dims_of(site);
    operands.clear();
    for (Value v : node.operands) operands.push_back(values[v.node][v.output]);
    values[id] = evaluate(site, operands);
    check_internal(values[id].size() == node.types.size(), "an op gave another number of outputs than its type");
    for (std::size_t i = 0; i < values[id].size(); ++i) {
      const Dense& x = *values[id][i].value;
      check_internal(x.dims == site.dims[i] && x.dtype == node.types[i].dtype, "an op gave another type than inferred");
      if (run.options.observe) run.options.observe(graph, id, static_cast<int>(i), array_of(x, site.exact()));
      if (run.options.refuse_nan) refuse_nan(site, x);
    }
    for (Value v : node.operands)
      if (--uses[v.node] == 0) values[v.node].clear();
  }
  std::vector<Dual> out;
  for (Value v : wanted) out.push_back(values[v.node][v.output]);
  return out;
}

std::vector<Dual> run_body(const Site& site, const Graph& body, std::vector<Dual> inputs) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ArrayDims dims;
    for (const std::string& axis : body->node(body->inputs()[i]).types[0].axes()) dims.push_back({axis, inputs[i].value->extent(axis)});
    for (Cells* c : {&inputs[i].value, &inputs[i].tangent})
      if (*c && (*c)->dims != dims) *c = cells(in_order(**c, dims));
  }
  std::vector<Value> wanted;
  for (const Output& o : body->outputs()) wanted.push_back(o.value);
  return run_graph(site.run, body.data(), inputs, wanted);
}

}  // namespace uwaga::interpreter
