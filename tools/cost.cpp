#include "tools/cost.h"

#include <uwaga/ir/graph.h>

#include <algorithm>

namespace uwaga {
namespace {

double elements(const Type& type, const Sizes& sizes) { return static_cast<double>(type.elements().evaluate(sizes)); }

// Terms of a contraction: its result's elements times the axes summed over.
double dot_terms(const GraphData& g, const Node& n, const Sizes& sizes) {
  double terms = elements(n.types[0], sizes);
  for (const std::string& axis : n.as<DotAttrs>().over)
    terms *= static_cast<double>(g.type(n.operands[0]).extent(axis).evaluate(sizes));
  return terms;
}

Cost node_cost(const GraphData& g, const Node& n, const Sizes& sizes) {
  Cost c;
  switch (n.op) {
    case Op::call:
      return cost_of(n.as<CallAttrs>().body, sizes);
    case Op::scan: {
      const auto& a = n.as<ScanAttrs>();
      c = cost_of(a.body, sizes);
      const auto turns = static_cast<double>(a.length.evaluate(sizes));
      c.flops *= turns, c.dot_flops *= turns, c.bytes *= turns;
      return c;
    }
    case Op::cond: {
      const auto& a = n.as<CondAttrs>();
      const Cost yes = cost_of(a.then_body, sizes), no = cost_of(a.else_body, sizes);
      return yes.flops < no.flops ? no : yes;
    }
    case Op::parameter:
      if (n.as<ParameterAttrs>().trainable) c.parameters = elements(n.types[0], sizes);
      return c;
    default:
      break;
  }
  if (is_leaf(n.op)) return c;
  for (const Type& t : n.types) c.bytes += elements(t, sizes) * static_cast<double>(size_of(t.dtype));
  if (n.op == Op::dot)
    c.flops = c.dot_flops = 2 * dot_terms(g, n, sizes);
  else if (n.op == Op::sum || n.op == Op::reduce_max || n.op == Op::cumsum || n.op == Op::argmax)
    c.flops = elements(g.type(n.operands[0]), sizes);
  else if (n.op == Op::scatter_add)
    c.flops = elements(g.type(n.operands.back()), sizes);
  else if (is_elementwise(n.op) && n.op != Op::cast && n.op != Op::bitcast && n.op != Op::select)
    c.flops = elements(n.types[0], sizes);
  return c;
}

std::string cut(const std::string& path, int depth) {
  std::size_t end = 0;
  for (int i = 0; i < depth && end != std::string::npos; ++i) end = path.find('.', end + (i > 0));
  return path.substr(0, end);
}

}  // namespace

Cost& Cost::operator+=(const Cost& o) {
  flops += o.flops, dot_flops += o.dot_flops, bytes += o.bytes, parameters += o.parameters;
  return *this;
}

Cost cost_of(const Graph& graph, const Sizes& sizes) {
  Cost total;
  for (const Node& n : graph->nodes()) total += node_cost(graph.data(), n, sizes);
  return total;
}

std::map<std::string, Cost> costs_by_scope(const Graph& graph, const Sizes& sizes, int depth) {
  std::map<std::string, Cost> costs;
  for (const Node& n : graph->nodes()) {
    // A parameter belongs where its path says; anything else where it was first written.
    std::string path;
    if (n.op == Op::parameter) {
      path = n.as<ParameterAttrs>().path;
      const std::size_t dot = path.rfind('.');
      path = dot == std::string::npos ? "" : path.substr(0, dot);
    } else {
      path = graph->provenance().path(graph->provenance().origins(n.provenance).front().scope);
    }
    costs[cut(path, depth)] += node_cost(graph.data(), n, sizes);
  }
  // Scopes that only name state.
  std::erase_if(costs, [](const auto& scope) { return scope.second == Cost{}; });
  return costs;
}

std::map<std::pair<std::string, int>, Cost> costs_by_line(const Graph& graph, const Sizes& sizes) {
  std::map<std::pair<std::string, int>, Cost> costs;
  for (const Node& n : graph->nodes()) {
    const Origin at = graph->provenance().origins(n.provenance).front();
    costs[{at.file, static_cast<int>(at.line)}] += node_cost(graph.data(), n, sizes);
  }
  return costs;
}

}  // namespace uwaga
