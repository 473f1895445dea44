// A really trained model: its logits, and the 200 tokens it says when it always takes the likeliest.
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/generate/generate.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/text/sentencepiece.h>

#include <fstream>
#include <sstream>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"
#include "tools/model_config.h"
#include "tools/model_files.h"

using namespace uwaga;

namespace {

Graph graph_of(const ModelConfig& config) {
  Graph g;
  const Tensor tokens = g.input("tokens", DType::i32, {Axis("batch"), time_axis(config)});
  g->add_output("logits", language_model(g.scope(), tokens, config).value());
  return g;
}

// Logits of every position of one text.
class Stories {
 public:
  Stories(const std::filesystem::path& folder, const Target& target)
      : config_(read_model_config(folder / "config.json")), program_(compile(graph_of(config_), target, state_)) {
    load_weights(state_, weight_table(config_), Weights(folder));
  }
  Array logits(const std::vector<std::int32_t>& tokens) {
    const Array in = array({{"batch", 1}, {"time", static_cast<std::int64_t>(tokens.size())}}, tokens);
    return program_.run({{"tokens", in}}).at("logits").reordered({"batch", "time", "vocab"});
  }

 private:
  State state_;
  ModelConfig config_;
  Program program_;
};

void logits_agree(const Target& target) {
  const auto folder = shared_data("checkpoints/stories260K-hf");
  if (!folder) {
    WARN("the checkpoint stories260K-hf is not here; nothing was compared");
    return;
  }
  std::istringstream text(read_file(*folder / "tokens.txt"));
  std::vector<std::int32_t> tokens;
  for (std::int32_t t; text >> t;) tokens.push_back(t);
  REQUIRE(tokens.size() == 16);
  const std::string bytes = read_file(*folder / "logits_16x512.f32");
  const Array expected = Array::from_bytes(DType::f32, {{"time", 16}, {"vocab", 512}}, std::as_bytes(std::span(bytes)));
  const Array ours = Stories(*folder, target).logits(tokens);
  double worst = 0;
  for (std::int64_t i = 0; i < expected.elements(); ++i) worst = std::max(worst, std::abs(ours.at(i) - expected.at(i)));
  INFO("the largest difference is " << worst);
  CHECK(worst <= 1e-4);
}

}  // namespace

TEST_CASE("stories260K gives the recorded logits on the interpreter", "[parity]") {
  logits_agree(Target::interpreter());
}
TEST_CASE("stories260K gives the recorded logits on compiled kernels", "[parity]") { logits_agree(Target::host(2)); }

namespace {

std::string expected_story(const std::filesystem::path& folder) {
  std::string text = read_file(folder / "expected_greedy200.txt");
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

TEST_CASE("stories260K tells its story word for word", "[parity]") {
  const auto folder = shared_data("checkpoints/stories260K-hf"), original = shared_data("checkpoints/stories260K");
  if (!folder || !original) {
    WARN("the checkpoint stories260K is not here; nothing was compared");
    return;
  }
  const auto tokenizer = SentencePieceTokenizer::read(*original / "tok512.bin", 512);
  Stories stories(*folder, Target::host(2));
  std::vector<std::int32_t> tokens = {SentencePieceTokenizer::kBegin};
  for (int i = 0; i < 200; ++i) {
    const Array logits = stories.logits(tokens);
    const std::int64_t last = logits.elements() - 512;
    std::int32_t best = 0;
    for (std::int32_t v = 1; v < 512; ++v)
      if (logits.at(last + v) > logits.at(last + best)) best = v;
    tokens.push_back(best);
  }
  CHECK(tokenizer.decode(tokens) == expected_story(*original));
}

TEST_CASE("stories260K tells its story from what its caches keep", "[parity]") {
  const auto folder = shared_data("checkpoints/stories260K-hf"), original = shared_data("checkpoints/stories260K");
  if (!folder || !original) {
    WARN("the checkpoint stories260K is not here; nothing was compared");
    return;
  }
  const auto tokenizer = SentencePieceTokenizer::read(*original / "tok512.bin", 512);
  const ModelConfig config = read_model_config(*folder / "config.json");
  State state;
  TextModel model(graph_of(config), Target::host(2), state, {.time = 512});
  load_weights(state, weight_table(config), Weights(*folder));
  CHECK(model.refused().empty());
  std::vector<std::int32_t> tokens = {SentencePieceTokenizer::kBegin};
  const std::vector<std::int32_t> added = generate(model, tokens, {.tokens = 200, .sample = {.temperature = 0}});
  tokens.insert(tokens.end(), added.begin(), added.end());
  CHECK(tokenizer.decode(tokens) == expected_story(*original));
}
