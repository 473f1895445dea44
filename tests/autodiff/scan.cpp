#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/random.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis time_axis{"time"}, in_axis{"in", 3}, state{"state", 4};

// h' = tanh(x W + h U + b), one state a step.
Tensor rnn(Graph& g, bool reverse = false) {
  const Tensor x = g.input("x", f32, {time_axis, in_axis}), w = g.input("w", f32, {in_axis, state});
  const Tensor u = g.input("u", f32, {state, {"next", 4}}), b = g.input("b", f32, {state}),
               h = g.input("h", f32, {state});
  const ScanResult r = scan(time_axis, {h}, {x},
                            [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& slice, Tensor) {
                              const Tensor mixed = rename(dot(carry[0], u, {state}), Axis{"next"}, state);
                              const Tensor next = tanh(dot(slice[0], w, {in_axis}) + mixed + b);
                              return ScanStep{{next}, {next}};
                            },
                            {.reverse = reverse, .length = std::nullopt});
  g->add_output("states", r.outputs[0].value());
  g->add_output("last", r.carries[0].value());
  return r.outputs[0];
}

int scans_in(const Graph& g) {
  int n = 0;
  for (const Node& node : g->nodes()) n += node.op == Op::scan;
  return n;
}

}  // namespace

TEST_CASE("a recurrent network differentiates through its scan, in both directions and at every length") {
  for (bool reverse : {false, true})
    for (std::int64_t length : {0, 1, 2, 5}) {
      INFO("length " << length << (reverse ? ", reverse" : ""));
      Graph g;
      rnn(g, reverse);
      check_derivatives(g, {.low = -1, .high = 1, .sizes = {{"time", length}}},
                        {.second = true, .differences = length > 0});
    }
}

TEST_CASE("a gradient through a scan is the gradient of the unrolled loop") {
  Graph looped, unrolled;
  rnn(looped);
  const Axis three{"time", 3};
  const Tensor x = unrolled.input("x", f32, {three, in_axis}), w = unrolled.input("w", f32, {in_axis, state});
  const Tensor u = unrolled.input("u", f32, {state, {"next", 4}}), b = unrolled.input("b", f32, {state}),
               h = unrolled.input("h", f32, {state});
  Tensor carry = h;
  for (int t = 0; t < 3; ++t) {
    const Tensor now = sum(slice(x, three, t, t + 1), {Axis{"time"}});
    carry = tanh(dot(now, w, {in_axis}) + rename(dot(carry, u, {state}), Axis{"next"}, state) + b);
  }
  unrolled->add_output("last", carry.value());
  Arrays gradients[2];
  int which = 0;
  for (Graph* g : {&looped, &unrolled}) {
    const Tensor last(g->shared(), *(*g)->output("last"));
    const std::vector<Tensor> inputs = floating_inputs(*g);
    const std::vector<Tensor> found = grad(sum(last * last, {state}), inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      (*g)->add_output("d." + (*g)->node(inputs[i].value().node).as<InputAttrs>().name, found[i].value());
    gradients[which++] = interpret(*g, random_inputs(*g, {.low = -1, .high = 1, .sizes = {{"time", 3}}})).outputs;
  }
  for (const char* name : {"d.x", "d.w", "d.u", "d.b", "d.h"}) {
    INFO(name);
    CHECK(is_close(gradients[0].at(name), gradients[1].at(name)));
  }
}

TEST_CASE("a scan inside a scan differentiates") {
  Graph g;
  const Axis inner{"inner", 3};
  const Tensor x = g.input("x", f32, {time_axis, inner}), a = g.input("a", f32, {}), h = g.input("h", f32, {});
  const ScanResult r =
      scan(time_axis, {h}, {x}, [&](const std::vector<Tensor>& outer, const std::vector<Tensor>& row, Tensor) {
        const ScanResult in =
            scan(inner, {outer[0]}, {row[0]}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& e, Tensor) {
              return ScanStep{{sin(c[0] * a) + e[0] * outer[0]}, {c[0] * e[0]}};
            });
        return ScanStep{{in.carries[0]}, {sum(in.outputs[0], {inner})}};
      });
  g->add_output("last", r.carries[0].value());
  g->add_output("rows", r.outputs[0].value());
  check_derivatives(g, {.low = -1, .high = 1, .sizes = {{"time", 4}}});
}

TEST_CASE("a scan whose constants have the scanned axis themselves differentiates") {
  Graph g;
  const Tensor x = g.input("x", f32, {time_axis, state}), h = g.input("h", f32, {state});
  const Tensor memory = g.input("memory", f32, {time_axis, state});
  const ScanResult r =
      scan(time_axis, {h}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
        const Tensor score = dot(memory, c[0] + s[0], {state});  // [time], of the constant
        return ScanStep{{tanh(dot(exp(score * 0.1), memory, {time_axis}) * 0.2)}, {}};
      });
  g->add_output("last", r.carries[0].value());
  check_derivatives(g, {.low = -1, .high = 1, .sizes = {{"time", 3}}});
}

TEST_CASE("a carry that becomes active on the way is found") {
  Graph g;
  const Tensor x = g.input("x", f32, {time_axis}), h = g.input("h", f32, {});
  const ScanResult r =
      scan(time_axis, {h, h, h}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
        return ScanStep{{c[1] * 1.5, sin(c[2]), c[2] * 0.5 + s[0]}, {}};  // x reaches the first carry after three steps
      });
  g->add_output("out", r.carries[0].value());
  const Tensor dx = grad(r.carries[0], {x})[0];
  g->add_output("dx", dx.value());
  const Results out = interpret(g, {{"x", array({{"time", 4}}, std::vector<double>{0.1, 0.2, 0.3, 0.4})}, {"h", 0.3}});
  CHECK(norm(out.outputs.at("dx")) > 0.1);
  Graph again;
  const Tensor x2 = again.input("x", f32, {time_axis}), h2 = again.input("h", f32, {});
  const ScanResult r2 =
      scan(time_axis, {h2, h2, h2}, {x2}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
        return ScanStep{{c[1] * 1.5, sin(c[2]), c[2] * 0.5 + s[0]}, {}};
      });
  again->add_output("out", r2.carries[0].value());
  check_derivatives(again, {.low = -1, .high = 1, .sizes = {{"time", 4}}});
}

TEST_CASE("the backward of a scan is one scan more, and the forward runs once") {
  Graph g;
  const Tensor states = rnn(g);
  const std::size_t outputs = g->node(states.value().node).types.size();
  grad(sum(states, {time_axis, state}), floating_inputs(g));
  CHECK(scans_in(g) == 2);
  CHECK(g->node(states.value().node).types.size() > outputs);  // what is saved for it
}

TEST_CASE("every turn of nested scans drops other elements, and the gradient takes the masks of the forward pass") {
  const Axis turn{"turn"}, wide{"wide", 64};
  for (bool reverse : {false, true}) {
    INFO("reverse " << reverse);
    Graph g;
    const Tensor x = g.input("x", f32, {time_axis, turn, wide});
    const Scope s = g.scope();
    const ScanOptions options{.reverse = reverse, .length = std::nullopt};
    const ScanResult outer = scan(time_axis, {}, {x}, [&](const std::vector<Tensor>&, const std::vector<Tensor>& slice, Tensor) {
      const ScanResult inner = scan(turn, {}, {slice[0]}, [&](const std::vector<Tensor>&, const std::vector<Tensor>& row, Tensor) {
        return ScanStep{{}, {dropout(s, row[0], 0.5)}};
      }, options);
      return ScanStep{{}, {inner.outputs[0]}};
    }, options);
    const Tensor y = outer.outputs[0];
    g->add_output("y", y.value());
    g->add_output("dx", grad(sum(y, {time_axis, turn, wide}), {x})[0].value());
    const Array ones = Array::of(f32, {{"time", 3}, {"turn", 2}, {"wide", 64}}, std::vector<float>(3 * 2 * 64, 1.0f));
    const Arrays out =
        interpret(g, {{"x", ones}}, {{"seed", Array(std::int64_t{3})}, {"step", Array(std::int64_t{0})}}, Mode::typed).outputs;
    const Array kept = out.at("y").reordered({"time", "turn", "wide"});
    CHECK(out.at("dx").reordered({"time", "turn", "wide"}) == kept);
    for (std::int64_t a = 0; a < 6; ++a)
      for (std::int64_t b = 0; b < a; ++b) {
        int same = 0;
        for (std::int64_t i = 0; i < 64; ++i) same += kept.at(a * 64 + i) == kept.at(b * 64 + i);
        INFO("turns " << a << " and " << b << " agree on " << same << " of 64");
        CHECK(same < 52);  // 32 expected, deviation 4
      }
    // The mask is a function of the logical index, so that the direction does not matter.
    const std::uint64_t key = random_key("dropout", 3, std::vector<std::int64_t>{2, 1});
    for (std::int64_t i = 0; i < 64; ++i) {
      const auto bits = static_cast<std::int32_t>(random_word(key, 0, static_cast<std::uint64_t>(i)));
      CHECK(kept.at(5 * 64 + i) == (bits < 0 ? 0.0 : 2.0));
    }
  }
}
