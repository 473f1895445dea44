#include <algorithm>
#include <unordered_map>

#include <uwaga/codegen/kernel/internal/functions.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

// Does the expansion write statements?
bool needs_statements(Op op) { return op == Op::sin || op == Op::cos || op == Op::rem; }

// Builds the kernel anew, statement by statement. What needs statements is expanded for each statement that uses it, in
// front of it: the same expression may have another value there, or be out of scope.
class Expansion {
 public:
  explicit Expansion(const Kernel& from) : from_(from), b_(from.kind), known_(from.exprs.size()), variable_(from.variables.size()) {
    study();
  }

  Kernel run() {
    for (DType d : from_.arguments) arguments_.push_back(b_.argument(d));
    for (std::size_t i = 0; i < from_.grid.size(); ++i) variable_[from_.grid[i]] = b_.grid(value(from_.grid_extents[i]));
    if (from_.threads > 1) variable_[from_.thread] = b_.threads(from_.threads);
    for (const Buffer& buffer : from_.buffers) {
      if (buffer.space == Space::global) {
        buffers_.push_back(buffer.written ? b_.output(buffer.dtype) : b_.input(buffer.dtype));
      } else {
        const Ex elements = value(buffer.elements);
        buffers_.push_back(buffer.space == Space::scratch ? b_.scratch(buffer.dtype, elements) : b_.shared(buffer.dtype, elements));
      }
    }
    block(from_.body);
    Kernel done = b_.finish();
    // The builder gives buffers their order, not their alignment.
    for (std::size_t i = 0; i < done.buffers.size(); ++i) done.buffers[i].alignment = from_.buffers[i].alignment;
    return done;
  }

 private:
  void study() {
    local_.resize(from_.exprs.size());
    for (ExprId id = 0; id < from_.exprs.size(); ++id) {  // operands come first
      const Expr& e = from_.exprs[id];
      const bool expanded = e.kind == ExprKind::arithmetic && is_expanded(e.op, e.type.dtype);
      local_[id] = expanded && needs_statements(e.op);
      for (ExprId arg : e.args) {
        check_internal(arg < id, "an expression of a kernel comes before its operand");
        if (local_[arg]) local_[id] = true;
      }
    }
  }

  Ex value(ExprId id) {
    if (id == kNone) return {};
    auto& memo = local_[id] ? here_[id] : known_[id];
    if (memo) return memo;
    const Expr& e = from_.exprs[id];
    std::vector<Ex> args;
    for (ExprId arg : e.args) args.push_back(value(arg));
    const Ordinal ordinal = b_.ordinal();
    b_.at(e.ordinal);
    const Ex made = build(e, args);
    b_.at(ordinal);
    return (local_[id] ? here_[id] : known_[id]) = made;
  }

  Ex build(const Expr& e, const std::vector<Ex>& args) {
    switch (e.kind) {
      case ExprKind::integer: return b_.splat(b_.integer(e.integer, e.type.dtype), e.type.lanes);
      case ExprKind::real: return b_.splat(b_.real(e.real, e.type.dtype), e.type.lanes);
      case ExprKind::argument: return arguments_[e.index];
      case ExprKind::variable: return variable_[e.index];
      case ExprKind::arithmetic:
        if (e.op == Op::select) return b_.select(args[0], args[1], args[2]);
        if (e.op == Op::cast) return b_.cast(args[0], e.type.dtype);
        if (e.op == Op::bitcast) return b_.bitcast(args[0], e.type.dtype);
        if (is_expanded(e.op, e.type.dtype)) return expand_op(b_, e.op, args[0], args.size() > 1 ? args[1] : Ex{});
        if (e.integer == 1) return b_.of_indices(e.op, args[0], args[1]);
        return args.size() == 1 ? b_.apply(e.op, {args[0]}) : b_.apply(e.op, {args[0], args[1]});
      case ExprKind::fma: return b_.fma(args[0], args[1], args[2]);
      case ExprKind::load: return b_.load(buffers_[e.index], args[0], args.size() > 1 ? args[1] : Ex{});
      case ExprKind::ramp: return b_.ramp(args[0], e.type.lanes, args[1]);
      case ExprKind::splat: return b_.splat(args[0], e.type.lanes);
      case ExprKind::lanes: return b_.lanes(args[0], static_cast<int>(e.integer), e.type.lanes);
      case ExprKind::concat: return b_.concat(args[0], args[1]);
      case ExprKind::load_pair: return b_.load_pair(buffers_[e.index], args[0], e.type.lanes);
      case ExprKind::pairs: return b_.pairs(args[0], args[1], e.integer == 1);
      case ExprKind::dot_pairs: return b_.dot_pairs(args[0], args[1], args[2]);
      case ExprKind::interleave: return b_.interleave(args[0], args[1], static_cast<int>(e.integer), e.index == 1);
      case ExprKind::any: return b_.any(args[0]);
      default: return b_.bits(e.kind, args[0], args[1]);
    }
  }

  void block(const std::vector<Stmt>& statements) {
    for (const Stmt& s : statements) {
      here_.clear();
      b_.at(s.ordinal);
      statement(s);
    }
    here_.clear();
  }

  void statement(const Stmt& s) {
    switch (s.kind) {
      case StmtKind::let: variable_[s.var] = b_.let(value(s.value)); break;
      case StmtKind::declare: variable_[s.var] = b_.variable(value(s.value)); break;
      case StmtKind::assign: {
        const Ex v = value(s.value);
        b_.assign(variable_[s.var], v);
        break;
      }
      case StmtKind::store: {
        const Ex index = value(s.index), v = value(s.value), mask = value(s.condition);
        if (s.streams) b_.stream(buffers_[s.buffer], index, v);
        else b_.store(buffers_[s.buffer], index, v, mask);
        break;
      }
      case StmtKind::loop: {
        const Ex begin = value(s.begin), end = value(s.end);
        b_.loop(begin, end, s.step, [&](Ex i) {
          variable_[s.var] = i;
          block(s.body);
        });
        break;
      }
      case StmtKind::branch: {
        const Ex condition = value(s.condition);
        b_.branch(condition, [&] { block(s.body); }, [&] { block(s.otherwise); });
        break;
      }
      case StmtKind::routine: routine(s); break;
      case StmtKind::prefetch: b_.prefetch(buffers_[s.buffer], value(s.index), s.step); break;
      case StmtKind::barrier: b_.barrier(); break;
      case StmtKind::tile_zero: b_.tile_zero(static_cast<int>(s.var)); break;
      case StmtKind::tile_load: {
        const Ex index = value(s.index), pitch = value(s.value);
        b_.tile_load(static_cast<int>(s.var), buffers_[s.buffer], index, pitch, s.streams);
        break;
      }
      case StmtKind::tile_dot: b_.tile_dot(static_cast<int>(s.var), s.tiles[0], s.tiles[1]); break;
      case StmtKind::tile_store: {
        const Ex index = value(s.index), pitch = value(s.value);
        b_.tile_store(buffers_[s.buffer], index, pitch, static_cast<int>(s.var));
        break;
      }
      case StmtKind::fail: {
        const Ex condition = value(s.condition), index = value(s.value);
        b_.fail(condition, index);
        break;
      }
    }
  }

  void routine(const Stmt& s) {
    const auto first = s.body.begin() + static_cast<std::ptrdiff_t>(s.step);
    std::vector<Ex> given;
    for (auto let = s.body.begin(); let != first; ++let) given.push_back(value(let->value));
    b_.routine(given, [&](const std::vector<Ex>& parameters) {
      for (std::size_t i = 0; i < parameters.size(); ++i) variable_[s.body[i].var] = parameters[i];
      block({first, s.body.end()});
    });
  }

  const Kernel& from_;
  KernelBuilder b_;
  std::vector<Ex> known_, variable_, arguments_;
  std::vector<BufferId> buffers_;
  std::vector<bool> local_;                  // by expression: its expansion writes statements
  std::unordered_map<ExprId, Ex> here_;      // those, for the statement we are at
};

}  // namespace

bool is_expanded(Op op, DType dtype) {
  if (!is_float(dtype)) return false;
  switch (op) {
    case Op::exp:
    case Op::log:
    case Op::log1p:
    case Op::rsqrt:
    case Op::sin:
    case Op::cos:
    case Op::tanh:
    case Op::erf:
    case Op::sigmoid:
    case Op::pow:
    case Op::rem: return true;
    default: return false;
  }
}

Ex expand_op(KernelBuilder& b, Op op, Ex x, Ex y) {
  const functions::Real f{b, x.type().dtype};
  check_internal(f.dtype == DType::f32 || f.dtype == DType::f64, "functions are expanded on f32 and f64 only");
  switch (op) {
    case Op::exp: return functions::exp(f, x);
    case Op::log: return functions::log(f, x);
    case Op::log1p: return functions::log1p(f, x);
    case Op::rsqrt: return functions::rsqrt(f, x);
    case Op::sin: return functions::sin(f, x);
    case Op::cos: return functions::cos(f, x);
    case Op::tanh: return functions::tanh(f, x);
    case Op::erf: return functions::erf(f, x);
    case Op::sigmoid: return functions::sigmoid(f, x);
    case Op::pow: return functions::pow(f, x, y);
    case Op::rem: return functions::rem(f, x, y);
    default: throw InternalError("the op " + std::string(name(op)) + " is not expanded");
  }
}

Kernel expand_math(const Kernel& kernel) {
  const bool any = std::any_of(kernel.exprs.begin(), kernel.exprs.end(),
                               [](const Expr& e) { return e.kind == ExprKind::arithmetic && is_expanded(e.op, e.type.dtype); });
  return any ? Expansion(kernel).run() : kernel;
}

}  // namespace uwaga::kernel
