#include "tools/language_model.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/structural_hash.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/llama.h>
#include <uwaga/runtime/text/quote.h>

#include <nlohmann/json.hpp>

namespace uwaga {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 31;  // of any size, so that products stay in range

Tensor logits_of(Graph& g, const Tensor& tokens, const LanguageModel& m, bool training) {
  if (m.model == "gpt2") {
    const Gpt2 c{.layers = m.layers,
                 .heads = m.heads,
                 .width = m.width,
                 .hidden = m.hidden,
                 .vocab = m.vocab,
                 .positions = m.time,
                 .dropout = training ? m.dropout : 0};
    return gpt2(g.scope(), tokens, c);
  }
  if (m.dropout != 0) throw Error("llama has no dropout: it is trained with --dropout 0");
  const Llama c{.layers = m.layers,
                .heads = m.heads,
                .kv_heads = m.kv_heads ? m.kv_heads : m.heads,
                .width = m.width,
                .hidden = m.hidden ? m.hidden : (m.width * 8 / 3 + 31) / 32 * 32,
                .vocab = m.vocab,
                .positions = m.time};
  if (c.heads < 1 || c.width % c.heads != 0)
    throw Error(fmt::format("a width of {} does not divide into {} heads", c.width, c.heads));
  return llama(g.scope(), tokens, c);
}

Tensor input(Graph& g, const char* name, const LanguageModel& m) {
  return g.input(name, i32, {Axis("batch"), Axis("time", up_to(m.time))});
}

Loss loss_of(Graph& g, const LanguageModel& m, bool training) {
  const Tensor tokens = input(g, "tokens", m), targets = input(g, "targets", m);
  return cross_entropy_sum(logits_of(g, tokens, m, training), targets, Axis("vocab", m.vocab));
}

}  // namespace

std::string to_json(const LanguageModel& m) {
  return nlohmann::json{{"model", m.model},   {"layers", m.layers}, {"heads", m.heads},
                        {"width", m.width},   {"time", m.time},     {"kv_heads", m.kv_heads},
                        {"hidden", m.hidden}, {"vocab", m.vocab},   {"dropout", m.dropout},
                        {"precision", name(m.compute)}}
      .dump();
}

LanguageModel parse_language_model(std::string_view text, const std::string& what) {
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw Error(what + " is no JSON object");
  const auto size = [&](const char* name, std::int64_t least, std::int64_t most = kLargest) {
    if (!json.contains(name) || !json[name].is_number_integer() || json[name].get<std::int64_t>() < least ||
        json[name].get<std::int64_t>() > most)
      throw Error(fmt::format("{}: \"{}\" is no whole number from {} to {}", what, name, least, most));
    return json[name].get<std::int64_t>();
  };
  LanguageModel m;
  if (!json.contains("model"))
    throw Error(fmt::format("{} is of a program of your own, whose graph the command does not have; use Inspection or TextModel", what));
  if (json["model"] != "gpt2" && json["model"] != "llama")
    throw Error(fmt::format("{}: the model is {}; known are gpt2 and llama", what, quote(json["model"].dump(), 40)));
  m.model = json["model"];
  m.layers = size("layers", 0, kMostLayers), m.heads = size("heads", 1), m.width = size("width", 1), m.time = size("time", 1);
  m.kv_heads = size("kv_heads", 0), m.hidden = size("hidden", 0), m.vocab = size("vocab", 1);
  if (!json.contains("dropout") || !json["dropout"].is_number()) throw Error(what + ": \"dropout\" is no number");
  m.dropout = json["dropout"];
  if (json.contains("precision") && !json["precision"].is_string()) throw Error(what + ": \"precision\" is no string");
  m.compute = precision_named(json.value("precision", "f32"));
  return m;
}

DType precision_named(const std::string& name) {
  if (name == "f32") return DType::f32;
  if (name == "bf16") return DType::bf16;
  throw Error(fmt::format("there is no precision {}; known are f32 and bf16", quote(name, 40)));
}

LanguageModel standard_model(const std::string& name) {
  if (name == "gpt2-124m")
    return {.model = "gpt2", .layers = 12, .heads = 12, .width = 768, .time = 1024, .vocab = 50257};
  if (name == "llama-110m")
    return {.model = "llama", .layers = 12, .heads = 12, .width = 768, .time = 1024, .kv_heads = 4, .vocab = 32000};
  if (name == "nanogpt") return {.model = "gpt2", .layers = 4, .heads = 4, .width = 128, .time = 64, .vocab = 65};
  throw Error(fmt::format("there is no model {}; known are gpt2-124m, llama-110m and nanogpt", quote(name, 40)));
}

Graph training_graph(const LanguageModel& m, const AdamW& optimiser) {
  Graph g;
  return compute_in(train_step(loss_of(g, m, true).mean(), optimiser), m.compute);
}

Graph evaluation_graph(const LanguageModel& m) {
  Graph g;
  const Loss loss = loss_of(g, m, false);
  g->add_output("total", loss.total.value());
  g->add_output("count", loss.count.value());
  return compute_in(g, m.compute);
}

Graph generation_graph(const LanguageModel& m) {
  Graph g;
  const Tensor tokens = input(g, "tokens", m);
  g->add_output("logits", logits_of(g, tokens, m, false).value());
  return compute_in(g, m.compute);
}

std::string graph_hash(const LanguageModel& m) {
  LanguageModel exact = m;
  exact.compute = DType::f32;
  return structural_hash(evaluation_graph(exact)).str();
}

}  // namespace uwaga
