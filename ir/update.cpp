#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/update.h>

#include <algorithm>

namespace uwaga {
namespace {

Error refusal(const Tensor& of, Here where, const std::string& what) {
  GraphData& g = of.data();
  return Error(fmt::format("{}: {}", g.provenance().brief(g.origin(where)), what));
}

const std::string& path_of(const Tensor& slot, const char* function, Here where) {
  const Node& leaf = slot.data().node(slot.value().node);
  if (leaf.op != Op::parameter)
    throw refusal(slot, where, fmt::format("{} wants a parameter or a state slot, not the result of {}", function, name(leaf.op)));
  return leaf.as<ParameterAttrs>().path;
}

// Null: there is none.
const Update* update_of(const GraphData& g, const std::string& path) {
  const auto& all = g.updates();
  const auto it = std::find_if(all.begin(), all.end(), [&](const Update& u) { return u.path == path; });
  return it == all.end() ? nullptr : &*it;
}

}  // namespace

void update(const Tensor& slot, const Tensor& value, Here where) {
  GraphData& g = slot.data();
  const std::string& path = path_of(slot, "update", where);
  if (&value.data() != &g) throw refusal(slot, where, fmt::format("update of '{}': its new value is of another graph", path));
  if (!same_type(value.type(), slot.type()))
    throw refusal(slot, where, fmt::format("update of '{}': the slot is {}, its new value {}", path, slot.type().str(), value.type().str()));
  if (update_of(g, path))
    throw refusal(slot, where, fmt::format("'{}' has an update already; a slot takes one new value a run", path));
  g.add_update(path, value.value());
}

Tensor updated(const Tensor& slot, Here where) {
  const Update* known = update_of(slot.data(), path_of(slot, "updated", where));
  return known ? Tensor(slot.shared_graph(), known->value) : slot;
}

}  // namespace uwaga
