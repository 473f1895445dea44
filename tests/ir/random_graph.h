// Random graphs of ops whose results every target gives to the bit: what fuses with what, how it is read, what is stored.
//
//   RandomGraph made(seed, 16);
//   made.graph, made.sizes                        // draw inputs and slots for it, run it anywhere
//
// One seed is one graph. Values stay finite: products are halved and quotients have divisors of at least 1.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>

namespace uwaga::test {

class RandomGraph {
 public:
  Graph graph;
  Sizes sizes;  // of the symbols

  RandomGraph(std::uint64_t seed, int ops) : random_(seed) {
    draw_axes();
    for (int i = 0; i < 3; ++i) values_.push_back(graph.input("x" + std::to_string(i), DType::f32, drawn_axes(false)));
    values_.push_back(graph.input("i", DType::i32, drawn_axes(false)));
    // Every symbol is told by an input.
    Axes symbols;
    for (const Axis& a : axes_)
      if (!a.extent) symbols.push_back(a);
    values_.push_back(graph.input("all", DType::f32, symbols));
    const Scope scope = graph.scope();
    for (int i = 0, n = below(3); i < n; ++i) values_.push_back(scope.state("s" + std::to_string(i), drawn_axes(true), zeros()));
    for (int made = 0, tries = 0; made < ops && tries < 8 * ops; ++tries) made += try_op();
    add_outputs();
  }

 private:
  static constexpr std::int64_t kMostElements = 6000, kMostProducts = 200000;

  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }
  bool chance(int percent) { return below(100) < percent; }

  void draw_axes() {
    constexpr std::int64_t extents[] = {0, 1, 1, 2, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 64, 65, 130, 513};
    for (const char* name : {"a", "b", "c", "d"}) {
      const std::int64_t extent = extents[below(std::size(extents))];
      const bool symbolic = chance(40);
      axes_.push_back(symbolic ? Axis(name) : Axis(name, extent == 0 && chance(70) ? 1 : extent));
      if (symbolic) sizes[name] = extent;
    }
  }
  std::int64_t elements(const Type& t) const {
    std::int64_t n = 1;
    for (const Dim& d : t.dims) n = std::min<std::int64_t>(n * d.extent.evaluate(sizes), kMostProducts + 1);
    return n;
  }
  std::int64_t extent(const Tensor& t, const std::string& axis) const { return t.type().extent(axis).evaluate(sizes); }
  Axes drawn_axes(bool fixed) {
    Axes out;
    for (const Axis& a : axes_) {
      if (!chance(60) || (fixed && !a.extent)) continue;
      out.push_back(a);
      std::int64_t n = 1;
      for (const Axis& o : out) n *= o.extent ? *o.extent->constant() : sizes.at(o.name);
      if (n > kMostElements) out.pop_back();
    }
    std::shuffle(out.begin(), out.end(), random_);
    return out;
  }
  std::string fresh() { return "n" + std::to_string(names_++); }

  // ---- choosing operands: what was made last, rather
  Tensor any() { return values_[values_.size() - 1 - static_cast<std::size_t>(below(static_cast<int>(chance(50) ? std::min<std::size_t>(values_.size(), 5) : values_.size())))]; }
  std::optional<Tensor> any(const std::function<bool(const Tensor&)>& fits) {
    for (int i = 0; i < 20; ++i)
      if (const Tensor t = any(); fits(t)) return t;
    return std::nullopt;
  }
  Tensor number() {
    for (;;)
      if (const Tensor t = any(); t.dtype() == DType::f32) return t;
  }
  std::string axis_of(const Tensor& t) { return t.type().dims[static_cast<std::size_t>(below(static_cast<int>(t.type().rank())))].axis; }
  Axes some_axes(const Tensor& t) {
    Axes out;
    for (const Dim& d : t.type().dims)
      if (chance(50)) out.emplace_back(d.axis);
    if (out.empty()) out.emplace_back(axis_of(t));
    return out;
  }
  static bool agrees(const Tensor& part, const Tensor& whole) {
    return std::all_of(part.type().dims.begin(), part.type().dims.end(), [&](const Dim& d) {
      const Dim* same = whole.type().find(d.axis);
      return same && same->extent == d.extent;
    });
  }
  // Something over axes of x, of all of another value what x has no axes for being summed away.
  Tensor beside(const Tensor& x) {
    if (const auto found = any([&](const Tensor& t) { return t.dtype() == x.dtype() && agrees(t, x); }); found && chance(80)) return *found;
    const Tensor other = number();
    Axes away;
    for (const Dim& d : other.type().dims)
      if (const Dim* same = x.type().find(d.axis); !same || !(same->extent == d.extent)) away.emplace_back(d.axis);
    return away.empty() ? other : chance(50) ? sum(other, away) : reduce_max(other, away);
  }
  Tensor index_into(const Tensor& x, const std::string& axis, const Tensor& from) { return rem(abs(from), count(x, {axis}, DType::i32)); }

  bool keep(const Tensor& t) {
    if (elements(t.type()) > kMostElements || t.type().rank() > 5) return false;
    values_.push_back(t);
    return true;
  }

  // Names may collide, and sizes not fit: then there is no such op.
  bool try_op() {
    try {
      return add_op();
    } catch (const Error&) {
      return false;
    }
  }
  bool add_op() {
    const Tensor x = number();
    const bool scalar = x.type().rank() == 0;
    switch (below(24)) {
      case 0: return keep(chance(50) ? sqrt(abs(x)) : max(x, 0.0));
      case 1: return keep(x + beside(x));
      case 2: return keep(x * beside(x) * 0.5);
      case 3: {
        const Tensor y = beside(x);
        return keep(x / (y * y + 1.0));
      }
      case 4: return keep(sqrt(abs(x / (x * x + 2.0)) + 1.0) / (abs(x) + 1.0));  // dear: worth keeping
      case 5: return keep(chance(50) ? max(x, beside(x)) : x - beside(x));
      case 6: return keep(select(x < 0.25, x, beside(x)));
      case 7: case 8: return !scalar && keep(sum(x, some_axes(x)));
      case 9: return !scalar && keep(reduce_max(x, some_axes(x)));
      case 10: return !scalar && keep(reverse(x, axis_of(x)));
      case 11: return !scalar && shift(x);
      case 12: return !scalar && part(x);
      case 13: return !scalar && keep(rename(x, axis_of(x), chance(50) ? axes_[static_cast<std::size_t>(below(4))].name : fresh()));
      case 14: return !scalar && regroup(x);
      case 15: case 16: return product(x);
      case 17: return !scalar && look_up(x);
      case 18: return !scalar && scatter(x);
      case 19: return !scalar && join(x);
      case 20: return !scalar && keep(cumsum(x, axis_of(x), chance(40)));
      case 21: return spread(x);
      case 22: return !scalar && turns(x);
      default: {
        Axes all;
        for (const Dim& d : x.type().dims) all.emplace_back(d.axis);
        std::shuffle(all.begin(), all.end(), random_);
        return keep(order(x, all));
      }
    }
  }
  bool shift(const Tensor& x) {
    const std::string axis = axis_of(x);
    if (extent(x, axis) < 2) return false;
    const Tensor wide = pad(x, axis, Extent(1), Extent(0), 0.5);
    return keep(slice(wide, axis, Extent(0), x.extent(axis)));
  }
  bool part(const Tensor& x) {
    const std::string axis = axis_of(x);
    const std::int64_t n = extent(x, axis), first = below(static_cast<int>(std::min<std::int64_t>(n, 4)) + 1);
    return keep(slice(x, axis, Extent(first), x.extent(axis), 1 + below(3)));
  }
  bool regroup(const Tensor& x) {
    if (x.type().rank() > 1 && chance(50)) {
      const Axes axes = some_axes(x);
      return axes.size() > 1 && keep(merge(x, axes, fresh()));
    }
    const std::string axis = axis_of(x);
    const auto n = x.extent(axis).constant();
    for (const std::int64_t by : {5, 4, 3, 2})
      if (n && *n > 0 && *n % by == 0) return keep(chance(50) ? split(x, axis, {Axis(fresh(), by), Axis(fresh())}) : split(x, axis, {Axis(fresh()), Axis(fresh(), by)}));
    return false;
  }
  bool product(const Tensor& x) {
    const auto y = any([&](const Tensor& t) {
      if (t.dtype() != DType::f32) return false;
      int shared = 0;
      for (const Dim& d : t.type().dims)
        if (const Dim* same = x.type().find(d.axis)) {
          if (!(same->extent == d.extent)) return false;
          ++shared;
        }
      return shared > 0;
    });
    if (!y) return false;
    Axes over;
    std::int64_t products = elements(x.type());
    for (const Dim& d : y->type().dims) {
      if (!x.has(d.axis)) products *= std::min<std::int64_t>(d.extent.evaluate(sizes), kMostProducts);
      else if (over.empty() || chance(60)) over.emplace_back(d.axis);
    }
    return products <= kMostProducts && keep(dot(x, *y, over) * 0.125);
  }
  bool look_up(const Tensor& x) {
    const std::string axis = axis_of(x);
    const auto at = any([&](const Tensor& t) {
      return t.dtype() == DType::i32 && std::all_of(t.type().dims.begin(), t.type().dims.end(), [&](const Dim& d) {
        const Dim* same = x.type().find(d.axis);
        return !same || d.axis == axis || same->extent == d.extent;
      });
    });
    return at && extent(x, axis) > 0 && keep(gather(x, index_into(x, axis, *at), axis));
  }
  bool scatter(const Tensor& x) {
    const std::string axis = axis_of(x);
    const auto at = any([](const Tensor& t) { return t.dtype() == DType::i32; });
    if (!at || extent(x, axis) == 0) return false;
    for (const Dim& d : at->type().dims)
      if (const Dim* same = x.type().find(d.axis); same && (d.axis == axis || !(same->extent == d.extent))) return false;
    const Tensor index = index_into(x, axis, *at), like = gather(x, index, axis);
    return elements(like.type()) <= kMostElements && keep(scatter_add(x, index, like * 0.5, axis));
  }
  bool join(const Tensor& x) {
    const std::string axis = axis_of(x);
    return keep(concat({x, x * 0.5, reverse(x, axis)}, axis));
  }
  bool spread(const Tensor& x) {
    const Axis& a = axes_[static_cast<std::size_t>(below(4))];
    if (x.has(a)) return false;
    std::vector<Dim> dims{{a.name, Extent::symbol(a.name)}};
    if (a.extent) dims[0].extent = *a.extent;
    return keep(broadcast(x, dims));
  }
  bool turns(const Tensor& x) {
    const std::string axis = axis_of(x);
    const Tensor start = sum(x, {axis}), more = beside(start);
    const ScanResult r = scan(axis, {start}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
      const Tensor next = c[0] * 0.5 + s[0] * more;
      return ScanStep{{next}, {max(next, c[0])}};
    });
    return keep(r.carries[0]) && keep(r.outputs[0]);
  }

  void add_outputs() {
    for (int i = 0, n = 2 + below(4); i < n; ++i) graph->add_output("y" + std::to_string(i), (i == 0 ? values_.back() : any()).value());
    for (const auto& [path, id] : graph->parameters()) {
      const Tensor slot = graph.parameter(path);
      if (const auto next = any([&](const Tensor& t) { return same_type(t.type(), slot.type()); }); next && chance(80)) update(slot, *next);
    }
  }

  std::mt19937_64 random_;
  Axes axes_;
  std::vector<Tensor> values_;
  int names_ = 0;
};

}  // namespace uwaga::test
