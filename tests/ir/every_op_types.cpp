// The types that the examples of every_op.h give, written down; and what every op refuses.
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/infer.h>

#include <fmt/format.h>

#include <set>
#include <utility>

#include "tests/ir/every_op.h"

namespace uwaga::test {
namespace {

struct Written {
  const char* what;
  const char* types;  // of out0, out1, ...
};

constexpr Written kWritten[] = {
    {"input", "f32[rows, cols=5]"},
    {"parameter with an update", "f32[cols=5]"},
    {"one number", "f32[]"},
    {"several numbers", "f32[n=3], i32[n=3]"},
    {"iota", "i32[rows], f32[cols=5]"},
    {"random_bits", "i32[rows, cols=5], f32[rows, cols=5]"},
    {"neg f32", "f32[rows, cols=5]"},
    {"abs f32", "f32[rows, cols=5]"},
    {"exp f32", "f32[rows, cols=5]"},
    {"log f32", "f32[rows, cols=5]"},
    {"log1p f32", "f32[rows, cols=5]"},
    {"sqrt f32", "f32[rows, cols=5]"},
    {"rsqrt f32", "f32[rows, cols=5]"},
    {"sin f32", "f32[rows, cols=5]"},
    {"cos f32", "f32[rows, cols=5]"},
    {"tanh f32", "f32[rows, cols=5]"},
    {"erf f32", "f32[rows, cols=5]"},
    {"sigmoid f32", "f32[rows, cols=5]"},
    {"floor f32", "f32[rows, cols=5]"},
    {"logical_not", "bool[rows, cols=5]"},
    {"add f32", "f32[rows, cols=5]"},
    {"sub f32", "f32[rows, cols=5]"},
    {"mul f32", "f32[rows, cols=5]"},
    {"div f32", "f32[rows, cols=5]"},
    {"pow f32", "f32[rows, cols=5]"},
    {"max f32", "f32[rows, cols=5]"},
    {"min f32", "f32[rows, cols=5]"},
    {"rem f32", "f32[rows, cols=5]"},
    {"logical_and", "bool[rows, cols=5]"},
    {"logical_or", "bool[rows, cols=5]"},
    {"eq f32", "bool[rows, cols=5]"},
    {"lt f32", "bool[rows, cols=5]"},
    {"select", "f32[rows, cols=5]"},
    {"casts from f32", "f64[rows, cols=5], bf16[rows, cols=5], f16[rows, cols=5], i64[rows, cols=5], "
     "i32[rows, cols=5], i8[rows, cols=5], u8[rows, cols=5], bool[rows, cols=5]"},
    {"bitcast", "i32[rows, cols=5]"},
    {"split", "f32[rows, head=3, depth=4]"},
    {"merge", "f32[head=3, both=4*rows]"},
    {"broadcast", "f32[batch=2, copies=rows + 1, rows, cols=5]"},
    {"rename", "f32[key=rows, cols=5]"},
    {"slice", "f32[rows, cols=3]"},
    {"slice with steps and an extent", "f32[rows, cols=3], f32[rows=rows - 1, cols=5]"},
    {"pad", "f32[rows, cols=8], f32[rows, cols=14], i32[rows=rows + 1, cols=5]"},
    {"concat", "f32[rows, cols=12]"},
    {"reverse", "f32[rows, cols=5]"},
    {"order", "f32[cols=5, rows]"},
    {"dot", "f32[rows, wide=4]"},
    {"dot over two axes, with a batch axis", "f32[head=2, left=3, wide=4]"},
    {"outer product as a dot over nothing", "f32[rows, wide=4]"},
    {"inner products: a row's, with a vector, of everything", "f32[rows], f32[rows], f32[]"},
    {"sum", "f32[rows], f32[]"},
    {"reduce_max", "f32[rows], f32[]"},
    {"argmax", "i32[rows]"},
    {"cumsum", "f32[rows, cols=5], f32[rows, cols=5]"},
    {"gather", "f32[picked=4, rows]"},
    {"gather along a shared axis", "f32[rows]"},
    {"scatter_add", "f32[rows, cols=5]"},
    {"scatter_add, one update a row", "f32[rows, cols=5]"},
    {"dynamic_slice", "f32[rows, cols=3]"},
    {"dynamic_update", "f32[rows, cols=5]"},
    {"top_k", "f32[rows, best=2], i32[rows, best=2]"},
    {"scan with a captured tensor", "f32[cols=5], f32[rows, cols=5]"},
    {"scan in reverse, without slices", "f32[cols=5]"},
    {"cond", "f32[rows, cols=5]"},
    {"call", "f32[rows, cols=5], f32[rows]"},
    {"stop_gradient", "f32[rows, cols=5]"},
    {"tag", "f32[rows, cols=5]"},
};

std::string types_of(const OpExample& e) {
  std::string out;
  for (const Output& o : e.graph->outputs()) out += (out.empty() ? "" : ", ") + e.graph->type(o.value).str();
  return out;
}

bool refuses(Op op, const Attributes& attributes, const std::vector<Type>& operands) {
  try {
    infer(op, attributes, operands);
    return false;
  } catch (const Error&) {
    return true;
  }
}

// Does the node's op refuse its first operand with other axes or another dtype, or (a leaf) its type with an axis twice?
bool refuses_something(const GraphData& g, const Node& n) {
  std::vector<Type> operands;
  for (const Value& v : n.operands) operands.push_back(g.type(v));
  const auto with = [&](const auto& change) {
    std::vector<Type> other = operands;
    change(other[0]);
    return refuses(n.op, n.attributes, other);
  };
  const auto twice = [&](auto attributes) {
    attributes.type.dims = {{"cols", 5}, {"cols", 5}};
    return refuses(n.op, attributes, operands);
  };
  switch (n.op) {
    case Op::input: return twice(n.as<InputAttrs>());
    case Op::parameter: return twice(n.as<ParameterAttrs>());
    case Op::constant: return twice(n.as<ConstantAttrs>());
    case Op::iota: return twice(n.as<IotaAttrs>());
    default: break;
  }
  return with([](Type& t) { for (Dim& d : t.dims.edit()) d.axis += "x"; }) || with([](Type& t) { t.dtype = DType::boolean; }) ||
         with([](Type& t) { t.dtype = DType::f64; });
}

}  // namespace

std::vector<std::string> type_differences() {
  std::vector<std::string> out;
  const std::vector<OpExample> examples = every_op();
  if (examples.size() != std::size(kWritten)) return {fmt::format("{} examples, {} written types", examples.size(), std::size(kWritten))};
  for (std::size_t i = 0; i < examples.size(); ++i)
    if (examples[i].what != kWritten[i].what || types_of(examples[i]) != kWritten[i].types)
      out.push_back(fmt::format("{{\"{}\", \"{}\"}}, instead of {}, {}", examples[i].what, types_of(examples[i]), kWritten[i].what,
                                kWritten[i].types));
  return out;
}

std::vector<std::string> refusal_differences() {
  const std::set<Op> any = {Op::cast, Op::stop_gradient, Op::tag};  // which fit everything
  std::set<Op> refusing = any;
  for (const OpExample& e : every_op())
    for (const Node& n : e.graph->nodes())
      if (n.op == e.op && refuses_something(e.graph.data(), n)) refusing.insert(n.op);
  std::vector<std::string> out;
  for (int i = 0; i < kOps; ++i)
    if (!refusing.contains(static_cast<Op>(i))) out.push_back(fmt::format("{} refuses nothing", name(static_cast<Op>(i))));
  return out;
}

}  // namespace uwaga::test
