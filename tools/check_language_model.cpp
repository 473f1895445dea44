// Logits, loss and gradients of a causal language model.
#include <fmt/format.h>
#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/runtime/program.h>

#include "tools/check_fixture.h"
#include "tools/json_keys.h"
#include "tools/model_config.h"

#include <algorithm>

namespace uwaga {
namespace {

constexpr double kExactTolerance = 1e-9;

const AxisNames kBatchTime = {"batch", "time"};

struct Check {
  Graph graph;
  Arrays inputs;
};

// Outputs: logits, loss, hidden.N, grad.PATH.
Check build(const Fixture& fixture, const ModelConfig& config) {
  Check out;
  const Axes axes = {Axis("batch"), time_axis(config)};
  const auto input = [&](const std::string& name, const std::string& stored) {
    out.inputs.emplace(name, to_array(need(fixture.inputs, stored), kBatchTime).cast(DType::i32));
    return out.graph.input(name, DType::i32, axes);
  };
  const Tensor tokens = input("tokens", "input_ids"), targets = input("targets", "targets");
  LanguageModelInputs more;
  if (fixture.inputs.find("position_ids")) more.positions = input("positions", "position_ids");
  if (fixture.inputs.find("attention_mask")) more.real = input("real", "attention_mask");
  const Tensor logits = language_model(out.graph.scope(), tokens, config, more, /*watch_hidden=*/true);
  const Tensor loss = cross_entropy(logits, targets, vocab_axis(config));
  out.graph->add_output("logits", logits.value());
  out.graph->add_output("loss", loss.value());
  for (const auto& [path, gradient] : grad(loss)) out.graph->add_output("grad." + path, gradient.value());
  return out;
}

Keys keys_of(const Fixture& fixture) { return Keys(fixture.meta, (fixture.folder / "meta.json").string()); }

// Rows of the logits that mean something: all of them, or those of real tokens.
Which real_rows(const Fixture& fixture, std::int64_t row) {
  const std::string where = keys_of(fixture).text("compare_logits_where").value_or("everywhere");
  if (where == "everywhere") return {};
  if (where != "attention_mask == 1")
    throw Error(fmt::format("logits are to be compared where {}, which is not known", where));
  const std::vector<std::int64_t> mask = to_array(need(fixture.inputs, "attention_mask")).to_integers();
  return [mask, row](std::int64_t position) { return mask[static_cast<std::size_t>(position / row)] == 1; };
}

void compare_gradients(const Fixture& fixture, const ModelConfig& config, const Arrays& outputs, Report& report) {
  const WeightTable table = weight_table(config);
  Arrays gradients;
  for (const WeightRow& row : table.rows) gradients.emplace(row.path, outputs.at("grad." + row.path));
  const Arrays ours = to_disk(table, gradients);
  const double relative = fixture.tolerance("grad_rtol"), everywhere = keys_of(fixture).number("grad_max_abs").value_or(0);
  const nlohmann::json zero = fixture.meta.value("gradient_zero_in_exact_arithmetic", nlohmann::json::array());
  const nlohmann::json padding = fixture.meta.value("embedding_padding_idx", nlohmann::json::object());
  for (const StoredTensor& stored : fixture.expected.tensors()) {
    if (stored.name.rfind("grad.", 0) != 0) continue;
    const std::string name = stored.name.substr(5);
    auto found = ours.find(name);
    if (found == ours.end()) found = ours.find(table.prefix + name);
    if (found == ours.end()) throw Error(fmt::format("the model has no gradient for '{}'", name));
    const Array theirs = to_array(stored);
    const bool noise = std::find(zero.begin(), zero.end(), name) != zero.end();
    const double allowed =
        noise ? fixture.tolerance("grad_atol_of_zero_gradients") : relative * (largest(theirs) + 1e-3 * everywhere);
    Which which;
    if (padding.is_object() && padding.contains(name)) {
      if (!padding.at(name).is_number_integer()) throw Error(fmt::format("the padding row of '{}' is {}, which is none", name, padding.at(name).dump()));
      if (theirs.elements() != found->second.elements() || theirs.elements() == 0 || theirs.dims().empty())
        throw Error(fmt::format("{} is {} here and {} in the reference", stored.name, found->second.str(), theirs.str()));
      const auto row = padding.at(name).get<std::int64_t>();
      const std::int64_t width = theirs.elements() / theirs.dims()[0].extent;
      which = [row, width](std::int64_t position) { return position / width != row; };
    }
    report.add(compare(stored.name, found->second, theirs, allowed, which));
  }
}

// The first hidden state beyond the tolerance of the logits.
void name_first_layer(const Fixture& fixture, const Arrays& outputs, Report& report) {
  for (int layer = 0;; ++layer) {
    const StoredTensor* stored = fixture.expected.find(fmt::format("debug.hidden.{}", layer));
    const auto ours = outputs.find(fmt::format("hidden.{}", layer));
    if (!stored || ours == outputs.end()) break;
    const Array hidden = ours->second.reordered({"batch", "time", "model"}), theirs = to_array(*stored, {"batch", "time", "model"});
    if (theirs.dims() != hidden.dims())
      throw Error(fmt::format("{} is {} here and {} in the reference", stored->name, hidden.str(), theirs.str()));
    const Comparison c = compare(stored->name, hidden, theirs, fixture.tolerance("logits_atol"), real_rows(fixture, stored->shape.back()));
    if (c.ok()) continue;
    return report.note(fmt::format(
        "the first hidden state that differs is debug.hidden.{}, {}, by {:.2e}", layer,
        layer == 0 ? "the input of the first block" : fmt::format("the output of block {}", layer - 1), c.absolute));
  }
  report.note("no hidden state differs: look behind the last block");
}

void compare_outputs(const Fixture& fixture, const ModelConfig& config, const Arrays& outputs, Report& report) {
  const int before = report.failed();
  const Array logits = outputs.at("logits").reordered({"batch", "time", "vocab"});
  report.add(compare("logits", logits, to_array(need(fixture.expected, "logits")), fixture.tolerance("logits_atol"),
                     real_rows(fixture, logits.extent("vocab"))));
  report.add(
      compare("loss", outputs.at("loss"), to_array(need(fixture.expected, "loss")), fixture.tolerance("loss_atol")));
  compare_gradients(fixture, config, outputs, report);
  if (report.failed() > before) name_first_layer(fixture, outputs, report);
}

}  // namespace

void check_language_model(const Fixture& fixture, const std::filesystem::path& file, Report& report) {
  const ModelConfig config = read_model_config(file);
  const Weights weights(fixture.folder);
  const Check check = build(fixture, config);

  State state;
  Program program = compile(check.graph, fixture.target, state);
  load_weights(state, weight_table(config), weights);
  report.section(fmt::format("{} on {}", file.filename().string(), fixture.target.str()));
  compare_outputs(fixture, config, program.run(check.inputs), report);

  if (!fixture.interpreted || !fixture.exact) return;
  report.section(fmt::format("{} in exact arithmetic", file.filename().string()));
  const Arrays exact =
      interpret(check.graph, check.inputs, read_parameters(weight_table(config), weights), Mode::exact).outputs;
  const Array logits = exact.at("logits").reordered({"batch", "time", "vocab"});
  report.add(compare("logits (float64)", logits, to_array(need(*fixture.exact, "logits")), kExactTolerance,
                     real_rows(fixture, logits.extent("vocab"))));
  report.add(compare("loss (float64)", exact.at("loss"), to_array(need(*fixture.exact, "loss")), kExactTolerance));
}

}  // namespace uwaga
