#include "tests/mutants/tables.h"

#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/autodiff/internal/rules.h>
#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/detail/type_row.h>
#include <uwaga/ir/error.h>

#include <algorithm>

// The linker sends calls of X to __wrap_X, and __real_X is X (--wrap in tests/CMakeLists.txt).
#define UWAGA_WRAPPED(RESULT, NAME, PARAMETERS, SYMBOL) \
  RESULT real_##NAME PARAMETERS asm("__real_" SYMBOL);  \
  RESULT wrap_##NAME PARAMETERS asm("__wrap_" SYMBOL);

namespace uwaga::test {
namespace {

Mutant mutant;
bool used = false;

bool in_force(Table table, Op op) {
  const bool yes = mutant.how != Alter::none && mutant.table == table && mutant.op == op;
  used = used || yes;
  return yes;
}

using autodiff::Maybe;

Maybe altered(const Maybe& x) {
  if (!x || mutant.how == Alter::dropped) return std::nullopt;
  if (mutant.how == Alter::scaled) return *x * 1.5;
  if (mutant.how == Alter::negated) return -*x;
  return x;
}

}  // namespace

std::string Mutant::str() const {
  constexpr const char* kTables[] = {"linearise", "transpose", "lower", "schedule", "CUDA schedule", "type"};
  constexpr const char* kHow[] = {"none",      "scaled",  "negated", "dropped", "linear_not", "refused", "silent",
                                  "passed_on", "swapped", "skipped", "extent",  "dtype",      "axis",    "permissive"};
  const std::string where = operand < 0 ? "" : fmt::format(" of operand {}", operand);
  return fmt::format("{} row of {}, {}{}", kTables[static_cast<int>(table)], name(op), kHow[static_cast<int>(how)], where);
}

Altered::Altered(const Mutant& m) {
  mutant = m;
  used = false;
}
Altered::~Altered() { mutant = {}; }
bool Altered::reached() { return used; }

// ---- derivatives

UWAGA_WRAPPED(const autodiff::LineariseRow&, linearise_row, (Op op), "_ZN5uwaga8autodiff13linearise_rowENS_2OpE")
UWAGA_WRAPPED(const autodiff::TransposeRow&, transpose_row, (Op op), "_ZN5uwaga8autodiff13transpose_rowENS_2OpE")
UWAGA_WRAPPED(void, give, (const autodiff::Linear* linear, std::size_t i, const Tensor& cotangent),
              "_ZNK5uwaga8autodiff6Linear4giveEmRKNS_6TensorE")
UWAGA_WRAPPED(autodiff::Tangents, linearise_body, (const autodiff::Forward& f),
              "_ZN5uwaga8autodiff14linearise_bodyERKNS0_7ForwardE")
UWAGA_WRAPPED(autodiff::Tangents, backward_body, (const autodiff::Backward& b),
              "_ZN5uwaga8autodiff13backward_bodyERKNS0_8BackwardE")

namespace {

Maybe altered_rule(const autodiff::Forward& f) {
  const auto& row = real_linearise_row(f.node().op);
  if (mutant.how == Alter::passed_on) {
    for (const Maybe& d : f.tangents)
      if (d) return d;
    return std::nullopt;
  }
  if (mutant.operand < 0) return altered(row.rule(f));
  std::vector<Maybe> tangents = f.tangents;
  Maybe& one = tangents.at(static_cast<std::size_t>(mutant.operand));
  one = altered(one);
  if (std::none_of(tangents.begin(), tangents.end(), [](const Maybe& m) { return m.has_value(); })) return std::nullopt;
  return row.rule(autodiff::Forward{f.context, f.graph, f.id, tangents});
}

}  // namespace

const autodiff::LineariseRow& wrap_linearise_row(Op op) {
  const auto& row = real_linearise_row(op);
  if (row.how == autodiff::Linearises::body || !in_force(Table::linearise, op)) return row;
  static autodiff::LineariseRow other;
  other = row;
  if (mutant.how == Alter::refused) {
    other = {op, autodiff::Linearises::none};
  } else if (mutant.how == Alter::silent) {
    other = {op, autodiff::Linearises::zero};
  } else {
    other = {op, autodiff::Linearises::rule, altered_rule};
  }
  return other;
}

const autodiff::TransposeRow& wrap_transpose_row(Op op) {
  const auto& row = real_transpose_row(op);
  if (!in_force(Table::transpose, op) || mutant.how != Alter::linear_not) return row;
  static autodiff::TransposeRow other;
  other = row;
  other.linear &= ~(1 << mutant.operand);
  return other;
}

void wrap_give(const autodiff::Linear* linear, std::size_t i, const Tensor& cotangent) {
  if (!in_force(Table::transpose, linear->node().op) || static_cast<std::size_t>(mutant.operand) != i)
    return real_give(linear, i, cotangent);
  if (const Maybe other = altered(cotangent)) real_give(linear, i, *other);
}

autodiff::Tangents wrap_linearise_body(const autodiff::Forward& f) {
  autodiff::Tangents out = real_linearise_body(f);
  if (in_force(Table::linearise, f.node().op))
    if (const auto i = static_cast<std::size_t>(mutant.operand); i < out.size()) out[i] = altered(out[i]);
  return out;
}

autodiff::Tangents wrap_backward_body(const autodiff::Backward& b) {
  autodiff::Tangents out = real_backward_body(b);
  if (in_force(Table::transpose, b.node().op))
    if (const auto i = static_cast<std::size_t>(mutant.operand); i < out.size()) out[i] = altered(out[i]);
  return out;
}

// ---- lowering

UWAGA_WRAPPED(const kernel::LowerRow&, lower_row, (Op op), "_ZN5uwaga6kernel9lower_rowENS_2OpE")
UWAGA_WRAPPED(Schedule, schedule_for_host,
              (const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target),
              "_ZN5uwaga17schedule_for_hostERKNS_5GraphERKNS_7ClusterERKSt3mapINS_5ValueENS_6LayoutESt4lessIS7_"
              "ESaISt4pairIKS7_S8_EEERKNS_10HostTargetE")
UWAGA_WRAPPED(Schedule, schedule_for_cuda,
              (const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CudaTarget& target),
              "_ZN5uwaga17schedule_for_cudaERKNS_5GraphERKNS_7ClusterERKSt3mapINS_5ValueENS_6LayoutESt4lessIS7_"
              "ESaISt4pairIKS7_S8_EEERKNS_10CudaTargetE")

namespace {

kernel::Ex altered_value(kernel::Ex v) {
  kernel::KernelBuilder& b = *v.builder;
  const DType d = v.type().dtype;
  if (d == DType::boolean) return b.apply(Op::logical_not, {v});
  if (is_float(d)) return v * b.real(1.5, d) + b.real(0.25, d);
  return v + b.integer(1, d);
}

kernel::Ex altered_build(kernel::Inline& x, const Node& node, std::uint32_t output, const kernel::IndexEnv& env) {
  const auto build = real_lower_row(node.op).build;
  if (mutant.how == Alter::scaled) return altered_value(build(x, node, output, env));
  if (mutant.how == Alter::skipped) return x.operand(node, 0, env);
  Node other = node;
  std::reverse(other.operands.begin() + (node.op == Op::select), other.operands.end());
  return build(x, other, output, env);
}

// What every store writes is off.
void alter_stores(kernel::Kernel& k, std::vector<kernel::Stmt>& body) {
  using namespace kernel;
  for (Stmt& s : body) {
    alter_stores(k, s.body);
    alter_stores(k, s.otherwise);
    if (s.kind != StmtKind::store || k.buffers[s.buffer].space != Space::global) continue;
    const VType type = k.expr(s.value).type;
    if (type.dtype != DType::f32 && type.dtype != DType::i32) continue;
    Expr one{.kind = is_float(type.dtype) ? ExprKind::real : ExprKind::integer,
             .op = Op::add,
             .type = {type.dtype, 1},
             .index = 0,
             .integer = 1,
             .real = 1,
             .args = {},
             .ordinal = s.ordinal};
    const auto add = [&](Expr e) {
      k.exprs.push_back(std::move(e));
      return static_cast<ExprId>(k.exprs.size() - 1);
    };
    ExprId constant = add(one);
    if (type.lanes > 1) constant = add({ExprKind::splat, Op::add, type, 0, 0, 0, {constant}, s.ordinal});
    s.value = add({ExprKind::arithmetic, Op::add, type, 0, 0, 0, {s.value, constant}, s.ordinal});
  }
}

Schedule altered_schedule(Schedule s, Table table, const Graph& graph, const Cluster& cluster) {
  for (NodeId id : cluster.nodes) {
    const Node& n = graph->node(id);
    if (kernel::is_inlined(graph.data(), n) || !in_force(table, n.op)) continue;
    for (ScheduledKernel& k : s.kernels) alter_stores(k.kernel, k.kernel.body);
    break;
  }
  return s;
}

}  // namespace

const kernel::LowerRow& wrap_lower_row(Op op) {
  const auto& row = real_lower_row(op);
  if (!row.build || !in_force(Table::lower, op)) return row;
  static kernel::LowerRow other;
  other = row;
  other.build = altered_build;
  return other;
}

Schedule wrap_schedule_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  return altered_schedule(real_schedule_for_host(graph, cluster, layouts, target), Table::schedule, graph, cluster);
}

Schedule wrap_schedule_for_cuda(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CudaTarget& target) {
  return altered_schedule(real_schedule_for_cuda(graph, cluster, layouts, target), Table::cuda_schedule, graph, cluster);
}

// ---- types

UWAGA_WRAPPED(const TypeRow&, type_row, (Op op), "_ZN5uwaga8type_rowENS_2OpE")

namespace {

TypeList altered_types(Op op, const Attributes& attributes, std::span<const Type> operands) {
  const auto rule = real_type_row(op).rule;
  if (mutant.how == Alter::permissive) {
    try {
      return rule(op, attributes, operands);
    } catch (const Error&) {
      return {operands.empty() ? Type{DType::f32, {}} : operands[0]};
    }
  }
  TypeList out = rule(op, attributes, operands);
  for (Type& t : out) {
    if (mutant.how == Alter::dtype) t.dtype = t.dtype == DType::f32 ? DType::f64 : DType::f32;
    if (mutant.how == Alter::extent && !t.dims.empty()) t.dims.edit()[0].extent = t.dims[0].extent + 1;
    if (mutant.how == Alter::axis && !t.dims.empty()) t.dims.edit()[0].axis += "x";
    if ((mutant.how == Alter::axis || mutant.how == Alter::extent) && t.dims.empty()) t.dims.push_back({"more", 1});
  }
  return out;
}

}  // namespace

const TypeRow& wrap_type_row(Op op) {
  const TypeRow& row = real_type_row(op);
  if (!in_force(Table::type, op)) return row;
  static TypeRow other;
  other = row;
  other.rule = altered_types;
  return other;
}

}  // namespace uwaga::test
