// Copies of kernels, and of routines in them, with everything numbered in the order in which it is met.
#include <utility>

#include <uwaga/codegen/kernel/internal/fold.h>
#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

class Renumbering {
 public:
  explicit Renumbering(const Kernel& from)
      : from_(from), expr_(from.exprs.size(), kNone), buffer_(from.buffers.size(), kNone), variable_(from.variables.size(), kNone) {}

  // Variables keep their numbers.
  Kernel whole() {
    to_.variables = from_.variables;
    to_.arguments = from_.arguments;
    to_.grid = from_.grid;
    to_.threads = from_.threads;
    to_.thread = from_.thread;
    to_.routine = from_.routine;
    to_.kind = from_.kind;
    for (VarId v = 0; v < variable_.size(); ++v) variable_[v] = v;
    for (const bool global : {true, false}) {
      for (BufferId i = 0; i < from_.buffers.size(); ++i)
        if ((from_.buffers[i].space == Space::global) == global) buffer(i);
    }
    for (ExprId& e : to_.grid_extents = from_.grid_extents) e = visit(e);
    for (Buffer& b : to_.buffers) b.elements = visit(b.elements);
    to_.body = visit(from_.body);
    return std::move(to_);
  }

  Routine routine(const Stmt& s) {
    to_.routine = true;
    to_.kind = "routine";
    const auto parameters = static_cast<std::ptrdiff_t>(s.step);
    for (auto let = s.body.begin(); let != s.body.begin() + parameters; ++let) {
      parameter_.emplace_back(let->var);
      to_.arguments.push_back(from_.variables[let->var].type.dtype);
    }
    to_.body = visit({s.body.begin() + parameters, s.body.end()});
    for (const Stmt& written : to_.body) mark_written(written);
    return {std::move(to_), std::move(met_)};
  }

 private:
  ExprId visit(ExprId id) {
    if (id == kNone) return kNone;
    if (expr_[id] != kNone) return expr_[id];
    Expr e = from_.exprs[id];
    for (ExprId& arg : e.args) arg = visit(arg);
    if (reads_memory(e.kind)) e.index = buffer(e.index);
    if (e.kind == ExprKind::variable) read(e);
    to_.exprs.push_back(std::move(e));
    return expr_[id] = static_cast<ExprId>(to_.exprs.size() - 1);
  }

  void read(Expr& e) {
    for (std::uint32_t i = 0; i < parameter_.size(); ++i) {
      if (parameter_[i] != e.index) continue;
      e.kind = ExprKind::argument;
      e.index = i;
      return;
    }
    e.index = variable(e.index);
  }

  VarId variable(VarId v) {
    if (variable_[v] == kNone) {
      variable_[v] = static_cast<VarId>(to_.variables.size());
      to_.variables.push_back(from_.variables[v]);
    }
    return variable_[v];
  }

  BufferId buffer(BufferId b) {
    if (buffer_[b] == kNone) {
      buffer_[b] = static_cast<BufferId>(to_.buffers.size());
      to_.buffers.push_back(from_.buffers[b]);
      met_.push_back(b);
      if (to_.routine) to_.buffers.back() = {Space::global, from_.buffers[b].dtype, false, kNone, from_.buffers[b].alignment};
    }
    return buffer_[b];
  }

  std::vector<Stmt> visit(const std::vector<Stmt>& block) {
    std::vector<Stmt> copy;
    copy.reserve(block.size());
    for (const Stmt& from : block) {
      Stmt& s = copy.emplace_back();
      s.kind = from.kind;
      s.ordinal = from.ordinal;
      s.step = from.step;
      s.tiles = from.tiles;
      s.streams = from.streams;
      s.var = names_variable(from.kind) ? variable(from.var) : from.var;
      if (stores(from.kind) || from.kind == StmtKind::prefetch || from.kind == StmtKind::tile_load) s.buffer = buffer(from.buffer);
      s.begin = visit(from.begin);
      s.end = visit(from.end);
      s.condition = visit(from.condition);
      s.index = visit(from.index);
      s.value = visit(from.value);
      s.body = visit(from.body);
      s.otherwise = visit(from.otherwise);
    }
    return copy;
  }

  static bool names_variable(StmtKind k) {
    return k == StmtKind::let || k == StmtKind::declare || k == StmtKind::assign || k == StmtKind::loop;
  }

  void mark_written(const Stmt& s) {
    if (stores(s.kind)) to_.buffers[s.buffer].written = true;
    for (const std::vector<Stmt>* block : {&s.body, &s.otherwise})
      for (const Stmt& inner : *block) mark_written(inner);
  }

  const Kernel& from_;
  Kernel to_;
  std::vector<ExprId> expr_;
  std::vector<BufferId> buffer_, met_;
  std::vector<VarId> variable_, parameter_;
};

}  // namespace

Kernel fold::canonical(const Kernel& kernel) { return Renumbering(kernel).whole(); }

Routine extract(const Kernel& kernel, const Stmt& routine) {
  check_internal(routine.kind == StmtKind::routine, "only routines are taken out of kernels");
  return Renumbering(kernel).routine(routine);
}

}  // namespace uwaga::kernel
