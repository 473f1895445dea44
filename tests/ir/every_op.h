// One or more small graphs for every op, for tests that ask the same of all: printing, hashing, values, derivatives, lowering.
//
//   for (const OpExample& e : every_op()) { INFO(e.what); ... e.graph ... }
//
// Inputs are x, y, z (floating, values sensible in [low, high]), i (integers in [0, index_limit)), b (bool), s (i64 scalar).
// Axes: rows, a symbol (bind it to anything; 3 is `kRows`), and cols = 5, unless an op wants others. Outputs are out0, out1, ...
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <uwaga/ir/graph.h>

namespace uwaga::test {

struct OpExample {
  Op op;
  std::string what;  // "log", "slice with steps"
  Graph graph;
  double low = -2, high = 2;      // of floating inputs
  std::int64_t index_limit = 3;   // of integer inputs
};

inline constexpr std::int64_t kRows = 3;
inline const Sizes kSizes{{"rows", kRows}};

// In the order of the ops; no op is missing.
std::vector<OpExample> every_op();
// The same node kinds in several dtypes: elementwise, dot and reductions in f64, f32, bf16, f16 and integers.
std::vector<OpExample> every_op_and_dtype();

// What is wrong with the type rules, a sentence each: the outputs' types of an example that differ from those written down in
// every_op_types.cpp, and ops that take any operands.
std::vector<std::string> type_differences();
std::vector<std::string> refusal_differences();

}  // namespace uwaga::test
