// Sums over patches of a product's result, which its kernel takes along.
#include <functional>
#include <string>

#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/patched_products.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {

TEST_CASE("a product takes sums over patches of its result along, with the typed interpreter's bits") {
  for (const PatchedProduct& p : patched_products())
    for (const int vector_bytes : {4, 16, 32, 64}) {  // of one number: the sums come after the product
      INFO(p.what() << ", vectors of " << vector_bytes);
      const Graph g = p.graph();
      const Clustering clustering = fuse(g, kPatchRules);
      REQUIRE(clustering.clusters.size() == 1);
      const Op named_by = g->node(naming_op(g.data(), clustering.clusters[0])).op;
      CHECK((named_by == Op::dot || named_by == Op::add || named_by == Op::order));
      HostTarget target = with_vectors(vector_bytes);
      target.threads = 3;
      const Drawn given = draw(g, p.sizes(), 3);
      const ClusterRun have = run_clustering(g, clustering, given.inputs, {}, p.sizes(), target);
      const Results want = interpret(g, given.inputs, {}, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = p.sizes()});
      for (const auto& [name, array] : want.outputs) {
        INFO(name);
        check_bits(have.outputs.at(name), array);
      }
    }
}

TEST_CASE("sums over patches of a product in tiles are those of the result it stores") {
  for (PatchedProduct p : patched_products()) {
    if (p.more > 0) continue;
    p.dtype = bf16;
    INFO(p.what());
    const Graph g = p.graph();
    HostTarget target = with_vectors(64);
    target.amx = true;
    const Drawn given = draw(g, p.sizes(), 3);
    const Arrays have = run_clustering(g, fuse(g, kPatchRules), given.inputs, {}, p.sizes(), target).outputs;
    Graph alone;
    Axes axes;
    for (const Dim& d : g->type(g->output("y").value()).dims) axes.emplace_back(d.axis, d.extent);
    const Tensor y = alone.input("y", f32, axes);
    alone->add_output("squares", PatchedProduct::sums_of(y * y).value());
    check_bits(have.at("squares"), interpret(alone, {{"y", have.at("y")}}, {}, Mode::typed).outputs.at("squares"));
  }
}

TEST_CASE("a product takes along what is over patches of its rows and columns, where something of it is stored") {
  const auto clusters = [](const std::function<void(Graph&, const Tensor&)>& more) {
    Graph g;
    const Tensor y = dot(g.input("x", f32, {{"in", 40}, {"row", 128}}), g.input("w", f32, {{"in", 40}, {"column", 128}, {"head", 64}}), {"in"}, f32);
    more(g, y);
    return fuse(g, kPatchRules).clusters.size();
  };
  const auto in_blocks = [](const Tensor& y, const std::string& axis) { return split(y, axis, {axis + ".block", {axis, 64}}); };
  const auto sums = [&](const Tensor& y) { return sum(in_blocks(y * y, "row"), {"row", "head"}); };
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("y", y.value()), g->add_output("sums", sums(y).value()); }) == 1);
  // Only what is computed of it is stored.
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("more", (y * 0.5f + g.input("other", f32, {{"row", 128}, {"column", 128}, {"head", 64}})).value()), g->add_output("sums", sums(y).value()); }) == 1);
  // Nobody else wants the product; its columns alone; in the other order of the axes a sum is not this one, but over patches too.
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("sums", sums(y).value()); }) == 2);
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("y", y.value()), g->add_output("sums", sum(in_blocks(y, "column"), {"column", "head"}).value()); }) == 2);
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("y", y.value()), g->add_output("sums", sum(in_blocks(y, "row"), {"head", "row"}).value()); }) == 1);
  // Of more terms than a patch; of something else beside it.
  CHECK(clusters([&](Graph& g, const Tensor& y) { g->add_output("y", y.value()), g->add_output("sums", sum(y * y, {"row", "head"}).value()); }) == 2);
  CHECK(clusters([&](Graph& g, const Tensor& y) {
          g->add_output("y", y.value());
          g->add_output("sums", sum(in_blocks(y * g.input("other", f32, {{"row", 128}, {"column", 128}, {"head", 64}}), "row"), {"row", "head"}).value());
        }) == 2);
}

}  // namespace uwaga::test
