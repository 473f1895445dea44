// 04: an attention of your own in twelve lines.
//
// `attention` takes two functions. `.score` turns a score into the score to use; `.mask` says which keys a query may
// see. Both see the indices of the query and the key, and may use any tensor of the program: here a slope for each
// head, learnt, times the distance (ALiBi, Press et al. 2022, has fixed ones), then a soft cap (Gemma 2, 2024), in a
// window of 8.
#include <uwaga/uwaga.h>

#include <cmath>
#include <cstdio>

using namespace uwaga;

namespace {

const Axis batch{"batch"}, time_axis{"time"}, key{"key"}, model{"model", 16}, head{"head", 4}, depth{"depth", 4};

// The variant. Everything else in this file shows that it works.
Tensor sloped_attention(const Scope& s, const Tensor& q, const Tensor& k, const Tensor& v) {
  const Tensor slope = s.param("slope", {head}, normal(0.3), q.dtype());
  const auto score = [=](const Score& at) {
    const Tensor distance = cast(at.key - at.query, at.score.dtype());  // [query key]
    return soft_cap(at.score + outer(slope, distance), 5.0);            // outer: [head query key]
  };
  return attention(q, k, v,
                   {.query = time_axis, .key = key, .depth = depth, .score = score, .mask = sliding_window(8)});
}

// A head on top, to have a loss. f64, so that a finite difference is worth comparing with.
Tensor loss_of(Graph& g) {
  const Tensor x = g.input("x", f64, {batch, time_axis, model});
  const Scope s = g.scope();
  const LinearOptions wide{.weight = normal(0.4)};
  const Tensor q = linear(s / "q", x, model, {head, depth}, wide);
  const Tensor k = rename(linear(s / "k", x, model, {head, depth}, wide), time_axis, key);
  const Tensor v = rename(linear(s / "v", x, model, {head, depth}, wide), time_axis, key);
  const Tensor o = linear(s / "out", sloped_attention(s / "attn", q, k, v), {head, depth}, model, wide);
  return mean((o - x) * (o - x), {batch, time_axis, model});
}

}  // namespace

int main() {
  Graph g;
  const Tensor loss = loss_of(g).watch("loss");
  // The slope was only captured by a function; its gradient is asked for like any parameter's.
  grad(loss).at("attn.slope").watch("gradient");

  State state;
  Program program = compile(g, Target::host(1), state);
  state.initialise(/*seed=*/4);

  Array x(f64, {{"batch", 2}, {"time", 13}, {"model", 16}});
  for (std::int64_t i = 0; i < x.elements(); ++i) x.set(i, std::sin(0.7 * static_cast<double>(i * i % 101)));
  const Array gradient = program.run({{"x", x}})["gradient"];

  // Central differences: (loss(slope + h) - loss(slope - h)) / 2h. Its error is about h^2 |f'''| + 2^-53 |f| / h.
  const double h = 1e-5;
  double worst = 0;
  const Array slope = state.get("attn.slope");
  for (std::int64_t i = 0; i < 4; ++i) {
    double side[2];
    for (int j = 0; j < 2; ++j) {
      Array moved = slope;
      moved.set(i, slope.at(i) + (j == 0 ? h : -h));
      state.set("attn.slope", moved);
      side[j] = program.run({{"x", x}})["loss"].item<double>();
    }
    state.set("attn.slope", slope);
    const double difference = (side[0] - side[1]) / (2 * h);
    std::printf("head %d: slope %7.4f, gradient %12.9f, by differences %12.9f\n", static_cast<int>(i), slope.at(i),
                gradient.at(i), difference);
    worst = std::max(worst, std::abs(difference - gradient.at(i)));
  }
  std::printf("largest difference %.2g\n", worst);
  return worst < 1e-8 ? 0 : 1;
}
