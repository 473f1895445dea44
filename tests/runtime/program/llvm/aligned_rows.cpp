// Wide rows that a cache line does not divide begin with one all the same, and nothing else sees the difference.
#include <uwaga/ir/composites/losses.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/slots.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kWidth = 8;
const Axis token{"token"}, width{"width", kWidth};

// A classifier of so many classes, and its training step; products in bf16 if `narrow`.
Graph classifier(std::int64_t classes, bool narrow = false) {
  Graph g;
  const Axis cls{"class", classes};
  Tensor x = g.input("x", f32, {token, width}), w = g.scope().param("w", {cls, width}, ones());
  if (narrow) x = cast(x, bf16), w = cast(w, bf16);
  const Tensor logits = dot(x, w, {width}, f32);
  return train_step(cross_entropy(logits, g.input("y", i32, {token}), cls), AdamW{.rate = 0.01});
}

// Elements between the first of a row and the first of the next, of what products write or multiply beside that: 0 where all are dense.
std::int64_t longest_row(const Graph& g) {
  std::int64_t longest = 0;
  const auto e = executable_of(g);
  for (const auto& [v, layout] : e->layouts)
    if (layout.room) longest = std::max(longest, *layout.room->extent.constant());
  return longest;
}

Arrays some(std::int64_t tokens, std::int64_t classes) {
  Array y(i32, {{"token", tokens}});
  for (std::int64_t i = 0; i < tokens; ++i) y.set_integer(i, (i * 1237 + classes - 1) % classes);
  return {{"x", ramp(-1, 0.03, Type{f32, {{"token", tokens}, {"width", kWidth}}})}, {"y", y}};
}

}  // namespace

TEST_CASE("rows of logits begin with a cache line, where they are wide and would not") {
  CHECK(longest_row(classifier(4099)) == 4112);
  CHECK(longest_row(classifier(4096)) == 0);  // they do
  CHECK(longest_row(classifier(1001)) == 0);  // narrow
  CHECK(longest_row(classifier(8195, true)) >= 8208);
}

TEST_CASE("steps whose rows have room between them leave the interpreter's bits") {
  for (std::int64_t classes : {4099, 4111, 6000}) {
    INFO(classes << " classes");
    agrees(classifier(classes), some(5, classes));
    agrees(classifier(classes), some(1, classes));
  }
}

TEST_CASE("rows with room are looked through for NaN as others are") {
  const Environment check("UWAGA_CHECK", "nan");
  State state;
  Program p = compile(classifier(4099), Target::host(2), state);
  state.initialise(1);
  for (int i = 0; i < 2; ++i) CHECK_NOTHROW(p.run(some(3, 4099)));
}
