// A Hugging Face config.json as one of our models.
//
//   const ModelConfig c = read_model_config("checkpoints/llama/config.json");
//   const Tensor logits = language_model(g.scope(), tokens, c);
//
// Both spellings are read: rope_parameters (transformers 5) and rope_theta with rope_scaling (older files, most of the
// hub). Dropout is left at 0, for evaluation. Error, in one sentence with the file's name: a file that is no JSON
// object, a model type we do not have, a key that is missing or of another kind, an option of the architecture that is
// not built.
#pragma once

#include <uwaga/models/gpt2.h>
#include <uwaga/models/hugging_face.h>
#include <uwaga/models/llama.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <variant>

namespace uwaga {

using ModelConfig = std::variant<Gpt2, Llama>;

ModelConfig read_model_config(const std::filesystem::path& file);
// `what` begins the errors' sentences.
ModelConfig parse_model_config(std::string_view json, const std::string& what);

struct LanguageModelInputs {
  std::optional<Tensor> positions, real;  // i32 [batch time]
};
// [batch time] -> [batch time vocab], outputs hidden.N where `watch_hidden`.
Tensor language_model(const Scope& s, const Tensor& tokens, const ModelConfig& c,
                      const LanguageModelInputs& inputs = {}, bool watch_hidden = false);

WeightTable weight_table(const ModelConfig& c);
Axis time_axis(const ModelConfig& c);
Axis vocab_axis(const ModelConfig& c);

}  // namespace uwaga
