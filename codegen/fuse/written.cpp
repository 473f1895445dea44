#include <uwaga/codegen/fuse/written.h>
#include <uwaga/ir/attributes.h>

namespace uwaga {
namespace {

// Rows `start` to `stop` of the slot along the axis, as they are.
bool is_rows_of(const GraphData& g, Value v, NodeId slot, const std::string& axis, const Extent& start, const Extent& stop) {
  if (start == stop) return false;
  const Node& n = g.node(v.node);
  if (n.op == Op::parameter) return v.node == slot && start == Extent(0) && stop == n.types[0].extent(axis);
  if (n.op != Op::slice || n.operands[0].node != slot) return false;
  const auto& a = n.as<SliceAttrs>();
  return a.axis == axis && a.step == 1 && a.start == start && a.stop == stop;
}

}  // namespace

Written written_by(const GraphData& g, const Update& update) {
  const Written whole{update.value};
  const Node& n = g.node(update.value.node);
  const auto slot = g.parameters().find(update.path);
  if (n.op != Op::concat || slot == g.parameters().end()) return whole;
  const Type& type = g.type({slot->second, 0});
  const std::string& axis = n.as<AxisAttrs>().axis;
  std::optional<Written> rows;
  Extent at(0);
  for (const Value& part : n.operands) {
    const Extent end = at + g.type(part).extent(axis);
    if (!is_rows_of(g, part, slot->second, axis, at, end)) {
      if (rows || g.node(part.node).op == Op::parameter || g.type(part).axes() != type.axes()) return whole;
      rows = Written{part, axis, at};
    }
    at = end;
  }
  return rows ? *rows : whole;
}

}  // namespace uwaga
