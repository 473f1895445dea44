#include <uwaga/ir/op.h>

namespace uwaga {
namespace {
constexpr std::array<std::string_view, kOps> kNames = {
    "input", "parameter", "constant", "iota", "random_bits",
    "neg", "abs", "exp", "log", "log1p", "sqrt", "rsqrt", "sin", "cos", "tanh", "erf", "sigmoid", "floor", "logical_not",
    "add", "sub", "mul", "div", "pow", "max", "min", "rem", "logical_and", "logical_or", "eq", "lt",
    "select", "cast", "bitcast",
    "split", "merge", "broadcast", "rename", "slice", "pad", "concat", "reverse", "order",
    "dot", "sum", "reduce_max", "argmax", "cumsum",
    "gather", "scatter_add", "dynamic_slice", "dynamic_update", "top_k",
    "scan", "cond", "call", "stop_gradient", "tag"};
static_assert(kNames.back() == "tag", "every op has a name");
}  // namespace

std::string_view name(Op op) { return kNames[static_cast<std::size_t>(op)]; }

std::optional<Op> parse_op(std::string_view text) {
  for (int i = 0; i < kOps; ++i)
    if (kNames[static_cast<std::size_t>(i)] == text) return static_cast<Op>(i);
  return std::nullopt;
}

}  // namespace uwaga
