#include <uwaga/ir/passes/precision.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// Relative size of half a unit in the last place of bf16.
constexpr double kRounding = 0x1p-9;

}  // namespace

TEST_CASE("models trained in bf16 stay near f32, and equal the interpreter's as their f32 sums do") {
  for (const bool llama : {false, true}) {
    INFO((llama ? "llama" : "gpt2"));
    const Graph step = llama ? small_llama_step() : small_gpt2_step();
    const Graph narrow = compute_in(step, DType::bf16);
    const SmallRun exact = train_small(step, Target::host(2)), compiled = train_small(narrow, Target::host(2), 3);
    const SmallRun reference = train_small(narrow, Target::interpreter());
    const SmallRun emulated = llama ? reference : train_small(narrow, Target::emulated());  // one of them: its kernels take long to build
    CHECK(compiled.digest == train_small(narrow, Target::host(1)).digest);
    CHECK(compiled.losses[0] != exact.losses[0]);
    for (std::size_t i = 0; i < exact.losses.size(); ++i) {
      CHECK(compiled.losses[i] == Approx(exact.losses[i]).epsilon(4 * kRounding));
      // A sum in another order may round to the other neighbour where it is narrowed again.
      CHECK(compiled.losses[i] == Approx(reference.losses[i]).epsilon(kRounding));
      CHECK(emulated.losses[i] == Approx(reference.losses[i]).epsilon(kRounding));
    }
  }
}
