// Every folder of reference answers we have a model for, by the command a user runs.
#include <sstream>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"
#include "tools/check.h"

using namespace uwaga;

namespace {

// What the command printed where it found a difference; empty where all agreed. `also`: a comparison that must be among
// those it made.
std::string differences(const std::string& folder, const std::string& device, const std::string& also = "") {
  const auto path = shared_data("parity/" + folder);
  if (!path) {
    WARN("the reference answers of " << folder << " are not here; nothing was compared");
    return "";
  }
  std::ostringstream out;
  const int code = check_command({.folder = *path, .device = device, .threads = 2}, out);
  if (code == 0 && out.str().find(also) == std::string::npos) return "there is no comparison of " + also + " in\n" + out.str();
  return code == 0 ? "" : out.str();
}

}  // namespace

#define UWAGA_AGREES(FOLDER, ALSO)                                                 \
  TEST_CASE(FOLDER " agrees with the reference on the interpreter", "[parity]") {  \
    CHECK(differences(FOLDER, "interpreter", ALSO) == "");                         \
  }                                                                                \
  TEST_CASE(FOLDER " agrees with the reference on compiled kernels", "[parity]") { \
    CHECK(differences(FOLDER, "cpu") == "");                                       \
  }
// On the interpreter also in exact arithmetic, with the float64 reference, to 1e-9.
#define UWAGA_AGREES_EXACTLY(FOLDER) UWAGA_AGREES(FOLDER, "loss (float64)")

UWAGA_AGREES_EXACTLY("gpt2")
UWAGA_AGREES_EXACTLY("gpt2-leftpad")
UWAGA_AGREES_EXACTLY("llama")
UWAGA_AGREES_EXACTLY("llama-rightpad")
UWAGA_AGREES_EXACTLY("llama-rope-llama3")
UWAGA_AGREES_EXACTLY("llama-yarn")
UWAGA_AGREES_EXACTLY("mistral")
UWAGA_AGREES("rnn", "")
UWAGA_AGREES("generate-gpt2", "")
UWAGA_AGREES("generate-llama", "")

// The CUDA source of every kernel, run on the host.
#define UWAGA_AGREES_EMULATED(FOLDER)                                                               \
  TEST_CASE(FOLDER " agrees with the reference on emulated CUDA kernels", "[parity][slow]") {       \
    CHECK(differences(FOLDER, "emulated") == "");                                                   \
  }

UWAGA_AGREES_EMULATED("gpt2")
UWAGA_AGREES_EMULATED("gpt2-leftpad")
UWAGA_AGREES_EMULATED("llama")
UWAGA_AGREES_EMULATED("llama-rightpad")
UWAGA_AGREES_EMULATED("llama-rope-llama3")
UWAGA_AGREES_EMULATED("llama-yarn")
UWAGA_AGREES_EMULATED("mistral")
UWAGA_AGREES_EMULATED("rnn")

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
