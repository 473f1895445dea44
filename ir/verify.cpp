#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/infer.h>
#include <uwaga/ir/print.h>
#include <uwaga/ir/verify.h>

#include <algorithm>
#include <array>
#include <unordered_set>

namespace uwaga {
namespace {

class Verifier {
 public:
  Verifier(std::string_view after, bool infer) : after_(after), infer_(infer) {}

  void trust(const GraphData& g) {
    for (const Node& n : g.nodes())
      if (has_graphs(n.op))
        for_each_graph(n.attributes.get(), [&](const Graph& b) {
          if (b && checked_.insert(&b.data()).second) trust(b.data());
        });
  }

  void graph(const GraphData& g) {
    for (NodeId id = 0; id < g.nodes().size(); ++id) node(g, id);
    border(g);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw InternalError(after_.empty() ? what : fmt::format("after '{}': {}", after_, what));
  }
  [[noreturn]] void fail(const GraphData& g, NodeId id, const std::string& what) const {
    // A node whose operands are wrong cannot be printed; its op and number always can.
    const Node& n = g.node(id);
    const bool printable = std::all_of(n.operands.begin(), n.operands.end(), [&](Value v) { return exists(g, v); }) &&
                           n.provenance < g.provenance().size();
    const std::string line = printable ? print_node(g, id) : fmt::format("%{} = {}", id, name(n.op));
    fail(fmt::format("node '{}' {}", line, what));
  }

  static std::size_t attributes_of(Op op) {
    static const auto indices = [] {
      std::array<std::size_t, kOps> out{};
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = default_attributes(static_cast<Op>(i)).index();
      return out;
    }();
    return indices[static_cast<std::size_t>(op)];
  }

  static bool exists(const GraphData& g, Value v) {
    return v.node < g.nodes().size() && v.output < g.node(v.node).types.size();
  }

  void node(const GraphData& g, NodeId id) {
    const Node& n = g.node(id);
    for (Value v : n.operands) {
      if (v.node >= id) fail(g, id, fmt::format("uses node {}, which does not precede it", v.node));
      if (!exists(g, v))
        fail(g, id,
             fmt::format("uses output {} of node {}, which has {}", v.output, v.node, g.node(v.node).types.size()));
    }
    if (n.provenance >= g.provenance().size()) fail(g, id, "has the provenance of another table");
    if (g.provenance().empty(n.provenance)) fail(g, id, "has no provenance");
    // Reading the attributes of every node is most of the work; what a pass adds has passed inference, which wants the right ones.
    if (infer_ && n.attributes.index() != attributes_of(n.op)) fail(g, id, "has attributes of another op");
    if (has_graphs(n.op)) {
      for_each_field(n.attributes.get(), [&]<typename Member>(const char* field, const Member& value) {
        if constexpr (std::is_same_v<Member, Graph>)
          if (!value) fail(g, id, fmt::format("has no graph '{}'", field));
      });
      for_each_graph(n.attributes.get(), [&](const Graph& b) { body(g, id, b); });
    }
    if (infer_) types(g, id);
  }

  void types(const GraphData& g, NodeId id) {
    const Node& n = g.node(id);
    std::vector<Type> operands;
    operands.reserve(n.operands.size());
    for (Value v : n.operands) operands.push_back(g.type(v));
    TypeList inferred;
    try {
      inferred = infer(n.op, n.attributes, operands);
    } catch (const Error& e) {
      fail(g, id, fmt::format("is not well typed: {}", e.what()));
    }
    if (inferred.size() != n.types.size())
      fail(g, id, fmt::format("has {} outputs instead of {}", n.types.size(), inferred.size()));
    for (std::size_t i = 0; i < inferred.size(); ++i)
      if (inferred[i] != n.types[i])
        fail(g, id,
             fmt::format("is recorded with the type {}, and inferred to have {}", n.types[i].str(), inferred[i].str()));
  }

  void body(const GraphData& g, NodeId id, const Graph& b) {
    if (!b) return;
    if (b->parent || !b->captures.empty()) fail(g, id, "has a body that still belongs to the graph around it");
    if (g.node(id).op == Op::parameter)
      initial(g, id, b.data());
    else if (!b->updates().empty())
      fail(g, id, "has a body with updates");
    if (checked_.insert(&b.data()).second) graph(b.data());
  }

  // The graph of a slot's first value: the seed or nothing goes in, one value of the slot's type comes out.
  void initial(const GraphData& g, NodeId id, const GraphData& b) {
    const Type& t = g.node(id).as<ParameterAttrs>().type;
    if (b.outputs().size() != 1 || !exists(b, b.outputs()[0].value) || !same_type(b.type(b.outputs()[0].value), t))
      fail(g, id, fmt::format("has a first value that is not one {}", t.str()));
    for (NodeId in : b.inputs())
      if (b.node(in).types[0] != Type{DType::i64, {}} || b.inputs().size() > 1)
        fail(g, id, "has a first value that is computed from more than the seed");
  }

  void border(const GraphData& g) {
    std::vector<NodeId> inputs, parameters, listed_parameters;
    for (NodeId id = 0; id < g.nodes().size(); ++id) {
      if (g.node(id).op == Op::input) inputs.push_back(id);
      if (g.node(id).op == Op::parameter) parameters.push_back(id);
    }
    std::vector<NodeId> listed = g.inputs();
    std::sort(listed.begin(), listed.end());
    if (listed != inputs) fail(fmt::format("the graph has {} input nodes and lists {}", inputs.size(), listed.size()));
    for (const auto& [path, id] : g.parameters()) {
      listed_parameters.push_back(id);
      if (id >= g.nodes().size() || g.node(id).op != Op::parameter || g.node(id).as<ParameterAttrs>().path != path)
        fail(fmt::format("parameter '{}' is not where the graph says", path));
    }
    if (listed_parameters.size() != parameters.size())
      fail(fmt::format("the graph has {} parameter nodes and lists {}", parameters.size(), listed_parameters.size()));
    std::unordered_set<std::string_view> names;
    for (const Output& o : g.outputs()) {
      if (!exists(g, o.value)) fail(fmt::format("output '{}' names a value that is not there", o.name));
      if (!names.insert(o.name).second) fail(fmt::format("there are two outputs '{}'", o.name));
    }
    names.clear();
    // Updates of a graph in canonical order follow each other as the slots do.
    const auto disorder = [](const Update& a, const Update& b) { return a.path >= b.path; };
    const bool increasing = std::adjacent_find(g.updates().begin(), g.updates().end(), disorder) == g.updates().end();
    auto next = g.parameters().begin();
    for (const Update& u : g.updates()) {
      if (!exists(g, u.value)) fail(fmt::format("update '{}' names a value that is not there", u.path));
      if (!increasing && !names.insert(u.path).second) fail(fmt::format("there are two updates of '{}'", u.path));
      const auto slot = next != g.parameters().end() && next->first == u.path ? next : g.parameters().find(u.path);
      if (slot != g.parameters().end()) next = std::next(slot);
      if (slot == g.parameters().end()) fail(fmt::format("update of '{}', which is no parameter of the graph", u.path));
      const Type& want = g.node(slot->second).types[0];
      if (!same_type(want, g.type(u.value)))
        fail(fmt::format("update of '{}' is {} instead of {}", u.path, g.type(u.value).str(), want.str()));
    }
  }

  std::string_view after_;
  bool infer_;
  std::unordered_set<const GraphData*> checked_;
};

}  // namespace

void verify(const Graph& graph, std::string_view after) { Verifier(after, true).graph(graph.data()); }

void verify_changes(const Graph& before, const Graph& graph, std::string_view after) {
  if (&before.data() == &graph.data()) return;
  Verifier v(after, false);
  v.trust(before.data());
  v.graph(graph.data());
}

}  // namespace uwaga
