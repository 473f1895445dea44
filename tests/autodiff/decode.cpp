// Derived decode is the graph it was derived from, in pieces: to the bit, for attention of every kind.
#include <uwaga/autodiff/decode.h>
#include <uwaga/ir/composites/attention.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/verify.h>

#include <cstring>
#include <functional>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

constexpr std::int64_t kBatch = 2, kTime = 11, kCapacity = 16;
const Axis kTimeAxis("time", up_to(kCapacity)), kWords("word", 17), kModel("model", 12), kHead("head", 3), kDepth("depth", 4);

// What an attention is made from: queries over `time`, keys and values over `time` yet, and the tokens.
struct Parts {
  Scope scope;
  Tensor q, k, v, tokens;
};
using Attend = std::function<Tensor(const Parts&)>;

// Two layers, so that what one layer caches depends on what another one did.
Graph model(const Attend& attend) {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {"batch", kTimeAxis});
  Scope s = g.scope();
  const Tensor words = s.param("words", {kWords, kModel}, normal(0.5));
  Tensor x = gather(words, tokens, kWords);
  x = x + gather(s.param("places", {{"place", kCapacity}, kModel}, normal(0.5)), iota(tokens, "time"), "place");
  for (const Scope& layer : s.layers("h", 2)) {
    const auto made = [&](const char* name) { return dot(x, layer.param(name, {kModel, kHead, kDepth}, normal(0.4)), {kModel}); };
    const Tensor o = attend({layer, made("q"), made("k"), made("v"), tokens});
    x = x + dot(o, layer.param("out", {kHead, kDepth, {"model", 12}}, normal(0.4)), {kHead, kDepth});
    x = rms_norm(x, layer.param("gain", {kModel}, ones()), kModel, 1e-5);
  }
  g->add_output("logits", dot(x, words, {kModel}).value());
  return g;
}

AttentionOptions options(MaskFunction mask, ScoreFunction score = {}) {
  return {.query = "time", .key = "key", .depth = "depth", .score = std::move(score), .mask = std::move(mask)};
}
Tensor keyed(const Tensor& x) { return rename(x, "time", "key"); }

Array tokens(std::int64_t first, std::int64_t count) {
  std::vector<std::int32_t> ids;
  for (std::int64_t b = 0; b < kBatch; ++b)
    for (std::int64_t i = first; i < first + count; ++i) ids.push_back(static_cast<std::int32_t>((7 * i + 5 * b + i * i) % 17));
  return array({{"batch", kBatch}, {"time", count}}, ids);
}

// Rows first.. of `time`, all of the rest.
std::vector<float> rows(const Array& logits, std::int64_t first, std::int64_t count) {
  const Array x = logits.reordered({"time", "batch", "word"});
  const auto all = x.as<float>();
  const std::size_t row = all.size() / static_cast<std::size_t>(x.extent("time"));
  return {all.begin() + static_cast<std::ptrdiff_t>(row * static_cast<std::size_t>(first)),
          all.begin() + static_cast<std::ptrdiff_t>(row * static_cast<std::size_t>(first + count))};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_decode(const Attend& attend) {
  const Graph g = model(attend);
  const Graph step = derive_decode(g, kTimeAxis, {.sizes = {{"batch", kBatch}}});
  const Graph single = derive_decode(g, kTimeAxis, {.count = 1, .sizes = {{"batch", kBatch}}});
  verify(step, "derive_decode");
  verify(single, "derive_decode");
  Arrays state = initial_parameters(step, 1);
  const Results whole = interpret(g, {{"tokens", tokens(0, kTime)}}, initial_parameters(g, 1), Mode::typed);
  std::int64_t past = 0;
  for (std::int64_t count : {4, 1, 3, 1, 1, 1}) {
    const Results r = interpret(count == 1 ? single : step, {{"tokens", tokens(past, count)}}, state, Mode::typed,
                                {.observe = {}, .refuse_nan = false, .sizes = {{"past", past}}});
    CHECK(same_bits(rows(r.outputs.at("logits"), 0, count), rows(whole.outputs.at("logits"), past, count)));
    for (const auto& [path, value] : r.updates) state[path] = value;
    past += count;
  }
  CHECK(past == kTime);
}

std::vector<std::string> caches_of(const Graph& step) {
  std::vector<std::string> out;
  for (const auto& [path, id] : step->parameters())
    if (!step->node(id).as<ParameterAttrs>().trainable) out.push_back(path + " " + step->node(id).types[0].str());
  return out;
}

std::string refusal(const Graph& g, const DecodeOptions& options = {.sizes = {{"batch", kBatch}}}) {
  try {
    derive_decode(g, "time", options);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
std::string refusal(const Attend& attend) { return refusal(model(attend)); }

}  // namespace

TEST_CASE("derived decode computes causal attention in pieces") {
  check_decode([](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options(causal())); });
}

TEST_CASE("derived decode computes attention in a window in pieces") {
  check_decode([](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options(sliding_window(3))); });
}

TEST_CASE("derived decode turns keys by their positions, before or after they are kept") {
  check_decode([](const Parts& p) {
    return attention(rope(p.q, "time", "depth"), keyed(rope(p.k, "time", "depth")), keyed(p.v), options(causal()));
  });
  check_decode([](const Parts& p) {
    return attention(rope(p.q, "time", "depth"), rope(keyed(p.k), "key", "depth"), keyed(p.v), options(causal()));
  });
}

TEST_CASE("derived decode keeps what a mask reads, and biases by distance") {
  check_decode([](const Parts& p) {
    return attention(p.q, keyed(p.k), keyed(p.v), options(padded(keyed(p.tokens), causal())));
  });
  check_decode([](const Parts& p) {
    return attention(p.q, keyed(p.k), keyed(p.v),
                     options(causal(), [](const Score& s) { return s.score - 0.25 * cast(s.query - s.key, f32); }));
  });
}

TEST_CASE("derived decode computes attention written by hand") {
  check_decode([](const Parts& p) {
    const Tensor score = dot(p.q, keyed(p.k), {kDepth});
    const Tensor query = broadcast_like(iota(p.q, "time"), score), key = broadcast_like(iota(keyed(p.k), "key"), score);
    const Tensor weight = exp(select(key > query, -std::numeric_limits<double>::infinity(), tanh(score)));
    const Tensor total = sum(weight, {"key"});
    return dot(weight / broadcast_like(total, weight), keyed(p.v), {"key"});
  });
}

TEST_CASE("derived decode proves a mask from the distance of two indices, as outer products write it") {
  const Attend retention = [](const Parts& p) {
    const Tensor query = iota(p.q, "time"), key = iota(keyed(p.k), "key");
    const Tensor distance = outer(query, full_like(key, 1)) - outer(full_like(query, 1), key);
    const Tensor score = dot(p.q, keyed(p.k), {kDepth});
    const Tensor decay = exp(cast(distance, f32) * -0.25);
    const Tensor weight = select(broadcast_like(distance >= 0, score), score * broadcast_like(decay, score), 0.0);
    return dot(weight, keyed(p.v), {"key"});
  };
  check_decode(retention);
  // A product that may wrap, and one with a key too many.
  for (const auto& [factor, least] : {std::pair(2, 0), std::pair(1, -1)})
    CHECK_THAT(refusal([&](const Parts& p) {
                 const Tensor query = iota(p.q, "time"), key = iota(keyed(p.k), "key");
                 const Tensor distance = outer(query, full_like(key, factor)) - outer(full_like(query, factor), key);
                 const Tensor score = dot(p.q, keyed(p.k), {kDepth});
                 return dot(select(broadcast_like(distance >= least, score), score, 0.0), keyed(p.v), {"key"});
               }),
               Contains("no mask is proved"));
}

TEST_CASE("derived decode keeps what is renamed: the latent, where keys and values are made of it behind the rename") {
  const Attend latent = [](const Parts& p) {
    const Axis rank("rank", 2);
    const Tensor kept = keyed(dot(p.k, p.scope.param("down", {kHead, kDepth, rank}, normal(0.4)), {kHead, kDepth}));
    const auto up = [&](const char* name) { return dot(kept, p.scope.param(name, {rank, kHead, kDepth}, normal(0.4)), {rank}); };
    return attention(p.q, up("up_k"), up("up_v"), options(causal()));
  };
  check_decode(latent);
  const Graph step = derive_decode(model(latent), kTimeAxis, {.sizes = {{"batch", kBatch}}});
  CHECK(caches_of(step) == std::vector<std::string>{"h.0.cache.0 f32[batch=2, key=16, rank=2]", "h.1.cache.0 f32[batch=2, key=16, rank=2]"});
}

TEST_CASE("derived decode reads parameters over positions where they are") {
  constexpr std::int64_t n = 6;
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {{"batch", kBatch}, {"time", n}});
  Scope s = g.scope();
  const Tensor words = s.param("words", {kWords, kDepth}, normal(0.5));
  Tensor x = gather(words, tokens, kWords);
  const Tensor place = s.param("place", {{"time", n}, kDepth}, normal(0.5)), bias = s.param("bias", {{"time", n}, {"key", n}}, normal(0.5));
  x = x + broadcast_like(place, x);
  x = attention(x, keyed(x), keyed(x), options(causal(), [&](const Score& s) { return s.score + broadcast_like(bias, s.score); }));
  g->add_output("logits", dot(x, words, {kDepth}).value());
  const Graph step = derive_decode(g, "time");
  const Results whole = interpret(g, {{"tokens", ::tokens(0, n)}}, initial_parameters(g, 1), Mode::typed);
  Arrays state = initial_parameters(step, 1);
  for (std::int64_t past : {0, 2, 4}) {
    const Results r = interpret(step, {{"tokens", ::tokens(past, 2)}}, state, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = {{"past", past}}});
    CHECK(same_bits(rows(r.outputs.at("logits"), 0, 2), rows(whole.outputs.at("logits"), past, 2)));
    for (const auto& [path, value] : r.updates) state[path] = value;
  }
}

TEST_CASE("derived decode names its caches by scope") {
  const Graph step = derive_decode(model([](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options(causal())); }),
                                   kTimeAxis, {.sizes = {{"batch", kBatch}}});
  CHECK(caches_of(step) ==
        std::vector<std::string>{"h.0.cache.0 f32[batch=2, head=3, key=16, depth=4]", "h.0.cache.1 f32[batch=2, head=3, key=16, depth=4]",
                                 "h.1.cache.0 f32[batch=2, head=3, key=16, depth=4]", "h.1.cache.1 f32[batch=2, head=3, key=16, depth=4]"});
}

TEST_CASE("more positions than the caches hold are an error that says so") {
  const Graph step = derive_decode(model([](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options(causal())); }), kTimeAxis,
                                   {.capacity = 4, .sizes = {{"batch", kBatch}}});
  const auto go_on = [&](std::int64_t past, std::int64_t count) {
    interpret(step, {{"tokens", tokens(past, count)}}, initial_parameters(step, 1), Mode::typed,
              {.observe = {}, .refuse_nan = false, .sizes = {{"past", past}}});
  };
  go_on(2, 2);
  CHECK_THROWS_WITH(go_on(2, 3), Contains("slice of 'h.0.cache.0', which holds 4 along 'key' and is full: new + past = 5 (new=3, past=2)"));
}

TEST_CASE("what sees later positions, or mixes them, is not derived") {
  using Catch::Matchers::EndsWith;
  const std::string unproved = "may see positions after its own: no mask is proved to rule out key > time, as a score of -inf does and a "
                                "large negative one does not";
  CHECK_THAT(refusal([](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options({})); }), EndsWith(unproved));
  // One key too far.
  CHECK_THAT(refusal([](const Parts& p) {
               return attention(p.q, keyed(p.k), keyed(p.v), options([](Tensor q, Tensor k) { return k <= q + 1; }));
             }),
             EndsWith(unproved));
  CHECK_THAT(refusal([](const Parts& p) {
               return attention(p.q, keyed(p.k), keyed(p.v), options([](Tensor q, Tensor k) { return k < q + 2; }));
             }),
             EndsWith(unproved));
  // Weights of these keys are small, and not 0.
  CHECK_THAT(refusal([](const Parts& p) {
               return attention(p.q, keyed(p.k), keyed(p.v), options({}, [](const Score& s) { return select(s.key <= s.query, s.score, -1e9); }));
             }),
             EndsWith(unproved));
  // Another axis' mask is no mask.
  CHECK_THAT(refusal([](const Parts& p) {
               const Tensor other = rename(p.v, "time", "other");
               const Tensor o = attention(p.q, keyed(p.k), keyed(p.v), options(causal()));
               return o + broadcast_like(sum(other, {"other"}), o);
             }),
             EndsWith("sum over 'other' may see positions after its own: no mask is proved to rule out other > time, as a score of -inf does and a "
                      "large negative one does not"));
  CHECK_THAT(refusal([](const Parts& p) { return p.q - broadcast_like(mean(p.q, {"time"}), p.q); }), Contains("'time'"));
  CHECK_THAT(refusal([](const Parts& p) { return reverse(p.q, "time"); }), EndsWith("reverse along 'time' mixes positions"));
  CHECK_THAT(refusal([](const Parts& p) { return cumsum(p.q, "time"); }), EndsWith("cumsum along 'time' mixes positions"));
  const Attend plain = [](const Parts& p) { return attention(p.q, keyed(p.k), keyed(p.v), options(causal())); };
  CHECK_THAT(refusal(model(plain), {}), EndsWith("keeps what it renames, and needs a size for 'batch'"));
  CHECK_THAT(refusal(model(plain), {.capacity = 4, .count = 5}), EndsWith("5 new positions do not fit into a capacity of 4"));
  CHECK_THROWS_WITH(derive_decode(model(plain), "tme"), EndsWith("derive_decode over 'tme': no input has this axis"));
}
