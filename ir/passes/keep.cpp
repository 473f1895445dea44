#include <uwaga/ir/passes/precision.h>

#include <algorithm>
#include <vector>

#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

bool moves(Op op) {
  return op == Op::rename || op == Op::order || op == Op::split || op == Op::merge || op == Op::broadcast || op == Op::tag ||
         op == Op::stop_gradient;
}

// Does it compute each element by itself?
bool is_elementwise(const Node& n) {
  if (n.op != Op::call) return is_elementwise(n.op) || moves(n.op);
  const auto& body = n.as<CallAttrs>().body->nodes();
  return std::all_of(body.begin(), body.end(), [](const Node& i) { return i.op == Op::input || i.op == Op::constant || is_elementwise(i); });
}

// Of what a value is made: of one product, or several that were multiplied, with what scales and shifts them; of parameters and
// constants alone; or of anything else.
constexpr NodeId kFixed = 0xffffffff, kOther = 0xfffffffe;

class Keeper {
 public:
  explicit Keeper(const Graph& graph) : g_(graph.data()) {
    const std::size_t size = g_.nodes().size();
    made_of_.resize(size);
    late_.resize(size);
    read_late_.assign(size, false);
    read_whole_.assign(size, false);
    for (NodeId id = 0; id < size; ++id) visit(id);
    for (const Output& o : g_.outputs()) read_whole_[o.value.node] = true;
    for (const Update& u : g_.updates()) read_whole_[u.value.node] = true;
  }

  // Is it made of products, does a derivative read it, and do only elementwise ops read it?
  bool keeps(NodeId id) const {
    const Node& n = g_.node(id);
    const bool products = made_of_[id] != kFixed && made_of_[id] != kOther;
    return n.types.size() == 1 && n.types[0].dtype == DType::f32 && products && !late_[id] && read_late_[id] && !read_whole_[id];
  }

 private:
  void visit(NodeId id) {
    const Node& n = g_.node(id);
    const bool elementwise = is_elementwise(n);
    late_[id] = is_late(n, elementwise);
    made_of_[id] = made_of(id, elementwise);
    for (Value v : n.operands) {
      if (elementwise && late_[id] && n.op != Op::cast) read_late_[v.node] = true;
      if (!elementwise) read_whole_[v.node] = true;
    }
  }

  // Of a derivative, and not computed from the forward pass alone, one element by itself.
  bool is_late(const Node& n, bool elementwise) const {
    if (n.operands.empty()) return false;
    const auto origins = g_.provenance().origins(n.provenance);
    if (std::any_of(origins.begin(), origins.end(), [](const Origin& o) { return o.role == Role::forward; })) return false;
    return !elementwise || std::any_of(n.operands.begin(), n.operands.end(), [&](Value v) { return late_[v.node]; });
  }

  NodeId made_of(NodeId id, bool elementwise) const {
    const Node& n = g_.node(id);
    if (n.op == Op::dot) return id;
    if (n.op == Op::parameter || n.op == Op::constant) return kFixed;
    if (!elementwise) return kOther;
    NodeId all = kFixed;
    for (Value v : n.operands) {
      const NodeId one = made_of_[v.node];
      if (one == kFixed || one == all) continue;
      // Sums of different products go on, as a residual stream does.
      if (one == kOther || all == kOther || (all != kFixed && (n.op == Op::add || n.op == Op::sub))) return kOther;
      all = all == kFixed ? one : id;
    }
    return all;
  }

  const GraphData& g_;
  std::vector<NodeId> made_of_;
  std::vector<bool> late_, read_late_, read_whole_;
};

}  // namespace

Graph keep_in(const Graph& graph, DType dtype) {
  // Derivatives of activations are written out: what they compute of the forward pass is what is kept.
  const Graph written = expand(graph, [](const CallAttrs& call) { return !is_activation_backward(call.composite->name); });
  const Keeper keeper(written);
  return rewrite(written, [&](Rewriter& r, NodeId id) {
    if (!keeper.keeps(id)) return false;
    r.copy(id);
    const Value narrow = r.add(Op::cast, CastAttrs{dtype}, {r.now({id, 0})});
    r.map({id, 0}, r.add(Op::cast, CastAttrs{DType::f32}, {narrow}));
    return true;
  });
}

}  // namespace uwaga
