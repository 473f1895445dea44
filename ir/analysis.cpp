#include <uwaga/ir/analysis.h>

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <sstream>

#include <boost/graph/dominator_tree.hpp>
#include <boost/graph/graphviz.hpp>
#include <boost/graph/strong_components.hpp>
#include <boost/graph/topological_sort.hpp>
#include <boost/pending/disjoint_sets.hpp>

#include <uwaga/ir/detail/boost.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/print.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace analysis {
namespace {

// Numbered anew, in the order in which they are met.
void renumber(std::vector<Vertex>& component) {
  std::vector<Vertex> now(component.size(), kNoVertex);
  Vertex next = 0;
  for (Vertex& c : component) {
    if (now[c] == kNoVertex) now[c] = next++;
    c = now[c];
  }
}

auto map_to(std::vector<Vertex>& values) {
  return boost::make_iterator_property_map(values.begin(), boost::typed_identity_property_map<Vertex>());
}

}  // namespace

Relation relation_of(const Graph& graph) {
  Relation r{static_cast<Vertex>(graph->size()), {}};
  for (NodeId id = 0; id < r.size; ++id)
    for (Value v : graph->node(id).operands) r.arcs.push_back({v.node, id});
  return r;
}

std::vector<Vertex> topological_order(const Relation& relation) {
  const BoostView view(relation);
  std::vector<Vertex> order;
  order.reserve(relation.size);
  try {
    boost::topological_sort(view, std::back_inserter(order));
  } catch (const boost::not_a_dag&) {
    throw InternalError("a topological order of what has a cycle");
  }
  std::reverse(order.begin(), order.end());
  return order;
}

std::vector<Vertex> components(const Relation& relation) {
  std::vector<Vertex> rank(relation.size, 0), parent(relation.size);
  for (Vertex v = 0; v < relation.size; ++v) parent[v] = v;
  boost::disjoint_sets sets(map_to(rank), map_to(parent));
  for (const Arc& a : relation.arcs) sets.union_set(a.from, a.to);
  std::vector<Vertex> out(relation.size);
  for (Vertex v = 0; v < relation.size; ++v) out[v] = sets.find_set(v);
  renumber(out);
  return out;
}

std::vector<Vertex> strong_components(const Relation& relation) {
  std::vector<Vertex> out(relation.size);
  boost::strong_components(BoostView(relation), map_to(out));
  renumber(out);
  return out;
}

std::vector<Vertex> dominators(const Relation& relation, Vertex entry) {
  std::vector<Vertex> out(relation.size, kNoVertex);
  boost::lengauer_tarjan_dominator_tree(BoostView(relation), entry, map_to(out));
  return out;
}

}  // namespace analysis

namespace {

using analysis::BoostView;
using analysis::kNoVertex;
using analysis::Relation;
using analysis::Vertex;

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

std::string to_dot(const Graph& graph) {
  const GraphData& g = graph.data();
  const std::vector<bool> live = live_nodes(graph);
  // Vertices: the live nodes, then outputs, then updates.
  std::vector<NodeId> nodes;
  std::vector<Vertex> vertex(g.nodes().size(), kNoVertex);
  for (NodeId id = 0; id < live.size(); ++id)
    if (live[id]) {
      vertex[id] = static_cast<Vertex>(nodes.size());
      nodes.push_back(id);
    }
  Relation r;
  std::vector<std::string> labels, arcs;
  for (NodeId id : nodes) {
    const Node& n = g.node(id);
    const bool leaf = n.operands.empty();
    std::string types;
    for (const Type& t : n.types) types += "\n" + t.str();
    labels.push_back(fmt::format("label={} shape={}",
                                 quoted(fmt::format("{} {}{}\n{}", print_value(graph.data(), {id, 0}), name(n.op), types,
                                                    g.provenance().brief(n.provenance))),
                                 leaf ? "box" : "plaintext"));
    for (std::size_t i = 0; i < n.operands.size(); ++i) {
      r.arcs.push_back({vertex[n.operands[i].node], vertex[id]});
      arcs.push_back(n.operands.size() > 1 ? fmt::format("label=\"{}\"", i) : "");
    }
  }
  const auto border = [&](Value v, const std::string& text) {
    r.arcs.push_back({vertex[v.node], static_cast<Vertex>(labels.size())});
    arcs.push_back("");
    labels.push_back(fmt::format("label={} shape=ellipse", quoted(text)));
  };
  for (const Output& o : g.outputs()) border(o.value, "output " + o.name);
  for (const Update& u : g.updates()) border(u.value, "update " + u.path);
  r.size = static_cast<Vertex>(labels.size());

  std::ostringstream out;
  boost::write_graphviz(
      out, BoostView(r), [&](std::ostream& to, Vertex v) { to << '[' << labels[v] << ']'; },
      [&](std::ostream& to, const BoostView::Edge& e) {
        if (!arcs[e.arc].empty()) to << '[' << arcs[e.arc] << ']';
      });
  return out.str();
}

}  // namespace uwaga
