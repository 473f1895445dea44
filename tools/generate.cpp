// `uwaga generate DIR`: text from what `uwaga train` left in DIR.
#include <fmt/format.h>
#include <uwaga/ir/passes/precision.h>
#include <uwaga/runtime/generate/generate.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/tokenizer.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/run_record.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/interrupt.h"
#include "tools/language_model.h"
#include "tools/words.h"

namespace uwaga {
namespace {

struct CommandOptions {
  std::string folder, prompt = "\n", data;
  std::int64_t tokens = 200;
  SampleOptions sample{.temperature = 0.8, .top_k = 0, .top_p = 1, .seed = 1};
  DeviceOptions device;
  DType weights = DType::f32;
  bool json = false;
};

Checkpoint newest(const std::string& folder) {
  if (!std::filesystem::is_directory(folder)) throw Error(fmt::format("there is no folder {}", folder));
  const CheckpointDirectory::Latest latest = CheckpointDirectory(folder).latest();
  if (latest.checkpoint) return *latest.checkpoint;
  throw Error(latest.rejected.empty() ? fmt::format("there is no checkpoint in {}", folder)
                                      : fmt::format("no checkpoint in {} can be used: {}", folder, latest.rejected[0]));
}

int run(const CommandOptions& o) {
  check(o.sample);
  const Checkpoint checkpoint = newest(o.folder);
  const RunRecord record = read_run(checkpoint.folder);
  const LanguageModel m = parse_language_model(record.model, checkpoint.folder);
  const std::unique_ptr<Tokenizer> tokenizer = load_tokenizer(record.tokenizer);
  std::vector<std::int32_t> prompt = tokenizer->encode(o.prompt);

  State state;
  TextModel model(parameters_in(generation_graph(m), o.weights), target_of(o.device), state, {.time = m.time});
  const LoadReport loaded = load(state, state_file(checkpoint.folder), {.partial = true, .convert = true});
  for (const std::string& missing : loaded.missing)
    if (std::find(model.caches().begin(), model.caches().end(), missing) == model.caches().end())
      throw Error(fmt::format("{} has no '{}'", state_file(checkpoint.folder), missing));

  const std::string data = o.data.empty() ? "" : read_file(o.data);
  const InterruptFlag interrupt;
  std::string sample;
  const auto begin = std::chrono::steady_clock::now();
  if (!o.json) std::cout << o.prompt << std::flush;
  const auto added =
      generate(model, prompt, {.tokens = o.tokens, .sample = o.sample, .end = tokenizer->end_id()},
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
        {"prompt", o.prompt}, {"text", sample}, {"tokens", added.size()}, {"seconds", seconds}, {"step", record.step}};
    if (!o.data.empty()) json["known_words"] = known;
    // Bytes of a ByteTokenizer need not be UTF-8.
    std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
  } else {
    std::cout << '\n' << std::flush;
    if (!o.data.empty()) fmt::print(stderr, "{:.0f}% of the sample's words occur in {}\n", 100 * known, o.data);
  }
  return interrupt.raised() ? kInterrupted : 0;
}

}  // namespace

void add_generate(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("generate", "text from a checkpoint of `uwaga train`");
  auto o = std::make_shared<CommandOptions>();
  c->add_option("DIR", o->folder, "folder that `uwaga train --out` wrote")->required();
  c->add_option("--prompt", o->prompt, "how the text begins (default: a new line)");
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
