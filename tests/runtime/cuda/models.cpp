// A whole training step as CUDA kernels: run on the host against the interpreter, and compiled to cubins.
#include <random>

#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/cuda/nvrtc.h>

#include "tests/catch.h"
#include "tests/runtime/cuda/run_cuda.h"

namespace uwaga::test {
namespace {

Graph small_step() {
  const Gpt2 c{.layers = 2, .heads = 2, .width = 24, .vocab = 19, .positions = 16};
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  const Tensor loss = cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words());
  return train_step(loss, AdamW{});
}

}  // namespace

TEST_CASE("a training step of a small GPT-2 on emulated CUDA gives the interpreter's loss and parameters") {
  const Graph step = small_step(), lowered = lower_for_kernels(step);
  CudaGraphs graphs;
  const std::size_t number = graphs.add(lowered);
  graphs.compile();
  const Sizes sizes{{"batch", 3}, {"time", 11}};
  std::mt19937 random(3);
  Arrays inputs;
  for (const char* name : {"tokens", "targets"}) {
    Array x(i32, {{"batch", 3}, {"time", 11}});
    for (std::int64_t i = 0; i < x.elements(); ++i) x.set_integer(i, static_cast<std::int64_t>(random() % 19));
    inputs.emplace(name, x);
  }
  const Arrays parameters = initial_parameters(step, 1);
  const Results want = interpret(step, inputs, parameters, Mode::typed);
  const CudaGraphs::Result have = graphs.run(number, inputs, parameters, sizes);
  CHECK(have.error == 0);
  INFO(graphs.kernels().size() << " kernels, " << graphs.launches(number) << " launches");
  // Functions differ in the last place; through two blocks and back that is some hundred units.
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name);
    check_near(have.outputs.at(name), array, 1000, 1e-2);
  }
  // Adam divides by the root of a square: a gradient near 0 has any sign, so only what moved clearly is compared, by its size.
  for (const auto& [path, array] : want.updates) {
    INFO("slot " << path);
    check_near(have.updates.at(path), array, is_float(array.dtype()) ? 20000 : 0, 1e-1);
  }
}

TEST_CASE("all kernels of a GPT-2 training step compile to cubins without spills or warnings") {
  if (const std::string why = Nvrtc::why_not(); !why.empty()) {
    WARN(why);
    return;
  }
  CudaGraphs graphs;
  graphs.add(lower_for_kernels(small_step()));
  const auto kernels = graphs.kernels();
  const Nvrtc nvrtc;
  for (const char* architecture : {"sm_80", "sm_90a"}) {
    const CudaBinary b = nvrtc.compile(kernel::cuda_source(kernels), {.architecture = architecture, .ptx = false});
    REQUIRE(b.functions.size() == kernels.size());
    int registers = 0;
    for (const CudaFunction& f : b.functions) {
      INFO(f.name);
      CHECK(f.spill_store_bytes + f.spill_load_bytes == 0);
      registers = std::max(registers, f.registers);
    }
    for (const std::string& w : b.warnings) CHECK(w == "");
    INFO(architecture << ": " << kernels.size() << " kernels, " << b.microseconds / 1000 << " ms, at most " << registers << " registers");
    CHECK(registers < 256);
  }
}

}  // namespace uwaga::test
