// The derivative of a scan: the body is split into a primal part, which the scan already runs, and a linear part, which
// a second scan runs: forwards for tangents, backwards for cotangents. What the linear part needs of the primal part is
// stacked along the axis where it is dear (carries, contractions, reductions: `saved`) and recomputed where it is
// cheap. The scan is given further outputs for what is saved. Cotangents of what the body uses from outside add up as
// carries.
#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/autodiff/internal/tangents.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

#include <algorithm>

namespace uwaga::autodiff {
namespace {

bool is_dear(Op op) {
  switch (op) {
    case Op::dot:
    case Op::sum:
    case Op::reduce_max:
    case Op::argmax:
    case Op::cumsum:
    case Op::gather:
    case Op::scatter_add:
    case Op::top_k:
    case Op::scan:
    case Op::cond:
    case Op::call:
      return true;
    default:
      return false;
  }
}

// An input of the linear part, in the whole body and outside.
struct LinearInput {
  Tensor inside;
  Value outside;  // the operand of the linear scan
};

// The body with its derivative, inlined into one graph, before the split.
struct Whole {
  BodyBuilder body;
  std::vector<Tensor> inputs;  // as the scan's body: carries, slices, index, constants
  std::vector<Value> outputs;  // as the scan's body
  std::vector<LinearInput> carries, slices, constants;
  std::vector<Value> next, stacked;  // what the linear part gives: carries, then stacks

  Whole(const GraphPtr& graph, const Graph& of) : body(graph, graph->origin(std::source_location::current())) {
    inputs = body.inputs_like(of);
    outputs = body.inlined(of, inputs);
  }
};

class Split {
 public:
  Split(const GraphPtr& graph, NodeId scan, Whole& whole)
      : graph_(graph),
        scan_(scan),
        whole_(whole),
        g_(*whole.body.graph),
        linear_(graph, graph->origin(std::source_location::current())),
        depends_(g_.nodes().size(), false),
        now_(g_.nodes().size()) {
    for (const auto* list : {&whole.carries, &whole.slices, &whole.constants})
      for (const LinearInput& i : *list) depends_[i.inside.value().node] = true;
    for (NodeId id = 0; id < depends_.size(); ++id)
      for (Value v : g_.node(id).operands)
        if (depends_[v.node]) depends_[id] = true;
  }

  // The linear scan's outputs: carries, then stacks.
  std::vector<Tensor> build(bool reverse) {
    find_needs();
    save();
    const auto a = attributes();
    // Inputs in the order a body takes them.
    std::vector<Value> operands;
    const auto enter = [&](Value inside, const Type& type, std::optional<Value> outside, const char* kind) {
      const Tensor in = linear_.input(fmt::format("{}.{}", kind, linear_.graph->inputs().size()), type);
      now_[inside.node] = {in.value()};
      if (outside) operands.push_back(*outside);
      return in;
    };
    for (const LinearInput& i : whole_.carries) enter(i.inside.value(), i.inside.type(), i.outside, "carry");
    for (const LinearInput& i : whole_.slices) enter(i.inside.value(), i.inside.type(), i.outside, "slice");
    for (std::size_t i = 0; i < used_.size(); ++i)
      if (used_[i] && is_slice(i)) enter(whole_.inputs[i].value(), whole_.inputs[i].type(), operand_of(i), "slice");
    std::size_t slices = operands.size() - whole_.carries.size();
    for (const Saved& s : saved_) {
      const Tensor stack(graph_, {scan_, s.output});
      const Tensor in =
          linear_.input(fmt::format("saved.{}", linear_.graph->inputs().size()), stack.type().without({a.axis}));
      Tensor value = in;
      if (s.renamed) value = rename(in, inner_name(), a.axis);
      set(s.value, value.value());
      operands.push_back(stack.value());
      ++slices;
    }
    enter(whole_.inputs[index_position()].value(), {DType::i64, {}}, std::nullopt, "index");
    for (std::size_t i = 0; i < used_.size(); ++i)
      if (used_[i] && i > index_position())
        enter(whole_.inputs[i].value(), whole_.inputs[i].type(), operand_of(i), "constant");
    for (const LinearInput& i : whole_.constants) enter(i.inside.value(), i.inside.type(), i.outside, "constant");

    copy_linear_part();
    std::size_t n = 0;
    for (const auto* list : {&whole_.next, &whole_.stacked})
      for (Value v : *list) linear_.output(fmt::format("out{}", n++), Tensor(linear_.graph, at(v)));
    ScanAttrs out{
        a.axis,  a.length,        static_cast<std::int64_t>(whole_.carries.size()), static_cast<std::int64_t>(slices),
        reverse, linear_.finish()};
    return outputs_of(graph_, graph_->add(Op::scan, std::move(out), std::move(operands),
                                          graph_->origin(std::source_location::current())));
  }

 private:
  struct Saved {
    Value value;
    std::uint32_t output = 0;  // of the scan
    bool renamed = false;      // it has the scan's axis itself, under another name while it is stacked
  };

  ScanAttrs attributes() const { return graph_->node(scan_).as<ScanAttrs>(); }
  std::size_t carries() const { return static_cast<std::size_t>(graph_->node(scan_).as<ScanAttrs>().carries); }
  std::size_t index_position() const {
    return carries() + static_cast<std::size_t>(graph_->node(scan_).as<ScanAttrs>().slices);
  }
  bool is_slice(std::size_t input) const { return input >= carries() && input < index_position(); }
  Value operand_of(std::size_t input) const {
    return graph_->node(scan_).operands[input < index_position() ? input : input - 1];
  }
  // Of an axis that is named as the scan's, inside: as no other there is.
  std::string inner_name() const {
    std::string free = graph_->node(scan_).as<ScanAttrs>().axis + ".saved";
    const auto taken = [&](const Node& n) { return std::any_of(n.types.begin(), n.types.end(), [&](const Type& t) { return t.has(free); }); };
    while (std::any_of(g_.nodes().begin(), g_.nodes().end(), taken)) free += ".saved";
    return free;
  }
  Value at(Value v) const { return now_[v.node][v.output]; }
  void set(Value v, Value now) {
    if (now_[v.node].size() <= v.output) now_[v.node].resize(v.output + 1);
    now_[v.node][v.output] = now;
  }

  // Walks back from what the linear part gives: what is copied into it, what is saved for it, which inputs it reads.
  void find_needs() {
    copied_.assign(g_.nodes().size(), false);
    used_.assign(whole_.inputs.size(), false);
    std::vector<std::vector<bool>> wanted(g_.nodes().size());
    const auto want = [&](Value v) {
      auto& w = wanted[v.node];
      w.resize(g_.node(v.node).types.size(), false);
      w[v.output] = true;
    };
    for (const auto* list : {&whole_.next, &whole_.stacked})
      for (Value v : *list) want(v);
    std::map<NodeId, std::size_t> input_at;
    for (std::size_t i = 0; i < whole_.inputs.size(); ++i) input_at[whole_.inputs[i].value().node] = i;
    for (NodeId id = static_cast<NodeId>(wanted.size()); id-- > 0;) {
      if (wanted[id].empty()) continue;
      const Node& n = g_.node(id);
      if (n.op == Op::input) {
        const auto i = input_at.find(id);
        if (i == input_at.end() || i->second == index_position()) continue;
        if (i->second < carries())
          saved_.push_back({{id, 0}});
        else
          used_[i->second] = true;
      } else if (!depends_[id] && is_dear(n.op)) {
        for (std::uint32_t o = 0; o < wanted[id].size(); ++o)
          if (wanted[id][o]) saved_.push_back({{id, o}});
      } else {
        copied_[id] = true;
        for (Value v : n.operands) want(v);
      }
    }
  }

  // Gives the scan outputs for what is saved, unless it has them. Their order follows structure.
  void save() {
    const std::vector<Hash128> hash = node_hashes(Graph(whole_.body.graph), InputsBy::position);
    std::sort(saved_.begin(), saved_.end(), [&](const Saved& a, const Saved& b) {
      if (hash[a.value.node] != hash[b.value.node]) return hash[a.value.node] < hash[b.value.node];
      return a.value < b.value;
    });
    ScanAttrs a = attributes();
    bool grown = false;
    std::vector<Value> outputs = whole_.outputs;
    for (Saved& s : saved_) {
      s.renamed = g_.type(s.value).has(a.axis);
      const auto known = std::find(outputs.begin() + static_cast<std::ptrdiff_t>(carries()), outputs.end(), s.value);
      s.output = static_cast<std::uint32_t>(known - outputs.begin());
      if (known != outputs.end() && !s.renamed) continue;
      s.output = static_cast<std::uint32_t>(outputs.size());
      outputs.push_back(s.value);
      grown = true;
    }
    if (!grown) return;

    // The primal part alone, as a body.
    BodyBuilder primal(graph_, graph_->origin(std::source_location::current()));
    const std::vector<Tensor> inputs = primal.inputs_like(a.body);
    std::vector<NodeId> now(g_.nodes().size());
    std::vector<bool> needed(g_.nodes().size(), false);
    for (std::size_t i = 0; i < inputs.size(); ++i) now[whole_.inputs[i].value().node] = inputs[i].value().node;
    for (Value v : outputs) needed[v.node] = true;
    for (std::size_t id = needed.size(); id-- > 0;)
      if (needed[id])
        for (Value v : g_.nodes()[id].operands) needed[v.node] = true;
    for (NodeId id = 0; id < needed.size(); ++id) {
      const Node& n = g_.node(id);
      if (!needed[id] || n.op == Op::input) continue;
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back({now[v.node], v.output});
      now[id] = primal.graph->add(n.op, n.attributes, std::move(operands), n.provenance);
    }
    const auto& names = a.body->outputs();
    for (std::size_t o = 0; o < outputs.size(); ++o) {
      Tensor value(primal.graph, {now[outputs[o].node], outputs[o].output});
      if (o >= names.size() && value.type().has(a.axis)) value = rename(value, a.axis, inner_name());
      primal.output(o < names.size() ? names[o].name : fmt::format("saved.{}", o), value);
    }
    a.body = primal.finish();
    graph_->extend(scan_, std::move(a));
  }

  void copy_linear_part() {
    for (NodeId id = 0; id < copied_.size(); ++id) {
      if (!copied_[id]) continue;
      const Node& n = g_.node(id);
      std::vector<Value> operands;
      for (Value v : n.operands) operands.push_back(at(v));
      const NodeId copy = linear_.graph->add(n.op, n.attributes, std::move(operands), n.provenance);
      for (std::uint32_t o = 0; o < n.types.size(); ++o) set({id, o}, {copy, o});
    }
  }

  const GraphPtr& graph_;
  NodeId scan_;
  Whole& whole_;
  const GraphData& g_;
  BodyBuilder linear_;
  std::vector<bool> depends_, copied_, used_;
  std::vector<Saved> saved_;
  std::vector<std::vector<Value>> now_;
};

// How the operands of a scan lie: carries, slices, then what stands after the index in the body.
struct Layout {
  std::size_t carries, slices, index;
  explicit Layout(const ScanAttrs& a)
      : carries(static_cast<std::size_t>(a.carries)),
        slices(static_cast<std::size_t>(a.slices)),
        index(carries + slices) {}
  std::size_t operand(std::size_t input) const { return input < index ? input : input - 1; }
};

}  // namespace

Tangents linearise_scan(const Forward& f) {
  const ScanAttrs a = f.as<ScanAttrs>();
  const Layout at(a);
  std::vector<bool> given;
  for (const Maybe& t : f.tangents) given.push_back(t.has_value());
  const std::vector<bool> active = active_scan_inputs(f.node(), given);

  Whole whole(f.graph, a.body);
  const GraphPtr& g = whole.body.graph;
  std::vector<Value> wrt;
  std::vector<Tensor> tangents;
  std::vector<std::size_t> carried;
  for (std::size_t i = 0; i < active.size(); ++i) {
    if (!active[i]) continue;
    const Maybe& t = f.tangents[at.operand(i)];
    const Tensor outside = t ? *t : zeros(f.graph, f.x(at.operand(i)).type());
    const LinearInput in{whole.body.input(fmt::format("tangent.{}", i), whole.inputs[i].type()), outside.value()};
    (i < at.carries ? whole.carries : i < at.index ? whole.slices : whole.constants).push_back(in);
    if (i < at.carries) carried.push_back(i);
    wrt.push_back(whole.inputs[i].value());
    tangents.push_back(in.inside);
  }
  const Tangents out = linearise(f.context, g, whole.outputs, wrt, tangents);
  for (std::size_t i : carried) whole.next.push_back((out[i] ? *out[i] : zeros(g, whole.inputs[i].type())).value());
  std::vector<std::size_t> stacked;
  for (std::size_t o = at.carries; o < out.size(); ++o) {
    if (!out[o]) continue;
    stacked.push_back(o);
    whole.stacked.push_back(out[o]->value());
  }
  if (carried.empty() && stacked.empty()) return Tangents(f.node().types.size());
  const std::vector<Tensor> results = Split(f.graph, f.id, whole).build(a.reverse);
  Tangents tangent(f.node().types.size());
  for (std::size_t i = 0; i < carried.size(); ++i) tangent[carried[i]] = results[i];
  for (std::size_t i = 0; i < stacked.size(); ++i) tangent[stacked[i]] = results[carried.size() + i];
  return tangent;
}

Tangents backward_scan(const Backward& b) {
  const ScanAttrs a = b.as<ScanAttrs>();
  const Layout at(a);
  const std::vector<bool> active = active_scan_inputs(b.node(), b.wanted);

  Whole whole(b.graph, a.body);
  const GraphPtr& g = whole.body.graph;
  // Carries of the linear part: cotangents of the active carries; then the sums of cotangents of constants.
  std::vector<Maybe> cotangents(whole.outputs.size());
  std::vector<std::size_t> carried;
  for (std::size_t i = 0; i < at.carries; ++i) {
    if (!active[i]) continue;
    const Tensor outside = b.cotangents[i] ? *b.cotangents[i] : zeros(b.graph, b.node().types[i]);
    cotangents[i] = whole.body.input(fmt::format("cotangent.{}", i), whole.inputs[i].type());
    whole.carries.push_back({*cotangents[i], outside.value()});
    carried.push_back(i);
  }
  for (std::size_t o = at.carries; o < whole.outputs.size(); ++o) {
    if (!b.cotangents[o]) continue;
    cotangents[o] = whole.body.input(fmt::format("cotangent.{}", o), g->type(whole.outputs[o]));
    whole.slices.push_back({*cotangents[o], b.cotangents[o]->value()});
  }
  std::vector<Value> wrt;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < active.size(); ++i) {
    if (!active[i]) continue;
    wrt.push_back(whole.inputs[i].value());
    which.push_back(i);
  }
  const Tangents given = pull_back(b.context, g, whole.outputs, cotangents, wrt);
  Tangents of_input(active.size());
  for (std::size_t i = 0; i < which.size(); ++i) of_input[which[i]] = given[i];

  for (std::size_t i : carried)
    whole.next.push_back((of_input[i] ? *of_input[i] : zeros(g, whole.inputs[i].type())).value());
  std::vector<std::size_t> summed, stacked;
  for (std::size_t i = at.index + 1; i < active.size(); ++i) {
    if (!of_input[i]) continue;
    const Tensor so_far = whole.body.input(fmt::format("sum.{}", i), whole.inputs[i].type());
    whole.carries.push_back({so_far, zeros(b.graph, whole.inputs[i].type()).value()});
    whole.next.push_back((so_far + *of_input[i]).value());
    summed.push_back(i);
  }
  for (std::size_t i = at.carries; i < at.index; ++i) {
    if (!of_input[i]) continue;
    whole.stacked.push_back(of_input[i]->value());
    stacked.push_back(i);
  }
  if (carried.empty() && summed.empty() && stacked.empty()) return Tangents(b.node().operands.size());
  const std::vector<Tensor> results = Split(b.graph, b.id, whole).build(!a.reverse);
  Tangents out(b.node().operands.size());
  std::size_t next = 0;
  for (const auto* list : {&carried, &summed, &stacked})
    for (std::size_t i : *list) out[at.operand(i)] = results[next++];
  return out;
}

}  // namespace uwaga::autodiff
