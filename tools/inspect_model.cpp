#include "tools/inspect_model.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/train/run_record.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>

#include "tools/json_keys.h"
#include "tools/model_config.h"
#include "tools/recurrent_case.h"
#include "tools/run_folder.h"

namespace uwaga {
namespace {

// The three graphs of any model that gives logits for tokens [batch time].
Graph part_of(const std::function<Tensor(const Scope&, const Tensor&)>& logits_of, const Axis& vocab, const Axis& time,
              const std::string& part) {
  Graph g;
  const Axis batch("batch");
  const Tensor tokens = g.input("tokens", i32, {batch, time});
  const Tensor logits = logits_of(g.scope(), tokens);
  if (part == "generation") {
    g->add_output("logits", logits.value());
    return g;
  }
  const Loss loss = cross_entropy_sum(logits, g.input("targets", i32, {batch, time}), vocab);
  if (part == "training") return train_step(loss.mean(), AdamW{});
  g->add_output("total", loss.total.value());
  g->add_output("count", loss.count.value());
  return g;
}

Inspected of_config(const std::filesystem::path& file, const std::string& part) {
  const ModelConfig config = read_model_config(file);
  const auto logits = [&](const Scope& s, const Tensor& tokens) { return language_model(s, tokens, config); };
  const Axis time = time_axis(config);
  Inspected out{part_of(logits, vocab_axis(config), time, part), fmt::format("{}, {}", file.string(), part)};
  if (time.bound) out.sizes["time"] = std::min<std::int64_t>(*time.bound, 64);
  return out;
}

// One network of torch.nn on a sequence of vectors; its loss is the mean of the squares of what it gives.
Inspected of_case(const RecurrentCase& c, const std::string& part) {
  const Axis time("time"), batch("batch"), input("input", c.input), hidden("hidden", c.hidden);
  Graph g;
  const Tensor x = g.input("x", f32, {time, batch, input});
  const Tensor y = recurrent(g.scope(), x, time, input, hidden, c.network).output;
  Inspected out{g, fmt::format("{}, {}", c.name, part)};
  const AxisNames all = y.type().axes();
  if (part == "training") out.graph = train_step(mean(y * y, Axes(all.begin(), all.end())), AdamW{});
  else g->add_output("output", y.value());
  return out;
}

}  // namespace

Inspected inspected_model(const LanguageModel& m, const std::string& part) {
  if (m.model == "rnn" || m.model == "lstm" || m.model == "gru") return inspected_recurrent(m, part);
  return {part == "training"     ? training_graph(m, AdamW{})
          : part == "evaluation" ? evaluation_graph(m)
                                 : generation_graph(m),
          fmt::format("{}, {} layers of {}, {}", m.model, m.layers, m.width, part)};
}

Inspected inspected_recurrent(const LanguageModel& m, const std::string& part) {
  const Recurrent network{m.model == "rnn" ? Cell::rnn : m.model == "gru" ? Cell::gru : Cell::lstm, static_cast<int>(m.layers), false};
  const Axis time("time", up_to(m.time)), vocab("vocab", m.vocab), input("input", m.width), hidden("hidden", m.width);
  const auto logits = [&](const Scope& s, const Tensor& tokens) {
    const Tensor x = embedding(s.param("embed", {vocab, input}, normal(0.1)), tokens, vocab);
    const Tensor y = recurrent(s, x, time, input, hidden, network).output;
    return linear(s / "head", y, hidden, vocab);
  };
  return {part_of(logits, vocab, time, part), fmt::format("{}, {} layers of {}, {}", m.model, m.layers, m.width, part)};
}

Inspected inspected_folder(const std::filesystem::path& folder, const std::string& part, const std::string& which) {
  if (!std::filesystem::is_directory(folder)) throw Error(fmt::format("there is no folder {}", folder.string()));
  if (const auto file = folder / "config.json"; std::filesystem::exists(file)) {
    if (!detail::parse_json(read_file(file, std::uint64_t{1} << 24), file.string()).contains("cases")) return of_config(file, part);
    for (const RecurrentCase& c : read_recurrent_cases(file))
      if (which.empty() || c.name == which) return of_case(c, part);
    throw Error(fmt::format("{} has no case '{}'", file.string(), which));
  }
  const std::string at = find_checkpoint(folder).folder;
  const RunRecord record = read_run(at);
  Inspected out = inspected_model(parse_language_model(record.model, at), part);
  const auto data = nlohmann::json::parse(record.data);
  const Keys k(data, at + ": the data");
  if (const auto batch = k.size("batch")) out.sizes["batch"] = *batch;
  if (const auto time = k.size("time")) out.sizes["time"] = *time;
  return out;
}

}  // namespace uwaga
