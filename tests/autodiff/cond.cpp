#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

TEST_CASE("a cond differentiates by the branch that runs") {
  const Axis n{"n", 3};
  for (std::int64_t which : {0, 1}) {
    INFO("branch " << which);
    Graph g;
    const Tensor x = g.input("x", f32, {n}), y = g.input("y", f32, {n}), s = g.input("s", i64, {});
    // Each branch uses an operand that the other does not.
    const Tensor out = cond(
        s < 1, {}, [&](const std::vector<Tensor>&) { return std::vector{exp(x)}; },
        [&](const std::vector<Tensor>&) { return std::vector{y * y * y}; })[0];
    g->add_output("out", out.value());
    const std::vector<Tensor> d = grad(sum(out, {n}), {x, y});
    g->add_output("dx", d[0].value());
    g->add_output("dy", d[1].value());
    const Array at = array({{"n", 3}}, std::vector<double>{0.5, -1, 2});
    const Results r = interpret(g, {{"x", at}, {"y", at}, {"s", which}});
    for (int i = 0; i < 3; ++i) {
      CHECK(r.outputs.at("dx").at(i) == Approx(which == 0 ? std::exp(at.at(i)) : 0));
      CHECK(r.outputs.at("dy").at(i) == Approx(which == 0 ? 0 : 3 * at.at(i) * at.at(i)));
    }
  }
}

TEST_CASE("a cond inside a scan differentiates") {
  Graph g;
  const Axis time{"time"};
  const Tensor x = g.input("x", f32, {time}), h = g.input("h", f32, {});
  const ScanResult r =
      scan(time, {h}, {x}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor index) {
        const std::vector<Tensor> next = cond(
            rem(index, 2) < 1, {c[0], s[0]},
            [](const std::vector<Tensor>& in) { return std::vector{sin(in[0]) + in[1]}; },
            [](const std::vector<Tensor>& in) { return std::vector{in[0] * in[1]}; });
        return ScanStep{{next[0]}, {next[0]}};
      });
  g->add_output("last", r.carries[0].value());
  g->add_output("all", r.outputs[0].value());
  check_derivatives(g, {.low = -1, .high = 1, .sizes = {{"time", 5}}});
}
