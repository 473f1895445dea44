// Small graphs in which fusing one read too many gives wrong numbers, or nothing: each was wrong once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>

namespace uwaga::test {

struct FusedRead {
  std::string what;
  std::function<void(Graph&)> make;
};

// Costs enough that a later pass over a row reads it back instead of computing it again, and has the same bits everywhere.
inline Tensor dear(const Tensor& x) { return sqrt(abs(x)); }

inline const std::vector<FusedRead>& fused_reads() {
  static const Axis r{"r", 33}, n{"n", 40}, k{"k", 7};
  const auto x_of = [](Graph& g, const Axes& axes, const char* name = "x") { return g.input(name, f32, axes); };
  const auto out = [](const Tensor& t, const char* name = "y") { t.watch(name); };
  static const std::vector<FusedRead> all{
      {"outputs that what is stored beside them makes cheap", [=](Graph& g) {
         const Tensor x = x_of(g, {r, n}), m = 0.5 * x_of(g, {r, n}, "s") * x;
         out(m, "m");
         out(x_of(g, {r, n}, "t") / (m * m + 1.0));
       }},
      {"an output that is cheap once its factor is stored", [=](Graph& g) {
         const Tensor x = x_of(g, {k}), s = sum(x, {k}), h = sqrt(abs(x)) * s;
         out(s, "s");
         out(h, "h");
         out(sum(h * h, {k}));
       }},
      {"a row's sum, turned over", [=](Graph& g) {
         const Tensor s = sum(x_of(g, {r, n}), {n});
         out(reverse(s, r) + sqrt(abs(s)));
       }},
      {"a row's sum, shifted", [=](Graph& g) {
         const Tensor s = sum(x_of(g, {r, n}), {n});
         out(slice(pad(s, r, Extent(1), Extent(0), 0.0), "r", Extent(0), Extent(33)) + sqrt(abs(s)));
       }},
      {"a row's sum over rows of its own, turned over", [=](Graph& g) {
         const Tensor y = dear(x_of(g, {r, n})), s = sum(y, {n});
         out(y * reverse(s, r));
       }},
      {"a column's sum, turned over", [=](Graph& g) {
         const Tensor s = sum(x_of(g, {r, n}), {r});
         out(reverse(s, n) + sqrt(abs(s)));
       }},
      {"a sum by another name", [=](Graph& g) {
         const Tensor s = sum(x_of(g, {n, r}), {r}), square = rename(s, n, "m");
         out(outer(square, s));
       }},
      {"a product, turned over, beside itself", [=](Graph& g) {
         const Tensor y = dot(x_of(g, {r, k}), x_of(g, {k, n}, "w"), {k}), turned = reverse(y, r);
         out(turned, "t");
         out(y + turned);
       }},
      {"a column's sum of rows turned over", [=](Graph& g) {
         const Tensor e = dear(x_of(g, {r, n})), p = e / sum(e, {n});
         out(p, "p");
         out(sum(reverse(p, r) * x_of(g, {r, n}, "z"), {r}));
       }},
      {"what a row keeps, turned over", [=](Graph& g) {
         const Tensor z = reverse(dear(x_of(g, {r, n})), n) * x_of(g, {r, n}, "w");
         out(z / sum(z, {n}));
       }},
      {"what a row keeps, shifted, in a norm", [=](Graph& g) {
         const Tensor e = dear(x_of(g, {r, n}));
         const Tensor z = x_of(g, {r, n}, "w") + slice(pad(e, n, Extent(1), Extent(0), 0.0), "n", Extent(0), Extent(40));
         out(z / sqrt(abs(mean(z * z, {n})) + 1.0));
       }},
      {"a slot that a second pass over its row reads", [=](Graph& g) {
         const Scope s = g.scope();
         const Tensor x = x_of(g, {r, n}), a = s.state("a", {r, n}, zeros()), b = s.state("b", {r, n}, zeros());
         const Tensor next = a + x;
         update(a, next);
         update(b, b + next / (sum(x * x, {n}) + 1.0));
       }},
      {"a linear layer to one number", [=](Graph& g) { out(dot(x_of(g, {r, k}), x_of(g, {k, Axis("one", 1)}, "w"), {k})); }},
      {"a linear layer of one row to one number", [=](Graph& g) {
         out(dot(x_of(g, {Axis("b", 1), k}), x_of(g, {k, Axis("one", 1)}, "w"), {k}) + 1.0);
       }},
      {"an outer product with one number", [=](Graph& g) { out(dot(x_of(g, {n, r}), x_of(g, {Axis("one", 1), n}, "w"), {})); }},
      {"a value beside a product, stored with it", [=](Graph& g) {
         const Tensor z = dear(x_of(g, {r, n}, "z"));
         out(z, "z");
         out(z + dot(x_of(g, {r, k}), x_of(g, {k, n}, "w"), {k}));
       }},
      {"a row that a product is scattered into", [=](Graph& g) {
         const Tensor y = dot(x_of(g, {r, k}), x_of(g, {k, n}, "w"), {k});
         out(scatter_add(y, constant(g, 2, i32), x_of(g, {n}, "u"), r));
       }},
      {"a table looked up by a product, beside it", [=](Graph& g) {
         const Tensor h = dot(x_of(g, {r, k}), x_of(g, {k, n}, "w"), {k}), table = x_of(g, {Axis("bin", 5)}, "t");
         out(sqrt(abs(h)) * gather(table, min(max(cast(h, i32), 0), 4), "bin"));
       }},
      {"sums over a slice of one", [=](Graph& g) {
         const Tensor x = x_of(g, {n, k}), one = dynamic_slice(x, constant(g, 3, i32), k, Extent(1));
         out(sum(rename(one, n, "h"), {"h"}));
       }},
      {"running sums of nothing", [=](Graph& g) {
         const Tensor x = x_of(g, {r, Axis("none", 0), n});
         out(order(cumsum(x, n), {n, r, "none"}));
       }},
      {"maxima of nothing", [=](Graph& g) {
         const Tensor x = x_of(g, {Axis("none", 0), n, k});
         out(reduce_max(x, {n}) * 2.0);
       }},
      {"a product of no rows", [=](Graph& g) { out(dot(x_of(g, {Axis("none", 0), k}), x_of(g, {k, n}, "w"), {k}) + 1.0); }},
  };
  return all;
}

}  // namespace uwaga::test
