// docs/ops.md is written from the tables of the three floors; this test fails when the file no longer says what they
// say. UWAGA_APPROVE=1 build/release/bin/tests_docs writes it anew.
#include <fmt/format.h>
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/codegen/lower/table.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/build/sources.h"
#include "tests/catch.h"
#include "tests/ir/every_op.h"

namespace uwaga {
namespace {

// What a tensor of the op is, in words: the only column that no table can tell.
struct Words {
  Op op;
  const char* rule;
};

constexpr const char* kFloat = "floating; the type of x";
constexpr const char* kNumber = "numbers; the type of x";
constexpr const char* kPair = "numbers of one dtype over the same axes; their type";
constexpr const char* kBools = "bools over the same axes; bool";
constexpr const char* kCompare = "one dtype, the same axes; bool";

constexpr OpTable<Words> kWords = {{{
    {Op::input, "what the graph is given: any dtype and axes; sizes may be symbols"},
    {Op::parameter, "the value of a state slot at the start of a run; every size static"},
    {Op::constant, "one number for every element, or all of them where the sizes are static"},
    {Op::iota, "0, 1, 2, ... along one axis; numbers"},
    {Op::random_bits, "i32 bits from seed, step and the indices of enclosing scans (i64 scalars)"},
    {Op::neg, kNumber},
    {Op::abs, kNumber},
    {Op::exp, kFloat},
    {Op::log, kFloat},
    {Op::log1p, kFloat},
    {Op::sqrt, kFloat},
    {Op::rsqrt, kFloat},
    {Op::sin, kFloat},
    {Op::cos, kFloat},
    {Op::tanh, kFloat},
    {Op::erf, kFloat},
    {Op::sigmoid, kFloat},
    {Op::floor, kFloat},
    {Op::logical_not, "bool; bool"},
    {Op::add, kPair},
    {Op::sub, kPair},
    {Op::mul, kPair},
    {Op::div, "numbers of one dtype over the same axes; integers round down, by zero give 0"},
    {Op::pow, "floats of one dtype over the same axes; their type"},
    {Op::max, "numbers of one dtype over the same axes; NaN if either is"},
    {Op::min, "numbers of one dtype over the same axes; NaN if either is"},
    {Op::rem, "numbers of one dtype over the same axes; the sign of the divisor, by zero 0"},
    {Op::logical_and, kBools},
    {Op::logical_or, kBools},
    {Op::eq, kCompare},
    {Op::lt, kCompare},
    {Op::select, "a bool condition and two tensors of one dtype, all over the same axes; their type"},
    {Op::cast, "any; the same axes in the dtype asked for"},
    {Op::bitcast, "any; the same axes in another dtype of the same size"},
    {Op::split, "an axis becomes several, the first the slowest; their product is its size"},
    {Op::merge, "several axes become one, the first the slowest; its size is their product"},
    {Op::broadcast, "further axes; those there are keep their size"},
    {Op::rename, "an axis under another name; the size stays"},
    {Op::slice, "start, start + step, ... below stop along an axis"},
    {Op::pad, "values before, after and between the elements along an axis"},
    {Op::concat, "tensors of one dtype that differ in the size of one axis; that size is the sum"},
    {Op::reverse, "an axis backwards; the type of x"},
    {Op::order, "the same tensor, its axes written in another order"},
    {Op::dot,
     "the axes of both, less those summed over; shared ones are batch axes; narrow floats may give f32, i8 may give "
     "i32"},
    {Op::sum, "numbers, less the axes summed over; empty is 0"},
    {Op::reduce_max, "numbers, less the axes; empty is -inf"},
    {Op::argmax, "i32, less the axis; the lowest index on ties, NaN is the largest"},
    {Op::cumsum, "numbers; the type of x"},
    {Op::gather, "the axes of the indices (i32 or i64), then those of the data less the one indexed"},
    {Op::scatter_add, "the type of the base; updates of the type gather would give"},
    {Op::dynamic_slice, "so many elements along an axis from a scalar start (i32 or i64)"},
    {Op::dynamic_update, "the type of x; a part along an axis replaced from a scalar start"},
    {Op::top_k, "the k largest and their i32 indices, along a new axis instead of the old"},
    {Op::scan, "a body run along an axis: the last carries, and outputs stacked along it"},
    {Op::cond, "the outputs of one of two bodies of the same types, by a bool scalar"},
    {Op::call, "the outputs of a composite's body"},
    {Op::stop_gradient, "the type of x"},
    {Op::tag, "the type of x, with a name"},
}}};

constexpr bool complete() {
  for (int i = 0; i < kOps; ++i)
    if (kWords.rows[static_cast<std::size_t>(i)].op != static_cast<Op>(i)) return false;
  return true;
}
static_assert(complete(), "every op is described, in the order of the enum");

const char* word(autodiff::Linearises how) {
  switch (how) {
    case autodiff::Linearises::rule:
      return "rule";
    case autodiff::Linearises::zero:
      return "zero";
    case autodiff::Linearises::none:
      return "none";
    case autodiff::Linearises::body:
      return "by its body";
  }
  return "?";
}

std::string transposes(Op op) {
  const autodiff::TransposeRow& row = autodiff::transpose_row(op);
  if (autodiff::linearise_row(op).how == autodiff::Linearises::body) return "by its body";
  if (row.linear == 0) return "never linear";
  if (row.linear == autodiff::kAnyOperand) return "rule in any operand";
  std::string operands;
  for (int i = 0; i < 8; ++i)
    if (row.linear >> i & 1) operands += fmt::format("{}{}", operands.empty() ? "" : ", ", i);
  return "rule in operand " + operands;
}

const char* word(kernel::Lowering how) {
  switch (how) {
    case kernel::Lowering::leaf:
      return "stored before the run";
    case kernel::Lowering::inlined:
      return "inlined";
    case kernel::Lowering::reduction:
      return "reduction";
    case kernel::Lowering::contraction:
      return "contraction";
    case kernel::Lowering::index:
      return "own schedule";
    case kernel::Lowering::structure:
      return "run by the program";
  }
  return "?";
}

std::string document() {
  std::map<Op, int> examples;
  for (const auto& e : test::every_op()) ++examples[e.op];
  for (const auto& e : test::every_op_and_dtype()) ++examples[e.op];
  std::string out = R"(# The ops

This file is written by `tests/docs/ops.cpp` from the tables of the floors; a test fails when it is stale.

- **Type**: what the operands must be, then what comes out. Elementwise ops are written with operands whose axes one contains
  the other's, and with literals; the builder broadcasts before the op.
- **Linearise**: `rule`: the tangent of the output from those of the operands. `zero`: piecewise constant, or a leaf. `none`: an
  error that names the op and the line, should a tangent reach it. *By its body*: the derivative of what is inside.
- **Transpose**: the operands in which the op may be linear; cotangents flow to these. `never linear`: no tangent passes it as
  it is, since its linearisation is written in other ops.
- **Lowering**: `inlined`: an expression computed wherever it is used. `reduction`, `contraction`: by the schedules of that
  name. *Own schedule*: a cluster of its own. *Run by the program*: composites are expanded first; bodies have clusters of their own.
- **Examples**: graphs of this op that every floor's tests go over: types, text form and values (`tests/ir`), both modes of
  derivative against dual numbers (`tests/autodiff`), kernels against the interpreter (`tests/codegen`), CUDA kernels on the host
  (`tests/runtime/cuda`).

| op | type | linearise | transpose | lowering | examples |
|---|---|---|---|---|--:|
)";
  for (int i = 0; i < kOps; ++i) {
    const auto op = static_cast<Op>(i);
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", name(op), kWords.at(op).rule,
                       word(autodiff::linearise_row(op).how), transposes(op), word(kernel::lower_row(op).how),
                       examples[op]);
  }
  return out;
}

TEST_CASE("docs/ops.md says what the tables say") {
  const std::filesystem::path file = sources::root() / "docs/ops.md";
  const std::string wanted = document();
  if (const char* approve = std::getenv("UWAGA_APPROVE"); approve && std::string(approve) == "1")
    std::ofstream(file) << wanted;
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  INFO("run UWAGA_APPROVE=1 build/release/bin/tests_docs and look at the difference");
  CHECK(text.str() == wanted);
}

TEST_CASE("every op has an example that the tests of all floors go over") {
  std::map<Op, int> examples;
  for (const auto& e : test::every_op()) ++examples[e.op];
  for (int i = 0; i < kOps; ++i) {
    INFO(name(static_cast<Op>(i)));
    CHECK(examples[static_cast<Op>(i)] > 0);
  }
}

}  // namespace
}  // namespace uwaga
