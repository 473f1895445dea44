#include <fmt/format.h>
#include <uwaga/autodiff/accumulate.h>
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

struct Slot {
  std::string path;
  Tensor parameter;
};

std::vector<Slot> trainable(const std::shared_ptr<GraphData>& graph) {
  std::vector<Slot> out;
  for (const auto& [path, node] : graph->parameters())
    if (graph->node(node).as<ParameterAttrs>().trainable) out.push_back({path, Tensor(graph, {node, 0})});
  return out;
}

// By node: is it one of these, or computed of one?
std::vector<bool> depends_on(const GraphData& graph, const std::vector<Slot>& slots) {
  std::vector<bool> out(graph.nodes().size(), false);
  for (const Slot& s : slots) out[s.parameter.value().node] = true;
  for (NodeId id = 0; id < graph.nodes().size(); ++id)
    for (Value v : graph.node(id).operands) out[id] = out[id] || out[v.node];
  return out;
}

}  // namespace

Accumulated accumulate(const std::vector<Tensor>& inputs, const Axis& batch, std::int64_t microbatches,
                       const MicrobatchLoss& loss, const GradOptions& options, Here where) {
  if (inputs.empty())
    throw Error(fmt::format("{}:{}: accumulate wants an input", base_name(where.file_name()), where.line()));
  const std::shared_ptr<GraphData> graph = inputs[0].shared_graph();
  const ProvenanceId origin = graph->origin(where);
  if (microbatches < 1) throw Error(fmt::format("{}: accumulate wants 1 microbatch or more, not {}", graph->provenance().brief(origin), microbatches));
  for (const Tensor& t : inputs)
    if (t.has(batch) && !t.extent(batch).is_constant())
      throw Error(fmt::format("{}: accumulate cuts '{}', whose size is not known: declare it, as Axis(\"{}\", 32), at the inputs",
                              graph->provenance().brief(origin), batch.name, batch.name));
  const Axis micro(batch.name + ".micro");
  std::vector<Value> slices;
  for (const Tensor& t : inputs)
    slices.push_back(split(Operand(t, where), batch.name, {Axis(micro.name, microbatches), Axis(batch.name)}).value());

  // The body by hand: which parameters there are, and so which carries, is known only once the loss has been written.
  const auto body = std::make_shared<GraphData>(graph->shared_provenance());
  body->parent = graph;
  body->is_body = true;
  const auto input = [&](const std::string& name, const Type& type) {
    return Tensor(body, {body->add(Op::input, InputAttrs{name, type}, {}, origin), 0});
  };
  std::vector<Tensor> sliced;
  for (std::size_t i = 0; i < slices.size(); ++i)
    sliced.push_back(input(fmt::format("slice{}", i), graph->type(slices[i]).without({micro.name})));
  const Tensor index = input("index", {DType::i64, {}});
  const std::size_t draws = graph->outermost().draws().size();
  const Loss part = loss(sliced);
  if (graph->outermost().draws().size() != draws)
    throw Error(fmt::format(
        "{}: the loss given to accumulate draws random numbers, which would be the same for all microbatches; draw "
        "them for the whole batch and pass them as an input",
        graph->provenance().brief(origin)));
  // What the loss takes from outside is parameters, and what is computed of them alone: cotangents of all of it are summed, and
  // pulled back to the parameters once, outside.
  const std::vector<Slot> slots = trainable(graph);
  std::vector<Tensor> taken, inside, results{part.total, part.count};
  const std::vector<bool> depends = depends_on(*graph, slots);
  for (const auto& [outer, input] : body->captures)
    if (depends[outer.node] && is_float(graph->type(outer).dtype)) {
      taken.emplace_back(graph, outer);
      inside.emplace_back(body, Value{input, 0});
    }
  GradOptions all = options;
  all.allow_unused = true;
  if (!inside.empty())
    for (const Tensor& g : grad(part.total, inside, all, where)) results.push_back(g);

  std::vector<NodeId> order;
  std::vector<Value> operands;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const ProvenanceGuard guard(*graph, origin);
    const Tensor so_far = input(fmt::format("sum{}", i), results[i].type());
    body->add_output(fmt::format("out{}", i), (so_far + results[i]).value());
    order.push_back(so_far.value().node);
    operands.push_back(autodiff::zeros(graph, results[i].type()).value());
  }
  for (const Tensor& t : sliced) order.push_back(t.value().node);
  operands.insert(operands.end(), slices.begin(), slices.end());
  order.push_back(index.value().node);
  for (const auto& [outer, inside] : body->captures) {
    operands.push_back(outer);
    order.push_back(inside);
  }
  body->set_input_order(std::move(order));
  body->captures.clear();
  body->parent.reset();
  const NodeId scan = graph->add(Op::scan,
                                 ScanAttrs{micro.name, microbatches, static_cast<std::int64_t>(results.size()),
                                           static_cast<std::int64_t>(slices.size()), false, Graph(body)},
                                 std::move(operands), origin);

  const ProvenanceGuard guard(*graph, origin);
  const auto total = [&](std::size_t i) { return Tensor(graph, {scan, static_cast<std::uint32_t>(i)}); };
  Accumulated out{total(0) / total(1), total(1), {}};
  if (slots.empty()) return out;
  std::vector<Tensor> parameters, cotangents;
  for (const Slot& s : slots) parameters.push_back(s.parameter);
  for (std::size_t i = 0; i < taken.size(); ++i) cotangents.push_back(total(2 + i));
  if (taken.empty()) {  // of a constant
    taken.push_back(constant(Graph(graph), 0.0, DType::f32, where));
    cotangents.push_back(taken[0]);
  }
  const std::vector<Tensor> sums = vjp(taken, parameters, cotangents, options, where);
  for (std::size_t i = 0; i < slots.size(); ++i) out.gradients.emplace(slots[i].path, sums[i] / cast(total(1), sums[i].dtype()));
  return out;
}

}  // namespace uwaga
