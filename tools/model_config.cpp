#include "tools/model_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <uwaga/ir/error.h>
#include <uwaga/models/rope_scaling.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/quote.h>

#include <map>
#include <vector>

#include "tools/json_keys.h"

namespace uwaga {
namespace {

Gpt2 gpt2_config(const Keys& k) {
  Gpt2 c;
  c.layers = k.need_size("n_layer");
  c.heads = k.need_size("n_head");
  c.width = k.need_size("n_embd");
  c.hidden = k.size("n_inner").value_or(0);
  c.vocab = k.need_size("vocab_size");
  c.positions = k.need_size("n_positions");
  c.epsilon = k.number("layer_norm_epsilon").value_or(1e-5);
  k.want_text("activation_function", "gelu_new", {"gelu_new", "gelu_pytorch_tanh"});
  k.refuse_flag("scale_attn_weights", true, true);
  k.refuse_flag("scale_attn_by_inverse_layer_idx", false, false);
  k.refuse_flag("add_cross_attention", false, false);
  k.refuse_flag("tie_word_embeddings", true, true);
  return c;
}

void scale_rope(Llama& c, const Keys& k) {
  const std::string type = k.has("rope_type") ? *k.text("rope_type") : k.text("type").value_or("default");
  const std::int64_t depth = *c.depth().extent->constant();
  if (type == "default") return;
  if (type == "linear") {
    c.inverse_frequencies = linear_frequencies(c.theta, depth, k.number("factor").value_or(1));
    return;
  }
  if (type == "llama3") {
    c.inverse_frequencies =
        llama3_frequencies(c.theta, depth,
                           {.factor = k.number("factor").value_or(8),
                            .low_factor = k.number("low_freq_factor").value_or(1),
                            .high_factor = k.number("high_freq_factor").value_or(4),
                            .original_positions = k.size("original_max_position_embeddings").value_or(8192)});
    return;
  }
  if (type == "yarn") {
    YarnScaling s;
    s.original_positions = k.size("original_max_position_embeddings").value_or(c.positions);
    s.factor =
        k.number("factor").value_or(static_cast<double>(c.positions) / static_cast<double>(s.original_positions));
    s.beta_fast = k.number("beta_fast").value_or(32);
    s.beta_slow = k.number("beta_slow").value_or(1);
    s.truncate = k.flag("truncate", true);
    s.attention_factor = k.number("attention_factor");
    s.mscale = k.number("mscale");
    s.mscale_all_dim = k.number("mscale_all_dim");
    c.inverse_frequencies = yarn_frequencies(c.theta, depth, s);
    c.attention_factor = yarn_attention_factor(s);
    return;
  }
  throw Error(fmt::format("{}: rotary positions of type {} are not built; default, linear, llama3 and yarn are",
                          k.what(), quote(type)));
}

// LLaMA, and Mistral as a LLaMA with a window.
Llama llama_config(const Keys& k) {
  Llama c;
  c.layers = k.need_size("num_hidden_layers");
  c.heads = k.need_size("num_attention_heads");
  c.kv_heads = k.size("num_key_value_heads").value_or(c.heads);
  c.width = k.need_size("hidden_size");
  c.hidden = k.need_size("intermediate_size");
  c.head_depth = k.size("head_dim").value_or(0);
  c.vocab = k.need_size("vocab_size");
  c.positions = k.size("max_position_embeddings").value_or(2048);
  c.epsilon = k.number("rms_norm_eps").value_or(1e-6);
  c.tied = k.flag("tie_word_embeddings", false);
  c.window = k.size("sliding_window").value_or(0);
  k.want_text("hidden_act", "silu", {"silu"});
  k.refuse_flag("attention_bias", false, false);
  k.refuse_flag("mlp_bias", false, false);
  if (c.head_depth == 0 && c.width % c.heads != 0)
    throw Error(fmt::format("{}: a width of {} does not divide into {} heads", k.what(), c.width, c.heads));
  c.theta = k.number("rope_theta").value_or(10000);
  if (k.has("rope_parameters")) {
    const Keys rope = k.object("rope_parameters");
    c.theta = rope.number("rope_theta").value_or(c.theta);
    scale_rope(c, rope);
  } else if (k.has("rope_scaling")) {
    scale_rope(c, k.object("rope_scaling"));
  }
  return c;
}

template <typename... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <typename... F>
Overloaded(F...) -> Overloaded<F...>;

}  // namespace

ModelConfig parse_model_config(std::string_view text, const std::string& what) {
  const nlohmann::json json = detail::parse_json(text, what);
  const Keys k(json, what);
  const auto type = k.text("model_type");
  if (!type) throw Error(fmt::format("{} has no 'model_type'", what));
  using Read = ModelConfig (*)(const Keys&);
  const std::map<std::string, Read> known = {
      {"gpt2", [](const Keys& keys) { return ModelConfig(gpt2_config(keys)); }},
      {"llama", [](const Keys& keys) { return ModelConfig(llama_config(keys)); }},
      {"mistral", [](const Keys& keys) { return ModelConfig(llama_config(keys)); }},
  };
  const auto found = known.find(*type);
  if (found != known.end()) return found->second(k);
  std::vector<std::string> names;
  for (const auto& [name, read] : known) names.push_back(name);
  throw Error(
      fmt::format("{}: there is no model of type {}; the types are {}", what, quote(*type), fmt::join(names, ", ")));
}

ModelConfig read_model_config(const std::filesystem::path& file) {
  return parse_model_config(read_file(file, std::uint64_t{1} << 24), file.string());
}

Tensor language_model(const Scope& s, const Tensor& tokens, const ModelConfig& config, const LanguageModelInputs& in,
                      bool watch_hidden) {
  return std::visit(Overloaded{[&](Gpt2 c) {
                                 c.watch_hidden = watch_hidden;
                                 return gpt2(s, tokens, c, {in.positions, in.real});
                               },
                               [&](Llama c) {
                                 c.watch_hidden = watch_hidden;
                                 return llama(s, tokens, c, {in.positions, in.real});
                               }},
                    config);
}

WeightTable weight_table(const ModelConfig& config) {
  return std::visit([](const auto& c) { return weight_table(c); }, config);
}
Axis time_axis(const ModelConfig& config) {
  return std::visit([](const auto& c) { return c.time(); }, config);
}
Axis vocab_axis(const ModelConfig& config) {
  return std::visit([](const auto& c) { return c.words(); }, config);
}

}  // namespace uwaga
