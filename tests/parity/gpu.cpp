// What must hold where a GPU is: the reference models and a short training on it. Label `gpu`; skipped where there is none.
#ifdef UWAGA_WITH_CUDA
#include <sstream>

#include <uwaga/ir/composites/losses.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/cuda/driver.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/state.h>

#include "tests/catch.h"
#include "tests/runtime/shared_data.h"
#include "tools/check.h"

namespace uwaga::test {
namespace {

bool no_gpu() {
  std::string why = CudaDriver::why_not();
  if (why.empty()) why = Nvrtc::why_not();
  if (!why.empty()) WARN("skipped: " << why);
  return !why.empty();
}

// Losses of a few steps of a small GPT-2 on one batch.
std::vector<float> train(const Target& target) {
  const Gpt2 c{.layers = 2, .heads = 2, .width = 32, .vocab = 40, .positions = 32};
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  State state;
  Program step = compile(train_step(cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words()), AdamW{.rate = 1e-2}), target, state);
  state.initialise(1, Target::interpreter());
  std::vector<std::int32_t> ids;
  for (int i = 0; i < 4 * 31; ++i) ids.push_back((i * i + 7 * i) % 40);
  const Array batch = array({{"batch", 4}, {"time", 31}}, ids);
  std::vector<float> losses;
  for (int i = 0; i < 30; ++i) losses.push_back(step.run({{"tokens", batch}, {"targets", batch}})["loss"].item<float>());
  return losses;
}

void agrees(const char* name) {
  if (no_gpu()) return;
  const auto folder = shared_data(std::string("parity/") + name);
  if (!folder) {
    WARN("skipped: the reference answers of " << name << " are not here");
    return;
  }
  std::ostringstream out;
  const int code = check_command({.folder = *folder, .device = "cuda"}, out);
  INFO(out.str());
  CHECK(code == 0);
}

}  // namespace

TEST_CASE("gpt2 agrees with the reference on the GPU", "[parity][gpu]") { agrees("gpt2"); }

TEST_CASE("llama agrees with the reference on the GPU", "[parity][gpu]") { agrees("llama"); }

TEST_CASE("a short training on the GPU learns, follows the CUDA kernels on the host, and repeats to the bit", "[parity][gpu]") {
  if (no_gpu()) return;
  const std::vector<float> gpu = train(Target::cuda()), again = train(Target::cuda()), host = train(Target::emulated());
  CHECK(gpu.back() < gpu.front() / 2);
  CHECK(gpu == again);
  for (std::size_t i = 0; i < gpu.size(); ++i) CHECK(gpu[i] == Approx(host[i]).epsilon(1e-3));
}

}  // namespace uwaga::test
#endif
