// Contractions of pairs of bf16, on the kernel interpreter.
#include <algorithm>
#include <array>
#include <cmath>

#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/bf16_products.h"

namespace uwaga::test {

TEST_CASE("products of bf16 in pairs have every term once") {
  HostTarget target;
  target.vector_bytes = 64;
  target.registers = 32;
  target.bf16_dot = true;
  for (const Bf16Product& p : bf16_products()) {
    INFO(p.what);
    Drawn given = draw(p.graph, p.sizes, 7);
    // Small integers: their sums are exact in any order.
    for (auto& [name, array] : given.inputs)
      for (std::int64_t i = 0; i < array.elements(); ++i) array.set(i, std::round(array.at(i)));
    const Results want = interpret(p.graph, given.inputs, {}, Mode::typed);
    bool pairs = false;
    const KernelRunner judge = kernel_interpreter();
    const ClusterRun have = run_clusters(p.graph, given.inputs, {}, p.sizes, target,
                                         [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, auto* error, bool first) {
                                           pairs = pairs || std::any_of(k.exprs.begin(), k.exprs.end(), [](const kernel::Expr& e) {
                                                     return e.kind == kernel::ExprKind::dot_pairs;
                                                   });
                                           judge(k, buffers, arguments, error, first);
                                         });
    CHECK((pairs || p.terms == 0));
    check_bits(have.outputs.at("c"), want.outputs.at("c"));
  }
}

}  // namespace uwaga::test
