#include <fmt/format.h>

#include <uwaga/codegen/kernel/print.h>

namespace uwaga::kernel {
namespace {

std::string text(VType t) { return t.lanes == 1 ? std::string(name(t.dtype)) : fmt::format("{}x{}", name(t.dtype), t.lanes); }

const char* symbol(const Expr& e) {
  switch (e.op) {
    case Op::add: return " + ";
    case Op::sub: return " - ";
    case Op::mul: return " * ";
    case Op::div: return " / ";
    case Op::rem: return " % ";
    case Op::lt: return " < ";
    case Op::eq: return " == ";
    case Op::logical_and: return " && ";
    case Op::logical_or: return " || ";
    default: return nullptr;
  }
}

const char* word(ExprKind kind) {
  switch (kind) {
    case ExprKind::bit_and: return "bit_and";
    case ExprKind::bit_or: return "bit_or";
    case ExprKind::bit_xor: return "bit_xor";
    case ExprKind::shift_left: return "shift_left";
    case ExprKind::shift_right: return "shift_right";
    case ExprKind::mul_high: return "mul_high";
    default: return "?";
  }
}

bool is_atom(ExprKind k) {
  return k == ExprKind::integer || k == ExprKind::real || k == ExprKind::argument || k == ExprKind::variable;
}

class Printer {
 public:
  explicit Printer(const Kernel& k) : k_(k), uses_(k.exprs.size()), named_(k.exprs.size()) {
    count(k.body);
    for (const Expr& e : k.exprs)
      for (ExprId arg : e.args) ++uses_[arg];
  }

  std::string run() {
    std::string border;
    const auto comma = [&] { return border.empty() ? "" : ", "; };
    for (std::size_t i = 0; i < k_.buffers.size(); ++i) {
      const Buffer& b = k_.buffers[i];
      if (b.space == Space::global) border += fmt::format("{}b{}: {} {}", comma(), i, b.written ? "out" : "in", name(b.dtype));
    }
    for (std::size_t i = 0; i < k_.arguments.size(); ++i) border += fmt::format("{}a{}: {}", comma(), i, name(k_.arguments[i]));
    line(fmt::format("kernel {}({})", k_.kind, border));
    for (std::size_t i = 0; i < k_.grid.size(); ++i) line(fmt::format("for task v{} < {}", k_.grid[i], whole(k_.grid_extents[i])));
    if (k_.threads > 1) line(fmt::format("for thread v{} < {}", k_.thread, k_.threads));
    indent_ = 2;
    for (std::size_t i = 0; i < k_.buffers.size(); ++i) {
      const Buffer& b = k_.buffers[i];
      if (b.space == Space::global) continue;
      line(fmt::format("{} b{}: {}[{}]", b.space == Space::scratch ? "scratch" : "shared", i, name(b.dtype), whole(b.elements)));
    }
    block(k_.body);
    return std::move(out_);
  }

 private:
  void count(const std::vector<Stmt>& block) {
    for (const Stmt& s : block) {
      for (ExprId id : {s.value, s.index, s.condition, s.begin, s.end})
        if (id != kNone) ++uses_[id];
      count(s.body);
      count(s.otherwise);
    }
  }

  void line(const std::string& text) { out_ += std::string(static_cast<std::size_t>(indent_), ' ') + text + '\n'; }

  // With parentheses where it stands beside an operator.
  std::string inner(ExprId id) {
    const Expr& e = k_.exprs[id];
    const bool operation = !named_[id] && e.kind == ExprKind::arithmetic && symbol(e) && e.args.size() == 2;
    return operation ? "(" + value(id) + ")" : value(id);
  }
  std::string value(ExprId id) { return named_[id] ? fmt::format("e{}", id) : whole(id); }

  std::string whole(ExprId id) {
    const Expr& e = k_.exprs[id];
    const auto call = [&](std::string head, const std::string& tail = {}) {
      head += "(";
      for (std::size_t i = 0; i < e.args.size(); ++i) head += (i ? ", " : "") + value(e.args[i]);
      return head + tail + ")";
    };
    switch (e.kind) {
      case ExprKind::integer: return e.type.dtype == DType::i64 ? fmt::format("{}", e.integer) : fmt::format("{}:{}", e.integer, name(e.type.dtype));
      case ExprKind::real: return fmt::format("{}:{}", e.real, name(e.type.dtype));
      case ExprKind::argument: return fmt::format("a{}", e.index);
      case ExprKind::variable: return fmt::format("v{}", e.index);
      case ExprKind::arithmetic:
        if (e.op == Op::cast || e.op == Op::bitcast) return call(std::string(name(e.op)), fmt::format(", {}", name(e.type.dtype)));
        if (const char* s = symbol(e); s && e.args.size() == 2) return inner(e.args[0]) + s + inner(e.args[1]);
        return call(std::string(name(e.op)));
      case ExprKind::fma: return call("fma");
      case ExprKind::load: {
        const std::string mask = e.args.size() > 1 ? " if " + inner(e.args[1]) : "";
        return fmt::format("load b{}[{}{}]", e.index, value(e.args[0]), mask);
      }
      case ExprKind::load_pair: return fmt::format("load_pair{} b{}[{}]", e.type.lanes > 1 ? fmt::format("s<{}>", e.type.lanes) : "", e.index, value(e.args[0]));
      case ExprKind::pairs: return call(e.integer == 1 ? "pairs_of_neighbours" : "pairs");
      case ExprKind::dot_pairs: return call("dot_pairs");
      case ExprKind::ramp: {
        const Expr& stride = k_.exprs[e.args[1]];
        if (stride.kind == ExprKind::integer && stride.integer == 1) return fmt::format("ramp({}, {})", value(e.args[0]), e.type.lanes);
        return fmt::format("ramp({}, {}, by {})", value(e.args[0]), e.type.lanes, value(e.args[1]));
      }
      case ExprKind::splat: return call("splat", fmt::format(", {}", e.type.lanes));
      case ExprKind::lanes: return call("lanes", fmt::format(", {}..{}", e.integer, e.integer + e.type.lanes));
      case ExprKind::concat: return call("concat");
      case ExprKind::interleave: return call("interleave", fmt::format(", {} blocks of {}", e.index == 0 ? "even" : "odd", e.integer));
      case ExprKind::any: return call("any");
      default: return call(word(e.kind));
    }
  }

  // Names what is used more than once, operands first.
  void announce(ExprId id) {
    if (id == kNone || named_[id]) return;
    const Expr& e = k_.exprs[id];
    if (is_atom(e.kind)) return;
    for (ExprId arg : e.args) announce(arg);
    if (uses_[id] < 2 || e.kind == ExprKind::splat) return;
    line(fmt::format("e{} = {}  #{} {}", id, whole(id), e.ordinal, text(e.type)));
    named_[id] = true;
    names_.push_back(id);
  }

  void block(const std::vector<Stmt>& statements) {
    const std::size_t outer = names_.size();
    for (const Stmt& s : statements) statement(s);
    for (; names_.size() > outer; names_.pop_back()) named_[names_.back()] = false;
  }
  void inside(const std::vector<Stmt>& statements) {
    indent_ += 2;
    block(statements);
    indent_ -= 2;
  }

  void statement(const Stmt& s) {
    for (ExprId id : {s.begin, s.end, s.condition, s.index, s.value}) announce(id);
    const std::string at = fmt::format("  #{}", s.ordinal);
    switch (s.kind) {
      case StmtKind::let: line(fmt::format("v{} = {}{} {}", s.var, value(s.value), at, text(k_.variables[s.var].type))); break;
      case StmtKind::declare: line(fmt::format("var v{} = {}{} {}", s.var, value(s.value), at, text(k_.variables[s.var].type))); break;
      case StmtKind::assign: line(fmt::format("v{} := {}{}", s.var, value(s.value), at)); break;
      case StmtKind::store: {
        const std::string mask = s.condition == kNone ? "" : " if " + value(s.condition);
        line(fmt::format("{} b{}[{}] = {}{}{}", s.streams ? "stream" : "store", s.buffer, value(s.index), value(s.value), mask, at));
        break;
      }
      case StmtKind::loop:
        line(fmt::format("for v{} from {} to {} by {}{}", s.var, value(s.begin), value(s.end), s.step, at));
        inside(s.body);
        break;
      case StmtKind::branch:
        line(fmt::format("if {}{}", value(s.condition), at));
        inside(s.body);
        if (!s.otherwise.empty()) {
          line("else");
          inside(s.otherwise);
        }
        break;
      case StmtKind::routine:
        line(fmt::format("routine of {}{}", s.step, at));
        inside(s.body);
        break;
      case StmtKind::prefetch: line(fmt::format("prefetch{} b{}[{}]{}", s.step, s.buffer, value(s.index), at)); break;
      case StmtKind::barrier: line("barrier" + at); break;
      case StmtKind::tile_zero: line(fmt::format("tile{} = 0{}", s.var, at)); break;
      case StmtKind::tile_load: line(fmt::format("tile{} = {}rows b{}[{}] by {}{}", s.var, s.streams ? "streamed " : "", s.buffer, value(s.index), value(s.value), at)); break;
      case StmtKind::tile_dot: line(fmt::format("tile{} += tile{} x tile{}{}", s.var, s.tiles[0], s.tiles[1], at)); break;
      case StmtKind::tile_store: line(fmt::format("rows b{}[{}] by {} = tile{}{}", s.buffer, value(s.index), value(s.value), s.var, at)); break;
      case StmtKind::fail: line(fmt::format("fail if {} with {}{}", value(s.condition), value(s.value), at)); break;
    }
  }

  const Kernel& k_;
  std::vector<int> uses_;
  std::vector<bool> named_;
  std::vector<ExprId> names_;
  std::string out_;
  int indent_ = 0;
};

}  // namespace

std::string print(const Kernel& kernel) { return Printer(kernel).run(); }

}  // namespace uwaga::kernel
