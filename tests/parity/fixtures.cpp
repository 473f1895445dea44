// Every folder of reference answers we have a model for, by the command a user runs.
#include <sstream>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"
#include "tools/check.h"

using namespace uwaga;

namespace {

// What the command printed where it found a difference; empty where all agreed.
std::string differences(const std::string& folder, const std::string& device) {
  const auto path = shared_data("parity/" + folder);
  if (!path) {
    WARN("the reference answers of " << folder << " are not here; nothing was compared");
    return "";
  }
  std::ostringstream out;
  return check_command({.folder = *path, .device = device, .threads = 2}, out) == 0 ? "" : out.str();
}

}  // namespace

#define UWAGA_AGREES(FOLDER)                                                       \
  TEST_CASE(FOLDER " agrees with the reference on the interpreter", "[parity]") {  \
    CHECK(differences(FOLDER, "interpreter") == "");                               \
  }                                                                                \
  TEST_CASE(FOLDER " agrees with the reference on compiled kernels", "[parity]") { \
    CHECK(differences(FOLDER, "cpu") == "");                                       \
  }

UWAGA_AGREES("gpt2")
UWAGA_AGREES("gpt2-leftpad")
UWAGA_AGREES("llama")
UWAGA_AGREES("llama-rightpad")
UWAGA_AGREES("llama-rope-llama3")
UWAGA_AGREES("llama-yarn")
UWAGA_AGREES("mistral")
UWAGA_AGREES("rnn")
UWAGA_AGREES("generate-gpt2")
UWAGA_AGREES("generate-llama")

TEST_CASE("the GPT-2 training run agrees with the reference on compiled kernels", "[parity]") {
  CHECK(differences("trajectory-gpt2", "cpu") == "");
}
TEST_CASE("the LLaMA training run agrees with the reference on compiled kernels", "[parity]") {
  CHECK(differences("trajectory-llama", "cpu") == "");
}
TEST_CASE("the GPT-2 training run agrees with the reference on the interpreter", "[parity][slow]") {
  CHECK(differences("trajectory-gpt2", "interpreter") == "");
}
TEST_CASE("the LLaMA training run agrees with the reference on the interpreter", "[parity][slow]") {
  CHECK(differences("trajectory-llama", "interpreter") == "");
}
