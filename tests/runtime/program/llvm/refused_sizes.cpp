// Sizes that a graph cannot have are refused before a kernel runs, in the interpreter's words.
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>
#include <uwaga/runtime/program.h>

#include <functional>

#include "tests/catch.h"

using namespace uwaga;

namespace {

using Build = std::function<Tensor(const Tensor&, const Tensor&)>;

template <typename F>
std::string refusal(F f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "not refused";
}

Array zeros(const char* axis, std::int64_t n) { return Array(f32, {{"rows", 2}, {axis, n}}); }

// What program and interpreter say of x with n columns and y with m others.
std::pair<std::string, std::string> refusals(const Build& build, std::int64_t n, std::int64_t m) {
  Graph g;
  const Tensor x = g.input("x", f32, {"rows", "cols"}), y = g.input("y", f32, {"rows", "others"});
  g->add_output("out", build(x, y).value());
  g->add_output("same", (y * 2.0).value());
  State none;
  Program p = compile(g, Target::host(1), none);
  CHECK(p.run({{"x", zeros("cols", 8)}, {"y", zeros("others", 2)}}).size() == 2);  // other sizes are welcome
  const Arrays in = {{"x", zeros("cols", n)}, {"y", zeros("others", m)}};
  return {refusal([&] { p.run(in); }), refusal([&] { interpret(g, in, {}, Mode::typed); })};
}

}  // namespace

TEST_CASE("a program refuses sizes that its graph cannot have, with the line, in the interpreter's words") {
  const Axis cols{"cols"}, others{"others"};
  const Extent m = Extent::symbol("others");
  struct Case {
    Build build;
    std::int64_t cols, others;
    const char* sentence;
  };
  const std::vector<Case> cases = {
      {[&](const Tensor& x, const Tensor&) { return argmax(x, cols); }, 0, 2, "argmax over 'cols' wants at least one element"},
      {[&](const Tensor& x, const Tensor&) { return top_k(x, cols, 3, Axis{"best"}).values; }, 2, 2, "top_k wants 3 of cols=2"},
      {[&](const Tensor& x, const Tensor&) { return slice(x, cols, 1, 4); }, 3, 2, "slice of cols=3 from 1 to 4"},
      {[&](const Tensor& x, const Tensor&) { return slice(x, cols, 1, m); }, 8, 0, "slice has cols = others - 1 = -1"},
      {[&](const Tensor& x, const Tensor&) { return pad(x, cols, m - 2, 0); }, 8, 1, "pad of 'cols' by -1 before and 0 after"},
      {[&](const Tensor& x, const Tensor&) { return broadcast(x, {{"copies", m - 1}}); }, 8, 0, "broadcast has copies = others - 1 = -1"},
  };
  for (const Case& c : cases) {
    const auto [program, interpreter] = refusals(c.build, c.cols, c.others);
    INFO(c.sentence);
    CHECK(program.starts_with("refused_sizes.cpp:"));
    CHECK(program.ends_with(std::string(": ") + c.sentence));
    CHECK(program == interpreter);
  }
}

TEST_CASE("a program refuses parts longer than what they are of, wherever they begin") {
  const Extent m = Extent::symbol("others");
  const auto part = [&](const Tensor& x, const Tensor&) { return dynamic_slice(x, constant(x.graph(), 0, i64), Axis{"cols"}, m); };
  CHECK(refusals(part, 3, 4).first.ends_with(": dynamic_slice over 'cols': 4 elements are not in cols=3"));
  const auto update = [&](const Tensor& x, const Tensor& y) {
    return dynamic_update(x, rename(y, Axis{"others"}, Axis{"cols"}), constant(x.graph(), 0, i64), Axis{"cols"});
  };
  CHECK(refusals(update, 3, 4).first.ends_with(": dynamic_update over 'cols': 4 elements are not in cols=3"));
}
