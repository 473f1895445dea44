// What a number stands for: an index, and so many times a symbol.
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include <vector>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("a gather by a number drops the axis") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"row", 2}, {"time", 3}});
  gather(x, 2, "time").watch("last");
  const Array xs = Array::of(f32, {{"row", 2}, {"time", 3}}, std::vector<double>{1, 2, 3, 4, 5, 6});
  CHECK(interpret(g, {{"x", xs}}, {}, Mode::typed).outputs.at("last").to_doubles() == std::vector<double>{3, 6});
}

TEST_CASE("an input whose size is a multiple tells the symbol that it is a multiple of") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("time", 4 * Extent::symbol("n"))});
  sum(split(x, "time", {{"chunk"}, {"in", 4}}), {"in"}).watch("y");
  const Array xs = Array::of(f32, {{"time", 8}}, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(interpret(g, {{"x", xs}}, {}, Mode::typed).outputs.at("y").to_doubles() == std::vector<double>{10, 26});
}
