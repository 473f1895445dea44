#include "tests/ir/every_op.h"

#include <fmt/format.h>

#include <uwaga/ir/ops.h>

namespace uwaga::test {
namespace {

const Axis rows{"rows"}, cols{"cols", 5};

// Writes one example: `f` gets the graph and returns the outputs.
template <typename F>
OpExample example(Op op, std::string what, F f) {
  OpExample e{op, std::move(what), Graph(), -2, 2, 3};
  e.graph.shared();
  const std::vector<Tensor> outputs = f(e.graph);
  for (std::size_t i = 0; i < outputs.size(); ++i) e.graph->add_output(fmt::format("out{}", i), outputs[i].value());
  return e;
}

Tensor matrix(Graph& g, const char* name, DType d = f32) { return g.input(name, d, {rows, cols}); }

using Unary = Tensor (*)(Operand);
const std::vector<std::pair<Op, Unary>> kUnary = {
    {Op::neg, [](Operand x) { return -x; }}, {Op::abs, abs},     {Op::exp, exp}, {Op::log, log}, {Op::log1p, log1p},
    {Op::sqrt, sqrt},                        {Op::rsqrt, rsqrt}, {Op::sin, sin}, {Op::cos, cos}, {Op::tanh, tanh},
    {Op::erf, erf},                          {Op::sigmoid, sigmoid}, {Op::floor, floor}};
using Binary = Tensor (*)(Operand, Operand);
const std::vector<std::pair<Op, Binary>> kBinary = {
    {Op::add, [](Operand a, Operand b) { return a + b; }}, {Op::sub, [](Operand a, Operand b) { return a - b; }},
    {Op::mul, [](Operand a, Operand b) { return a * b; }}, {Op::div, [](Operand a, Operand b) { return a / b; }},
    {Op::pow, pow}, {Op::max, max}, {Op::min, min}, {Op::rem, rem},
    {Op::eq, equal}, {Op::lt, [](Operand a, Operand b) { return a < b; }}};

OpExample unary_example(Op op, Unary f, DType d) {
  OpExample e = example(op, fmt::format("{} {}", name(op), name(d)), [&](Graph& g) { return std::vector{f(matrix(g, "x", d))}; });
  if (op == Op::log || op == Op::sqrt || op == Op::rsqrt) e.low = 0.25;
  if (op == Op::log1p) e.low = -0.75;
  return e;
}

OpExample binary_example(Op op, Binary f, DType d) {
  OpExample e = example(op, fmt::format("{} {}", name(op), name(d)),
                        [&](Graph& g) { return std::vector{f(matrix(g, "x", d), matrix(g, "y", d))}; });
  if (op == Op::pow || op == Op::div || op == Op::rem) e.low = 0.5;
  return e;
}

Initial zeros() {
  return {[](Graph& g, const std::string&, const Type& t) { return broadcast(constant(g, 0.0, t.dtype), t.dims); }};
}

void leaves(std::vector<OpExample>& out) {
  out.push_back(example(Op::input, "input", [](Graph& g) { return std::vector{matrix(g, "x")}; }));
  out.push_back(example(Op::parameter, "parameter with an update", [](Graph& g) {
    const Tensor w = g.scope().param("weight", {cols}, zeros());
    const Tensor next = w + 1.0;
    g->add_update("weight", next.value());
    return std::vector{w};
  }));
  out.push_back(example(Op::constant, "one number", [](Graph& g) { return std::vector{constant(g, -0.0, f32)}; }));
  out.push_back(example(Op::constant, "several numbers", [](Graph& g) {
    return std::vector{constant(g, {1.5, -0.1, 1e-30}, f32, {Axis{"n", 3}}), constant(g, {1, -2, 300}, i32, {Axis{"n", 3}})};
  }));
  out.push_back(example(Op::iota, "iota", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{iota(x, rows), iota(x, cols, f32)};
  }));
  out.push_back(example(Op::random_bits, "random_bits", [](Graph& g) {
    const Tensor x = matrix(g, "x");  // binds rows
    return std::vector{random_bits(g.scope() / "dropout", "mask", x.type().with_dtype(i32)), x};
  }));
}

void elementwise(std::vector<OpExample>& out) {
  for (const auto& [op, f] : kUnary) out.push_back(unary_example(op, f, f32));
  out.push_back(example(Op::logical_not, "logical_not", [](Graph& g) { return std::vector{logical_not(matrix(g, "b", boolean))}; }));
  for (const auto& [op, f] : kBinary) {
    if (op == Op::eq) {
      out.push_back(example(Op::logical_and, "logical_and", [](Graph& g) {
        const Tensor x = matrix(g, "x");
        return std::vector{logical_and(x < 1.0, matrix(g, "b", boolean))};
      }));
      out.push_back(example(Op::logical_or, "logical_or", [](Graph& g) {
        const Tensor x = matrix(g, "x");
        return std::vector{logical_or(x < -1.0, matrix(g, "b", boolean))};
      }));
    }
    out.push_back(binary_example(op, f, f32));
  }
  out.push_back(example(Op::select, "select", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = matrix(g, "y");
    return std::vector{select(matrix(g, "b", boolean), x, y)};
  }));
  out.push_back(example(Op::cast, "casts from f32", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    std::vector<Tensor> casts;
    for (DType d : {f64, bf16, f16, i64, i32, i8, u8, boolean}) casts.push_back(cast(x, d));
    return casts;
  }));
  out.push_back(example(Op::bitcast, "bitcast", [](Graph& g) { return std::vector{bitcast(matrix(g, "x"), i32)}; }));
}

void axes(std::vector<OpExample>& out) {
  out.push_back(example(Op::split, "split", [](Graph& g) {
    const Tensor x = g.input("x", f32, {rows, {"model", 12}});
    return std::vector{split(x, Axis{"model"}, {Axis{"head", 3}, Axis{"depth"}})};
  }));
  out.push_back(example(Op::merge, "merge", [](Graph& g) {
    const Tensor x = g.input("x", f32, {rows, {"head", 3}, {"depth", 4}});
    return std::vector{merge(x, {Axis{"depth"}, Axis{"rows"}}, Axis{"both"})};
  }));
  out.push_back(example(Op::broadcast, "broadcast", [](Graph& g) {
    return std::vector{broadcast(matrix(g, "x"), {{"batch", 2}, {"copies", Extent::symbol("rows") + 1}})};
  }));
  out.push_back(example(Op::rename, "rename", [](Graph& g) { return std::vector{rename(matrix(g, "x"), rows, Axis{"key"})}; }));
  out.push_back(example(Op::slice, "slice", [](Graph& g) { return std::vector{slice(matrix(g, "x"), cols, 1, 4)}; }));
  out.push_back(example(Op::slice, "slice with steps and an extent", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{slice(x, cols, 0, 5, 2), slice(x, rows, 1, Extent::symbol("rows"))};
  }));
  out.push_back(example(Op::pad, "pad", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{pad(x, cols, 1, 2), pad(x, cols, 0, 1, -1.5, 2), pad(matrix(g, "i", i32), rows, 1, 0, 7)};
  }));
  out.push_back(example(Op::concat, "concat", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = g.input("y", f32, {{"cols", 2}, rows});
    return std::vector{concat({x, y, x}, cols)};
  }));
  out.push_back(example(Op::reverse, "reverse", [](Graph& g) { return std::vector{reverse(matrix(g, "x"), cols)}; }));
  out.push_back(example(Op::order, "order", [](Graph& g) { return std::vector{order(matrix(g, "x"), {cols, rows})}; }));
}

void sums_and_indices(std::vector<OpExample>& out) {
  const Axis wide{"wide", 4};
  out.push_back(example(Op::dot, "dot", [&](Graph& g) { return std::vector{dot(matrix(g, "x"), g.input("y", f32, {cols, wide}), {cols})}; }));
  out.push_back(example(Op::dot, "dot over two axes, with a batch axis", [&](Graph& g) {
    const Tensor x = g.input("x", f32, {rows, cols, {"head", 2}, {"left", 3}}), y = g.input("y", f32, {wide, {"head", 2}, rows, cols});
    return std::vector{dot(x, y, {rows, cols})};
  }));
  out.push_back(example(Op::dot, "outer product as a dot over nothing", [&](Graph& g) {
    return std::vector{dot(g.input("x", f32, {rows}), g.input("y", f32, {wide}), {})};
  }));
  out.push_back(example(Op::dot, "inner products: a row's, with a vector, of everything", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = g.input("y", f32, {cols, rows});
    return std::vector{dot(x, y, {cols}), dot(x, g.input("v", f32, {cols}), {cols}), dot(x, y, {rows, cols})};
  }));
  out.push_back(example(Op::sum, "sum", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{sum(x, {cols}), sum(x, {rows, cols})};
  }));
  out.push_back(example(Op::reduce_max, "reduce_max", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{reduce_max(x, {cols}), reduce_max(x, {cols, rows})};
  }));
  out.push_back(example(Op::argmax, "argmax", [](Graph& g) { return std::vector{argmax(matrix(g, "x"), cols)}; }));
  out.push_back(example(Op::cumsum, "cumsum", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{cumsum(x, cols), cumsum(x, rows, true)};
  }));
  out.push_back(example(Op::gather, "gather", [](Graph& g) {
    return std::vector{gather(matrix(g, "x"), g.input("i", i32, {{"picked", 4}}), cols)};
  }));
  out.push_back(example(Op::gather, "gather along a shared axis", [](Graph& g) {
    return std::vector{gather(matrix(g, "x"), g.input("i", i64, {rows}), cols)};
  }));
  out.push_back(example(Op::scatter_add, "scatter_add", [](Graph& g) {
    const Tensor x = matrix(g, "x"), i = g.input("i", i32, {{"picked", 4}}), y = g.input("y", f32, {{"picked", 4}, rows});
    return std::vector{scatter_add(x, i, y, cols)};
  }));
  out.push_back(example(Op::scatter_add, "scatter_add, one update a row", [](Graph& g) {
    const Tensor x = matrix(g, "x"), i = g.input("i", i32, {rows}), y = g.input("y", f32, {rows});
    return std::vector{scatter_add(x, i, y, cols)};
  }));
  out.push_back(example(Op::dynamic_slice, "dynamic_slice", [](Graph& g) {
    return std::vector{dynamic_slice(matrix(g, "x"), g.input("s", i64, {}), cols, 3)};
  }));
  out.push_back(example(Op::dynamic_update, "dynamic_update", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = g.input("y", f32, {rows, {"cols", 3}}), s = g.input("s", i64, {});
    return std::vector{dynamic_update(x, y, s, cols)};
  }));
  out.push_back(example(Op::top_k, "top_k", [](Graph& g) {
    const TopK best = top_k(matrix(g, "x"), cols, 2, Axis{"best"});
    return std::vector{best.values, best.indices};
  }));
}

void structure(std::vector<OpExample>& out) {
  out.push_back(example(Op::scan, "scan with a captured tensor", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = g.input("y", f32, {cols}), z = g.input("z", f32, {cols});
    const ScanResult r = scan(rows, {y}, {x}, [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& slices, Tensor index) {
      const Tensor next = tanh(carry[0] * z + slices[0]);
      return ScanStep{{next}, {next * 2.0 + cast(index, f32)}};
    });
    return std::vector{r.carries[0], r.outputs[0]};
  }));
  out.push_back(example(Op::scan, "scan in reverse, without slices", [](Graph& g) {
    const Tensor y = g.input("y", f32, {cols});
    const ScanResult r = scan(
        Axis{"step"}, {y}, {},
        [&](const std::vector<Tensor>& carry, const std::vector<Tensor>&, Tensor index) {
          return ScanStep{{carry[0] * 0.5 + cast(index, f32)}, {}};
        },
        {.reverse = true, .length = Extent(4)});
    return std::vector{r.carries[0]};
  }));
  out.push_back(example(Op::cond, "cond", [](Graph& g) {
    const Tensor x = matrix(g, "x"), y = matrix(g, "y"), s = g.input("s", i64, {});
    return cond(
        s < 1, {x}, [&](const std::vector<Tensor>& in) { return std::vector{exp(in[0])}; },
        [&](const std::vector<Tensor>& in) { return std::vector{in[0] * y}; });
  }));
  out.push_back(example(Op::call, "call", [](Graph& g) {
    const auto which = std::make_shared<Composite>(Composite{.name = "test_norm", .version = 1, .backward = nullptr});
    const Options options{{"axes", AxisNames{"cols"}}, {"epsilon", 1e-5}, {"mode", std::string("root \"mean\"")},
                          {"rows", Extent::symbol("rows") + 1}, {"times", std::int64_t{2}}};
    return composite(which, options, {matrix(g, "x")}, [](const std::vector<Tensor>& in) {
      const Tensor square = mean(in[0] * in[0], {cols});
      return std::vector{in[0] * rsqrt(square + 1e-5), square};
    });
  }));
  out.push_back(example(Op::stop_gradient, "stop_gradient", [](Graph& g) {
    const Tensor x = matrix(g, "x");
    return std::vector{x * stop_gradient(x)};
  }));
  out.push_back(example(Op::tag, "tag", [](Graph& g) { return std::vector{tag(matrix(g, "x"), "h.3 \"attn\"")}; }));
}

}  // namespace

std::vector<OpExample> every_op() {
  std::vector<OpExample> out;
  leaves(out);
  elementwise(out);
  axes(out);
  sums_and_indices(out);
  structure(out);
  return out;
}

std::vector<OpExample> every_op_and_dtype() {
  std::vector<OpExample> out;
  for (DType d : {f64, f32, bf16, f16}) {
    for (const auto& [op, f] : kUnary) out.push_back(unary_example(op, f, d));
    for (const auto& [op, f] : kBinary) out.push_back(binary_example(op, f, d));
  }
  for (DType d : {i64, i32, i8, u8}) {
    for (const auto& [op, f] : kUnary)
      if (op == Op::neg || op == Op::abs) out.push_back(unary_example(op, f, d));
    for (const auto& [op, f] : kBinary)
      if (op != Op::pow) out.push_back(binary_example(op, f, d));
  }
  for (DType d : {f64, f32, bf16, f16, i32}) {
    const auto also = [&](Op op, auto f) { out.push_back(example(op, fmt::format("{} {}", name(op), name(d)), f)); };
    also(Op::dot, [&](Graph& g) { return std::vector{dot(matrix(g, "x", d), g.input("y", d, {cols, {"wide", 4}}), {cols})}; });
    also(Op::dot, [&](Graph& g) { return std::vector{dot(matrix(g, "x", d), matrix(g, "y", d), {cols})}; });
    also(Op::sum, [&](Graph& g) { return std::vector{sum(matrix(g, "x", d), {cols})}; });
    also(Op::reduce_max, [&](Graph& g) { return std::vector{reduce_max(matrix(g, "x", d), {cols})}; });
    also(Op::cumsum, [&](Graph& g) { return std::vector{cumsum(matrix(g, "x", d), cols)}; });
    also(Op::argmax, [&](Graph& g) { return std::vector{argmax(matrix(g, "x", d), cols)}; });
  }
  return out;
}

}  // namespace uwaga::test
