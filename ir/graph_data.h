// What a graph is made of: nodes in topological order, and what crosses its border.
//
// Nodes are pure. State enters as `parameter` leaves and leaves as `updates`: slot path -> new value. A body (of scan, cond
// or call) is a graph of its own; while it is being built, a tensor of an enclosing graph that is used inside becomes an
// input by itself (`captures`).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <source_location>
#include <span>
#include <string>
#include <vector>

#include <uwaga/ir/composite.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/op.h>
#include <uwaga/ir/provenance.h>
#include <uwaga/ir/shared_attributes.h>
#include <uwaga/ir/stable_list.h>
#include <uwaga/ir/tensor.h>

namespace uwaga {

struct Node {
  Op op;
  SharedAttributes attributes;
  ValueList operands;
  TypeList types;  // one an output
  ProvenanceId provenance;

  template <typename A>
  const A& as() const { return std::get<A>(attributes.get()); }
};

struct Output {
  std::string name;
  Value value;
};
struct Update {
  std::string path;  // of the slot
  Value value;
};

// What a GraphData finds things by; a copy is a copy of all of it.
class GraphLookup {
 public:
  GraphLookup();
  GraphLookup(const GraphLookup& other);
  ~GraphLookup();
  GraphLookup& operator=(const GraphLookup&) = delete;

  struct Tables;
  Tables* operator->() const { return tables_.get(); }

 private:
  std::unique_ptr<Tables> tables_;
};

class GraphData : public std::enable_shared_from_this<GraphData> {
 public:
  GraphData();
  // A graph derived from another, or a body inside it: the same provenance table.
  explicit GraphData(std::shared_ptr<Provenance> provenance);

  // Appends a node, its types inferred. Throws Error, prefixed with the origin, when they do not fit.
  NodeId add(Op op, SharedAttributes attributes, ValueList operands, ProvenanceId provenance);
  // A node of another graph with these operands in place of its own; where their types are those it had there, as nearly
  // always in a pass, nothing is inferred anew.
  NodeId add_like(const GraphData& from, NodeId id, SharedAttributes attributes, ValueList operands, ProvenanceId provenance);
  // Gives a node attributes under which it has further outputs after those it has, which stay what they are: how a scan
  // comes to hand out what its derivative needs. InternalError if an output it has would change its type.
  void extend(NodeId id, SharedAttributes attributes);
  // A named output; a second one of the same name is an Error.
  void add_output(std::string name, Value value);
  void add_update(std::string path, Value value);
  // Instead of those there are; for passes.
  void set_outputs(std::vector<Output> outputs);
  void set_update(std::size_t which, Value value) { updates_[which].value = value; }

  int size() const { return static_cast<int>(nodes_.size()); }
  const Node& node(NodeId id) const { return nodes_[id]; }
  const Type& type(Value v) const { return nodes_[v.node].types[v.output]; }
  const StableList<Node>& nodes() const { return nodes_; }
  const std::vector<NodeId>& inputs() const { return inputs_; }
  // The same inputs in another order: the order in which a body takes its operands.
  void set_input_order(std::vector<NodeId> inputs);
  // Parameter leaves in the order of their paths.
  const std::map<std::string, NodeId>& parameters() const { return parameters_; }
  const std::vector<Output>& outputs() const { return outputs_; }
  const std::vector<Update>& updates() const { return updates_; }
  std::optional<Value> output(std::string_view name) const;

  // Upper bounds of symbols, as axes declared them.
  const std::map<std::string, std::int64_t>& bounds() const { return bounds_; }
  void bound(const std::string& symbol, std::int64_t limit);

  Provenance& provenance() const { return *provenance_; }
  const std::shared_ptr<Provenance>& shared_provenance() const { return provenance_; }

  // Of a scan, a cond or a composite as a user's function wrote it.
  bool is_body = false;
  // Set while a body is built: the graph around it, and for each captured value the input that stands for it.
  std::shared_ptr<GraphData> parent;
  std::vector<std::pair<Value, NodeId>> captures;
  // `outer`, a value of the graph `of`, as a value of this graph: itself, or captured through all graphs between. Throws
  // InternalError if `of` does not enclose this graph.
  Value adopt(const GraphData& of, Value outer);
  bool is_inside(const GraphData& other) const;

  // Set while the body of a scan is written: the index of the turn. In the outermost graph, the bodies being written that
  // are scans', outermost first.
  std::optional<Value> scan_index;
  std::vector<std::shared_ptr<GraphData>> open_scans;
  GraphData& outermost();
  // Paths of random numbers drawn here (in the outermost graph: in bodies too), each with what drew it first.
  const std::map<std::string, ProvenanceId>& draws() const { return draws_; }
  void note_draw(const std::string& path, ProvenanceId where);

  // Origin of what is being written at `where`: the override if there is one, else line, current scope and role.
  ProvenanceId origin(std::source_location where) const;

  // Scopes alive, in the order of their last use (scope.h).
  struct ActiveScope {
    ScopeId id;
    const char* function;  // that opened it
    bool loop;             // opened by `layers`: counts for code of the same function
    std::uint64_t ticket;
  };
  std::vector<ActiveScope> active_scopes;
  std::uint64_t next_ticket = 1;
  // Set by ProvenanceGuard: every node added takes exactly this set.
  std::optional<ProvenanceId> provenance_override;

 private:
  NodeId append(Op op, SharedAttributes attributes, ValueList operands, TypeList types, ProvenanceId provenance);

  StableList<Node> nodes_;  // references to a node, and to its types, stay good while others are added
  std::vector<NodeId> inputs_;
  std::map<std::string, NodeId> parameters_;
  std::vector<Output> outputs_;
  std::vector<Update> updates_;
  std::map<std::string, ProvenanceId> draws_;
  std::map<std::string, std::int64_t> bounds_;
  GraphLookup lookup_;
  std::shared_ptr<Provenance> provenance_;
};

// While it lives, nodes added to the graph carry this provenance, whatever line adds them. Library functions use it to
// put the caller's line on what they build, derivative rules to put the forward node's.
class ProvenanceGuard {
 public:
  ProvenanceGuard(GraphData& graph, ProvenanceId set) : graph_(graph), before_(graph.provenance_override) {
    graph.provenance_override = set;
  }
  ~ProvenanceGuard() { graph_.provenance_override = before_; }
  ProvenanceGuard(const ProvenanceGuard&) = delete;
  ProvenanceGuard& operator=(const ProvenanceGuard&) = delete;

 private:
  GraphData& graph_;
  std::optional<ProvenanceId> before_;
};

// An empty graph with the provenance table, bounds and nothing else of `like`.
Graph empty_like(const Graph& like);

}  // namespace uwaga
