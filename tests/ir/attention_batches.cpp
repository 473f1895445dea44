// Queries without the batch axes of the keys: the same for all of a batch, as learned latents are.
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/structural_hash.h>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("attention broadcasts its queries over the batch axes of the keys that they lack") {
  const Axis batch("batch"), latent("latent", 4), key("key"), head("head", 2), depth("depth", 8);
  const auto attend = [&](bool by_hand) {
    Graph g;
    Tensor q = g.input("q", f32, {latent, head, depth});
    const Tensor k = g.input("k", f32, {batch, key, head, depth}), v = g.input("v", f32, {batch, key, head, depth});
    if (by_hand) q = broadcast(q, {{"batch", k.extent(batch)}});
    const Tensor o = attention(q, k, v, {.query = latent, .key = key, .depth = depth});
    CHECK(o.type().str() == "f32[batch, latent=4, head=2, depth=8]");
    g->add_output("o", o.value());
    return structural_hash(g);
  };
  CHECK(attend(false) == attend(true));
}
