#include <uwaga/codegen/fuse/cluster_order.h>

#include <algorithm>
#include <map>
#include <unordered_map>
#include <unordered_set>

namespace uwaga {
namespace {

class ClusterOrder {
 public:
  ClusterOrder(const GraphData& g, const Layouts& layouts, Cluster& c) : g_(g), layouts_(layouts), c_(c), inside_(c.nodes.begin(), c.nodes.end()) {}

  Hash128 run() {
    for (NodeId id : c_.nodes) hash_[id] = tree_hash(id);
    // Outputs in the order of what they compute.
    std::stable_sort(c_.outputs.begin(), c_.outputs.end(), [&](Value a, Value b) {
      const Hash128 &x = hash_.at(a.node), &y = hash_.at(b.node);
      return x != y ? x < y : a.output < b.output;
    });
    for (Value v : c_.outputs) visit(v.node);
    // Nodes that no output needs (an op with a schedule of its own may have unused outputs) keep their order behind.
    for (NodeId id : std::vector<NodeId>(c_.nodes)) visit(id);
    Hasher h;
    h.word(static_cast<std::uint64_t>(c_.kind)).word(order_.size()).word(c_.outputs.size());
    for (NodeId id : order_) {
      h.hash(own_hash(id));
      for (Value v : g_.node(id).operands) h.word(position(v));
    }
    for (Value v : c_.outputs) {
      h.word(position(v));
      layout(h, v);
    }
    for (Value v : inputs_) {
      h.hash(structural_hash(g_.type(v)));
      layout(h, v);
    }
    c_.nodes = order_;
    // Inputs the walk did not meet cannot be; those it met come in its order.
    c_.inputs = inputs_;
    return h.finish();
  }

 private:
  void layout(Hasher& h, Value v) const {
    const auto it = layouts_.find(v);
    if (it == layouts_.end()) {
      h.word(0);
      return;
    }
    h.word(1 + it->second.order.size());
    for (const std::string& axis : it->second.order) h.bytes(axis);
  }

  Hash128 own_hash(NodeId id) const {
    const Node& n = g_.node(id);
    Hasher h;
    h.word(static_cast<std::uint64_t>(n.op)).hash(structural_hash(n.attributes)).word(n.operands.size());
    for (const Type& t : n.types) h.hash(structural_hash(t));
    return h.finish();
  }

  Hash128 tree_hash(NodeId id) const {
    Hasher h;
    h.hash(own_hash(id));
    for (Value v : g_.node(id).operands) {
      h.word(v.output);
      if (inside_.count(v.node)) h.hash(hash_.at(v.node));
      else h.hash(structural_hash(g_.type(v)));
    }
    return h.finish();
  }

  void visit(NodeId id) {
    if (!place_.try_emplace(id, 0).second) return;
    for (Value v : g_.node(id).operands) {
      if (inside_.count(v.node)) visit(v.node);
      else if (input_place_.try_emplace(v, inputs_.size()).second) inputs_.push_back(v);
    }
    place_[id] = order_.size();
    order_.push_back(id);
  }

  std::uint64_t position(Value v) const {
    if (inside_.count(v.node)) return place_.at(v.node) << 8 | v.output;
    return input_place_.at(v) << 8 | 0x80 | std::uint64_t{1} << 40;
  }

  const GraphData& g_;
  const Layouts& layouts_;
  Cluster& c_;
  std::unordered_set<NodeId> inside_;
  std::unordered_map<NodeId, Hash128> hash_;
  std::unordered_map<NodeId, std::size_t> place_;
  std::map<Value, std::size_t> input_place_;
  std::vector<NodeId> order_;
  std::vector<Value> inputs_;
};

}  // namespace

Hash128 canonicalise_cluster(const Graph& graph, const Layouts& layouts, Cluster& cluster) {
  return ClusterOrder(graph.data(), layouts, cluster).run();
}

}  // namespace uwaga
