// 04: an attention of your own in twelve lines.
//
// `attention` takes two functions. `.score` turns a score into the score to use; `.mask` says which keys a query may
// see. Both see the indices of the query and the key, and may use any tensor of the program: here a bias for each head,
// learnt, times the distance (ALiBi, Press et al. 2022, has fixed ones), then a soft cap (Gemma 2, 2024), in a window.
//
// The variant runs in the same kernels as the built-in attention: scores are made tile by tile and never stored.
#include <uwaga/codegen/cluster.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/uwaga.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

using namespace uwaga;

namespace {

const Axis batch{"batch"}, time_axis{"time"}, key{"key"}, head{"head", 4}, other{"other", 4}, depth{"depth", 64};

// The variant. Everything else in this file shows that it works.
Tensor sloped(const Tensor& slope, const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto score = [=](const Score& at) {
    const Tensor distance = cast(at.key - at.query, f32) / 1024.0;  // [query key]
    return soft_cap(at.score + outer(slope, distance), 30.0);       // outer: [head query key]
  };
  return attention(q, k, v,
                   {.query = time_axis, .key = key, .depth = depth, .score = score, .mask = sliding_window(256)});
}

// What its speed is compared with: the built-in attention in the same window, without a score function or with the cap.
Tensor built_in(const Tensor&, const Tensor& q, const Tensor& k, const Tensor& v) {
  return attention(q, k, v, {.query = time_axis, .key = key, .depth = depth, .mask = sliding_window(256)});
}
Tensor capped(const Tensor&, const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto score = [](const Score& at) { return soft_cap(at.score, 30.0); };
  return attention(q, k, v,
                   {.query = time_axis, .key = key, .depth = depth, .score = score, .mask = sliding_window(256)});
}

// Talking heads (Shazeer et al. 2020) mix the scores of all heads: no tile of one head can do that.
Tensor talking(const Tensor& mix, const Tensor& q, const Tensor& k, const Tensor& v) {
  const auto score = [=](const Score& at) { return rename(dot(at.score, mix, {head}), other, head); };
  return attention(q, k, v, {.query = time_axis, .key = key, .depth = depth, .score = score, .mask = causal()});
}

// The mean of the squares of an attention, and the gradient of all that it reads and learns.
template <typename Attention>
Graph graph_of(const Attention& attend, const Axes& learns = {}) {
  Graph g;
  const Tensor q = g.input("q", f32, {batch, head, time_axis, depth});
  const Tensor k = g.input("k", f32, {batch, head, key, depth}), v = g.input("v", f32, {batch, head, key, depth});
  const Tensor learnt = g.scope().param("learnt", learns, normal(0.3));
  const Tensor o = attend(learnt, q, k, v);
  const Tensor loss = mean(o * o, {batch, head, time_axis, depth}).watch("loss");
  // One call of grad: a second one would walk back through the attention again.
  std::vector<Tensor> wrt{q, k, v};
  if (learns.size() > 0) wrt.push_back(learnt);
  const std::vector<Tensor> gradients = grad(loss, wrt);
  const char* names[] = {"dq", "dk", "dv", "learnt"};
  for (std::size_t i = 0; i < gradients.size(); ++i) gradients[i].watch(names[i]);
  return g;
}

Arrays inputs_of(std::int64_t time) {
  Arrays inputs;
  int n = 0;
  for (const char* name : {"q", "k", "v"}) {
    Array x(f32, {{"batch", 1}, {"head", 4}, {n == 0 ? "time" : "key", time}, {"depth", 64}});
    for (std::int64_t i = 0; i < x.elements(); ++i) x.set(i, std::sin(0.37 * static_cast<double>((i * 7 + n) % 1009)));
    inputs.emplace(name, std::move(x));
    ++n;
  }
  return inputs;
}

// Stored values with both a query and a key axis: the buffers that attention is written to avoid.
int square_buffers(const Program& program) {
  int count = 0;
  for (const Cluster& c : fuse(program.graph()).clusters)
    for (const Value v : c.outputs) {
      const Type& t = program.graph()->type(v);
      count += t.has("time") && t.has("key");
    }
  return count;
}

double seconds(Program& program, const Arrays& inputs) {
  const auto start = std::chrono::steady_clock::now();
  program.run(inputs);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main() {
  const Graph variant = graph_of(sloped, {head});
  State state, none, nothing, mixed;
  Program program = compile(variant, Target::host(1), state);
  Program body = compile(expand(variant), Target::host(1), state);  // every call written out
  Program plain = compile(graph_of(built_in), Target::host(1), none);
  Program cap = compile(graph_of(capped), Target::host(1), nothing);
  const Program refused = compile(graph_of(talking, {head, other}), Target::host(1), mixed);
  state.initialise(/*seed=*/4);

  const Sizes sizes{{"batch", 1}, {"time", 1024}, {"key", 1024}};
  const int squares = square_buffers(program);
  std::printf("the variant stores %d values over query x key, at T 1024 its run takes %.1f MB (such a value %.1f)\n",
              squares, static_cast<double>(program.peak_bytes(sizes)) / 1e6, 4.0 * 4 * 1024 * 1024 / 1e6);

  // Its gradients against those of its body: the same graph with every call written out, compiled op by op.
  const Arrays small = inputs_of(300);
  const Array ours = program.run(small)["learnt"], theirs = body.run(small)["learnt"];
  double worst = 0, largest = 0;
  for (std::int64_t i = 0; i < 4; ++i) {
    std::printf("head %d: gradient of the slope %12.5e, of the body %12.5e\n", static_cast<int>(i), ours.at(i),
                theirs.at(i));
    worst = std::max(worst, std::abs(ours.at(i) - theirs.at(i)));
    largest = std::max(largest, std::abs(theirs.at(i)));
  }
  // Sums of 300 x 300 products in another order: blocks of 128 keys here, of 512 terms there.
  const bool equal = worst <= 1e-5 * largest;

  // Forward and backward, in turns, so that whatever else the machine does meets all alike; the best of each. The slope
  // costs next to nothing beside the products; the cap is a tanh for each score, which is work for whoever caps.
  const Arrays inputs = inputs_of(1024);
  Program* programs[] = {&program, &cap, &plain};
  double best[3] = {1e9, 1e9, 1e9};
  for (int i = 0; i < 5; ++i)
    for (std::size_t p = 0; p < 3; ++p) best[p] = std::min(best[p], seconds(*programs[p], inputs));
  std::printf("forward and backward at T 1024, in a window of 256: variant %.1f ms\n", best[0] * 1e3);
  std::printf("built-in attention with the same cap %.1f ms, the variant has %.2f of its speed\n", best[1] * 1e3,
              best[1] / best[0]);
  std::printf("built-in attention without a cap %.1f ms, the variant has %.2f of its speed\n", best[2] * 1e3,
              best[2] / best[0]);

  // A variant that no tile can compute runs from its body, and says why.
  for (const std::string& why : refused.report().refused_attention) std::printf("from its body: %s\n", why.c_str());
  return squares == 0 && equal && !refused.report().refused_attention.empty() ? 0 : 1;
}
