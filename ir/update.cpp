#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/update.h>

namespace uwaga {

void update(const Tensor& slot, const Tensor& value, Here where) {
  GraphData& g = slot.data();
  const auto refuse = [&](const std::string& what) {
    return Error(fmt::format("{}: {}", g.provenance().brief(g.origin(where)), what));
  };
  const Node& leaf = g.node(slot.value().node);
  if (leaf.op != Op::parameter)
    throw refuse(fmt::format("update wants a parameter or a state slot, not the result of {}", name(leaf.op)));
  const std::string& path = leaf.as<ParameterAttrs>().path;
  if (&value.data() != &g) throw refuse(fmt::format("update of '{}': its new value is of another graph", path));
  if (!same_type(value.type(), slot.type()))
    throw refuse(
        fmt::format("update of '{}': the slot is {}, its new value {}", path, slot.type().str(), value.type().str()));
  for (const Update& u : g.updates())
    if (u.path == path) throw refuse(fmt::format("'{}' has an update already; a slot takes one new value a run", path));
  g.add_update(path, value.value());
}

}  // namespace uwaga
