// Every row of the tables of derivatives, lowering and types, altered: the suite's own checks, put to the examples of the op,
// must notice.
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/ops.h>

#include <fmt/format.h>

#include <functional>
#include <set>

#include "tests/autodiff/check.h"
#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"
#include "tests/count.h"
#include "tests/ir/every_op.h"
#include "tests/mutants/tables.h"

namespace uwaga::test {
namespace {

using Check = std::function<bool(const OpExample&)>;  // false, or any exception: something is noticed

bool has(const OpExample& e, Op op) {
  for (const Node& n : e.graph->nodes())
    if (n.op == op) return true;
  return false;
}

Graph copy_of(const Graph& graph) { return Graph(std::make_shared<GraphData>(graph.data())); }

// Puts a mutant to the examples that have its op until one check notices. A mutant that no check reaches survives.
bool noticed(const Mutant& mutant, const std::vector<OpExample>& examples, const Check& passes) {
  const Altered here(mutant);
  for (const OpExample& e : examples) {
    if (!has(e, mutant.op)) continue;
    try {
      if (!passes(e)) return true;
    } catch (const std::exception&) {
      return true;
    }
  }
  return false;
}

void check_all(const std::vector<Mutant>& mutants, const Check& passes, const char* what) {
  const std::vector<OpExample> examples = every_op();
  for (const OpExample& e : examples) {
    INFO(e.what);
    REQUIRE(passes(e));  // where nothing is altered
  }
  std::vector<std::string> survivors;
  for (const Mutant& m : mutants)
    if (!noticed(m, examples, passes)) survivors.push_back(m.str());
  for (const std::string& s : survivors) UNSCOPED_INFO("survives: " << s);
  CHECK(survivors.empty());
  count_for_summary(static_cast<long>(mutants.size()), std::string("mutants of ") + what);
  count_for_summary(static_cast<long>(survivors.size()), "mutants that nothing notices");
}

Draw draw_of(const OpExample& e) { return {.low = e.low, .high = e.high, .index_limit = e.index_limit, .sizes = kSizes}; }

// The derivatives of an example as tests/autodiff/every_op.cpp checks them.
bool derivatives_hold(const OpExample& e) {
  if (has(e, Op::bitcast)) return !differentiates_in_silence(with_floating_outputs(e.graph));
  const bool differences = e.op != Op::stop_gradient;
  return derivative_differences(copy_of(e.graph), draw_of(e), {.second = true, .differences = differences}).empty() &&
         derivative_differences(with_floating_outputs(e.graph), draw_of(e), {.second = false, .differences = differences}).empty();
}

// Operands of an op's examples that are floating, and so may have a tangent.
std::set<int> floating_operands(const std::vector<OpExample>& examples, Op op) {
  std::set<int> out;
  for (const OpExample& e : examples)
    for (const Node& n : e.graph->nodes())
      if (n.op == op && e.op == op)
        for (std::size_t i = 0; i < n.operands.size(); ++i)
          if (is_float(e.graph->type(n.operands[i]).dtype)) out.insert(static_cast<int>(i));
  return out;
}

std::vector<Mutant> linearise_mutants() {
  const std::vector<OpExample> examples = every_op();
  std::vector<Mutant> out;
  for (int i = 0; i < kOps; ++i) {
    const Op op = static_cast<Op>(i);
    const std::set<int> operands = floating_operands(examples, op);
    const auto add = [&](Alter how, int operand = -1) { out.push_back({Table::linearise, op, how, operand}); };
    switch (autodiff::linearise_row(op).how) {
      case autodiff::Linearises::rule:
        for (Alter how : {Alter::scaled, Alter::negated, Alter::dropped, Alter::refused, Alter::silent}) add(how);
        for (int operand : operands)
          for (Alter how : {Alter::scaled, Alter::dropped}) add(how, operand);
        break;
      case autodiff::Linearises::zero:
        if (operands.empty()) break;  // no tangent can reach the row
        add(Alter::refused);
        if (op == Op::floor || op == Op::stop_gradient) add(Alter::passed_on);
        break;
      case autodiff::Linearises::none: add(Alter::silent); break;
      case autodiff::Linearises::body:
        for (Alter how : {Alter::scaled, Alter::negated, Alter::dropped}) add(how, 0);
        break;
    }
  }
  return out;
}

std::vector<Mutant> transpose_mutants() {
  const std::vector<OpExample> examples = every_op();
  std::vector<Mutant> out;
  for (int i = 0; i < kOps; ++i) {
    const Op op = static_cast<Op>(i);
    const int linear = autodiff::transpose_row(op).linear;
    const bool body = autodiff::linearise_row(op).how == autodiff::Linearises::body;
    for (int operand : floating_operands(examples, op)) {
      if (!body && !(linear >> operand & 1)) continue;
      for (Alter how : {Alter::scaled, Alter::negated, Alter::dropped}) out.push_back({Table::transpose, op, how, operand});
      if (!body) out.push_back({Table::transpose, op, Alter::linear_not, operand});
    }
  }
  return out;
}

std::vector<Mutant> lower_mutants() {
  std::vector<Mutant> out;
  for (int i = 0; i < kOps; ++i) {
    const Op op = static_cast<Op>(i);
    const auto& row = kernel::lower_row(op);
    if (row.build) {
      out.push_back({Table::lower, op, Alter::scaled});
      if (is_unary(op)) out.push_back({Table::lower, op, Alter::skipped});
      for (Op ordered : {Op::sub, Op::div, Op::pow, Op::rem, Op::lt, Op::select})
        if (op == ordered) out.push_back({Table::lower, op, Alter::swapped});
    }
    if (row.how != kernel::Lowering::inlined && row.how != kernel::Lowering::leaf && row.how != kernel::Lowering::structure)
      for (Table table : {Table::schedule, Table::cuda_schedule}) out.push_back({table, op, Alter::scaled});
  }
  return out;
}

std::vector<Mutant> type_mutants() {
  std::vector<Mutant> out;
  for (int i = 0; i < kOps; ++i)
    for (Alter how : {Alter::extent, Alter::dtype, Alter::axis}) out.push_back({Table::type, static_cast<Op>(i), how});
  return out;
}

}  // namespace

TEST_CASE("the suite notices every altered row that linearises") {
  check_all(linearise_mutants(), derivatives_hold, "rows that linearise");
}

TEST_CASE("the suite notices every altered row that transposes") {
  check_all(transpose_mutants(), derivatives_hold, "rows that transpose");
}

TEST_CASE("the suite notices every altered lowering row, on the host and on CUDA") {
  for (int vector_bytes : {32, 0}) {
    std::vector<Mutant> mutants;
    for (const Mutant& m : lower_mutants())
      if (m.table == Table::lower || (m.table == Table::cuda_schedule) == (vector_bytes == 0)) mutants.push_back(m);
    const Check passes = [vector_bytes](const OpExample& e) { return kernel_differences(e, kSizes, vector_bytes, true).empty(); };
    check_all(mutants, passes, vector_bytes == 0 ? "lowering rows on CUDA" : "lowering rows on the host");
  }
}

TEST_CASE("the suite notices every altered row of types") {
  REQUIRE(type_differences().empty());
  REQUIRE(refusal_differences().empty());
  std::vector<std::string> survivors;
  const auto try_out = [&](const Mutant& m, const std::function<std::vector<std::string>()>& differences) {
    const Altered here(m);
    try {
      if (!differences().empty()) return;
    } catch (const std::exception&) {
      return;
    }
    survivors.push_back(m.str());
  };
  long count = 0;
  for (const Mutant& m : type_mutants()) {
    try_out(m, type_differences);
    ++count;
  }
  for (int i = 0; i < kOps; ++i) {
    const Op op = static_cast<Op>(i);
    if (op == Op::cast || op == Op::stop_gradient || op == Op::tag) continue;  // fit everything
    try_out({Table::type, op, Alter::permissive}, refusal_differences);
    ++count;
  }
  for (const std::string& s : survivors) UNSCOPED_INFO("survives: " << s);
  CHECK(survivors.empty());
  count_for_summary(count, "mutants of rows of types");
  count_for_summary(static_cast<long>(survivors.size()), "mutants that nothing notices");
}

TEST_CASE("an alteration is in force while it lives, and no longer") {
  const std::vector<OpExample> examples = every_op();
  for (const OpExample& e : examples)
    if (e.op == Op::tanh) {
      {
        const Altered here({Table::linearise, Op::tanh, Alter::scaled});
        CHECK_FALSE(derivatives_hold(e));
        CHECK(Altered::reached());
      }
      CHECK(derivatives_hold(e));
    }
}

}  // namespace uwaga::test
