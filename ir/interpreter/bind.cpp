#include <uwaga/ir/interpreter/bind.h>

#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

// Dtype and set of axes; gives the array with its axes in the order of the type.
Array fit(const std::string& what, const Type& type, const Array& given, Floats floats) {
  Array x = given.matched(type.dtype);
  const bool dtype_fits = x.dtype() == type.dtype || (floats == Floats::any && is_float(x.dtype()) && is_float(type.dtype));
  if (!dtype_fits) throw Error(fmt::format("{} is {} instead of {}", what, x.str(), type.str()));
  bool axes_fit = x.rank() == type.rank();
  for (const Dim& d : type.dims) axes_fit = axes_fit && x.has(d.axis);
  if (!axes_fit) throw Error(fmt::format("{} has axes {{{}}} instead of {{{}}}", what, join(x.axes()), join(type.axes())));
  return x.reordered(type.axes());
}

void check_extents(const std::string& what, const Type& type, const Array& x, const Sizes& sizes) {
  for (const Dim& d : type.dims) {
    const std::int64_t want = d.extent.evaluate(sizes), have = x.extent(d.axis);
    if (want == have) continue;
    const std::string formula = d.extent.is_constant() ? "" : fmt::format(" = {}", d.extent.str());
    throw Error(fmt::format("{} has {}={} instead of {}{}", what, d.axis, have, want, formula));
  }
}

std::string names(const GraphData& graph) {
  AxisNames out;
  for (NodeId id : graph.inputs()) out.push_back(graph.node(id).as<InputAttrs>().name);
  return join(out);
}

}  // namespace

Array bind_array(const std::string& what, const Type& type, const Array& given, const Sizes& sizes, Floats floats) {
  Array x = fit(what, type, given, floats);
  check_extents(what, type, x, sizes);
  return x;
}

BoundInputs bind_inputs(const Graph& graph, const Arrays& given, Floats floats, const Sizes& sizes) {
  BoundInputs bound{sizes, {}};
  std::map<std::string, std::string> first;  // what gave a symbol its value
  for (const auto& entry : sizes) first[entry.first] = "the given sizes";
  for (NodeId id : graph->inputs()) {
    const Node& node = graph->node(id);
    const auto& a = node.as<InputAttrs>();
    const auto it = given.find(a.name);
    if (it == given.end())
      throw Error(fmt::format("input '{}' is missing: {} ({})", a.name, a.type.str(), graph->provenance().brief(node.provenance)));
    bound.inputs.push_back(fit(fmt::format("input '{}'", a.name), a.type, it->second, floats));
    for (const Dim& d : a.type.dims) {
      // A symbol, or so many times it.
      const std::vector<std::string> symbols = d.extent.symbols();
      if (symbols.size() != 1) continue;
      const auto factor = d.extent.divided_by(Extent::symbol(symbols[0]));
      const std::int64_t times = factor ? factor->constant().value_or(0) : 0;
      if (times < 1) continue;
      const std::int64_t whole = bound.inputs.back().extent(d.axis), size = whole / times;
      if (whole % times != 0)
        throw Error(fmt::format("'{}' is {} in input '{}' and a multiple of {} by its declaration", d.axis, whole, a.name, times));
      const auto [known, fresh] = bound.sizes.try_emplace(symbols[0], size);
      if (fresh) first[symbols[0]] = fmt::format("input '{}'", a.name);
      else if (known->second != size)
        throw Error(fmt::format("'{}' is {} in {} and {} in input '{}'", symbols[0], known->second, first[symbols[0]], size, a.name));
    }
  }
  for (const auto& entry : given) {
    bool known = false;
    for (NodeId id : graph->inputs()) known |= graph->node(id).as<InputAttrs>().name == entry.first;
    if (!known) throw Error(fmt::format("there is no input '{}', only {{{}}}", entry.first, names(graph.data())));
  }
  for (const auto& [symbol, limit] : graph->bounds()) {
    const auto it = bound.sizes.find(symbol);
    if (it != bound.sizes.end() && it->second > limit)
      throw Error(fmt::format("'{}' is {} in {} and at most {} by its declaration", symbol, it->second, first[symbol], limit));
  }
  for (std::size_t i = 0; i < bound.inputs.size(); ++i) {
    const auto& a = graph->node(graph->inputs()[i]).as<InputAttrs>();
    check_extents(fmt::format("input '{}'", a.name), a.type, bound.inputs[i], bound.sizes);
  }
  return bound;
}

}  // namespace uwaga
