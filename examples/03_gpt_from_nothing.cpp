// 03: a GPT from nothing.
//
// The whole way in one file: a text, a tokenizer, a transformer, its training, and a sample of what it writes. A module
// is a function that takes a Scope and returns a Tensor; there is nothing to inherit from and nothing to register.
#include <uwaga/uwaga.h>

#include <algorithm>
#include <cstdio>
#include <string>

using namespace uwaga;

namespace {

// The house that Jack built, a nursery rhyme: short, and each line holds the one before.
constexpr const char* kText =
    "this is the house that jack built.\n"
    "this is the malt that lay in the house that jack built.\n"
    "this is the rat that ate the malt that lay in the house that jack built.\n"
    "this is the cat that killed the rat that ate the malt that lay in the house that jack built.\n"
    "this is the dog that worried the cat that killed the rat that ate the malt that lay in the house that jack "
    "built.\n"
    "this is the cow that tossed the dog that worried the cat that killed the rat that ate the malt that lay in the "
    "house "
    "that jack built.\n";

struct Gpt {
  Axis batch{"batch"}, time{"time", up_to(32)}, key{"key"}, vocab{"vocab", 32}, model{"model", 32}, head{"head", 4},
      depth{"depth", 8}, hidden{"hidden", 128};
  int layers = 2;
};

Tensor attend(const Scope& s, const Tensor& x, const Gpt& c) {  // [batch time model] -> the same
  const Tensor q = linear(s / "q", x, c.model, {c.head, c.depth});
  const Tensor k = rename(linear(s / "k", x, c.model, {c.head, c.depth}), c.time, c.key);
  const Tensor v = rename(linear(s / "v", x, c.model, {c.head, c.depth}), c.time, c.key);
  const Tensor o = attention(rope(q, c.time, c.depth), rope(k, c.key, c.depth), v,
                             {.query = c.time, .key = c.key, .depth = c.depth, .mask = causal()});
  return linear(s / "out", o, {c.head, c.depth}, c.model);
}

Tensor gpt(const Scope& s, const Tensor& tokens, const Gpt& c) {  // [batch time] -> [batch time vocab]
  const Tensor table = s.param("embed", {c.vocab, c.model}, normal(0.1));
  Tensor x = embedding(table, tokens, c.vocab);
  for (const Scope& layer : s.layers("h", c.layers)) {
    x = x + attend(layer / "attn", rms_norm(layer / "norm1", x, c.model), c);
    x = x + mlp(layer / "mlp", rms_norm(layer / "norm2", x, c.model), c.model, c.hidden, gelu);
  }
  return dot(rms_norm(s / "norm", x, c.model), table, {c.model});  // the head is tied: it is the embedding
}

// Two graphs, one State: training and generation share the weights because they name the same paths. A `key` is renamed
// from `time`, since a query at one time looks at keys of all times: forget it, and the error names both sets of axes.
Graph training(const Gpt& c, int steps) {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time}), targets = g.input("targets", i32, {c.batch, c.time});
  const Tensor loss = cross_entropy(gpt(g.scope(), tokens, c), targets, c.vocab);
  return train_step(loss, AdamW{.rate = 1e-2, .decay = 0, .schedule = {.warm_up = 10, .steps = steps}});
}

// What comes after each token, most likely. Sizes are symbols: this program takes any batch and any time up to 32.
Graph reading(const Gpt& c) {
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time});
  argmax(gpt(g.scope(), tokens, c), c.vocab).watch("next");
  return g;
}

}  // namespace

int main() {
  const std::string text = kText;
  const CharacterTokenizer characters = CharacterTokenizer::train(text);
  const Tokens tokens = tokenize(text, characters);

  Gpt c;
  c.vocab = Axis("vocab", characters.vocab_size());
  const int steps = 200;
  State state;
  const Target target = Target::host(1);  // one thread: this model is too small to share out
  Program step = compile(training(c, steps), target, state);
  Program next = compile(reading(c), target, state);  // the same weights, no copies
  state.initialise(/*seed=*/1);
  std::printf("%zu slots of state; the step is %d kernels, compiled in %.0f ms\n", state.names().size(),
              step.report().kernels, step.report().total);

  double loss = 0;
  int done = 0;
  for (const Batch& b : tokens.batches({.batch = 8, .time = 32, .seed = 1, .steps = steps})) {
    const Array inputs = array({{"batch", b.batch}, {"time", b.time}}, b.inputs);
    const Array targets = array({{"batch", b.batch}, {"time", b.time}}, b.targets);
    loss = step.run({{"tokens", inputs}, {"targets", targets}})["loss"].item<double>();
    if (++done % 25 == 0) std::printf("step %3d  loss %.3f\n", done, loss);
  }

  // Greedy: read the last 32 characters at most, add the likeliest next one, again.
  std::string said = "this is the cow ";
  while (said.size() < 120) {
    const std::string seen = said.substr(said.size() - std::min<std::size_t>(said.size(), 32));
    const std::vector<std::int32_t> ids = characters.encode(seen);
    const auto length = static_cast<std::int64_t>(ids.size());
    const Array out = next.run({{"tokens", array({{"batch", 1}, {"time", length}}, ids)}})["next"];
    const std::int32_t id[] = {static_cast<std::int32_t>(out.integer_at(length - 1))};
    said += characters.decode(id);
  }
  std::printf("\n%s\n", said.c_str());
  // The line, learnt by heart as far as the window of 32 characters determines it.
  return loss < 0.2 && said.find("this is the cow that tossed the dog that worried the cat") == 0 ? 0 : 1;
}
