#include <uwaga/ir/interpreter/interpret.h>

#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/bind.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga {
namespace {

using namespace interpreter;

Cells tangent_of(const std::string& what, const Dense& value, const Arrays& tangents, const std::string& name) {
  const auto it = tangents.find(name);
  if (it == tangents.end()) return nullptr;
  if (!is_float(value.dtype)) throw Error(fmt::format("{} is {} and has no tangent", what, uwaga::name(value.dtype)));
  Type type{value.dtype, {}};
  for (const ArrayDim& d : value.dims) type.dims.push_back({d.axis, d.extent});
  Dense t = dense_of(bind_array("the tangent of " + what, type, it->second, {}, Floats::any));
  t.dtype = value.dtype;
  return cells(std::move(t));
}

// In exact mode an f64 array stands for any floating dtype.
Dense declared(Dense x, DType dtype) {
  x.dtype = dtype;
  return x;
}

JvpResults run_all(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Tangents& tangents, Mode mode,
                   const InterpretOptions& options) {
  const Floats floats = mode == Mode::exact ? Floats::any : Floats::as_declared;
  const BoundInputs bound = bind_inputs(graph, inputs, floats, options.sizes);
  std::vector<Dual> given;
  for (std::size_t i = 0; i < bound.inputs.size(); ++i) {
    const auto& a = graph->node(graph->inputs()[i]).as<InputAttrs>();
    Dual d{cells(declared(dense_of(bound.inputs[i]), a.type.dtype)), nullptr};
    d.tangent = tangent_of(fmt::format("input '{}'", a.name), *d.value, tangents.inputs, a.name);
    given.push_back(std::move(d));
  }
  std::map<std::string, Dual> slots;
  for (const auto& [path, id] : graph->parameters()) {
    const auto it = parameters.find(path);
    const Type& type = graph->node(id).types[0];
    const std::string what = fmt::format("parameter '{}'", path);
    if (it == parameters.end())
      throw Error(fmt::format("{} is missing: {} ({})", what, type.str(), graph->provenance().brief(graph->node(id).provenance)));
    Dual d{cells(declared(dense_of(bind_array(what, type, it->second, bound.sizes, floats)), type.dtype)), nullptr};
    d.tangent = tangent_of(what, *d.value, tangents.parameters, path);
    slots.emplace(path, std::move(d));
  }
  const Run run{mode, options, bound.sizes, slots};
  std::vector<Value> wanted;
  for (const Output& o : graph->outputs()) wanted.push_back(o.value);
  for (const Update& u : graph->updates()) wanted.push_back(u.value);
  const std::vector<Dual> values = run_graph(run, graph.data(), given, wanted);
  JvpResults results;
  const auto enter = [&](const std::string& name, const Dual& d, Arrays& primal, Arrays& tangent) {
    primal.emplace(name, array_of(*d.value, mode == Mode::exact));
    if (is_float(d.value->dtype)) tangent.emplace(name, array_of(d.tangent ? *d.tangent : *zeros_like(*d.value), true));
  };
  std::size_t i = 0;
  for (const Output& o : graph->outputs()) enter(o.name, values[i++], results.primal.outputs, results.tangent.outputs);
  for (const Update& u : graph->updates()) enter(u.path, values[i++], results.primal.updates, results.tangent.updates);
  return results;
}

}  // namespace

Results interpret(const Graph& graph, const Arrays& inputs, const Arrays& parameters, Mode mode, const InterpretOptions& options) {
  return run_all(graph, inputs, parameters, {}, mode, options).primal;
}

Arrays initial_parameters(const Graph& graph, std::int64_t seed, Mode mode) {
  Arrays out;
  for (const auto& [path, id] : graph->parameters()) {
    const auto& a = graph->node(id).as<ParameterAttrs>();
    Arrays inputs;
    if (!a.initial->inputs().empty()) inputs.emplace("seed", Array(DType::i64, {})).first->second.set_integer(0, seed);
    Array value = interpret(a.initial, inputs, {}, mode).outputs.at(a.initial->outputs().at(0).name);
    out.emplace(path, value.reordered(a.type.axes()));
  }
  return out;
}

JvpResults interpret_jvp(const Graph& graph, const Arrays& inputs, const Arrays& parameters, const Tangents& tangents,
                         const InterpretOptions& options) {
  return run_all(graph, inputs, parameters, tangents, Mode::exact, options);
}

}  // namespace uwaga
