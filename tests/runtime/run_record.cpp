// run.json of a checkpoint, read as hostile.
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/train/run_record.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

// What reading such a run.json says, without the path it begins with.
std::string refused(const std::string& text) {
  const TemporaryFolder folder;
  const std::string path = folder.path() / "run.json";
  write_file(path, text);
  try {
    read_run(folder.path());
  } catch (const Error& e) {
    const std::string sentence = e.what();
    CHECK(sentence.starts_with(path));
    return sentence.substr(path.size());
  }
  return "";
}

std::string record(const std::string& step, const std::string& model, const std::string& tokenizer = "{}") {
  return R"({"format":1,"step":)" + step + R"(,"model":)" + model + R"(,"data":{},"tokenizer":)" + tokenizer + "}";
}

}  // namespace

TEST_CASE("a record that is nested too deep is refused") {
  CHECK(refused(record("1", std::string(300000, '['))) == ": JSON nested deeper than 32 levels");
  CHECK(refused(record("1", std::string(300000, '[') + std::string(300000, ']'))) == ": JSON nested deeper than 32 levels");
  CHECK(refused(record("1", R"({"a":)" + std::string(300000, '[') + std::string(300000, ']') + "}")) ==
        ": JSON nested deeper than 32 levels");
}

TEST_CASE("what a record has in a wrong type is said in one sentence") {
  CHECK(refused(record("1", "{}")).empty());
  CHECK(refused("[]") == " is no JSON object");
  CHECK(refused("{}") == " has no \"format\"");
  CHECK(refused(R"({"format":[1]})") == " has format \"[1]\", and this program reads 1");
  for (const char* step : {"-1", "1.5", "\"1\"", "null", "[]", "18446744073709551615"})
    CHECK(refused(record(step, "{}")) == ": \"step\" is no number of steps");
  CHECK(refused(record("1", "[]")) == ": \"model\" is no object");
  CHECK(refused(record("1", "{}", "7")) == ": \"tokenizer\" is no object");
}
