// One compile serves every size.
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

Graph small_loss() {
  Graph g;
  const Gpt2 c{.layers = 1, .heads = 2, .width = 20, .vocab = 37, .positions = 70};
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  const Tensor logits = gpt2(g.scope(), tokens, c);
  logits.watch("logits");
  g->add_output("loss", cross_entropy(logits, targets, c.words()).value());
  return g;
}

const std::vector<std::pair<std::int64_t, std::int64_t>> kSizes = {{1, 1},  {1, 2},  {3, 1},   {2, 15}, {2, 16}, {1, 17}, {5, 13},
                                                                   {7, 31}, {2, 33}, {1, 64}, {17, 3}, {1, 67}, {33, 2}};

}  // namespace

TEST_CASE("one program at many sizes gives the bits of fresh compiles and the values of the interpreter") {
  const Graph g = small_loss();
  State state;
  Program one = compile(g, Target::host(2), state);
  state.initialise(7);
  const Arrays parameters = all_slots(state);
  for (const auto& [batch, time] : kSizes) {
    INFO("batch " << batch << ", time " << time);
    const Arrays in = small_batch(batch, time);
    const Arrays got = one.run(in);
    CHECK(digest(got) == digest(compile(g, Target::host(1), state).run(in)));
    const Arrays want = interpret(g, in, parameters, Mode::typed).outputs;
    CHECK(got.at("loss").item<double>() == Approx(want.at("loss").item<double>()).epsilon(1e-6));
    const std::vector<double> a = got.at("logits").to_doubles(), b = want.at("logits").to_doubles();
    REQUIRE(a.size() == b.size());
    double off = 0;
    for (std::size_t i = 0; i < a.size(); ++i) off = std::max(off, std::abs(a[i] - b[i]));
    CHECK(off < 2e-6);
  }
  // Back to a size it had, after larger ones.
  CHECK(digest(one.run(small_batch(5, 13))) == digest(compile(g, Target::host(1), state).run(small_batch(5, 13))));
  CHECK(one.kernels_compiled_in_run() == 0);
}

TEST_CASE("a training step run at other sizes in between leaves the bits of a fresh program on the same state") {
  const Graph step = small_llama_step();
  const auto train = [&](bool fresh) {
    State state;
    Program program = compile(step, Target::host(2), state);
    state.initialise(3);
    for (const auto& [batch, time] : std::vector<std::pair<std::int64_t, std::int64_t>>{{1, 1}, {4, 19}, {3, 7}, {1, 16}})
      (fresh ? compile(step, Target::host(1), state) : program).run(small_batch(batch, time));
    CHECK(program.kernels_compiled_in_run() == 0);
    return digest(state);
  };
  CHECK(train(true) == train(false));
}

TEST_CASE("no rows and no columns are sizes too") {
  Graph g;
  const Axis row{"row"}, column{"column"};
  const Tensor x = g.input("x", f32, {row, column}), y = g.input("y", f32, {column});
  g->add_output("product", dot(x, y, {column}).value());
  g->add_output("total", sum(x, {row, column}).value());
  g->add_output("below", sum(x * y, {row}).value());
  State none;
  Program p = compile(g, Target::host(2), none);
  for (const auto& [rows, columns] : std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 3}, {3, 0}, {0, 0}, {1, 1}, {2, 515}}) {
    INFO(rows << " rows, " << columns << " columns");
    const Arrays in = {{"x", Array::of(f32, {{"row", rows}, {"column", columns}}, std::vector<float>(static_cast<std::size_t>(rows * columns), 0.5f))},
                       {"y", Array::of(f32, {{"column", columns}}, std::vector<float>(static_cast<std::size_t>(columns), 3.0f))}};
    const Arrays got = p.run(in), want = interpret(g, in, {}, Mode::typed).outputs;
    for (const auto& [name, value] : want) CHECK(got.at(name) == value);
  }
}
