// Texts continued from what the caches keep: the bits of a program over all positions.
#include <uwaga/ir/graph.h>
#include <uwaga/ir/scope.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/llama.h>
#include <uwaga/runtime/generate/generate.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/train/checkpoint.h>

#include <cstring>

#include "tests/catch.h"

using namespace uwaga;

namespace {

using Ids = std::vector<std::int32_t>;

Graph graph_of(const std::function<Tensor(const Scope&, const Tensor&)>& model, std::int64_t positions) {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {Axis("batch"), Axis("time", up_to(positions))});
  g->add_output("logits", model(g.scope(), tokens).value());
  return g;
}
Graph small_gpt2() {
  return graph_of([](const Scope& s, const Tensor& t) {
    return gpt2(s, t, {.layers = 2, .heads = 3, .width = 24, .vocab = 29, .positions = 24});
  }, 24);
}
Graph small_llama(std::int64_t window = 0) {
  return graph_of([&](const Scope& s, const Tensor& t) {
    return llama(s, t, {.layers = 2, .heads = 4, .kv_heads = 2, .width = 32, .hidden = 40, .vocab = 29, .positions = 24, .window = window});
  }, 24);
}

// Of the last position, by a program over all of them.
std::vector<float> whole(Program& p, const Ids& text) {
  const Array in = array({{"batch", 1}, {"time", static_cast<std::int64_t>(text.size())}}, text);
  const Array logits = p.run({{"tokens", in}}).at("logits").reordered({"batch", "time", "vocab"});
  const auto last = logits.as<float>().last(29);
  return {last.begin(), last.end()};
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

void check_text(const Graph& g, const Target& target) {
  State state;
  Program all = compile(g, target, state);
  TextModel model(g, target, state, {.time = 20});
  state.initialise(3, target);
  INFO(model.refused());
  CHECK(model.refused().empty());
  CHECK(model.caches().size() == 4);
  Ids text{3, 14, 15, 9, 2, 6};
  for (int i = 0; i < 12; ++i) {
    CHECK(same_bits(model.next(text), whole(all, text)));
    text.push_back(static_cast<std::int32_t>(text.size() * 7 % 29));
  }
  // Another end, and another beginning.
  text.resize(9);
  text.back() = 28;
  CHECK(same_bits(model.next(text), whole(all, text)));
  text.front() = 1;
  CHECK(same_bits(model.next(text), whole(all, text)));
  // Longer than what the model sees.
  while (text.size() < 23) text.push_back(static_cast<std::int32_t>(text.size() % 29));
  CHECK(same_bits(model.next(text), whole(all, Ids(text.end() - 20, text.end()))));
  text.push_back(4);
  CHECK(same_bits(model.next(text), whole(all, Ids(text.end() - 20, text.end()))));
  // Other weights.
  state.initialise(4, target);
  model.forget();
  CHECK(same_bits(model.next(text), whole(all, Ids(text.end() - 20, text.end()))));
}

}  // namespace

TEST_CASE("a text model's logits are those of all positions, on the interpreter") { check_text(small_gpt2(), Target::interpreter()); }
#ifdef UWAGA_WITH_LLVM
TEST_CASE("a text model's logits are those of all positions, on compiled kernels") {
  check_text(small_gpt2(), Target::host(2));
  check_text(small_llama(), Target::host(2));
  check_text(small_llama(5), Target::host(2));
}
#endif
#ifdef UWAGA_WITH_CUDA
TEST_CASE("a text model's logits are those of all positions, on emulated kernels") { check_text(small_llama(), Target::emulated()); }
#endif

TEST_CASE("a model that sees later positions computes them all, and says why") {
  State state;
  const Graph g = graph_of([](const Scope& s, const Tensor& t) {
    const Tensor x = embedding(s.param("words", {{"vocab", 29}, {"model", 8}}, normal(1)), t, {"vocab", 29});
    const Tensor o = attention(x, rename(x, "time", "key"), rename(x, "time", "key"), {.query = "time", .key = "key", .depth = "model"});
    return dot(o, s.param("head", {{"vocab", 29}, {"model", 8}}, normal(1)), {"model"});
  }, 24);
  Program all = compile(g, Target::interpreter(), state);
  TextModel model(g, Target::interpreter(), state);
  state.initialise(1);
  CHECK_THAT(model.refused(), Contains("may see positions after its own"));
  CHECK(model.caches().empty());
  CHECK(same_bits(model.next(Ids{1, 2, 3}), whole(all, {1, 2, 3})));
}

TEST_CASE("text models of one state leave each other's texts alone") {
  State state;
  const Graph g = small_gpt2();
  Program all = compile(g, Target::interpreter(), state);
  TextModel one(g, Target::interpreter(), state);
  state.initialise(3);
  Ids a{3, 14, 15, 9}, b{2, 7, 1, 8, 2};
  CHECK(same_bits(one.next(a), whole(all, a)));
  TextModel two(g, Target::interpreter(), state);
  a.push_back(2);
  CHECK(same_bits(one.next(a), whole(all, a)));
  TextModel copy = one;
  for (int i = 0; i < 3; ++i) {
    CHECK(same_bits(one.next(a), whole(all, a)));
    CHECK(same_bits(two.next(b), whole(all, b)));
    CHECK(same_bits(two.next(b), whole(all, b)));
    a.push_back(i), b.push_back(i + 5);
    CHECK(same_bits(copy.next(b), whole(all, b)));
    CHECK(same_bits(one.next(a), whole(all, a)));
  }
  // Weights that come from elsewhere.
  state.initialise(4);
  CHECK(same_bits(one.next(a), whole(all, a)));
}

TEST_CASE("weights are loaded whether a text model is there or not") {
  const TemporaryFolder folder;
  const Graph g = small_gpt2();
  State trained;
  Program all = compile(g, Target::interpreter(), trained);
  trained.initialise(5);
  save(trained, folder.path() / "weights");

  State state;
  TextModel model(g, Target::interpreter(), state);
  CHECK_THROWS_WITH(model.next(Ids{1}), Contains("has no value yet; initialise or load the state first"));  // caches have values
  const LoadReport report = load(state, folder.path() / "weights");
  CHECK(report.missing.empty());
  CHECK(report.loaded.size() == trained.names().size());
  const Ids text{3, 1, 4, 1, 5};
  CHECK(same_bits(model.next(text), whole(all, text)));
  // Others, while the caches hold what the first gave.
  trained.initialise(6);
  save(trained, folder.path() / "weights");
  load(state, folder.path() / "weights");
  CHECK(same_bits(model.next(text), whole(all, text)));
}

TEST_CASE("a text model sees as many positions as its axis has, unless it is told fewer") {
  State state, other, unbounded;
  CHECK(TextModel(small_gpt2(), Target::interpreter(), state).time() == 24);
  CHECK(TextModel(small_gpt2(), Target::interpreter(), other, {.time = 5}).time() == 5);
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {"batch", "time"});
  g->add_output("logits", embedding(g.scope().param("words", {{"v", 9}, {"vocab", 9}}, normal(1)), tokens, {"v", 9}).value());
  CHECK(TextModel(g, Target::interpreter(), unbounded).time() == 256);
}

TEST_CASE("a text model refuses what it cannot go on with") {
  State state;
  TextModel model(small_gpt2(), Target::interpreter(), state);
  state.initialise(1);
  CHECK_THROWS_WITH(model.next({}), "there is no text to go on with: the model needs at least one token to begin with");
  CHECK_THROWS_WITH(model.next(Ids{29}), Contains("29"));
  Graph g;
  g->add_output("out", g.input("x", f32, {"time"}).value());
  CHECK_THROWS_WITH(TextModel(g, Target::interpreter(), state), "the model's graph has no output \"logits\"");
}
