#include <uwaga/autodiff/internal/min_cut.h>

#include <algorithm>
#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/push_relabel_max_flow.hpp>
#include <map>

namespace uwaga::autodiff {
namespace {

using Traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::directedS>;
using Flow = boost::adjacency_list<
    boost::vecS, boost::vecS, boost::directedS, boost::no_property,
    boost::property<boost::edge_capacity_t, std::int64_t,
                    boost::property<boost::edge_residual_capacity_t, std::int64_t,
                                    boost::property<boost::edge_reverse_t, Traits::edge_descriptor>>>>;

}  // namespace

// Each vertex becomes an arc from 2v to 2v + 1. Parallel arcs are merged, and the cut is read off by a search of the
// residual network, not off an algorithm's own marks.
Cut min_vertex_cut(const Network& network) {
  const std::size_t n = network.capacity.size(), source = 2 * n, sink = 2 * n + 1;
  std::int64_t infinite = 1;
  for (std::int64_t c : network.capacity) infinite += c;
  std::map<std::pair<std::size_t, std::size_t>, std::int64_t> arcs;
  for (std::size_t v = 0; v < n; ++v) arcs[{2 * v, 2 * v + 1}] = network.capacity[v];
  for (const auto& [from, to] : network.arcs) arcs[{2 * from + 1, 2 * to}] = infinite;
  for (std::size_t v : network.sources) arcs[{source, 2 * v}] = infinite;
  for (std::size_t v : network.sinks) arcs[{2 * v + 1, sink}] = infinite;

  Flow flow(2 * n + 2);
  const auto capacity = boost::get(boost::edge_capacity, flow);
  const auto residual = boost::get(boost::edge_residual_capacity, flow);
  const auto reverse = boost::get(boost::edge_reverse, flow);
  for (const auto& [ends, c] : arcs) {
    const auto forth = boost::add_edge(ends.first, ends.second, flow).first;
    const auto back = boost::add_edge(ends.second, ends.first, flow).first;
    capacity[forth] = c;
    capacity[back] = 0;
    reverse[forth] = back;
    reverse[back] = forth;
  }
  Cut out{boost::push_relabel_max_flow(flow, source, sink), std::vector<bool>(n, false)};

  // What still reaches the sink.
  std::vector<bool> reaches(2 * n + 2, false);
  std::vector<std::size_t> todo{sink};
  reaches[sink] = true;
  while (!todo.empty()) {
    const std::size_t v = todo.back();
    todo.pop_back();
    for (auto [e, end] = boost::out_edges(v, flow); e != end; ++e) {
      const std::size_t u = boost::target(*e, flow);
      if (reaches[u] || residual[reverse[*e]] == 0) continue;
      reaches[u] = true;
      todo.push_back(u);
    }
  }
  for (std::size_t v = 0; v < n; ++v) out.cut[v] = !reaches[2 * v] && reaches[2 * v + 1];
  return out;
}

}  // namespace uwaga::autodiff
