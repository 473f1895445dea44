// Text from a model, token by token.
//
//   TextModel model(graph, Target::host(), state, {.time = 64});                // text_model.h
//   generate(model, prompt, {.tokens = 200, .sample = {.temperature = 0.8}},
//            [&](std::int32_t id) { std::cout << tokenizer.decode({&id, 1}); return true; });
#pragma once

#include <uwaga/runtime/generate/sample.h>
#include <uwaga/runtime/generate/text_model.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace uwaga {

struct GenerateOptions {
  std::int64_t tokens = 100;  // at most this many new ones
  SampleOptions sample = {};
  std::optional<std::int32_t> end = {};  // a token that ends the text; it is not returned
};

// The new tokens. `on_token` hears each as it comes; where it returns false the text ends. Throws Error for an empty
// prompt.
std::vector<std::int32_t> generate(TextModel& model, std::vector<std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<bool(std::int32_t)>& on_token = {});

}  // namespace uwaga
