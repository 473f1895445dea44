// Every reason for which fusion stores a value, flipped by the number that it names.
#include <functional>
#include <set>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/groups.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/print.h>
#include <uwaga/ir/scope.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

const Axis a("a"), b("b", 5), c("c", 12), k("k", 7);

// A graph that has the boundary when `n` is `fails`, and has not when it is `passes`.
struct Case {
  Reason reason;
  int fails, passes;
  std::string numbers;  // part of what the boundary tells
  std::function<void(Graph&, int n)> build;
};

Tensor in(Graph& g, const char* name, const Axes& axes) { return g.input(name, f32, axes); }
void out(Graph& g, const char* name, const Tensor& t) { g->add_output(name, t.value()); }

// A product of two tensors is stored or fused, never worth computing twice.
Tensor product(Graph& g, const Axes& axes) { return in(g, "x", axes) * in(g, "y", axes); }

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {Reason::output, 2, 1, "middle",
       [](Graph& g, int outputs) {
         const Tensor p = product(g, {a, c});
         if (outputs == 2) out(g, "middle", p);
         out(g, "end", exp(p));
       }},
      {Reason::update, 1, 0, "w",
       [](Graph& g, int updates) {
         const Tensor w = g.scope().param("w", {c}, normal(1)), now = w * in(g, "x", {c});
         if (updates == 1) g->add_update("w", now.value());
         out(g, "end", exp(now));
       }},
      {Reason::own_kernel, 1, 0, "cumsum",
       [](Graph& g, int sums) {
         const Tensor p = product(g, {a, c});
         out(g, "end", exp(sums == 1 ? cumsum(p, "c") : -p));
       }},
      {Reason::two_contractions, 2, 1, "a, b=5",
       [](Graph& g, int dots) {
         const Tensor first = dot(in(g, "x", {a, c}), in(g, "w", {c, b}), {c});
         out(g, "end", dots == 2 ? dot(first, in(g, "v", {b, k}), {b}) : exp(first));
       }},
      {Reason::costly_prologue, 2, 1, "2 operations an element, at most 1",
       [](Graph& g, int operations) {
         Tensor x = in(g, "x", {a, c});
         for (int i = 0; i < operations; ++i) x = i % 2 ? x + 3.0 : x * 3.0;
         out(g, "end", dot(x, in(g, "w", {c, b}), {c}));
       }},
      {Reason::reduction_beside_contraction, 64, 5, "over {wide}",  // a sum of five terms is written out
       [](Graph& g, int terms) {
         const Axis wide("wide", terms);
         out(g, "end", sum(dot(in(g, "x", {a, c}), in(g, "w", {c, wide}), {c}), {wide}));
       }},
      {Reason::other_elements, 3, 2, "against",
       [](Graph& g, int axes) {
         const Tensor p = dot(in(g, "x", {a, c}), in(g, "w", {c, b}), {c});
         const Axes of = axes == 3 ? Axes{a, b, k} : Axes{a, b};
         out(g, "end", p + in(g, "u", of) * in(g, "v", of));
       }},
      {Reason::left_epilogue, 2, 1, "for sum",
       [](Graph& g, int readers) {
         const Tensor d = dot(in(g, "x", {a, k}), in(g, "w", {k, c}), {k});
         out(g, "end", sum(d * in(g, "y", {a, c}), {a}));
         if (readers == 2) out(g, "other", sum(d, {a}));
       }},
      {Reason::scattered, 1, 0, "c=12",
       [](Graph& g, int gathers) {
         const Tensor p = product(g, {c});
         out(g, "end", exp(gathers == 1 ? gather(p, g.input("i", i32, {a}), "c") : p));
       }},
      {Reason::mapped_reduction, 1, 0, "over {c}",
       [](Graph& g, int maps) {
         const Tensor s = sum(product(g, {a, c}), {c}), z = in(g, "z", {a});
         out(g, "end", z * exp(maps == 1 ? reverse(s, "a") : s));
       }},
      {Reason::repeated, 2, 1, "[c=12] against",
       [](Graph& g, int axes) { out(g, "end", in(g, "z", axes == 2 ? Axes{a, c} : Axes{c}) * product(g, {c})); }},
      {Reason::spaces, 5, 12, "against",
       [](Graph& g, int extent) {
         const Axes of = extent == 5 ? Axes{a, b} : Axes{a, c};
         out(g, "end", sum(product(g, {a, c}), {c}) + in(g, "z", of) * in(g, "w", of));
       }},
      {Reason::full_ends, 2, 1, "over {a, c}",
       [](Graph& g, int reduced) {
         const Tensor p = product(g, {a, c});
         out(g, "end", in(g, "z", {a, c}) - sum(p, reduced == 2 ? Axes{a, c} : Axes{c}));
       }},
      {Reason::columns_end, 0, 1, "over {a}",
       [](Graph& g, int axis) {
         const Tensor p = product(g, {a, c});
         out(g, "end", in(g, "z", {a, c}) - sum(p, {axis == 0 ? a : c}));
       }},
      {Reason::axes, 0, 1, "{c} against {a}",
       [](Graph& g, int axis) {
         const Tensor p = product(g, {a, c});
         out(g, "end", sum(exp(p - sum(p, {c})), {axis == 0 ? a : c}));
       }},
      {Reason::full_of_others, 2, 1, "a, c=12",
       [](Graph& g, int tensors) {
         const Tensor x = in(g, "x", {a, c}), y = tensors == 2 ? in(g, "y", {a, c}) : x;
         out(g, "end", sum(x * x, {a, c}) + sum(exp(y), {a, c}));
       }},
      {Reason::mapped_border, 2, 1, "output middle",
       [](Graph& g, int outputs) {
         const Tensor p = product(g, {a, c});
         if (outputs == 2) out(g, "middle", p);
         out(g, "end", in(g, "z", {a, c}) * reverse(p, "a"));
       }},
      {Reason::mapped_readers, 2, 1, "2 readers",
       [](Graph& g, int readers) {
         const Tensor p = product(g, {a, c}), z = in(g, "z", {a, c});
         out(g, "end", z * reverse(p, "a"));
         if (readers == 2) out(g, "other", in(g, "w", {a, c}) * reverse(p, "c"));
       }},
      {Reason::too_many, 40, 8, ", at most 32",
       [](Graph& g, int tensors) {
         Tensor x = in(g, "x", {a, c});
         for (int i = 0; i < tensors; ++i) x = x * in(g, ("x" + std::to_string(i)).c_str(), {a, c});
         out(g, "end", x);
       }},
      {Reason::cycle, 1, 0, "by way of cumsum",
       [](Graph& g, int sums) {
         const Tensor p = product(g, {a, c});
         out(g, "end", p * (sums == 1 ? cumsum(p, "c") : exp(p)));
       }},
  };
  return all;
}

// The numbers of the boundaries of that reason, and whether one of them is the one wanted.
bool has(const Clustering& clustering, const Case& wanted, std::string& told) {
  bool found = false;
  for (const Boundary& b : clustering.boundaries) {
    told += b.rule + ": " + b.numbers + "\n";
    found = found || (b.rule == words(wanted.reason) && b.numbers.find(wanted.numbers) != std::string::npos);
  }
  return found;
}

}  // namespace

TEST_CASE("every reason not to fuse names its numbers, and is gone when they change") {
  std::set<Reason> covered;
  for (const Case& c : cases()) {
    covered.insert(c.reason);
    for (const int n : {c.fails, c.passes}) {
      Graph g;
      c.build(g, n);
      std::string told;
      const bool found = has(fuse(g, {.sums_beside_rows = c.reason == Reason::left_epilogue}), c, told);
      INFO(words(c.reason) << " at " << n << ", wanted " << c.numbers << "; the boundaries are:\n" << told << print(g));
      CHECK(found == (n == c.fails));
    }
  }
  for (int i = 0; i < kReasons; ++i) {
    INFO("no case for: " << words(static_cast<Reason>(i)));
    CHECK(covered.count(static_cast<Reason>(i)) == 1);
  }
}

TEST_CASE("a reduction down columns is never in one kernel with what reads it at every element, also beside what it reduced") {
  for (const Axes& over : {Axes{a}, Axes{a, c}}) {
    Graph g;
    const Tensor p = product(g, {a, c});
    out(g, "end", p - sum(p, over));
    CHECK(fuse(g).clusters.size() == 2);
    Graph h;  // by way of another reader, which joins first
    const Tensor q = product(h, {a, c});
    out(h, "end", q + (in(h, "z", {a, c}) * exp(q - sum(q, over))));
    CHECK(fuse(h).clusters.size() == 2);
  }
}

}  // namespace uwaga::test
