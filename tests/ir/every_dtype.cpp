#include "tests/ir/every_dtype.h"

#include <fmt/format.h>

#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/ops.h>

#include <functional>

namespace uwaga::test {
namespace {

const Axis rows{"rows"}, cols{"cols"};

constexpr DType kFloats[] = {DType::f64, DType::f32, DType::bf16, DType::f16};
constexpr DType kNumbers[] = {DType::f64, DType::f32, DType::bf16, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8};
constexpr DType kAll[] = {DType::f64, DType::f32, DType::bf16, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8, DType::boolean};

using Build = std::function<std::vector<Tensor>(Graph&, DType)>;

struct Row {
  Op op;
  std::span<const DType> dtypes;
  Build build;
  double low = -2, high = 2;
  const char* what = nullptr;  // of composites
};

Tensor in(Graph& g, const char* name, DType d) { return g.input(name, d, {rows, cols}); }

// Sizes are bound by axes that are a symbol alone, so what wants room gets it by padding.
Tensor wider(const Tensor& x, std::int64_t low, std::int64_t high) {
  return pad(x, cols, low, high, is_float(x.dtype()) ? Literal(0.5) : Literal(std::int64_t{1}));
}

template <typename F>
Build one(F f) {
  return [f](Graph& g, DType d) { return std::vector<Tensor>{f(in(g, "x", d))}; };
}
template <typename F>
Build two(F f) {
  return [f](Graph& g, DType d) {
    const Tensor x = in(g, "x", d), y = in(g, "y", d);
    return std::vector<Tensor>{f(x, y)};
  };
}

void elementwise(std::vector<Row>& out) {
  using T = const Tensor&;
  const auto unary = [&](Op op, Tensor (*f)(Operand), double low = -2) { out.push_back({op, kFloats, one([f](T x) { return f(x); }), low}); };
  out.push_back({Op::neg, kNumbers, one([](T x) { return -x; })});
  out.push_back({Op::abs, kNumbers, one([](T x) { return abs(x); })});
  unary(Op::exp, exp);
  unary(Op::log, log, 0.25);
  unary(Op::log1p, log1p, -0.75);
  unary(Op::sqrt, sqrt, 0.25);
  unary(Op::rsqrt, rsqrt, 0.25);
  unary(Op::sin, sin);
  unary(Op::cos, cos);
  unary(Op::tanh, tanh);
  unary(Op::erf, erf);
  unary(Op::sigmoid, sigmoid);
  unary(Op::floor, floor);
  static constexpr DType kBool[] = {DType::boolean};
  out.push_back({Op::logical_not, kBool, one([](T x) { return logical_not(x); })});
  out.push_back({Op::add, kNumbers, two([](T x, T y) { return x + y; })});
  out.push_back({Op::sub, kNumbers, two([](T x, T y) { return x - y; })});
  out.push_back({Op::mul, kNumbers, two([](T x, T y) { return x * y; })});
  out.push_back({Op::div, kNumbers, two([](T x, T y) { return x / y; }), 0.5});
  out.push_back({Op::pow, kFloats, two([](T x, T y) { return pow(x, y); }), 0.5});
  out.push_back({Op::max, kNumbers, two([](T x, T y) { return max(x, y); })});
  out.push_back({Op::min, kNumbers, two([](T x, T y) { return min(x, y); })});
  out.push_back({Op::rem, kNumbers, two([](T x, T y) { return rem(x, y); }), 0.5});
  out.push_back({Op::logical_and, kBool, two([](T x, T y) { return logical_and(x, y); })});
  out.push_back({Op::logical_or, kBool, two([](T x, T y) { return logical_or(x, y); })});
  out.push_back({Op::eq, kAll, two([](T x, T y) { return equal(x, y); })});
  out.push_back({Op::lt, kAll, two([](T x, T y) { return x < y; })});
  out.push_back({Op::select, kAll, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d), y = in(g, "y", d);
                   return std::vector<Tensor>{select(in(g, "b", DType::boolean), x, y)};
                 }});
  out.push_back({Op::cast, kAll, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d);
                   std::vector<Tensor> casts;
                   for (DType to : kAll) casts.push_back(cast(x, to));
                   return casts;
                 }});
  out.push_back({Op::bitcast, kNumbers, one([](T x) {
                   constexpr DType kTo[] = {DType::i8, DType::u8};
                   switch (size_of(x.dtype())) {
                     case 8: return bitcast(x, x.dtype() == DType::f64 ? DType::i64 : DType::f64);
                     case 4: return bitcast(x, x.dtype() == DType::f32 ? DType::i32 : DType::f32);
                     case 2: return bitcast(x, x.dtype() == DType::bf16 ? DType::f16 : DType::bf16);
                     default: return bitcast(x, kTo[x.dtype() == DType::i8]);
                   }
                 })});
}

void axes(std::vector<Row>& out) {
  using T = const Tensor&;
  out.push_back({Op::broadcast, kAll, one([](T x) { return broadcast(x, {{"batch", 2}, {"copies", Extent::symbol("rows") + 1}}); })});
  out.push_back({Op::split, kAll, [](Graph& g, DType d) {
                   return std::vector<Tensor>{split(g.input("x", d, {rows, {"model", 12}}), Axis{"model"}, {Axis{"head", 3}, Axis{"depth"}})};
                 }});
  out.push_back({Op::merge, kAll, one([](T x) { return merge(x, {cols, rows}, Axis{"both"}); })});
  out.push_back({Op::rename, kAll, one([](T x) { return rename(x, rows, Axis{"key"}); })});
  out.push_back({Op::slice, kAll, [](Graph& g, DType d) {
                   const Tensor x = wider(in(g, "x", d), 1, 2);
                   return std::vector<Tensor>{slice(x, cols, 1, Extent::symbol("cols") + 2), slice(x, cols, 0, 3, 2)};
                 }});
  out.push_back({Op::pad, kAll, one([](T x) { return wider(x, 1, 2); })});
  out.push_back({Op::concat, kAll, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d), y = g.input("y", d, {{"cols", 2}, rows});
                   return std::vector<Tensor>{concat({x, y, x}, cols)};
                 }});
  out.push_back({Op::reverse, kAll, one([](T x) { return reverse(x, cols); })});
  out.push_back({Op::order, kAll, one([](T x) { return order(x, {cols, rows}); })});
  out.push_back({Op::tag, kAll, one([](T x) { return tag(x, "here"); })});
  out.push_back({Op::stop_gradient, kNumbers, one([](T x) { return x * stop_gradient(x); })});
}

void sums_and_indices(std::vector<Row>& out) {
  using T = const Tensor&;
  out.push_back({Op::dot, kNumbers, [](Graph& g, DType d) {
                   return std::vector<Tensor>{dot(in(g, "x", d), g.input("y", d, {cols, {"wide", 4}}), {cols})};
                 }});
  out.push_back({Op::sum, kNumbers, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d);
                   return std::vector<Tensor>{sum(x, {cols}), sum(x, {rows}), sum(x, {rows, cols})};
                 }});
  out.push_back({Op::reduce_max, kNumbers, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d);
                   return std::vector<Tensor>{reduce_max(x, {cols}), reduce_max(x, {rows})};
                 }});
  out.push_back({Op::argmax, kNumbers, one([](T x) { return argmax(x, cols); })});
  out.push_back({Op::cumsum, kNumbers, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d);
                   return std::vector<Tensor>{cumsum(x, cols), cumsum(x, rows, true)};
                 }});
  out.push_back({Op::gather, kAll, [](Graph& g, DType d) {
                   const Tensor x = g.input("x", d, {rows, {"places", 5}});
                   return std::vector<Tensor>{gather(x, g.input("i", i32, {cols}), Axis{"places"})};
                 }});
  out.push_back({Op::scatter_add, kNumbers, [](Graph& g, DType d) {
                   const Tensor x = g.input("x", d, {rows, {"places", 5}}), y = g.input("y", d, {cols, rows});
                   return std::vector<Tensor>{scatter_add(x, g.input("i", i32, {cols}), y, Axis{"places"})};
                 }});
  out.push_back({Op::dynamic_slice, kAll, [](Graph& g, DType d) {
                   const Tensor x = wider(in(g, "x", d), 1, 0);
                   return std::vector<Tensor>{dynamic_slice(x, g.input("s", i64, {}), cols, Extent::symbol("cols"))};
                 }});
  out.push_back({Op::dynamic_update, kAll, [](Graph& g, DType d) {
                   const Tensor x = wider(in(g, "x", d), 1, 0), y = in(g, "y", d);
                   return std::vector<Tensor>{dynamic_update(x, y, g.input("s", i64, {}), cols)};
                 }});
  out.push_back({Op::top_k, kNumbers, [](Graph& g, DType d) {
                   const TopK best = top_k(wider(in(g, "x", d), 1, 1), cols, 2, Axis{"best"});
                   return std::vector<Tensor>{best.values, best.indices};
                 }});
  out.push_back({Op::iota, kNumbers, one([](T x) { return x + broadcast_like(iota(x, cols, x.dtype()), x); })});
  out.push_back({Op::scan, kFloats, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d), y = g.input("y", d, {cols});
                   const ScanResult r = scan(rows, {y}, {x}, [](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
                     return ScanStep{{c[0] * 0.5 + s[0]}, {c[0] * s[0]}};
                   });
                   return std::vector<Tensor>{r.carries[0], r.outputs[0]};
                 }});
  out.push_back({Op::cond, kFloats, [](Graph& g, DType d) {
                   const Tensor x = in(g, "x", d), y = in(g, "y", d);
                   return cond(
                       g.input("s", i64, {}) < 1, {x}, [](const std::vector<Tensor>& v) { return std::vector<Tensor>{v[0] * 2.0}; },
                       [&](const std::vector<Tensor>& v) { return std::vector<Tensor>{v[0] * y}; });
                 }});
}

void composites(std::vector<Row>& out) {
  using T = const Tensor&;
  const auto add = [&](const char* what, Build build) { out.push_back({Op::call, kFloats, std::move(build), -2, 2, what}); };
  add("relu", one([](T x) { return relu(x); }));
  add("gelu", one([](T x) { return gelu(x); }));
  add("gelu_tanh", one([](T x) { return gelu_tanh(x); }));
  add("silu", one([](T x) { return silu(x); }));
  add("softplus", one([](T x) { return softplus(x); }));
  add("swiglu", two([](T x, T y) { return swiglu(x, y); }));
  add("soft_cap", one([](T x) { return soft_cap(x, 5); }));
  add("softmax", one([](T x) { return softmax(x, cols); }));
  add("log_sum_exp", one([](T x) { return log_sum_exp(x, cols); }));
  add("rms_norm", [](Graph& g, DType d) { return std::vector<Tensor>{rms_norm(in(g, "x", d), g.input("y", d, {cols}), cols, 1e-2)}; });
  add("layer_norm", [](Graph& g, DType d) {
    const Tensor y = g.input("y", d, {cols}), z = g.input("z", d, {cols});
    return std::vector<Tensor>{layer_norm(in(g, "x", d), y, z, cols, 1e-1)};
  });
  add("cross_entropy", [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {rows, cols, {"vocab", 5}});
    return std::vector<Tensor>{cross_entropy_terms(x, g.input("i", i32, {rows, cols}), Axis{"vocab"})};
  });
  add("embedding", [](Graph& g, DType d) {
    return std::vector<Tensor>{embedding(g.input("x", d, {{"vocab", 5}, cols}), g.input("i", i32, {rows}), Axis{"vocab"})};
  });
  add("rope", [](Graph& g, DType d) {
    return std::vector<Tensor>{rope(g.input("x", d, {rows, cols, {"depth", 6}}), cols, Axis{"depth"})};
  });
  add("attention", [](Graph& g, DType d) {
    const Axis depth{"depth", 6}, key{"key"};
    const Tensor q = g.input("x", d, {rows, cols, depth}), k = g.input("y", d, {rows, {"key", Extent::symbol("cols")}, depth});
    return std::vector<Tensor>{attention(q, k, g.input("z", d, {rows, {"key", Extent::symbol("cols")}, depth}),
                                         {.query = cols, .key = key, .depth = depth, .mask = causal()})};
  });
}

}  // namespace

std::vector<DTypeExample> every_dtype() {
  std::vector<Row> table;
  elementwise(table);
  axes(table);
  sums_and_indices(table);
  composites(table);
  std::vector<DTypeExample> out;
  for (const Row& row : table)
    for (DType d : row.dtypes) {
      DTypeExample e{{row.op, fmt::format("{} {}", row.what ? row.what : name(row.op), name(d)), Graph(), row.low, row.high, 2}, d, row.what != nullptr};
      e.example.graph.shared();
      const std::vector<Tensor> outputs = row.build(e.example.graph, d);
      for (std::size_t i = 0; i < outputs.size(); ++i) e.example.graph->add_output(fmt::format("out{}", i), outputs[i].value());
      out.push_back(std::move(e));
    }
  return out;
}

std::vector<Sizes> edge_shapes() {
  std::vector<Sizes> out;
  for (const auto& [r, c] : std::vector<std::pair<std::int64_t, std::int64_t>>{
           {0, 3}, {3, 0}, {1, 1}, {7, 13}, {13, 7}, {3, 8}, {2, 9}, {1, 15}, {3, 16}, {1, 17}, {17, 1}})
    out.push_back({{"rows", r}, {"cols", c}});
  return out;
}

}  // namespace uwaga::test
