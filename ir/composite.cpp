// Bodies: the graphs inside scan, cond and call, written by the user's function and tensors of the outside captured.
#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/shared_calls.h>
#include <uwaga/ir/wanted.h>

namespace uwaga {
namespace {

std::shared_ptr<GraphData> innermost(const std::vector<Tensor>& tensors, Here where) {
  std::shared_ptr<GraphData> inner;
  for (const Tensor& t : tensors) {
    if (!inner || t.data().is_inside(*inner)) inner = t.shared_graph();
    else if (!inner->is_inside(t.data())) refuse_two_graphs(where, *inner, t.data());
  }
  return inner;
}

struct Body {
  std::shared_ptr<GraphData> graph;
  std::vector<Tensor> inputs;

  Body(const std::shared_ptr<GraphData>& parent, const std::vector<Type>& types, ProvenanceId origin)
      : graph(std::make_shared<GraphData>(parent->shared_provenance())) {
    graph->parent = parent;
    graph->is_body = true;
    for (std::size_t i = 0; i < types.size(); ++i) {
      const NodeId id = graph->add(Op::input, InputAttrs{fmt::format("arg{}", i), types[i]}, {}, origin);
      inputs.push_back({graph, {id, 0}});
    }
  }

  // Closes the body over its results and hands out what it captured, as values of the parent.
  std::vector<Value> finish(const std::vector<Tensor>& results) {
    std::vector<Value> captured = add_results(results);
    close();
    return captured;
  }
  std::vector<Value> add_results(const std::vector<Tensor>& results) {
    for (std::size_t i = 0; i < results.size(); ++i)
      graph->add_output(fmt::format("out{}", i), graph->adopt(results[i].data(), results[i].value()));
    std::vector<Value> captured;
    for (const auto& [outer, input] : graph->captures) captured.push_back(outer);
    return captured;
  }
  void close() {
    graph->captures.clear();
    graph->parent.reset();
  }
};

// While it lives, random numbers are drawn inside this body of a scan.
class OpenScan {
 public:
  OpenScan(const std::shared_ptr<GraphData>& body, Value index) : outermost_(body->outermost()) {
    body->scan_index = index;
    outermost_.open_scans.push_back(body);
  }
  ~OpenScan() { outermost_.open_scans.pop_back(); }
  OpenScan(const OpenScan&) = delete;
  OpenScan& operator=(const OpenScan&) = delete;

 private:
  GraphData& outermost_;
};

std::vector<Type> types_of(const std::vector<Tensor>& tensors) {
  std::vector<Type> types;
  for (const Tensor& t : tensors) types.push_back(t.type());
  return types;
}

std::vector<Tensor> outputs_of(const std::shared_ptr<GraphData>& graph, NodeId node) {
  std::vector<Tensor> out;
  for (std::uint32_t i = 0; i < graph->node(node).types.size(); ++i) out.emplace_back(graph, Value{node, i});
  return out;
}

// What `build` makes of the body's inputs.
std::vector<Tensor> built(const Composite& which, const Body& body, const CompositeBody& build, ProvenanceId origin) {
  try {
    return build(body.inputs);
  } catch (const Error& e) {
    throw named(which.name, *body.graph, origin, e);
  }
}

}  // namespace

ScanResult scan(const Axis& axis, const std::vector<Tensor>& initial, const std::vector<Tensor>& sliced, const ScanBody& body,
                const ScanOptions& options, Here where) {
  std::vector<Tensor> all = initial;
  all.insert(all.end(), sliced.begin(), sliced.end());
  const std::shared_ptr<GraphData> graph = innermost(all, where);
  if (!graph) throw Error(fmt::format("{}:{}: scan wants a carry or something to slice", base_name(where.file_name()), where.line()));
  const ProvenanceId origin = graph->origin(where);
  const auto refuse = [&](const std::string& what) { return Error(fmt::format("{}: {}", graph->provenance().brief(origin), what)); };

  if (!options.length && sliced.empty()) throw refuse(fmt::format("scan over '{}' wants a length when nothing is sliced", axis.name));
  std::vector<Type> types = types_of(initial);
  for (const Tensor& t : sliced) {
    if (!t.has(axis)) throw refuse(fmt::format("scan over '{}': a tensor to slice has only {{{}}}", axis.name, join(t.type().axes())));
    types.push_back(t.type().without({axis.name}));
  }
  types.push_back({DType::i64, {}});
  const Extent length = options.length ? *options.length : sliced[0].extent(axis);

  Body inner(graph, types, origin);
  const auto at = [&](std::size_t first, std::size_t count) {
    return std::vector<Tensor>(inner.inputs.begin() + static_cast<std::ptrdiff_t>(first),
                               inner.inputs.begin() + static_cast<std::ptrdiff_t>(first + count));
  };
  const ScanStep step = [&] {
    const OpenScan open(inner.graph, inner.inputs.back().value());
    return body(at(0, initial.size()), at(initial.size(), sliced.size()), inner.inputs.back());
  }();
  std::vector<Tensor> results = step.carries;
  results.insert(results.end(), step.outputs.begin(), step.outputs.end());
  if (step.carries.size() != initial.size())
    throw refuse(fmt::format("scan over '{}': the body gives {} carries for {}", axis.name, step.carries.size(), initial.size()));
  const std::vector<Value> captured = inner.finish(results);

  std::vector<Value> operands;
  for (const Tensor& t : all) operands.push_back(graph->adopt(t.data(), t.value()));
  operands.insert(operands.end(), captured.begin(), captured.end());
  const NodeId id = graph->add(Op::scan,
                               ScanAttrs{axis.name, length, static_cast<std::int64_t>(initial.size()),
                                         static_cast<std::int64_t>(sliced.size()), options.reverse, Graph(inner.graph)},
                               std::move(operands), origin);
  const std::vector<Tensor> outputs = outputs_of(graph, id);
  const auto split = outputs.begin() + static_cast<std::ptrdiff_t>(initial.size());
  return {{outputs.begin(), split}, {split, outputs.end()}};
}

std::vector<Tensor> cond(Operand condition, const std::vector<Tensor>& operands, const Branch& if_true, const Branch& if_false) {
  if (!condition.tensor)
    throw Error(fmt::format("{}:{}: cond wants a tensor as its condition; decide a literal in C++", base_name(condition.where.file_name()),
                            condition.where.line()));
  std::vector<Tensor> all = operands;
  all.push_back(*condition.tensor);
  const std::shared_ptr<GraphData> graph = innermost(all, condition.where);
  const ProvenanceId origin = graph->origin(condition.where);
  Body yes(graph, types_of(operands), origin), no(graph, types_of(operands), origin);
  const std::vector<Tensor> yes_results = if_true(yes.inputs), no_results = if_false(no.inputs);
  std::vector<Value> captured = yes.add_results(yes_results);
  for (Value v : no.add_results(no_results))
    if (std::find(captured.begin(), captured.end(), v) == captured.end()) captured.push_back(v);
  // Both branches take the same inputs: what one of them captured, the other takes unused.
  for (Body* branch : {&yes, &no}) {
    std::vector<NodeId> inputs;
    for (const Tensor& t : branch->inputs) inputs.push_back(t.value().node);
    for (Value v : captured) inputs.push_back(branch->graph->adopt(*graph, v).node);
    branch->close();
    branch->graph->set_input_order(std::move(inputs));
  }
  std::vector<Value> values{graph->adopt(condition.tensor->data(), condition.tensor->value())};
  for (const Tensor& t : operands) values.push_back(graph->adopt(t.data(), t.value()));
  values.insert(values.end(), captured.begin(), captured.end());
  const NodeId id = graph->add(Op::cond, CondAttrs{Graph(yes.graph), Graph(no.graph)}, std::move(values), origin);
  return outputs_of(graph, id);
}

std::vector<Tensor> composite(CompositeRef which, Options options, const std::vector<Tensor>& operands, const CompositeBody& build,
                              Here where) {
  const std::shared_ptr<GraphData> graph = innermost(operands, where);
  if (!graph) throw Error(fmt::format("{}:{}: {} wants an operand", base_name(where.file_name()), where.line(), which->name));
  const ProvenanceId origin = graph->origin(where);
  Body body(graph, types_of(operands), origin);
  const ProvenanceGuard guard(*body.graph, origin);
  const std::vector<Value> captured = body.finish(built(*which, body, build, origin));
  std::vector<Value> values;
  for (const Tensor& t : operands) values.push_back(graph->adopt(t.data(), t.value()));
  values.insert(values.end(), captured.begin(), captured.end());
  std::sort(options.begin(), options.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const NodeId id = graph->add(Op::call, CallAttrs{std::move(which), std::move(options), Graph(body.graph)}, std::move(values), origin);
  return outputs_of(graph, id);
}

std::vector<Tensor> SharedCalls::composite(const CompositeRef& which, Options options, const std::vector<Tensor>& operands,
                                           const CompositeBody& build, Here where) {
  const std::shared_ptr<GraphData> graph = innermost(operands, where);
  if (!graph) throw Error(fmt::format("{}:{}: {} wants an operand", base_name(where.file_name()), where.line(), which->name));
  const ProvenanceId origin = graph->origin(where);
  std::sort(options.begin(), options.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  // Provenance is of one table: a body made for one graph serves no other.
  Hasher key;
  key.word(reinterpret_cast<std::uintptr_t>(&graph->provenance())).word(origin).hash(structural_hash(CallAttrs{which, options, {}}));
  for (const Tensor& t : operands) key.hash(structural_hash(t.type()));
  const auto [made, fresh] = made_.try_emplace(key.finish());
  if (fresh) {
    Body body(graph, types_of(operands), origin);
    const ProvenanceGuard guard(*body.graph, origin);
    check_internal(body.finish(built(*which, body, build, origin)).empty(), "a shared body captures a tensor");
    made->second = CallAttrs{which, std::move(options), Graph(body.graph)};
  }
  ValueList values;
  for (const Tensor& t : operands) values.push_back(graph->adopt(t.data(), t.value()));
  return outputs_of(graph, graph->add(Op::call, made->second, std::move(values), origin));
}

Tensor composite1(CompositeRef which, Options options, const std::vector<Tensor>& operands,
                  const std::function<Tensor(const std::vector<Tensor>&)>& build, Here where) {
  return composite(std::move(which), std::move(options), operands,
                   [&](const std::vector<Tensor>& in) { return std::vector<Tensor>{build(in)}; }, where)[0];
}

}  // namespace uwaga
