// `uwaga generate DIR`: text from what `uwaga train` left in DIR.
#include <fmt/format.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/runtime/generate/generate.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/tokenizer.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/run_record.h>

#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/language_model.h"
#include "tools/run_folder.h"
#include "tools/words.h"

namespace uwaga {
namespace {

constexpr int kTries = 20;

struct CommandOptions {
  std::string folder, data;
  std::optional<std::string> prompt;
  std::int64_t tokens = 200;
  SampleOptions sample{.temperature = 0.8, .top_k = 0, .top_p = 1, .seed = 1};
  DeviceOptions device;
  DType weights = DType::f32;
  bool json = false;
};

struct Trained {
  RunRecord record;
  LanguageModel model;
  Graph graph;
  State state;
};

Trained read_checkpoint(const Checkpoint& at, DType weights) {
  Trained t;
  t.record = read_run(at.folder);
  t.model = parse_language_model(t.record.model, at.folder);
  t.graph = parameters_in(generation_graph(t.model), weights);
  // Declares the slots; the kernels take seconds, in which a run that goes on may remove this checkpoint.
  compile(t.graph, Target::interpreter(), t.state);
  const LoadReport loaded = load(t.state, state_file(at.folder), {.partial = true, .convert = true});
  if (!loaded.missing.empty()) throw Error(fmt::format("{} has no '{}'", state_file(at.folder), loaded.missing[0]));
  return t;
}

Trained read_newest(const std::string& folder, DType weights) {
  for (int tries = 0;; ++tries) {
    const Checkpoint at = find_checkpoint(folder);
    try {
      return read_checkpoint(at, weights);
    } catch (const SystemError&) {
      // A run that goes on keeps two: of the next ones, one is young enough.
      if (tries == kTries || std::filesystem::exists(at.folder)) throw;
    }
  }
}

struct Prompt {
  std::string text;
  std::vector<std::int32_t> ids;
};

// Unless it was given, a new line, or the first token where the text that was learnt had none.
Prompt prompt_of(const CommandOptions& o, const Tokenizer& tokenizer) {
  if (o.prompt) return {*o.prompt, tokenizer.encode(*o.prompt)};
  try {
    return {"\n", tokenizer.encode("\n")};
  } catch (const Error&) {
    const std::int32_t first = 0;
    return {tokenizer.decode({&first, 1}), {first}};
  }
}

int run(const CommandOptions& o) {
  check(o.sample);
  Trained trained = read_newest(o.folder, o.weights);
  const RunRecord& record = trained.record;
  const LanguageModel& m = trained.model;
  const std::unique_ptr<Tokenizer> tokenizer = load_tokenizer(record.tokenizer);
  const Prompt prompt = prompt_of(o, *tokenizer);
  TextModel model(trained.graph, target_of(o.device), trained.state, {.time = m.time});

  const std::string data = o.data.empty() ? "" : read_file(o.data);
  const InterruptFlag interrupt;
  std::string sample;
  const auto begin = std::chrono::steady_clock::now();
  if (!o.json) std::cout << prompt.text << std::flush;
  const auto added =
      generate(model, prompt.ids, {.tokens = o.tokens, .sample = o.sample, .end = tokenizer->end_id()},
               [&](std::int32_t id) {
                 const std::string piece = tokenizer->decode({&id, 1});
                 sample += piece;
                 if (!o.json) std::cout << piece << std::flush;
                 return !interrupt.raised() && std::cout.good();
               });
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const double known = o.data.empty() ? 0 : known_words(sample, data);
  if (o.json) {
    nlohmann::ordered_json json{
        {"prompt", prompt.text}, {"text", sample}, {"tokens", added.size()}, {"seconds", seconds}, {"step", record.step}};
    if (!o.data.empty()) json["known_words"] = known;
    // Bytes of a ByteTokenizer need not be UTF-8.
    std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    std::cout << '\n' << std::flush;
    if (!o.data.empty()) std::cerr << fmt::format("{:.0f}% of the sample's words occur in {}\n", 100 * known, o.data);
  }
  return interrupt.raised() ? kInterrupted : 0;
}

}  // namespace

void add_generate(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("generate", "text from a checkpoint of `uwaga train`");
  auto o = std::make_shared<CommandOptions>();
  c->add_option("DIR", o->folder, "folder that `uwaga train --out` wrote, or one of its checkpoints")->required();
  c->add_option("--prompt", o->prompt, "how the text begins (default: a new line, or the first token)");
  c->add_option("--tokens", o->tokens, "how many tokens to add")
      ->check(whole_number(0, 1 << 30))
      ->capture_default_str();
  c->add_option("--temperature", o->sample.temperature, "0 takes the likeliest token every time")
      ->capture_default_str();
  c->add_option("--top-k", o->sample.top_k, "choose among the K likeliest tokens; 0: all")
      ->check(whole_number(0, 1 << 30))
      ->capture_default_str();
  c->add_option("--top-p", o->sample.top_p, "choose among the likeliest tokens that make up this share")
      ->capture_default_str();
  c->add_option("--seed", o->sample.seed, "of the random numbers")->check(whole_number())->capture_default_str();
  add_precision_option(*c, o->weights, "of the weights: f32, or bf16, which are half as many bytes to read a token");
  c->add_option("--data", o->data, "also tell which share of the sample's words occur in this file");
  add_device_options(*c, o->device);
  c->add_flag("--json", o->json, "one JSON object on standard output");
  c->callback([&chosen, o] { chosen = [o] { return run(*o); }; });
}

}  // namespace uwaga
