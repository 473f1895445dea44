#include <uwaga/runtime/program/bind.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

std::string known_inputs(const Graph& graph) {
  std::string names;
  for (NodeId id : graph->inputs()) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", graph->node(id).as<InputAttrs>().name);
  return names.empty() ? "none" : names;
}

}  // namespace

Bound bind(const Graph& graph, const Arrays& given) {
  for (const auto& [name, array] : given) {
    bool known = false;
    for (NodeId id : graph->inputs()) known = known || graph->node(id).as<InputAttrs>().name == name;
    if (!known) throw Error(fmt::format("the program has no input '{}'; it has {}", name, known_inputs(graph)));
  }
  Bound bound;
  std::map<std::string, std::string> bound_by;  // symbol -> input
  for (NodeId id : graph->inputs()) {
    const auto& a = graph->node(id).as<InputAttrs>();
    const auto it = given.find(a.name);
    if (it == given.end()) throw Error(fmt::format("input '{}' of type {} is missing", a.name, a.type.str()));
    Array array = it->second.matched(a.type.dtype);
    if (array.dtype() != a.type.dtype)
      throw Error(fmt::format("input '{}' is {} and was given {}", a.name, name(a.type.dtype), name(array.dtype())));
    bool same = array.rank() == a.type.rank();
    for (const Dim& d : a.type.dims) same = same && array.has(d.axis);
    if (!same)
      throw Error(fmt::format("input '{}' has axes {{{}}} and was given {{{}}}", a.name, join(a.type.axes()), join(array.axes())));
    array = array.reordered(a.type.axes());
    for (const Dim& d : a.type.dims) {
      const std::int64_t size = array.extent(d.axis);
      const auto symbol = d.extent.as_symbol();
      if (!symbol) continue;
      const auto [known, fresh] = bound.sizes.try_emplace(*symbol, size);
      if (fresh) bound_by[*symbol] = a.name;
      else if (known->second != size)
        throw Error(fmt::format("'{}' is {} in input '{}' and {} in input '{}'", *symbol, known->second, bound_by[*symbol], size, a.name));
      if (const auto limit = graph->bounds().find(*symbol); limit != graph->bounds().end() && size > limit->second)
        throw Error(fmt::format("'{}' is {} in input '{}'; the axis is declared up to {}", *symbol, size, a.name, limit->second));
    }
    bound.inputs.push_back(std::move(array));
  }
  for (std::size_t i = 0; i < bound.inputs.size(); ++i) {
    const auto& a = graph->node(graph->inputs()[i]).as<InputAttrs>();
    for (const Dim& d : a.type.dims) {
      const std::int64_t want = d.extent.evaluate(bound.sizes), is = bound.inputs[i].extent(d.axis);
      if (want != is)
        throw Error(fmt::format("input '{}' has {}={} and was given {}={}", a.name, d.axis, d.extent.str(), d.axis, is));
    }
  }
  return bound;
}

}  // namespace uwaga
