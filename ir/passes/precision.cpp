#include <uwaga/ir/passes/precision.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <vector>

#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/map_bodies.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

// Somewhere in it, in loops and branches too.
bool multiplies(const Graph& body) {
  const auto& nodes = body->nodes();
  return std::any_of(nodes.begin(), nodes.end(), [](const Node& n) {
    bool found = n.op == Op::dot;
    for_each_graph(n.attributes.get(), [&](const Graph& inner) { found = found || (inner && multiplies(inner)); });
    return found;
  });
}
bool stays_whole(const CallAttrs& call) { return call.composite->name.starts_with("attention") || !multiplies(call.body); }

bool only_moves(Op op) {
  return op == Op::rename || op == Op::order || op == Op::split || op == Op::merge || op == Op::tag || op == Op::stop_gradient;
}

// Which inputs of a body reach a dot as they are.
class DotInputs {
 public:
  const std::set<std::size_t>& of(const Graph& body) {
    if (const auto it = known_.find(&body.data()); it != known_.end()) return it->second;
    const GraphData& g = body.data();
    std::set<NodeId> found;
    for (const Node& n : g.nodes()) {
      if (n.op == Op::dot)
        for (Value v : n.operands) found.insert(source(g, v));
      if (n.op == Op::call)
        for (std::size_t i : of(n.as<CallAttrs>().body)) found.insert(source(g, n.operands[i]));
    }
    std::set<std::size_t> out;
    for (std::size_t i = 0; i < g.inputs().size(); ++i)
      if (found.contains(g.inputs()[i])) out.insert(i);
    return known_[&g] = std::move(out);
  }

  // Where what only moves comes from.
  static NodeId source(const GraphData& g, Value v) {
    while (only_moves(g.node(v.node).op)) v = g.node(v.node).operands[0];
    return v.node;
  }

 private:
  std::unordered_map<const GraphData*, std::set<std::size_t>> known_;
};

class Narrower {
 public:
  explicit Narrower(DType compute) : compute_(compute) {}

  Graph graph(const Graph& from) {
    if (const auto it = known_.find(&from.data()); it != known_.end()) return it->second;
    return known_[&from.data()] = rewrite(from, [&](Rewriter& r, NodeId id) {
      const Node& n = r.from().node(id);
      switch (n.op) {
        case Op::dot: return dot(r, id, n);
        case Op::call: return call(r, id, n);
        case Op::scan: case Op::cond: return bodies(r, id, n);
        default: return false;
      }
    });
  }

 private:
  static bool is_f32(const Rewriter& r, Value v) { return r.from().type(v).dtype == DType::f32; }
  static std::vector<Value> operands_now(const Rewriter& r, const Node& n) {
    std::vector<Value> out;
    for (Value v : n.operands) out.push_back(r.now(v));
    return out;
  }
  Value narrow(Rewriter& r, Value v) { return r.add(Op::cast, CastAttrs{compute_}, {v}); }

  bool dot(Rewriter& r, NodeId id, const Node& n) {
    if (!is_f32(r, n.operands[0]) || n.as<DotAttrs>().dtype != DType::f32) return false;
    std::vector<Value> operands;
    for (Value v : operands_now(r, n)) operands.push_back(narrow(r, v));
    r.copy(id, n.attributes, std::move(operands));
    return true;
  }

  bool call(Rewriter& r, NodeId id, const Node& n) {
    const std::set<std::size_t>& multiplied = inputs_.of(n.as<CallAttrs>().body);
    if (multiplied.empty()) return false;
    std::vector<Value> operands = operands_now(r, n);
    for (std::size_t i : multiplied)
      if (is_f32(r, n.operands[i])) operands[i] = r.add(Op::cast, CastAttrs{DType::f32}, {narrow(r, operands[i])});
    r.copy(id, map_bodies_(n.attributes, [&](const Graph& body) { return whole(body); }), std::move(operands));
    return true;
  }

  // Of a body that stays whole, the dots that take something as it comes in, which is narrow already.
  Graph whole(const Graph& body) {
    if (const auto it = whole_.find(&body.data()); it != whole_.end()) return it->second;
    const auto comes_in = [](const Rewriter& r, Value v) { return r.from().node(DotInputs::source(r.from(), v)).op == Op::input; };
    return whole_[&body.data()] = rewrite(body, [&](Rewriter& r, NodeId id) {
      const Node& n = r.from().node(id);
      return n.op == Op::dot && (comes_in(r, n.operands[0]) || comes_in(r, n.operands[1])) && dot(r, id, n);
    });
  }

  bool bodies(Rewriter& r, NodeId id, const Node& n) {
    r.copy(id, map_bodies_(n.attributes, [&](const Graph& body) { return graph(body); }), operands_now(r, n));
    return true;
  }

  DType compute_;
  DotInputs inputs_;
  std::unordered_map<const GraphData*, Graph> known_, whole_;
  MapBodies map_bodies_;
};

// Does it compute each element by itself?
bool is_elementwise(const Node& n) {
  if (n.op != Op::call) return is_elementwise(n.op) || only_moves(n.op) || n.op == Op::broadcast;
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

bool is_narrow(DType d) { return d == DType::bf16 || d == DType::f16; }

Graph narrowed(const Graph& initial, DType dtype) {
  Graph out = rewrite(initial, [](Rewriter&, NodeId) { return false; });
  std::vector<Output> outputs = out->outputs();
  for (Output& o : outputs) o.value = {out->add(Op::cast, CastAttrs{dtype}, {o.value}, out->node(o.value.node).provenance), 0};
  out->set_outputs(std::move(outputs));
  return out;
}

}  // namespace

Graph compute_in(const Graph& graph, DType compute) {
  if (compute == DType::f32) return graph;
  if (!is_narrow(compute)) throw Error(fmt::format("matrix products can be computed in f32, bf16 or f16, not in {}", name(compute)));
  return keep_in(Narrower(compute).graph(expand(graph, stays_whole)), compute);
}

Graph keep_in(const Graph& graph, DType dtype) {
  if (dtype == DType::f32) return graph;
  if (!is_narrow(dtype)) throw Error(fmt::format("activations can be kept in f32, bf16 or f16, not in {}", name(dtype)));
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

Graph parameters_in(const Graph& graph, DType dtype) {
  if (dtype == DType::f32) return graph;
  if (!is_narrow(dtype)) throw Error(fmt::format("parameters can be kept in f32, bf16 or f16, not in {}", name(dtype)));
  const auto is_weight = [&](const Node& n) {
    return n.op == Op::parameter && n.types[0].dtype == DType::f32 && n.as<ParameterAttrs>().trainable;
  };
  for (const Update& u : graph->updates())
    if (is_weight(graph->node(graph->parameters().at(u.path))))
      throw Error(fmt::format("'{}' is updated in f32 and cannot be kept in {}", u.path, name(dtype)));
  return rewrite(graph, [&](Rewriter& r, NodeId id) {
    const Node& n = r.from().node(id);
    if (!is_weight(n)) return false;
    ParameterAttrs a = n.as<ParameterAttrs>();
    a.type.dtype = dtype;
    a.initial = narrowed(a.initial, dtype);
    r.map({id, 0}, r.add(Op::cast, CastAttrs{DType::f32}, {r.add(Op::parameter, std::move(a), {})}));
    return true;
  });
}

}  // namespace uwaga
