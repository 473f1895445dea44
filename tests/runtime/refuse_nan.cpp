#include <cstdlib>

#include <uwaga/ir/ops.h>
#include <uwaga/runtime/program.h>

#include "tests/catch.h"

using namespace uwaga;

#ifdef UWAGA_WITH_LLVM
TEST_CASE("a value of UWAGA_CHECK that means nothing is refused") {
  Graph g;
  log(g.input("x", f32, {Axis("n", 4)})).watch("y");
  State state;
  setenv("UWAGA_CHECK", "NaN", 1);
  CHECK_THROWS_WITH(compile(g, Target::host(1), state), "UWAGA_CHECK=NaN: unknown, the one value it takes is nan");
  unsetenv("UWAGA_CHECK");
}

TEST_CASE("UWAGA_CHECK=nan stops at the first line that makes one, and the state keeps its values") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("n", 4)});
  const Tensor y = log(x);
  y.watch("y");
  State state;
  setenv("UWAGA_CHECK", "nan", 1);
  Program p = compile(g, Target::host(1), state);
  unsetenv("UWAGA_CHECK");
  CHECK_NOTHROW(p.run({{"x", array({{"n", 4}}, std::vector<float>{1, 2, 3, 4})}}));
  CHECK_THROWS_WITH(p.run({{"x", array({{"n", 4}}, std::vector<float>{1, 2, -3, 4})}}),
                    "refuse_nan.cpp:23: log makes a NaN, at element 2 of f32[n=4]");
}
#endif
