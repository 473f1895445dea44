// Text from a model, token by token.
//
//   Program model = compile(logits, Target::host(), state, "logits");          // "tokens" -> "logits"
//   generate(model, prompt, {.tokens = 200, .time = 64, .sample = {.temperature = 0.8}},
//            [&](std::int32_t id) { std::cout << tokenizer.decode({&id, 1}); return true; });
//
// The program takes "tokens", i32 [batch time], and gives "logits", f32 [batch time vocab]. Each token reruns it over
// the last `time` tokens.
#pragma once

#include <uwaga/runtime/generate/sample.h>
#include <uwaga/runtime/program.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace uwaga {

struct GenerateOptions {
  std::int64_t tokens = 100;  // at most this many new ones
  std::int64_t time = 256;    // tokens that the model sees
  SampleOptions sample = {};
  std::optional<std::int32_t> end = {};  // a token that ends the text; it is not returned
};

// The new tokens. `on_token` hears each as it comes; where it returns false the text ends. Throws Error for an empty
// prompt.
std::vector<std::int32_t> generate(Program& model, std::vector<std::int32_t> prompt, const GenerateOptions& options,
                                   const std::function<bool(std::int32_t)>& on_token = {});

}  // namespace uwaga
