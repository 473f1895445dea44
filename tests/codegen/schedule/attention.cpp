// Attention as a claimed cluster, forward and backward, against its body.
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/codegen/schedule/attention_form.h>
#include <uwaga/ir/passes/precision.h>

#include <cmath>

#include "tests/catch.h"
#include "tests/codegen/schedule/attention_variants.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

constexpr std::int64_t kMost = schedule::kMostPlaces;

void check_variant(Variant v, std::int64_t queries, std::int64_t keys, int vector_bytes) {
  INFO(v.what << ", " << queries << " queries, " << keys << " keys, vectors of " << vector_bytes << " bytes" << (v.gradient ? ", gradient" : ""));
  const Graph g = attend(v);
  AttentionClaims claims;
  const Graph low = lowered(g, &claims);
  for (const auto& [where, why] : claims.refused) INFO("refused: " << why);
  REQUIRE(claims.refused.empty());
  const Sizes sizes{{"batch", 2}, {"time", queries}, {"key", keys}};
  const Drawn given = draw(g, sizes, 3, -2, 2, 2);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  target.registers = vector_bytes == 64 ? 32 : 16;
  const Results want = interpret(g, given.inputs, given.parameters, Mode::exact);
  const ClusterRun have = run_clusters(low, given.inputs, given.parameters, sizes, target);
  CHECK_FALSE(have.failed);
  // Nothing over queries and keys crosses a cluster's border.
  for (const Cluster& c : have.clustering.clusters)
    for (const Value& out : c.outputs) CHECK_FALSE((low->type(out).has("time") && low->type(out).has("key") && low->type(out).has("batch")));
  const double u = std::ldexp(1.0, -24), terms = static_cast<double>(std::max(queries, keys));
  check_close(have.outputs, want.outputs, 32 * (std::sqrt(terms) + v.depth) * u);
}

}  // namespace

TEST_CASE("a claimed attention equals its body") {
  for (const Variant& v : variants()) {
    check_variant(v, 1, 1, 32);
    check_variant(v, 5, 5, 64);
    check_variant(v, 65, 130, 64);
  }
}

TEST_CASE("a claimed derivative of attention equals that of its body") {
  for (Variant v : variants()) {
    v.gradient = true;
    check_variant(v, 1, 1, 32);
    check_variant(v, 5, 5, 64);
    check_variant(v, 66, 130, 32);
  }
}

TEST_CASE("the gradient of what scores read equals that of the body, whatever axes it has") {
  for (const Variant& v : learned_variants()) {
    check_variant(v, 1, 1, 32);
    check_variant(v, 5, 5, 64);
    check_variant(v, 66, 130, 32);
  }
}

TEST_CASE("a claimed attention gives the same bits at every vector width") {
  std::vector<Variant> all = learned_variants();
  all.insert(all.end(), {variants()[2], variants()[5]});
  for (Variant v : all) {
    v.gradient = true;
    const Graph low = lowered(attend(v));
    const Sizes sizes{{"batch", 1}, {"time", 67}, {"key", 131}};
    const Drawn given = draw(low, sizes, 11, -1, 1, 2);
    std::vector<ClusterRun> runs;
    for (int bytes : {32, 16, 64}) {
      HostTarget target;
      target.vector_bytes = bytes;
      target.registers = bytes == 64 ? 32 : 16;
      runs.push_back(run_clusters(low, given.inputs, given.parameters, sizes, target));
    }
    INFO(v.what);
    for (const auto& [name, array] : runs[0].outputs) {
      check_bits(runs[1].outputs.at(name), array);
      check_bits(runs[2].outputs.at(name), array);
    }
  }
}

TEST_CASE("attention gives the same bits whether blocks of queries share what is packed of the keys, or not") {
  const std::vector<Variant> all = variants();
  for (const Variant& v : {all[2], all[5]}) {
    INFO(v.what);
    const Graph low = lowered(compute_in(attend(v), bf16));
    const Sizes sizes{{"batch", 4}, {"time", 300}, {"key", 300}};  // five blocks, the last of 44
    const Drawn given = draw(low, sizes, 11, -1, 1, 2);
    HostTarget alone = with_vectors(64);
    alone.bf16_dot = true;  // whose values are packed in pairs of keys
    HostTarget beside_many = alone;
    beside_many.threads = 64;
    const ClusterRun shared = run_clusters(low, given.inputs, given.parameters, sizes, alone);
    check_bits(shared.outputs.at("o"), run_clusters(low, given.inputs, given.parameters, sizes, beside_many).outputs.at("o"));
  }
}

TEST_CASE("attention of few queries has the bits of attention of many") {
  for (const Variant& many : variants()) {
    Variant few = many;
    few.queries = 3;
    for (const int bytes : {16, 32, 64}) {
      INFO(many.what << ", vectors of " << bytes << " bytes");
      const auto graph = [&](const Variant& v) { return lowered(bytes == 32 ? compute_in(attend(v), bf16) : attend(v)); };
      const Graph one = graph(few), all = graph(many);
      const Sizes sizes{{"batch", 2}, {"time", 3}, {"key", 277}};
      const Drawn given = draw(all, sizes, 5, -2, 2, 2);
      HostTarget target;
      target.vector_bytes = bytes;
      target.registers = bytes == 64 ? 32 : 16;
      const ClusterRun want = run_clusters(all, given.inputs, given.parameters, sizes, target);
      const ClusterRun have = run_clusters(one, given.inputs, given.parameters, sizes, target);
      check_bits(have.outputs.at("o"), want.outputs.at("o"));
    }
  }
}

TEST_CASE("products of bf16 in an attention are multiplied in pairs, or in tiles, where the target has them") {
  std::vector<Variant> all = variants();
  const std::vector<Variant> learned = learned_variants();
  all.insert(all.end(), {learned[1], learned[5]});  // a table, and what has queries and keys
  for (Variant v : all) {
    if (v.depth == 7) continue;  // no whole vectors of pairs
    v.gradient = true;
    v.value_depth = 32;
    for (const int depth : {32, 64})
      for (const bool narrow : {false, true}) {
        v.depth = depth;
        v.narrow = narrow;
        INFO(v.what << ", depth " << depth << (narrow ? ", in bf16" : ""));
        const Graph g = compute_in(attend(v), bf16);
        AttentionClaims claims;
        const Graph low = lowered(g, &claims);
        REQUIRE(claims.refused.empty());
        // Of odd numbers a last key, and a last query, has no second one.
        const Sizes sizes{{"batch", 2}, {"time", 67}, {"key", 131}};
        const Drawn given = draw(g, sizes, 3, -2, 2, 2);
        HostTarget target = with_vectors(64);
        int dots = 0, tiles = 0;
        const std::function<void(const std::vector<kernel::Stmt>&)> count_tiles = [&](const auto& statements) {
          for (const kernel::Stmt& s : statements) {
            tiles += s.kind == kernel::StmtKind::tile_dot;
            count_tiles(s.body);
            count_tiles(s.otherwise);
          }
        };
        const KernelRunner judge = kernel_interpreter();
        const KernelRunner counting = [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, auto* error, bool first) {
          for (const kernel::Expr& e : k.exprs) dots += k.kind == "attention" && e.kind == kernel::ExprKind::dot_pairs;
          if (k.kind == "attention") count_tiles(k.body);
          judge(k, buffers, arguments, error, first);
        };
        const ClusterRun single = run_clusters(low, given.inputs, given.parameters, sizes, target, counting);
        CHECK(dots == 0);
        target.bf16_dot = true;
        const ClusterRun paired = run_clusters(low, given.inputs, given.parameters, sizes, target, counting);
        CHECK(dots > 0);
        CHECK(tiles == 0);
        target.amx = true;
        const ClusterRun tiled = run_clusters(low, given.inputs, given.parameters, sizes, target, counting);
        CHECK(tiles > 0);
        check_close(tiled.outputs, single.outputs, std::ldexp(1.0, narrow ? -7 : -11));
        // The same products in another order: of two probabilities that differ little, one may be rounded up and one down.
        check_close(paired.outputs, single.outputs, std::ldexp(1.0, narrow ? -7 : -11));
        check_close(paired.outputs, interpret(g, given.inputs, given.parameters, Mode::typed).outputs, std::ldexp(1.0, -7));
      }
  }
}

TEST_CASE("a table whose places are called as an axis of the scores runs from the body") {
  Variant v{.what = "places called batch", .gradient = true, .bias = true, .bias_axes = {"batch"}};
  v.set = [](AttentionOptions& o, const Tensor& table, const Tensor&) {
    o.score = [table](const Score& s) { return s.score + broadcast_like(gather(table, rem(abs(s.query - s.key), 2), "batch"), s.score); };
  };
  AttentionClaims claims;
  lowered(attend(v), &claims);
  REQUIRE(!claims.refused.empty());
  CHECK(claims.refused[0].second == "the sum over {batch, head} of scores goes on into scatter_add");
}

TEST_CASE("the gradient of a table of a vocabulary's size is no task's to keep") {
  for (const std::int64_t words : {kMost, kMost + 1}) {
    Graph g;
    const Axis depth("depth", 8);
    const Tensor q = g.input("q", DType::f32, {kBatch, kTime, depth}), k = g.input("k", DType::f32, {kBatch, kKey, depth});
    const Tensor table = g.input("table", DType::f32, {{"word", words}});
    AttentionOptions o{.query = kTime, .key = kKey, .depth = depth};
    o.score = [&](const Score& s) { return s.score + broadcast_like(gather(table, rem(s.query * 7 + s.key, 4096), "word"), s.score); };
    g->add_output("g", grad(sum(attention(q, k, k, o), {kBatch, kTime, depth}), {table})[0].value());
    const AttentionClaims claims = find_attention(g);
    REQUIRE(claims.refused.size() == (words > kMost ? 1 : 0));
    if (words > kMost)
      CHECK(claims.refused[0].second == "the table that scores look up has more than 4096 places, or nobody knows how many");
  }
}

TEST_CASE("an attention that is not elementwise over query x key runs from its body and says why") {
  Variant v{.what = "normalised scores"};
  v.set = [](AttentionOptions& o, const Tensor&, const Tensor&) {
    o.score = [](const Score& s) { return s.score - broadcast_like(sum(s.score, {kHead}), s.score); };
  };
  AttentionClaims claims;
  const Graph low = lowered(attend(v), &claims);
  REQUIRE(claims.refused.size() == 1);
  CHECK(claims.refused[0].second == "the sum over {head} of scores goes on into broadcast");
  for (const Node& n : low->nodes()) CHECK(n.op != Op::call);
}

}  // namespace uwaga::test
