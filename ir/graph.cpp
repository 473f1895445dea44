#include <uwaga/ir/graph.h>

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_set>

#include <uwaga/ir/error.h>
#include <uwaga/ir/infer.h>
#include <uwaga/ir/nearest.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/tensor.h>

namespace uwaga {

struct GraphLookup::Tables {
  std::unordered_set<std::string> input_names;
  std::map<Value, NodeId> captured;        // `captures`, by outer value
  std::unordered_set<std::size_t> updated;  // hashes of the paths of the updates
};

GraphLookup::GraphLookup() : tables_(std::make_unique<Tables>()) {}
GraphLookup::GraphLookup(const GraphLookup& other) : tables_(std::make_unique<Tables>(*other.tables_)) {}
GraphLookup::~GraphLookup() = default;

GraphData::GraphData() : provenance_(std::make_shared<Provenance>()) {}
GraphData::GraphData(std::shared_ptr<Provenance> provenance) : provenance_(std::move(provenance)) {}

NodeId GraphData::add(Op op, SharedAttributes attributes, ValueList operands, ProvenanceId provenance) {
  SmallList<Type, 4> operand_types;
  operand_types.reserve(operands.size());
  for (Value v : operands) {
    check_internal(v.node < nodes_.size() && v.output < nodes_[v.node].types.size(), "operand of another graph");
    operand_types.push_back(type(v));
  }
  TypeList types;
  try {
    types = infer(op, attributes, {operand_types.data(), operand_types.size()});
  } catch (const Error& e) {
    throw Error(fmt::format("{}: {}", provenance_->brief(provenance), e.what()));
  }
  return append(op, std::move(attributes), std::move(operands), std::move(types), provenance);
}

NodeId GraphData::add_like(const GraphData& from, NodeId id, SharedAttributes attributes, ValueList operands,
                           ProvenanceId provenance) {
  const Node& n = from.node(id);
  bool same = attributes.shares(n.attributes) && operands.size() == n.operands.size();
  for (std::size_t i = 0; same && i < operands.size(); ++i)
    same = operands[i].node < nodes_.size() && type(operands[i]) == from.type(n.operands[i]);
  if (!same) return add(n.op, std::move(attributes), std::move(operands), provenance);
  return append(n.op, std::move(attributes), std::move(operands), n.types, provenance);
}

NodeId GraphData::append(Op op, SharedAttributes attributes, ValueList operands, TypeList types, ProvenanceId provenance) {
  const auto refuse = [&](const std::string& what) { return Error(fmt::format("{}: {}", provenance_->brief(provenance), what)); };
  const auto id = static_cast<NodeId>(nodes_.size());
  if (op == Op::input) {
    const auto& a = std::get<InputAttrs>(attributes.get());
    if (!lookup_->input_names.insert(a.name).second)
      for (NodeId other : inputs_)
        if (nodes_[other].as<InputAttrs>().name == a.name)
          throw refuse(fmt::format("input '{}' is already declared at {}", a.name, provenance_->brief(nodes_[other].provenance)));
    inputs_.push_back(id);
  } else if (op == Op::parameter) {
    const auto& a = std::get<ParameterAttrs>(attributes.get());
    const auto [it, fresh] = parameters_.try_emplace(a.path, id);
    if (!fresh)
      throw refuse(fmt::format("parameter '{}' is already declared at {}; to use it again, pass the tensor or tie the scope (Scope::tied_to)", a.path,
                               provenance_->brief(nodes_[it->second].provenance)));
  } else if (op == Op::random_bits) {
    note_draw(std::get<RandomBitsAttrs>(attributes.get()).key, provenance);
  }
  nodes_.push_back({op, std::move(attributes), std::move(operands), std::move(types), provenance});
  return id;
}

void GraphData::extend(NodeId id, SharedAttributes attributes) {
  Node& n = nodes_[id];
  std::vector<Type> operand_types;
  for (Value v : n.operands) operand_types.push_back(type(v));
  TypeList types = infer(n.op, attributes, operand_types);
  check_internal(types.size() >= n.types.size() && std::equal(n.types.begin(), n.types.end(), types.begin()),
                 "an extended node changed an output it had");
  n.attributes = std::move(attributes);
  n.types = std::move(types);
}

void GraphData::add_output(std::string name, Value value) {
  if (output(name)) throw Error(fmt::format("{}: there is already an output '{}'", provenance_->brief(nodes_[value.node].provenance), name));
  outputs_.push_back({std::move(name), value});
}

void GraphData::add_update(std::string path, Value value) {
  if (!lookup_->updated.insert(std::hash<std::string>()(path)).second)
    for (const Update& u : updates_) check_internal(u.path != path, "two updates of one slot");
  updates_.push_back({std::move(path), value});
}

void GraphData::set_outputs(std::vector<Output> outputs) { outputs_ = std::move(outputs); }

void GraphData::note_draw(const std::string& path, ProvenanceId where) { draws_.try_emplace(path, where); }

void GraphData::set_input_order(std::vector<NodeId> inputs) {
  check_internal(std::is_permutation(inputs.begin(), inputs.end(), inputs_.begin(), inputs_.end()), "inputs are added or lost");
  inputs_ = std::move(inputs);
}

std::optional<Value> GraphData::output(std::string_view name) const {
  for (const Output& o : outputs_)
    if (o.name == name) return o.value;
  return std::nullopt;
}

void GraphData::bound(const std::string& symbol, std::int64_t limit) {
  const auto [it, fresh] = bounds_.try_emplace(symbol, limit);
  if (!fresh && it->second != limit)
    throw Error(fmt::format("axis '{}' is bounded by {} here and by {} before", symbol, limit, it->second));
}

GraphData& GraphData::outermost() {
  GraphData* g = this;
  while (g->parent) g = g->parent.get();
  return *g;
}

bool GraphData::is_inside(const GraphData& other) const {
  for (const GraphData* g = this; g; g = g->parent.get())
    if (g == &other) return true;
  return false;
}

Value GraphData::adopt(const GraphData& of, Value outer) {
  if (&of == this) return outer;
  check_internal(parent != nullptr, "a tensor of an unrelated graph");
  const Value in_parent = parent->adopt(of, outer);
  if (const auto it = lookup_->captured.find(in_parent); it != lookup_->captured.end()) return {it->second, 0};
  InputAttrs a{fmt::format("captured.{}", captures.size()), parent->type(in_parent)};
  const NodeId input = add(Op::input, std::move(a), {}, parent->node(in_parent.node).provenance);
  captures.emplace_back(in_parent, input);
  lookup_->captured.emplace(in_parent, input);
  return {input, 0};
}

ProvenanceId GraphData::origin(std::source_location where) const {
  const GraphData* holder = this;
  while (holder) {
    if (holder->provenance_override) return *holder->provenance_override;
    if (!holder->parent) break;
    holder = holder->parent.get();
  }
  // A scope that this very function opened belongs to a function it calls, unless it opened it for its own loop.
  ScopeId scope = 0;
  for (auto it = holder->active_scopes.rbegin(); it != holder->active_scopes.rend(); ++it)
    if (it->loop || std::strcmp(it->function, where.function_name()) != 0) {
      scope = it->id;
      break;
    }
  return provenance_->single(where.file_name(), where.line(), scope);
}

CompositeRef composite_named(std::string name) {
  return std::make_shared<const Composite>(Composite{.name = std::move(name)});
}

Graph empty_like(const Graph& like) {
  auto data = std::make_shared<GraphData>(like->shared_provenance());
  for (const auto& [symbol, limit] : like->bounds()) data->bound(symbol, limit);
  data->provenance_override = like->provenance_override;
  return Graph(std::move(data));
}

const std::shared_ptr<GraphData>& Graph::shared() const {
  if (!data_) data_ = std::make_shared<GraphData>();
  return data_;
}
GraphData& Graph::data() { return *shared(); }
const GraphData& Graph::data() const {
  check_internal(data_ != nullptr, "an empty graph is read");
  return *data_;
}

Tensor Graph::input(const std::string& name, DType dtype, const Axes& axes, std::source_location where) {
  GraphData& g = data();
  const ProvenanceId origin = g.origin(where);
  Type type{dtype, {}};
  for (const Axis& a : axes) {
    if (type.has(a.name))
      throw Error(fmt::format("{}: input '{}' has axis '{}' twice", g.provenance().brief(origin), name, a.name));
    type.dims.push_back({a.name, a.extent ? *a.extent : Extent::symbol(a.name)});
    try {
      if (a.bound) g.bound(a.name, *a.bound);
    } catch (const Error& e) {
      throw Error(fmt::format("{}: {}", g.provenance().brief(origin), e.what()));
    }
  }
  const NodeId id = g.add(Op::input, InputAttrs{name, std::move(type)}, {}, origin);
  return {data_, {id, 0}};
}

Scope Graph::scope(std::source_location where) { return Scope(shared(), 0, where.function_name(), false); }

namespace {
Tensor shared_counter(Graph& graph, const std::string& path, std::source_location where) {
  GraphData& g = graph.data();
  if (const auto it = g.parameters().find(path); it != g.parameters().end()) return {graph.shared(), {it->second, 0}};
  const ProvenanceId origin = g.origin(where);
  // "seed" starts as the seed it is given, "step" at 0.
  Graph initial = empty_like(graph);
  const NodeId given = initial->add(Op::input, InputAttrs{"seed", Type{DType::i64, {}}}, {}, origin);
  NodeId value = given;
  if (path != "seed") value = initial->add(Op::constant, ConstantAttrs{Type{DType::i64, {}}, {Literal(0)}}, {}, origin);
  initial->add_output("value", {value, 0});
  const NodeId id = g.add(Op::parameter, ParameterAttrs{path, Type{DType::i64, {}}, false, initial}, {}, origin);
  return {graph.shared(), {id, 0}};
}
}  // namespace

Tensor Graph::parameter(const std::string& path) const {
  const auto& all = data().parameters();
  if (const auto it = all.find(path); it != all.end()) return {shared(), {it->second, 0}};
  std::vector<std::string> names;
  for (const auto& [name, id] : all) names.push_back(name);
  throw Error(fmt::format("the graph has no parameter '{}'{}", path, nearest_names(path, names)));
}

std::map<std::string, Tensor> Graph::parameters(const std::string& under) const {
  std::map<std::string, Tensor> out;
  const std::string prefix = under.empty() ? "" : under + ".";
  for (const auto& [path, id] : data().parameters())
    if (path.starts_with(prefix) && data().node(id).as<ParameterAttrs>().trainable) out.emplace(path.substr(prefix.size()), Tensor(shared(), {id, 0}));
  if (out.empty() && !under.empty()) throw Error(fmt::format("the graph has no parameters under '{}'", under));
  return out;
}

Tensor Graph::output(const std::string& name) const {
  if (const auto value = data().output(name)) return {shared(), *value};
  std::vector<std::string> names;
  for (const Output& o : data().outputs()) names.push_back(o.name);
  throw Error(fmt::format("the graph has no output '{}'{}", name, nearest_names(name, names)));
}

Tensor Graph::seed(std::source_location where) { return shared_counter(*this, "seed", where); }
Tensor Graph::step(std::source_location where) { return shared_counter(*this, "step", where); }

const Type& Tensor::type() const { return graph_->type(value_); }

}  // namespace uwaga
