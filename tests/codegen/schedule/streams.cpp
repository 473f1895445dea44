// Which stored values go past the caches: those that nobody reads soon.
#include <algorithm>
#include <utility>

#include <uwaga/codegen/fuse/written.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/scope.h>
#include <uwaga/ir/update.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

bool streams(const std::vector<kernel::Stmt>& body) {
  return std::any_of(body.begin(), body.end(),
                     [](const kernel::Stmt& s) { return s.streams || streams(s.body) || streams(s.otherwise); });
}

// `steps` products by weights of their own: 8 MiB that are read and written with each. [row model] -> [row next], or the same.
Tensor products(Graph& g, Tensor x, int steps) {
  const Axis model("model", 1024), next("next", 1024);
  for (int i = 0; i < steps; ++i) {
    const auto [from, to] = i % 2 == 0 ? std::pair(model, next) : std::pair(next, model);
    x = dot(x, g.input("w" + std::to_string(i), f32, {from, to}), {from});
  }
  return x;
}

}  // namespace

TEST_CASE("a large product that is read after much else goes past the caches, and others do not") {
  const Axis row("row", 512), model("model", 1024), next("next", 1024), out("out", 8), head("head", 48);
  for (const int between : {1, 3}) {
    INFO(between << " products between");
    Graph g;
    const Tensor x = g.input("x", f32, {row, model});
    const Tensor far = dot(x, g.input("w", f32, {model, next}), {model});
    const Tensor small = dot(x, g.input("small", f32, {model, head}), {model});
    const Tensor chain = products(g, x, between);
    const Tensor v = g.input("v", f32, {next, out});
    g->add_output("near", dot(chain, v, {next}).value());
    g->add_output("far", dot(far, v, {next}).value());
    g->add_output("small", exp(small).value());
    const Clustering c = fuse(g);
    const Layouts layouts = choose_layouts(g, c);
    CHECK(layouts.at(far.value()).cold == (between == 3));
    CHECK_FALSE(layouts.at(chain.value()).cold);
    for (const Output& o : g->outputs()) CHECK_FALSE(layouts.at(o.value).cold);
    for (const Cluster& cluster : c.clusters) {
      const bool has_far = std::find(cluster.outputs.begin(), cluster.outputs.end(), far.value()) != cluster.outputs.end();
      for (const ScheduledKernel& k : schedule_for_host(g, cluster, layouts, HostTarget{}).kernels)
        CHECK(streams(k.kernel.body) == (has_far && between == 3));
    }
  }
}

TEST_CASE("what goes to a slot is read through it, in the next run") {
  const Axis row("row", 512), model("model", 1024), next("next", 1024);
  for (const bool at_the_end : {false, true}) {
    INFO("the slot is written at the " << (at_the_end ? "end" : "beginning"));
    Graph g;
    const Tensor slot = g.scope().state("slot", {row, model}, zeros());
    Tensor x = dot(slot, g.input("first", f32, {model, next}), {model});
    const auto write = [&] { update(slot, rename(dot(slot, g.input("second", f32, {model, next}), {model}), next, model)); };
    if (!at_the_end) write();
    x = products(g, rename(x, next, model), 3);
    if (at_the_end) write();
    g->add_output("y", x.value());
    const Clustering c = fuse(g);
    const Layouts layouts = choose_layouts(g, c);
    CHECK(layouts.at(written_by(g.data(), g->updates()[0]).value).cold == !at_the_end);
  }
}

}  // namespace uwaga::test
