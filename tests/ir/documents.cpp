// Attention within documents.
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include <vector>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("same_document keeps a query to the keys of its own document, besides what another mask asks for") {
  const Axis batch("batch", 2), time("time", 4), key("key", 4), depth("depth", 2);
  for (const bool is_causal : {true, false}) {
    Graph g;
    const Tensor q = g.input("q", f32, {batch, time, depth}), k = rename(q, time, "key"), v = g.input("v", f32, {batch, key, depth});
    const Tensor ids = g.input("ids", i32, {batch, time});
    const AttentionOptions options{.query = time, .depth = depth, .mask = same_document(ids, is_causal ? causal() : MaskFunction())};
    attention(q, k, v, options).watch("o");
    const Array qs = Array::of(f32, {{"batch", 2}, {"time", 4}, {"depth", 2}}, std::vector<double>(16, 0.0));  // all keys count the same
    std::vector<double> values(16);
    for (std::size_t i = 0; i < 16; ++i) values[i] = static_cast<double>(i);
    const Array vs = Array::of(f32, {{"batch", 2}, {"key", 4}, {"depth", 2}}, values);
    const Array is = Array::of(i32, {{"batch", 2}, {"time", 4}}, std::vector<double>{0, 0, 1, 1, 5, 5, 5, 2});
    const std::vector<double> have = interpret(g, {{"q", qs}, {"v", vs}, {"ids", is}}, {}, Mode::typed).outputs.at("o").to_doubles();
    const std::vector<double> want = is_causal ? std::vector<double>{0, 1, 1, 2, 4, 5, 5, 6, 8, 9, 9, 10, 10, 11, 14, 15}
                                               : std::vector<double>{1, 2, 1, 2, 5, 6, 5, 6, 10, 11, 10, 11, 10, 11, 14, 15};
    CHECK(have == want);
  }
}
