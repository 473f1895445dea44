// Contractions of pairs of bf16 and of tiles of them, on the kernel interpreter.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include <uwaga/codegen/schedule/few_rows.h>
#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/bf16_products.h"

namespace uwaga::test {
namespace {

bool has(const std::vector<kernel::Stmt>& statements, kernel::StmtKind kind) {
  return std::any_of(statements.begin(), statements.end(),
                     [&](const kernel::Stmt& s) { return s.kind == kind || has(s.body, kind) || has(s.otherwise, kind); });
}

bool multiplies_pairs(const kernel::Kernel& k) {
  return std::any_of(k.exprs.begin(), k.exprs.end(), [](const kernel::Expr& e) { return e.kind == kernel::ExprKind::dot_pairs; });
}

// `used`: is in a kernel what it should multiply with?
void check_products(const HostTarget& target, const std::function<bool(const kernel::Kernel&)>& used) {
  for (const Bf16Product& p : bf16_products()) {
    INFO(p.what);
    Drawn given = draw(p.graph, p.sizes, 7);
    // Small integers: their sums are exact in any order.
    for (auto& [name, array] : given.inputs)
      for (std::int64_t i = 0; i < array.elements(); ++i) array.set(i, std::round(array.at(i)));
    const Results want = interpret(p.graph, given.inputs, {}, Mode::typed);
    bool any = false;
    const KernelRunner judge = kernel_interpreter();
    const ClusterRun have = run_clusters(p.graph, given.inputs, {}, p.sizes, target,
                                         [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, auto* error, bool first) {
                                           any = any || used(k);
                                           judge(k, buffers, arguments, error, first);
                                         });
    CHECK((any || p.terms == 0));
    check_bits(have.outputs.at("c"), want.outputs.at("c"));
  }
}

}  // namespace

TEST_CASE("products of bf16 in pairs have every term once") {
  HostTarget target;
  target.vector_bytes = 64;
  target.registers = 32;
  target.bf16_dot = true;
  check_products(target, multiplies_pairs);
}

TEST_CASE("a row of bf16 by itself counts as it does in tiles, and in pairs") {
  HostTarget target = with_vectors(64);
  target.bf16_dot = target.amx = true;
  check_rows_among_many(target);
  for (const RowAmongMany& p : rows_among_many()) {
    const Clustering clustering = fuse(p.one);
    CHECK(has_few_rows(p.one, clustering.clusters[0], choose_layouts(p.one, clustering), target));
  }
}

TEST_CASE("products of bf16 in tiles have every term once") {
  for (const int vector_bytes : {32, 64}) {
    INFO("vectors of " << vector_bytes << " bytes");
    HostTarget target;
    target.vector_bytes = vector_bytes;
    target.registers = vector_bytes == 64 ? 32 : 16;
    target.bf16_dot = vector_bytes == 64;
    target.amx = true;
    check_products(target, [](const kernel::Kernel& k) { return has(k.body, kernel::StmtKind::tile_dot) || multiplies_pairs(k); });
  }
}

}  // namespace uwaga::test
