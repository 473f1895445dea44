#include <uwaga/codegen/fuse/cluster_order.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace uwaga {
namespace {

constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

}  // namespace

Hash128 ClusterOrder::canonicalise(Cluster& c) {
  ids_ = c.nodes;
  std::sort(ids_.begin(), ids_.end());
  own_.resize(ids_.size());
  tree_.resize(ids_.size());
  place_.assign(ids_.size(), kNowhere);
  order_.clear();
  inputs_.clear();
  find_multiplied(c);
  for (std::size_t n = 0; n < ids_.size(); ++n) own_[n] = own_hash(ids_[n]);
  for (std::size_t n = 0; n < ids_.size(); ++n) tree_[n] = tree_hash(n);
  sort_outputs(c);
  for (Value v : c.outputs) visit(v.node);
  // Nodes that no output needs (an op with a schedule of its own may have unused outputs) keep their order behind.
  for (NodeId id : c.nodes) visit(id);
  Hasher h;
  h.word(static_cast<std::uint64_t>(c.kind)).word(order_.size()).word(c.outputs.size());
  for (NodeId id : order_) {
    h.hash(own_[number(id)]);
    for (Value v : operands(id)) h.word(position(v));
  }
  for (Value v : c.outputs) {
    h.word(position(v));
    layout(h, v);
  }
  for (Value v : inputs_) {
    h.hash(value_hash(v));
    layout(h, v);
  }
  c.nodes = order_;
  // Inputs the walk did not meet cannot be; those it met come in its order.
  c.inputs = inputs_;
  return h.finish();
}

// Outputs in the order of what they compute; those of one node are in order already.
void ClusterOrder::sort_outputs(Cluster& c) {
  const auto of_one = [&](Value v) { return v.node == c.outputs[0].node; };
  if (std::all_of(c.outputs.begin(), c.outputs.end(), of_one) && std::is_sorted(c.outputs.begin(), c.outputs.end())) return;
  const std::vector<Value> before = c.outputs;
  const auto place = [&](Value v) { return std::find(before.begin(), before.end(), v); };
  std::sort(c.outputs.begin(), c.outputs.end(), [&](Value a, Value b) {
    const Hash128 &x = tree_[number(a.node)], &y = tree_[number(b.node)];
    if (x != y) return x < y;
    return a.output != b.output ? a.output < b.output : place(a) < place(b);
  });
}

// A node's number in the cluster, or kNowhere.
std::size_t ClusterOrder::number(NodeId id) const {
  const auto it = std::lower_bound(ids_.begin(), ids_.end(), id);
  return it != ids_.end() && *it == id ? static_cast<std::size_t>(it - ids_.begin()) : kNowhere;
}

void ClusterOrder::layout(Hasher& h, Value v) const {
  const auto it = layouts_.find(v);
  if (it == layouts_.end()) {
    h.word(0);
    return;
  }
  h.word(1 + it->second.order.size());
  for (const std::string& axis : it->second.order) h.bytes(axis);
  const auto& room = it->second.room;
  h.word(room ? 1 : 0);
  if (room) h.bytes(room->axis).bytes(room->extent.str());
}

// Most types share their list of dims, so its address will do; the type kept keeps it from another's.
const Hash128& ClusterOrder::type_hash(const Type& t) {
  const auto [it, fresh] = types_.try_emplace(reinterpret_cast<std::uintptr_t>(t.dims.begin()) << 4 | static_cast<std::uintptr_t>(t.dtype));
  if (fresh) it->second = {t, structural_hash(t)};
  return it->second.second;
}

// The readers of a value come after it in the graph's order.
void ClusterOrder::find_multiplied(const Cluster& c) {
  multiplied_.clear();
  otherwise_.clear();
  if (c.kind != ClusterKind::contraction) return;
  otherwise_ = c.outputs;
  for (std::size_t i = ids_.size(); i-- > 0;) {
    const Node& n = g_.node(ids_[i]);
    const bool multiplies = n.op == Op::dot || (n.op == Op::rename && is_multiplied({ids_[i], 0}));
    auto& list = multiplies ? multiplied_ : otherwise_;
    list.insert(list.end(), n.operands.begin(), n.operands.end());
  }
}
bool ClusterOrder::is_multiplied(Value v) const {
  const auto in = [&](const std::vector<Value>& list) { return std::find(list.begin(), list.end(), v) != list.end(); };
  return in(multiplied_) && !in(otherwise_);
}

// What only a dot reads is read by its axes' names: how it lies is its layout's matter, and in what order its type writes them is
// no one's.
Hash128 ClusterOrder::value_hash(Value v) {
  const Type& t = g_.type(v);
  if (t.rank() < 2 || !is_multiplied(v) || (number(v.node) == kNowhere && !layouts_.contains(v))) return type_hash(t);
  std::vector<const Dim*> dims;
  for (const Dim& d : t.dims) dims.push_back(&d);
  std::sort(dims.begin(), dims.end(), [](const Dim* a, const Dim* b) { return a->axis < b->axis; });
  Type sorted{t.dtype, {}};
  for (const Dim* d : dims) sorted.dims.push_back(*d);
  return structural_hash(sorted);
}

Hash128 ClusterOrder::own_hash(NodeId id) {
  const Node& n = g_.node(id);
  Hasher h;
  h.word(static_cast<std::uint64_t>(n.op)).hash(structural_hash(n.op, n.attributes)).word(n.operands.size());
  for (std::uint32_t i = 0; i < n.types.size(); ++i) h.hash(value_hash({id, i}));
  return h.finish();
}

// Operands inside come before their readers in the graph's order.
Hash128 ClusterOrder::tree_hash(std::size_t n) {
  Hasher h;
  h.hash(own_[n]);
  for (Value v : operands(ids_[n])) h.hash(operand_hash(v));
  return h.finish();
}

Hash128 ClusterOrder::operand_hash(Value v) {
  const std::size_t inside = number(v.node);
  if (inside == kNowhere) return value_hash(v);
  return v.output == 0 ? tree_[inside] : Hasher().hash(tree_[inside]).word(v.output).finish();
}

// In the order in which they are met.
ValueList ClusterOrder::operands(NodeId id) {
  const Node& n = g_.node(id);
  ValueList out = n.operands;
  if ((n.op == Op::add || n.op == Op::mul) && operand_hash(out[1]) < operand_hash(out[0])) out = {out[1], out[0]};
  return out;
}

void ClusterOrder::visit(NodeId id) {
  const std::size_t n = number(id);
  if (place_[n] != kNowhere) return;
  place_[n] = 0;
  for (Value v : operands(id)) {
    if (number(v.node) != kNowhere) visit(v.node);
    else if (std::find(inputs_.begin(), inputs_.end(), v) == inputs_.end()) inputs_.push_back(v);
  }
  place_[n] = order_.size();
  order_.push_back(id);
}

std::uint64_t ClusterOrder::position(Value v) const {
  if (const std::size_t n = number(v.node); n != kNowhere) return place_[n] << 8 | v.output;
  const auto place = static_cast<std::uint64_t>(std::find(inputs_.begin(), inputs_.end(), v) - inputs_.begin());
  return place << 8 | 0x80 | std::uint64_t{1} << 40;
}

}  // namespace uwaga
