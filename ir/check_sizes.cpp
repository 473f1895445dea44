#include <uwaga/ir/check_sizes.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>

namespace uwaga {
namespace {

// What is wrong with a node, empty where nothing is. `whole` is the extent of the operand's axis.
std::string wrong_slice(const SliceAttrs& a, const Extent& whole, const Sizes& sizes) {
  if (a.start.is_constant() && a.stop.is_constant() && whole.is_constant()) return "";
  const std::int64_t start = a.start.evaluate(sizes), stop = a.stop.evaluate(sizes), n = whole.evaluate(sizes);
  if (start >= 0 && stop >= start && stop <= n) return "";
  return fmt::format("of {}={} from {} to {}", a.axis, n, start, stop);
}

std::string wrong_pad(const PadAttrs& a, const Sizes& sizes) {
  if (a.low.is_constant() && a.high.is_constant()) return "";
  const std::int64_t low = a.low.evaluate(sizes), high = a.high.evaluate(sizes);
  return low >= 0 && high >= 0 ? "" : fmt::format("of '{}' by {} before and {} after", a.axis, low, high);
}

std::string wrong_split(const SplitAttrs& a, const Extent& whole, const Sizes& sizes) {
  if (whole.is_constant()) return "";
  std::int64_t product = 1;
  for (const Dim& d : a.into) product *= d.extent.evaluate(sizes);
  const std::int64_t n = whole.evaluate(sizes);
  return product == n ? "" : fmt::format("of {}={} gives {} elements", a.axis, n, product);
}

// Wherever the part begins; the beginning itself is a value, seen when it runs.
std::string wrong_part(const std::string& axis, const Extent& whole, const Extent& part, const Sizes& sizes) {
  if (whole.is_constant() && part.is_constant()) return "";
  const std::int64_t n = whole.evaluate(sizes), size = part.evaluate(sizes);
  return size >= 0 && size <= n ? "" : fmt::format("over '{}': {} elements are not in {}={}", axis, size, axis, n);
}

std::string wrong_extent(const GraphData& g, const Node& node, const Sizes& sizes) {
  for (const Dim& d : node.types[0].dims) {
    if (d.extent.is_constant()) continue;
    if (const std::int64_t n = d.extent.evaluate(sizes); n < 0) return negative_extent(g, node, d, n, sizes);
  }
  return "";
}

bool has_own_extents(Op op) {
  return op == Op::slice || op == Op::pad || op == Op::broadcast || op == Op::iota || op == Op::random_bits;
}
bool is_constant(const Type& type) {
  return std::all_of(type.dims.begin(), type.dims.end(), [](const Dim& d) { return d.extent.is_constant(); });
}

std::string wrong(const GraphData& g, const Node& node, const Sizes& sizes) {
  if (has_own_extents(node.op))
    if (std::string what = wrong_extent(g, node, sizes); !what.empty()) return what;
  const auto whole = [&](const std::string& axis) -> const Extent& { return g.type(node.operands[0]).extent(axis); };
  switch (node.op) {
    case Op::slice: return wrong_slice(node.as<SliceAttrs>(), whole(node.as<SliceAttrs>().axis), sizes);
    case Op::pad: return wrong_pad(node.as<PadAttrs>(), sizes);
    case Op::split: return wrong_split(node.as<SplitAttrs>(), whole(node.as<SplitAttrs>().axis), sizes);
    case Op::argmax: {
      const std::string& axis = node.as<AxisAttrs>().axis;
      return whole(axis).evaluate(sizes) > 0 ? "" : fmt::format("over '{}' wants at least one element", axis);
    }
    case Op::top_k: {
      const auto& a = node.as<TopKAttrs>();
      const std::int64_t n = whole(a.axis).evaluate(sizes);
      return a.k <= n ? "" : fmt::format("wants {} of {}={}", a.k, a.axis, n);
    }
    case Op::dynamic_slice: {
      const auto& a = node.as<DynamicSliceAttrs>();
      return wrong_part(a.axis, whole(a.axis), a.size, sizes);
    }
    case Op::scan: {
      const auto& a = node.as<ScanAttrs>();
      const std::int64_t n = a.length.evaluate(sizes);
      return n >= 0 ? "" : fmt::format("has {} = {} = {}", a.axis, a.length.str(), n);
    }
    case Op::dynamic_update: {
      const std::string& axis = node.as<AxisAttrs>().axis;
      return wrong_part(axis, whole(axis), g.type(node.operands[1]).extent(axis), sizes);
    }
    default: return "";
  }
}

}  // namespace

std::string negative_extent(const GraphData& graph, const Node& node, const Dim& d, std::int64_t n, const Sizes& sizes) {
  const Node* of = node.op == Op::slice ? &graph.node(node.operands[0].node) : nullptr;
  if (of && of->op == Op::parameter && node.as<SliceAttrs>().stop == of->types[0].extent(d.axis)) {
    const Extent& first = node.as<SliceAttrs>().start;
    AxisNames given;
    for (const std::string& symbol : first.symbols()) given.push_back(fmt::format("{}={}", symbol, sizes.at(symbol)));
    return fmt::format("of '{}', which holds {} along '{}' and is full: {} = {} ({})", of->as<ParameterAttrs>().path,
                       of->types[0].extent(d.axis).str(), d.axis, first.str(), first.evaluate(sizes), join(given));
  }
  return fmt::format("has {} = {} = {}", d.axis, d.extent.str(), n);
}

std::vector<NodeId> nodes_of_open_sizes(const GraphData& graph) {
  std::vector<NodeId> open;
  for (NodeId id = 0; id < graph.nodes().size(); ++id) {
    const Node& n = graph.node(id);
    switch (n.op) {
      case Op::slice: case Op::pad: case Op::split: case Op::argmax: case Op::top_k: case Op::dynamic_slice: case Op::dynamic_update: case Op::scan:
        open.push_back(id);
        break;
      default:
        if (has_own_extents(n.op) && !is_constant(n.types[0])) open.push_back(id);
    }
  }
  return open;
}

void check_sizes(const GraphData& graph, std::span<const NodeId> nodes, const Sizes& sizes) {
  for (NodeId id : nodes) {
    const Node& n = graph.node(id);
    if (const std::string what = wrong(graph, n, sizes); !what.empty())
      throw Error(fmt::format("{}: {} {}", graph.provenance().brief(n.provenance), name(n.op), what));
  }
}

}  // namespace uwaga
