// A training run, step by step: loss, gradient norm and learning rate of each, and the weights after the last.
#include <fmt/format.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/program.h>

#include "tools/check_fixture.h"
#include "tools/json_keys.h"
#include "tools/model_config.h"

namespace uwaga {
namespace {

// The optimiser as meta.json describes it; the order of operations there is that of train_step.
AdamW optimiser(const Fixture& fixture) {
  const Keys k(fixture.meta.at("optimiser"), "meta.json: 'optimiser'");
  k.want_text("schedule", "not there", {"cosine to 10% of the peak"});
  const std::vector<double> betas = k.need_numbers("betas", 2);
  return {.rate = k.need_number("peak_lr"),
          .beta1 = betas[0],
          .beta2 = betas[1],
          .epsilon = k.need_number("eps"),
          .decay = k.need_number("weight_decay"),
          .clip = k.need_number("clip_global_norm"),
          .schedule = {.warm_up = k.need_size("warm_up_steps"), .steps = k.need_size("steps"), .last = 0.1},
          .rules = {}};
}

Graph build(const ModelConfig& config, const AdamW& how) {
  Graph g;
  const Axes axes = {Axis("batch"), time_axis(config)};
  const Tensor tokens = g.input("tokens", DType::i32, axes), targets = g.input("targets", DType::i32, axes);
  return train_step(cross_entropy(language_model(g.scope(), tokens, config), targets, vocab_axis(config)), how);
}

// The batches of the run: the slices of [step batch time].
std::vector<Arrays> batches(const Fixture& fixture) {
  std::vector<Arrays> out;
  for (const auto& [name, stored] : {std::pair("tokens", "input_ids"), std::pair("targets", "targets")}) {
    const Array all = to_array(need(fixture.inputs, stored), {"step", "batch", "time"}).cast(DType::i32);
    const auto steps = static_cast<std::size_t>(all.extent("step"));
    const std::size_t bytes = all.bytes() / std::max<std::size_t>(steps, 1);
    out.resize(steps);
    for (std::size_t s = 0; s < steps; ++s)
      out[s].emplace(name, Array::from_bytes(DType::i32, ArrayDims(all.dims().begin() + 1, all.dims().end()),
                                             {all.data() + s * bytes, bytes}));
  }
  return out;
}

struct Run {
  std::vector<double> loss, norm, rate;
  void add(const Arrays& outputs) {
    loss.push_back(outputs.at("loss").at(std::int64_t{0}));
    norm.push_back(outputs.at("grad_norm").at(std::int64_t{0}));
    rate.push_back(outputs.at("rate").at(std::int64_t{0}));
  }
};

Array steps_of(const std::vector<double>& values) {
  return array({{"step", static_cast<std::int64_t>(values.size())}}, values);
}

// What a Comparison calls relative is by the largest value; the norm is held step by step.
Comparison compare_each(const std::string& what, const std::vector<double>& ours, const Array& theirs,
                        double relative) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs.at(static_cast<std::int64_t>(i)));
  return compare(what, steps_of(ratios), steps_of(std::vector<double>(ratios.size(), 1.0)), relative);
}

void compare_final(const Fixture& fixture, const ModelConfig& config, const State& state, Report& report) {
  const WeightTable table = weight_table(config);
  Arrays parameters;
  for (const WeightRow& row : table.rows) parameters.emplace(row.path, state.get(row.path));
  const Arrays ours = to_disk(table, parameters);
  const SafetensorsFile last(fixture.folder / "final.safetensors");
  const double allowed = fixture.tolerance("final_weight_atol_float32");
  for (const StoredTensor& stored : last.tensors()) {
    auto found = ours.find(stored.name);
    if (found == ours.end()) found = ours.find(table.prefix + stored.name);
    if (found == ours.end()) throw Error(fmt::format("the model has no weight '{}'", stored.name));
    Which which;
    // A key's bias moves no score against another: its gradient is rounding, which Adam turns into steps.
    if (matches("*c_attn.bias", stored.name)) {
      const std::int64_t third = found->second.elements() / 3;
      which = [third](std::int64_t position) { return position / third != 1; };
    }
    report.add(compare("final " + stored.name, found->second, to_array(stored), allowed, which));
  }
}

}  // namespace

void check_trajectory(const Fixture& fixture, const std::filesystem::path& file, Report& report) {
  const ModelConfig config = read_model_config(file);
  const WeightTable table = weight_table(config);
  const Weights weights(fixture.folder);
  const Graph graph = build(config, optimiser(fixture));
  const std::vector<Arrays> inputs = batches(fixture);

  State state;
  Program program = compile(graph, fixture.target, state);
  state.initialise(1, fixture.target);
  load_weights(state, table, weights);
  Run run;
  for (const Arrays& batch : inputs) run.add(program.run(batch));
  report.section(fmt::format("{} on {}", file.filename().string(), fixture.target.str()));
  report.add(compare("loss", steps_of(run.loss), to_array(need(fixture.expected, "loss")),
                     fixture.tolerance("loss_atol_float32")));
  report.add(compare_each("grad_norm", run.norm, to_array(need(fixture.expected, "grad_norm")),
                          fixture.tolerance("grad_norm_rtol_float32")));
  // The schedule runs in float32 here, as the stored rates are: a few roundings of the peak.
  report.add(compare_each("lr", run.rate, to_array(need(fixture.expected, "lr")), 1e-6));
  compare_final(fixture, config, state, report);

  if (!fixture.interpreted || !fixture.exact) return;
  Arrays slots = initial_parameters(graph, 1, Mode::exact);
  for (const auto& [path, value] : read_parameters(table, weights)) slots.insert_or_assign(path, value);
  Run exact;
  for (const Arrays& batch : inputs) {
    Results r = interpret(graph, batch, slots, Mode::exact);
    for (auto& [path, value] : r.updates) slots.insert_or_assign(path, std::move(value));
    exact.add(r.outputs);
  }
  const double allowed = fixture.tolerance("loss_atol_float64");
  report.section(fmt::format("{} in exact arithmetic", file.filename().string()));
  report.add(compare("loss (float64)", steps_of(exact.loss), to_array(need(*fixture.exact, "loss")), allowed));
  report.add(compare_each("grad_norm (float64)", exact.norm, to_array(need(*fixture.exact, "grad_norm")), allowed));
  report.add(compare_each("lr (float64)", exact.rate, to_array(need(*fixture.exact, "lr")), allowed));
}

}  // namespace uwaga
