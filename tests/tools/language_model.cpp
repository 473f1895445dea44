// The model that a checkpoint tells of, read as hostile.
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tools/language_model.h"

using namespace uwaga;

TEST_CASE("a model's description has the limits of the command line, and one sentence for what is wrong") {
  const auto with = [](const char* field, const nlohmann::json& value) {
    auto json = nlohmann::json::parse(to_json({.vocab = 65}));
    json[field] = value;
    return json.dump();
  };
  CHECK(parse_language_model(with("layers", 1024), "run.json").layers == 1024);
  CHECK_THROWS_WITH(parse_language_model(with("layers", 1025), "run.json"), "run.json: \"layers\" is no whole number from 0 to 1024");
  CHECK_THROWS_WITH(parse_language_model(with("layers", "4"), "run.json"), "run.json: \"layers\" is no whole number from 0 to 1024");
  CHECK_THROWS_WITH(parse_language_model(with("precision", 16), "run.json"), "run.json: \"precision\" is no string");
  CHECK_THROWS_WITH(parse_language_model(with("dropout", "much"), "run.json"), "run.json: \"dropout\" is no number");
  CHECK_THROWS_WITH(parse_language_model(with("model", 2), "run.json"), "run.json: the model is \"2\"; known are gpt2 and llama");
}
