#include <algorithm>
#include <random>

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/codegen/cluster.h>
#include <uwaga/ir/composites/activations.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/print.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

int kernels_of(const Graph& g) { return static_cast<int>(fuse(g).clusters.size()); }

// Random graphs over {a, b, c} and subsets of it: elementwise, reductions, broadcasts and maps of indices.
Graph random_graph(unsigned seed) {
  std::mt19937 random(seed);
  Graph g;
  const Axes all{Axis("a"), Axis("b", 5), Axis("c", 12)};
  std::vector<Tensor> pool{g.input("x", f32, all), g.input("y", f32, {all[0], all[2]}), g.input("z", f32, {all[2]}),
                           g.input("w", f32, {all[2], all[1], all[0]})};
  const auto pick = [&] { return pool[random() % pool.size()]; };
  for (int step = 0; step < 14; ++step) {
    const Tensor x = pick();
    const auto axes = x.type().axes();
    const std::string axis = axes.empty() ? "" : axes[random() % axes.size()];
    switch (random() % 9) {
      case 0: pool.push_back(exp(x * 0.1)); break;
      case 1: pool.push_back(-x + 0.5); break;
      case 2: pool.push_back(tanh(x)); break;
      case 3:
        if (!axes.empty()) pool.push_back(sum(x, {axis}));
        break;
      case 4:
        if (!axes.empty()) pool.push_back(x - reduce_max(x, {axis}));
        break;
      case 5:
        if (!axes.empty()) pool.push_back(reverse(x, axis));
        break;
      case 6:
        if (!axes.empty()) pool.push_back(slice(pad(x, axis, 2, 1), axis, 1, x.extent(axis) + 1));
        break;
      case 7: {
        const Tensor y = pick();
        bool inside = true;
        for (const Dim& d : y.type().dims) inside = inside && x.type().has(d.axis);
        if (inside) pool.push_back(x * y + x);
        break;
      }
      default: {
        const Tensor y = pick();
        if (same_axes(x.type(), y.type())) pool.push_back(select(x < y, x, y * 2.0));
      }
    }
  }
  int n = 0;
  for (std::size_t i = pool.size() - std::min<std::size_t>(3, pool.size()); i < pool.size(); ++i)
    g->add_output("out" + std::to_string(n++), pool[i].value());
  return g;
}

}  // namespace

TEST_CASE("a softmax, a norm and a cross entropy are one kernel each") {
  const Axes axes{Axis("batch"), Axis("time"), Axis("model", 96)};
  {
    Graph g;
    g->add_output("y", softmax(g.input("x", f32, axes), "model").value());
    CHECK(kernels_of(expand(g)) == 1);
  }
  {
    Graph g;
    const Tensor x = g.input("x", f32, axes), w = g.input("w", f32, {axes[2]}), b = g.input("b", f32, {axes[2]});
    g->add_output("y", layer_norm(x, w, b, "model", 1e-5).value());
    g->add_output("z", rms_norm(x, w, "model", 1e-5).value());
    CHECK(kernels_of(expand(g)) <= 2);
  }
  {
    Graph g;
    const Tensor x = g.input("x", f32, axes), t = g.input("t", i32, {axes[0], axes[1]});
    g->add_output("y", cross_entropy_terms(x, t, "model").value());
    CHECK(kernels_of(expand(g)) == 1);
  }
}

TEST_CASE("a norm of one position is one kernel as of many, and a sum of everything ends its own") {
  const Axes one{Axis("batch", 1), Axis("time", 1), Axis("model", 96)};
  Graph norm;
  const Tensor x = norm.input("x", f32, one), w = norm.input("w", f32, {one[2]}), b = norm.input("b", f32, {one[2]});
  norm->add_output("y", layer_norm(x, w, b, "model", 1e-5).value());
  CHECK(kernels_of(expand(norm)) == 1);
  Graph all;
  const Tensor y = all.input("y", f32, one);
  all->add_output("z", (y / sum(y, {one[0], one[1], one[2]})).value());
  CHECK(kernels_of(all) == 2);
}

TEST_CASE("bias, activation and residual join the product before them") {
  Graph g;
  const Axis row("row"), in("in", 32), out("out", 48);
  const Tensor x = g.input("x", f32, {row, in}), w = g.input("w", f32, {in, out}), b = g.input("b", f32, {out});
  const Tensor r = g.input("r", f32, {row, out});
  g->add_output("y", (tanh(dot(x, w, {in}) + b) + r).value());
  const Clustering c = fuse(g);
  REQUIRE(c.clusters.size() == 1);
  CHECK(c.clusters[0].kind == ClusterKind::contraction);
}

TEST_CASE("of a product with a GELU behind it, its slope is all that the way back reads") {
  const Axis row("row"), in("in", 32), out("out", 48);
  for (const auto& activation : {gelu, gelu_tanh}) {
    Graph g;
    const Tensor x = g.input("x", f32, {row, in}), w = g.input("w", f32, {in, out}), v = g.input("v", f32, {in, out}), b = g.input("b", f32, {out});
    const Tensor y = dot(activation(dot(x, w, {in}) + b), v, {out});
    g->add_output("dw", grad(sum(y * y, {row, in}), {w})[0].value());
    const Graph open = cse(expand(g));
    const Clustering c = fuse(open);
    REQUIRE(c.clusters[0].kind == ClusterKind::contraction);
    CHECK(c.clusters[0].outputs.size() == 2);  // for v's product, and the slope
  }
}

TEST_CASE("of a SwiGLU the way back reads the gate's activation and slope, and the other side") {
  Graph g;
  const Axis row("row"), in("in", 32), out("out", 48);
  const Tensor x = g.input("x", f32, {row, in}), w = g.input("w", f32, {in, out}), u = g.input("u", f32, {in, out}), v = g.input("v", f32, {in, out});
  const Tensor y = dot(swiglu(dot(x, w, {in}), dot(x, u, {in})), v, {out});
  const std::vector<Tensor> d = grad(sum(y * y, {row, in}), {w, u});
  g->add_output("dw", d[0].value());
  g->add_output("du", d[1].value());
  const Graph open = cse(expand(g));
  const Clustering c = fuse(open);
  std::vector<std::size_t> stored;
  for (int product : {0, 1}) stored.push_back(c.clusters.at(static_cast<std::size_t>(product)).outputs.size());
  CHECK(std::max(stored[0], stored[1]) == 3);  // for v's product, and the two
  CHECK(std::min(stored[0], stored[1]) == 1);
}

TEST_CASE("what only narrow readers want is stored narrow, and a leaf is narrowed where it is read") {
  Graph g;
  const Axes in{"row", Axis("n", 64)};
  const Tensor x = g.input("x", f32, in), w = g.input("w", f32, {Axis("n", 64), Axis("m", 32)});
  const Tensor narrow = cast(tanh(x * 3.0) + exp(x), bf16);
  g->add_output("y", dot(narrow, cast(w, bf16), {"n"}, f32).value());
  g->add_output("z", dot(narrow, narrow, {"row", "n"}, f32).value());
  const Clustering c = fuse(g);
  std::vector<DType> stored;
  for (const Cluster& cluster : c.clusters)
    for (const Value& v : cluster.outputs) stored.push_back(g->type(v).dtype);
  std::sort(stored.begin(), stored.end());
  CHECK(stored == std::vector<DType>{f32, f32, bf16});  // the results of the dots, and what they share
}

TEST_CASE("rows that are read twice are gathered once") {
  Graph g;
  const Axis time("time"), words("words", 30), model("model", 64);
  const Tensor x = gather(g.input("table", f32, {words, model}), g.input("ids", i32, {time}), words), w = g.input("w", f32, {model, {"out", 32}});
  g->add_output("y", (dot(exp(x), w, {model}) + sum(x, {model})).value());
  std::size_t gathering = 0;
  for (const Cluster& c : fuse(g).clusters)
    gathering += static_cast<std::size_t>(std::count(c.nodes.begin(), c.nodes.end(), x.value().node));
  CHECK(gathering == 1);
}

TEST_CASE("every stored value says why it is stored") {
  for (unsigned seed = 0; seed < 30; ++seed) {
    const Graph g = random_graph(seed);
    const Clustering c = fuse(g, {.sums_beside_rows = seed % 2 == 1});
    for (std::size_t i = 0; i < c.clusters.size(); ++i)
      for (const Value& v : c.clusters[i].outputs) {
        int reasons = 0;
        for (const Boundary& b : c.boundaries)
          if (b.value == v && b.from == static_cast<int>(i)) {
            CHECK_FALSE(b.rule.empty());
            CHECK((b.to == -1 || b.to > b.from));
            ++reasons;
          }
        CHECK(reasons > 0);
      }
  }
}

TEST_CASE("a fused graph has the bits of its ops run one by one") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Graph g = random_graph(seed);
    INFO("seed " << seed << '\n' << print(g));
    const Sizes sizes{{"a", 1 + seed % 9}};
    const Drawn given = draw(g, sizes, seed);
    const Results want = interpret(g, given.inputs, {}, Mode::typed);
    const ClusterRun have = run_clusters(g, given.inputs, {}, sizes);
    for (const auto& [name, array] : want.outputs) {
      INFO("output " << name);
      check_bits(have.outputs.at(name), array);
    }
  }
}

}  // namespace uwaga::test
