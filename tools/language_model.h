// The models that `uwaga train`, `generate`, `bench` and `inspect` know by name, and the graphs they are run as.
//
//   LanguageModel m{.model = "gpt2", .layers = 4, .heads = 4, .width = 128, .time = 64, .vocab = 65};
//   Program step = compile(training_graph(m, AdamW{.rate = 1e-3}), target, state);
//   LanguageModel same = parse_language_model(to_json(m), "run.json");
//
// Inputs are "tokens" and "targets", i32 [batch time].
#pragma once

#include <uwaga/ir/graph_ref.h>
#include <uwaga/models/train_step.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace uwaga {

inline constexpr std::int64_t kMostLayers = 1024;  // of a model that a file or a command line asks for

struct LanguageModel {
  std::string model = "gpt2";  // or "llama"
  std::int64_t layers = 4, heads = 4, width = 128, time = 64;
  std::int64_t kv_heads = 0;  // llama; 0: as many as heads
  std::int64_t hidden = 0;    // 0: 4 x width for gpt2; 8/3 x width rounded up to a multiple of 32 for llama
  std::int64_t vocab = 0;
  double dropout = 0;  // gpt2, while training
  DType compute = DType::f32;  // of matrix products: f32 or bf16
};

// A JSON object, and back. Throws Error, beginning with `what`, for anything else.
std::string to_json(const LanguageModel& m);
LanguageModel parse_language_model(std::string_view json, const std::string& what);

// "f32" or "bf16". Throws Error for another name.
DType precision_named(const std::string& name);

// "gpt2-124m", "llama-110m" and "nanogpt" (its recipe for a CPU), for benchmarks. Throws Error for another name.
LanguageModel standard_model(const std::string& name);

// One step of training: outputs `loss`, `grad_norm`, `rate`.
Graph training_graph(const LanguageModel& m, const AdamW& optimiser);
// Outputs `total` and `count` of the loss, without dropout.
Graph evaluation_graph(const LanguageModel& m);
// Output `logits`, f32 [batch time vocab], without dropout; no targets.
Graph generation_graph(const LanguageModel& m);

// Which model it is, whatever wrote its graph and in whatever precision: of the evaluation graph in f32.
std::string graph_hash(const LanguageModel& m);

}  // namespace uwaga
