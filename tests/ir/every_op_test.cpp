#include "tests/ir/every_op.h"

#include <map>

#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

TEST_CASE("There is an example of every op") {
  std::map<Op, int> count;
  for (const OpExample& e : every_op()) {
    INFO(e.what);
    bool found = false;
    for (const Node& n : e.graph->nodes()) found = found || n.op == e.op;
    CHECK(found);
    ++count[e.op];
  }
  for (int i = 0; i < kOps; ++i) {
    INFO(name(static_cast<Op>(i)));
    CHECK(count[static_cast<Op>(i)] >= 1);
  }
}

TEST_CASE("The types of every op's outputs are those written down") {
  for (const std::string& d : type_differences()) FAIL_CHECK(d);
  CHECK(type_differences().empty());
}

TEST_CASE("Every op refuses operands that do not fit") {
  for (const std::string& d : refusal_differences()) FAIL_CHECK(d);
  CHECK(refusal_differences().empty());
}
