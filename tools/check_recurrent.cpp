// torch.nn.RNN, LSTM and GRU, case by case. The loss is a linear form of outputs and final states, whose coefficients
// are among the inputs: so its gradients are those of the whole network.
#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/program.h>

#include "tools/check_fixture.h"
#include "tools/recurrent_case.h"

namespace uwaga {
namespace {

const AxisNames kSequence = {"time", "batch", "input"}, kOutput = {"time", "batch", "hidden"},
                kStates = {"state", "batch", "hidden"};

Tensor weighted(const Tensor& x, const Tensor& by) {
  const AxisNames names = x.type().axes();
  return sum(x * by, Axes(names.begin(), names.end()));
}

// [batch hidden] of each state -> [state batch hidden].
Tensor stacked(const std::vector<Tensor>& states) {
  std::vector<Tensor> rows;
  for (const Tensor& s : states) rows.push_back(broadcast(s, {{"state", 1}}));
  return rows.size() == 1 ? rows[0] : concat(rows, "state");
}

struct Check {
  Graph graph;
  Arrays inputs;
  std::vector<std::pair<std::string, AxisNames>>
      outputs;  // of which expected.safetensors has a tensor, but gradients of weights
};

Check build(const Fixture& fixture, const RecurrentCase& c) {
  Check out;
  const bool lstm = c.network.cell == Cell::lstm;
  const std::int64_t directions = c.network.bidirectional ? 2 : 1, states = directions * c.network.layers;
  const Axis time("time"), batch("batch"), input("input", c.input), hidden("hidden", c.hidden);
  const auto give = [&](const std::string& name, const AxisNames& names, const Axes& axes) {
    out.inputs.emplace(name, to_array(need(fixture.inputs, c.name + "." + name), names));
    return out.graph.input(name, DType::f32, axes);
  };
  const Axes state_axes = {Axis("state", states), batch, hidden};
  const Tensor x = give("x", kSequence, {time, batch, input});
  const Tensor h0 = give("h0", kStates, state_axes), d_h = give("d_h_n", kStates, state_axes);
  const Tensor d_output = give("d_output", kOutput, {time, batch, Axis("hidden", directions * c.hidden)});
  std::optional<Tensor> c0, d_c;
  if (lstm) {
    c0 = give("c0", kStates, state_axes);
    d_c = give("d_c_n", kStates, state_axes);
  }
  std::vector<RecurrentState> start;
  const auto row = [](const Tensor& all, std::int64_t i) { return sum(slice(all, "state", i, i + 1), {"state"}); };
  for (std::int64_t i = 0; i < states; ++i)
    start.push_back({row(h0, i), lstm ? std::optional(row(*c0, i)) : std::nullopt});

  const RecurrentResult r = recurrent(out.graph.scope(), x, time, input, hidden, c.network, start);
  const auto show = [&](const std::string& name, const Tensor& t, const AxisNames& axes) {
    out.graph->add_output(name, t.value());
    out.outputs.emplace_back(name, axes);
  };
  std::vector<Tensor> last_h, last_c;
  for (const RecurrentState& s : r.last) {
    last_h.push_back(s.hidden);
    if (s.cell) last_c.push_back(*s.cell);
  }
  const Tensor h_n = stacked(last_h);
  Tensor loss = weighted(r.output, d_output) + weighted(h_n, d_h);
  show("output", r.output, kOutput);
  show("h_n", h_n, kStates);
  if (lstm) {
    const Tensor c_n = stacked(last_c);
    loss = loss + weighted(c_n, *d_c);
    show("c_n", c_n, kStates);
  }
  show("loss", loss, {});
  std::vector<Tensor> wrt = {x, h0};
  if (lstm) wrt.push_back(*c0);
  const std::vector<Tensor> to_inputs = grad(loss, wrt);
  show("grad.x", to_inputs[0], kSequence);
  show("grad.h0", to_inputs[1], kStates);
  if (lstm) show("grad.c0", to_inputs[2], kStates);
  for (const auto& [path, gradient] : grad(loss)) out.graph->add_output("grad." + path, gradient.value());
  return out;
}

void check_case(const Fixture& fixture, const RecurrentCase& c, const SafetensorsFile& weights, Report& report) {
  const Check check = build(fixture, c);
  WeightTable table = weight_table(c.network, c.input, c.hidden);
  table.prefix = c.name + ".";
  State state;
  Program program = compile(check.graph, fixture.target, state);
  for (const auto& [path, value] : from_disk(table, [&](const std::string& name) -> std::optional<Array> {
         const StoredTensor* t = weights.find(name);
         return t ? std::optional(to_array(*t)) : std::nullopt;
       }))
    state.set(path, value);

  const Arrays outputs = program.run(check.inputs);
  const double allowed = fixture.tolerance("atol");
  report.section(fmt::format("{} on {}", c.name, fixture.target.str()));
  for (const auto& [name, axes] : check.outputs) {
    // "loss" is kept as loss.CASE, "grad.x" as grad.CASE.x, "output" as CASE.output.
    const std::string stored = name == "loss"                ? "loss." + c.name
                               : name.rfind("grad.", 0) == 0 ? "grad." + c.name + "." + name.substr(5)
                                                             : c.name + "." + name;
    report.add(compare(stored, outputs.at(name).reordered(axes), to_array(need(fixture.expected, stored)), allowed));
  }
  Arrays gradients;
  for (const WeightRow& row : table.rows) gradients.emplace(row.path, outputs.at("grad." + row.path));
  for (const auto& [name, gradient] : to_disk(table, gradients))
    report.add(compare("grad." + name, gradient, to_array(need(fixture.expected, "grad." + name)), allowed));
}

}  // namespace

void check_recurrent(const Fixture& fixture, Report& report) {
  const SafetensorsFile weights(fixture.folder / "model.safetensors");
  for (const RecurrentCase& c : read_recurrent_cases(fixture.folder / "config.json")) check_case(fixture, c, weights, report);
}

}  // namespace uwaga
