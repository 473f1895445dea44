// Short ways to run one tensor through the interpreter.
#pragma once

#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/catch.h"

namespace uwaga {

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The value of one tensor of a graph.
inline Array value_of(const Tensor& y, const Arrays& inputs, Mode mode = Mode::typed) {
  const std::string name = "result" + std::to_string(y.graph()->outputs().size());
  y.data().add_output(name, y.value());
  return interpret(y.graph(), inputs, {}, mode).outputs.at(name);
}

// The function `f` of vectors of one dtype over the axis n.
template <typename F, typename... Vectors>
Array apply(F f, DType dtype, Mode mode, const Vectors&... values) {
  Graph g;
  Arrays inputs;
  std::vector<Tensor> x;
  const auto enter = [&](const auto& v) {
    const std::string name = "x" + std::to_string(x.size());
    inputs.emplace(name, Array::of(dtype, {{"n", static_cast<std::int64_t>(v.size())}}, v));
    x.push_back(g.input(name, dtype, {"n"}));
  };
  (enter(values), ...);
  return value_of(f(x), inputs, mode);
}

using Doubles = std::vector<double>;
using Integers = std::vector<std::int64_t>;

// Equal element by element, NaN to NaN.
inline void check_same(const Doubles& have, const Doubles& want) {
  REQUIRE(have.size() == want.size());
  for (std::size_t i = 0; i < have.size(); ++i) {
    INFO("element " << i);
    if (want[i] != want[i]) CHECK(have[i] != have[i]);
    else CHECK(have[i] == want[i]);
  }
}

}  // namespace uwaga
