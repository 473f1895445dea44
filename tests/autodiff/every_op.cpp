// The same questions of every op, from the shared table of examples.
#include "tests/ir/every_op.h"

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"
#include "tests/count.h"

using namespace uwaga;
using namespace uwaga::test;

TEST_CASE("every op's derivatives agree: forward, reverse, dual numbers, differences, second order") {
  long checked = 0;
  for (OpExample& e : every_op()) {
    if (autodiff::linearise_row(e.op).how == autodiff::Linearises::none) continue;
    INFO(e.what);
    CAPTURE(name(e.op));
    check_derivatives(
        e.graph, {.low = e.low, .high = e.high, .index_limit = e.index_limit, .sizes = kSizes},
        {.second = true, .differences = e.op != Op::stop_gradient});  // whose derivative is meant to differ
    ++checked;
  }
  count_for_summary(checked, "ops' derivatives checked to second order");
}

TEST_CASE("every op's derivatives agree at edge sizes") {
  for (std::int64_t rows : {0, 1, 7}) {
    for (OpExample& e : every_op()) {
      if (autodiff::linearise_row(e.op).how == autodiff::Linearises::none) continue;
      const Draw draw{.low = e.low, .high = e.high, .index_limit = e.index_limit, .sizes = {{"rows", rows}}};
      INFO(e.what << ", rows=" << rows);
      try {
        interpret(e.graph, random_inputs(e.graph, draw), initial_parameters(e.graph, 1));
      } catch (const Error&) {
        continue;  // the op itself wants more rows
      }
      check_derivatives(e.graph, draw, {.second = true, .differences = rows == 7 && e.op != Op::stop_gradient});
    }
  }
}

TEST_CASE("what is piecewise constant has derivative 0, in whatever dtype it comes") {
  for (const OpExample& e : every_op()) {
    if (autodiff::linearise_row(e.op).how == autodiff::Linearises::none) continue;
    INFO(e.what);
    check_derivatives(with_floating_outputs(e.graph), {.low = e.low, .high = e.high, .index_limit = e.index_limit, .sizes = kSizes},
                      {.second = false, .differences = e.op != Op::stop_gradient});
  }
}

TEST_CASE("an op without derivative says so") {
  for (const OpExample& e : every_op())
    if (autodiff::linearise_row(e.op).how == autodiff::Linearises::none) {
      INFO(e.what);
      CHECK(differentiates_in_silence(with_floating_outputs(e.graph)) == false);
    }
}
