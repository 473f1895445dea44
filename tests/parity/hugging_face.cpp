#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/models/hugging_face.h>

#include <algorithm>
#include <set>

#include "tests/catch.h"
#include "tools/model_config.h"

using namespace uwaga;

namespace {

const Gpt2 kGpt2{.layers = 2, .heads = 2, .width = 4, .hidden = 6, .vocab = 5, .positions = 7};
const Llama kLlama{.layers = 2, .heads = 4, .kv_heads = 2, .width = 8, .hidden = 6, .vocab = 5, .positions = 7};

// A graph's parameters, by path, with their types.
std::map<std::string, Type> parameters(const ModelConfig& config) {
  Graph g;
  const Tensor tokens = g.input("tokens", DType::i32, {Axis("batch"), time_axis(config)});
  language_model(g.scope(), tokens, config);
  std::map<std::string, Type> out;
  for (const auto& [path, id] : g->parameters()) out[path] = g->node(id).types[0];
  return out;
}

// 0, 1, 2, ... plus an offset, under the parameter's own axes.
Array counting(const Type& type, double offset) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, *d.extent.constant()});
  Array out(DType::f32, dims);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.set(i, offset + static_cast<double>(i));
  return out;
}

void reads_back(const ModelConfig& config) {
  const WeightTable table = weight_table(config);
  Arrays ours;
  double offset = 0;
  for (const auto& [path, type] : parameters(config)) {
    ours.emplace(path, counting(type, offset));
    offset += 1000;
  }
  const Arrays disk = to_disk(table, ours);
  const Arrays again = from_disk(table, [&](const std::string& name) -> std::optional<Array> {
    const auto found = disk.find(name);
    return found == disk.end() ? std::nullopt : std::optional(found->second);
  });
  REQUIRE(again.size() == ours.size());
  for (const auto& [path, value] : ours) {
    INFO(path);
    CHECK(again.at(path).reordered(value.axes()) == value);
  }
}

std::string message(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("the weight tables name every parameter of their model once", "[parity]") {
  Llama tied = kLlama;
  tied.tied = true;
  for (const ModelConfig& config : {ModelConfig(kGpt2), ModelConfig(kLlama), ModelConfig(tied)}) {
    std::set<std::string> known, named;
    for (const auto& [path, type] : parameters(config)) known.insert(path);
    for (const WeightRow& row : weight_table(config).rows) CHECK(named.insert(row.path).second);
    CHECK(named == known);
  }
}

TEST_CASE("what the weight tables store reads back as it was", "[parity]") {
  reads_back(kGpt2);
  reads_back(kLlama);
}

TEST_CASE("query, key and value are the thirds of GPT-2's fused projection", "[parity]") {
  const WeightTable table = weight_table(kGpt2);
  Arrays ours;
  for (const auto& [path, type] : parameters(kGpt2))
    ours.emplace(path, counting(type, path == "h.1.attn.k.weight" ? 100 : 0));
  const Array fused = to_disk(table, ours).at("transformer.h.1.attn.c_attn.weight");
  REQUIRE(fused.dims() == ArrayDims{{"axis0", 4}, {"axis1", 12}});
  // [model, part, head, depth]: row 2, column 4 + 3 is key weight [model=2, head=1, depth=1].
  CHECK(fused.at({{"axis0", 2}, {"axis1", 4 + 3}}) == 100 + 2 * 4 + 3);
  CHECK(fused.at({{"axis0", 2}, {"axis1", 3}}) == 2 * 4 + 3);
}

TEST_CASE("names with and without the prefix load, buffers are ignored and strays are named", "[parity]") {
  const WeightTable table = weight_table(kGpt2);
  CHECK(unexpected(table, {"wte.weight", "transformer.wte.weight", "h.0.attn.bias", "transformer.h.1.attn.masked_bias",
                           "lm_head.weight"})
            .empty());
  CHECK(unexpected(table, {"h.2.ln_1.weight", "wte"}) == std::vector<std::string>{"h.2.ln_1.weight", "wte"});
  CHECK(unexpected(weight_table(kLlama), {"model.layers.0.self_attn.rotary_emb.inv_freq"}).empty());
}

TEST_CASE("a tensor that is missing or of another shape is one sentence", "[parity]") {
  const WeightTable table = weight_table(kGpt2);
  CHECK(message([&] { from_disk(table, [](const std::string&) { return std::nullopt; }); }) ==
        "the file has no tensor 'transformer.wte.weight', which 'wte' is read from");
  CHECK(message([&] {
          from_disk(table, [](const std::string&) { return Array(DType::f32, {{"axis0", 4}, {"axis1", 5}}); });
        }) == "'wte.weight' is [4, 5] in the file; the model wants [5, 4] for 'wte'");
  CHECK(message([&] { to_disk(table, {}); }) == "there is no 'wte' to store as 'wte.weight'");
}

TEST_CASE("old and new configuration files mean the same model", "[parity]") {
  const std::string common =
      R"("model_type": "llama", "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2,
    "num_attention_heads": 2, "vocab_size": 96, "max_position_embeddings": 512)";
  const auto read = [&](const std::string& more) {
    return std::get<Llama>(parse_model_config("{" + common + more + "}", "config.json"));
  };
  const Llama plain = read("");
  CHECK(plain.kv_heads == 2);
  CHECK(plain.head_depth == 0);
  CHECK(*plain.depth().extent->constant() == 16);
  CHECK(plain.theta == 10000);
  CHECK(plain.epsilon == 1e-6);
  CHECK(plain.inverse_frequencies.empty());
  const std::string scaling = R"("rope_type": "llama3", "factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
    "original_max_position_embeddings": 64)";
  const Llama newer = read(R"(, "dtype": "float32", "rope_parameters": {"rope_theta": 5e5, )" + scaling + "}");
  const Llama older = read(R"(, "torch_dtype": "float32", "rope_theta": 5e5, "rope_scaling": {)" + scaling + "}");
  CHECK(newer.theta == 5e5);
  CHECK(newer.theta == older.theta);
  CHECK(newer.inverse_frequencies.size() == 8);
  CHECK(newer.inverse_frequencies == older.inverse_frequencies);
  const Llama oldest = read(R"(, "rope_theta": 5e5, "rope_scaling": {"type": "linear", "factor": 2})");
  CHECK(oldest.inverse_frequencies[0] == 0.5);
}

TEST_CASE("a configuration that we cannot build is one sentence", "[parity]") {
  const auto refused = [](const std::string& text) {
    return message([&] { parse_model_config(text, "config.json"); });
  };
  CHECK_THAT(refused("{"), Contains("config.json: not valid JSON"));
  CHECK(refused(std::string(300'000, '[')) == "config.json: JSON nested deeper than 32 levels");
  CHECK(refused("[1]") == "config.json is no JSON object");
  CHECK(refused("{}") == "config.json has no 'model_type'");
  CHECK(refused(R"({"model_type": "t5"})") ==
        "config.json: there is no model of type \"t5\"; the types are gpt2, llama, mistral");
  CHECK(refused(R"({"model_type": "gpt2"})") == "config.json has no 'n_layer'");
  CHECK(refused(R"({"model_type": "gpt2", "n_layer": "2"})") ==
        "config.json: 'n_layer' is \"\\\"2\\\"\", not a number");
  CHECK(refused(R"({"model_type": "gpt2", "n_layer": 0})") ==
        "config.json: 'n_layer' is \"0\", not an integer from 1 to 2147483647");
  const std::string gpt2 =
      R"("model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 4, "vocab_size": 5, "n_positions": 6)";
  CHECK(refused("{" + gpt2 + R"(, "activation_function": "relu"})") ==
        "config.json: 'activation_function' is \"relu\", which is not built; gelu_new or gelu_pytorch_tanh is");
  CHECK(refused("{" + gpt2 + R"(, "scale_attn_weights": false})") ==
        "config.json: 'scale_attn_weights' is false, which is not built");
}
