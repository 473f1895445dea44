#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/ops.h>
#include <uwaga/runtime/generate/generate.h>

#include <cmath>
#include <limits>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const std::vector<float> kLogits{0.0f, std::log(2.0f), std::log(4.0f), std::log(1.0f)};

std::vector<int> counts(const SampleOptions& options, int draws = 8000) {
  std::vector<int> n(kLogits.size());
  for (int i = 0; i < draws; ++i) ++n[static_cast<std::size_t>(sample(kLogits, options, i))];
  return n;
}

}  // namespace

TEST_CASE("tokens are drawn with their probabilities") {
  const std::vector<int> n = counts({.seed = 5});
  // Of 8000 draws with p = 1/2 the deviation is 45; five of them.
  CHECK(std::abs(n[2] - 4000) < 225);
  CHECK(std::abs(n[1] - 2000) < 200);
  CHECK(std::abs(n[0] - 1000) < 150);
  CHECK(counts({.seed = 5}) == n);
  CHECK(counts({.seed = 6}) != n);
}

TEST_CASE("temperature 0 takes the largest, and the first of equals") {
  CHECK(counts({.temperature = 0})[2] == 8000);
  const std::vector<float> ties{1, 3, 3};
  CHECK(sample(ties, {.temperature = 0}, 0) == 1);
}

TEST_CASE("top-k and top-p leave the likeliest tokens only") {
  const std::vector<int> two = counts({.top_k = 2});
  CHECK(two[0] + two[3] == 0);
  CHECK(std::abs(two[2] - 5333) < 215);
  const std::vector<int> half = counts({.top_p = 0.5});
  CHECK(half[2] == 8000);
  const std::vector<int> more = counts({.top_p = 0.51});
  CHECK(more[1] > 0);
  CHECK(more[0] + more[3] == 0);
}

TEST_CASE("sampling refuses what it cannot mean") {
  CHECK_THROWS_WITH(sample(kLogits, {.temperature = -1}, 0), "the temperature must be 0 or more, not -1");
  CHECK_THROWS_WITH(sample(kLogits, {.top_k = -1}, 0), "top-k must be 0 (all tokens) or more, not -1");
  CHECK_THROWS_WITH(sample(kLogits, {.top_p = 0}, 0), "top-p must be above 0 and at most 1, not 0");
  const std::vector<float> nan{0, std::numeric_limits<float>::quiet_NaN()};
  CHECK_THROWS_WITH(sample(nan, {}, 7), "the logit of token 1 at position 7 is NaN");
}

TEST_CASE("generation feeds each token back, sees the last ones only, and stops where it is told") {
  // The likeliest token is the sum of those seen, so that the window shows in the text.
  Graph g;
  const Axis batch("batch"), time("time"), vocab("vocab", 40);
  const Tensor tokens = g.input("tokens", i32, {batch, time});
  const Tensor seen = broadcast(sum(tokens, {time}), {{"time", tokens.extent(time)}, {"vocab", 40}});
  g->add_output("logits", cast(equal(seen, iota(seen, vocab)), f32).value());
  State none;
  TextModel model(g, Target::interpreter(), none, {.time = 8}), narrow(g, Target::interpreter(), none, {.time = 2});
  using Ids = std::vector<std::int32_t>;
  CHECK(generate(model, {1, 2}, {.tokens = 4, .sample = {.temperature = 0}}) == Ids{3, 6, 12, 24});
  CHECK(generate(narrow, {1, 2}, {.tokens = 4, .sample = {.temperature = 0}}) == Ids{3, 5, 8, 13});
  CHECK(generate(narrow, {1, 2}, {.tokens = 4, .sample = {.temperature = 0}, .end = 8}) == Ids{3, 5});
  CHECK(generate(narrow, {1, 2}, {.tokens = 9, .sample = {.temperature = 0}},
                 [](std::int32_t id) { return id < 8; }) == Ids{3, 5, 8});
  CHECK_THROWS_WITH(generate(model, {}, {}), "the prompt is empty: the model needs at least one token to begin with");
}
