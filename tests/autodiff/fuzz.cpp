// Random graphs of smooth ops, checked like every op: what single ops cannot show, fan-out and aliasing above all.
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/graph.h>

#include <random>

#include "tests/autodiff/check.h"
#include "tests/catch.h"
#include "tests/count.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

Graph random_graph(std::mt19937& engine) {
  const Axis rows{"rows", 3}, cols{"cols", 4};
  Graph g;
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(engine() % n); };
  std::vector<Tensor> full{g.input("x", f32, {rows, cols}), g.input("y", f32, {cols, rows})};
  std::vector<Tensor> thin{g.input("z", f32, {cols})};
  const int nodes = 6 + static_cast<int>(pick(8));
  for (int i = 0; i < nodes; ++i) {
    const Tensor a = full[pick(full.size())], b = full[pick(full.size())], t = thin[pick(thin.size())];
    switch (pick(14)) {
      case 0:
        full.push_back(a + b);
        break;
      case 1:
        full.push_back(sin(a) * b);
        break;
      case 2:
        full.push_back(a - t);
        break;
      case 3:
        full.push_back(a / (b * b + 1.0));
        break;
      case 4:
        full.push_back(tanh(a));
        break;
      case 5:
        full.push_back(sigmoid(a) * t);
        break;
      case 6:
        thin.push_back(sum(a * b, {rows}));
        break;
      case 7:
        thin.push_back(tanh(dot(a, b, {rows})));
        break;
      case 8:
        full.push_back(softmax(a, cols));
        break;
      case 9:
        full.push_back(cumsum(a, rows) * 0.5);
        break;
      case 10:
        full.push_back(reverse(a, cols) + b);
        break;
      case 11:
        full.push_back(slice(concat({a, b}, rows), Axis{"rows"}, 2, 5));
        break;
      case 12: {
        const ScanResult r =
            scan(rows, {t}, {a}, [&](const std::vector<Tensor>& c, const std::vector<Tensor>& s, Tensor) {
              const Tensor next = sin(c[0] + s[0] * t);
              return ScanStep{{next}, {next * c[0]}};
            });
        thin.push_back(r.carries[0]);
        full.push_back(r.outputs[0]);
        break;
      }
      default:
        full.push_back(exp(tanh(a)) - b);
        break;
    }
  }
  g->add_output("full", full.back().value());
  g->add_output("thin", thin.back().value());
  g->add_output("both", (full[full.size() / 2] * thin[thin.size() / 2]).value());
  return g;
}

}  // namespace

TEST_CASE("random graphs differentiate, to second order") {
  constexpr int kGraphs = 60;
  for (unsigned seed = 1; seed <= kGraphs; ++seed) {
    INFO("seed " << seed);
    std::mt19937 engine(seed);
    check_derivatives(random_graph(engine), {.low = -1, .high = 1, .seed = seed});
  }
  count_for_summary(kGraphs, "random graphs differentiated to second order");
}
