#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/ir/interpreter/interpret.h>

#include <fmt/format.h>

#include <cmath>

#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

bool has_structure(const Graph& g) {
  for (const Node& n : g->nodes())
    if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call) return true;
  return false;
}

bool same_bits(const Array& a, const Array& b, std::int64_t i) {
  if (!is_float(a.dtype())) return a.integer_at(i) == b.integer_at(i);
  const double x = a.at(i), y = b.at(i);
  return (x != x && y != y) || (x == y && std::signbit(x) == std::signbit(y));
}

}  // namespace

Scheduler cuda_scheduler() {
  return [](const Graph& g, const Cluster& c, const Layouts& layouts) { return schedule_for_cuda(g, c, layouts, {}); };
}

std::vector<std::string> kernel_differences(const OpExample& e, const Sizes& sizes, int vector_bytes, bool fused) {
  std::vector<std::string> out;
  if (has_structure(e.graph)) return out;
  const Drawn given = draw(e.graph, sizes, 7, e.low, e.high, e.index_limit);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Results want = interpret(e.graph, given.inputs, given.parameters, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = sizes});
  const ClusterRun have = run_clustering(e.graph, fused ? fuse(e.graph, {.sums_beside_rows = vector_bytes != 0}) : unfused(e.graph), given.inputs, given.parameters, sizes,
                                         target, kernel_interpreter(), vector_bytes == 0 ? cuda_scheduler() : Scheduler());
  if (have.failed) out.push_back("an index is said to be out of range");
  for (const auto& [name, array] : want.outputs) {
    const Array& mine = have.outputs.at(name);
    if (mine.dims() != array.dims() || mine.dtype() != array.dtype()) {
      out.push_back(fmt::format("{} is {} instead of {}", name, mine.str(), array.str()));
      continue;
    }
    for (std::int64_t i = 0; i < array.elements(); ++i)
      if (!same_bits(mine, array, i)) {
        out.push_back(fmt::format("element {} of {}, {}, is {} instead of {}", i, name, array.str(), mine.at(i), array.at(i)));
        break;
      }
  }
  return out;
}

}  // namespace uwaga::test
