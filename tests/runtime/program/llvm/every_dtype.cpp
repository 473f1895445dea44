// Every op in every dtype, and every composite: one compiled program a question, run at every edge shape, against the typed
// interpreter.
#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/program.h>

#include <cmath>

#include "tests/catch.h"
#include "tests/count.h"
#include "tests/runtime/questions.h"

namespace uwaga::test {
namespace {

// u.(Jv) = v.(Jtu) is asked of the wide dtypes, where roundings leave something to see, and where the values are finite: the
// logarithm of an empty sum has no derivative.
bool asks_identity(const DTypeExample& e, Question q, const Answer& want) {
  if (q != Question::derivatives || size_of(e.dtype) < 4) return false;
  for (const Output& o : e.example.graph->outputs())
    if (const Array& a = want.outputs.at(o.name); is_float(a.dtype()))
      for (std::int64_t i = 0; i < a.elements(); ++i)
        if (!std::isfinite(a.at(i))) return false;
  return true;
}

// One program and one question at every shape: what differs, a sentence each.
std::vector<std::string> differences(const DTypeExample& e, Question q, Program& p, const Graph& g) {
  std::vector<std::string> out;
  for (Sizes sizes : edge_shapes()) {
    if (q == Question::vmap) sizes["sample"] = 3;
    const auto tell = [&](const std::string& what) {
      if (!what.empty()) out.push_back(fmt::format("rows={}, cols={}: {}", sizes.at("rows"), sizes.at("cols"), what));
    };
    const Arrays inputs = question_inputs(g, e, sizes);
    std::string refused;
    Answer want;
    try {
      want = answer(g, inputs, sizes);
    } catch (const Error& error) {
      refused = error.what();
    }
    try {
      const Arrays have = p.run(inputs);
      tell(refused.empty() ? difference(have, want) : "is not refused: " + refused);
      if (refused.empty() && asks_identity(e, q, want)) tell(identity_difference(g, inputs, have, want.rounding));
    } catch (const Error& error) {
      if (error.what() != refused) tell(error.what());
    }
  }
  return out;
}

bool is_wanted(const DTypeExample& e, Question q) { return q == Question::forward || q == Question::vmap || is_differentiable(e); }

// Of the examples whose dtypes are floating, or are not.
void ask(Question q, bool floating) {
  long cases = 0;
  for (const DTypeExample& e : every_dtype()) {
    if (is_float(e.dtype) != floating || !is_wanted(e, q)) continue;
    INFO(e.example.what << ", " << name(q));
    const Graph g = question_of(e, q);
    State none;
    Program p = compile(g, Target::host(1), none);
    const std::vector<std::string> wrong = differences(e, q, p, g);
    for (const std::string& w : wrong) UNSCOPED_INFO(w);
    CHECK(wrong.empty());
    CHECK(p.kernels_compiled_in_run() == 0);
    cases += static_cast<long>(edge_shapes().size());
  }
  CHECK(cases > 0);
  count_for_summary(cases, "cases of an op, a dtype, a question and a shape against the interpreter");
}

}  // namespace

TEST_CASE("every op in every floating dtype gives the interpreter's values at every edge shape", "[slow]") {
  ask(Question::forward, true);
}
TEST_CASE("every op on integers and bools gives the interpreter's values at every edge shape", "[slow]") {
  ask(Question::forward, false);
}
TEST_CASE("JVP and gradient of every op in every dtype give the interpreter's values, and u.(Jv) = v.(Jtu)", "[slow]") {
  ask(Question::derivatives, true);
}
TEST_CASE("second derivatives of every op in every dtype give the interpreter's values at every edge shape", "[slow]") {
  ask(Question::second, true);
}
TEST_CASE("vmap of every op in every floating dtype gives the interpreter's values at every edge shape", "[slow]") {
  ask(Question::vmap, true);
}
TEST_CASE("vmap of every op on integers and bools gives the interpreter's values at every edge shape", "[slow]") {
  ask(Question::vmap, false);
}

}  // namespace uwaga::test
