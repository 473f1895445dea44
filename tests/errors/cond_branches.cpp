#include "tests/errors/mistake.h"

MISTAKE("two branches of different types",
        "cond_branches.cpp:8: cond: one branch gives f32[row], the other f32[]") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  const Tensor which = g.input("which", boolean, {});
  cond(which, {x}, [](const auto& in) { return std::vector<Tensor>{in[0]}; },
       [](const auto& in) { return std::vector<Tensor>{sum(in[0], {"row"})}; });
}
