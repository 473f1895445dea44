// Expressions of kernels as C++.
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include <uwaga/codegen/cuda/internal/emitter.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

constexpr std::size_t kLongText = 90;

bool is_name(const std::string& text) {
  return text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
}

std::string integer_text(std::int64_t value) {
  if (value == std::numeric_limits<std::int64_t>::min()) return "(-9223372036854775807ll - 1)";
  const bool fits = value > std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max();
  const std::string text = fmt::format("{}{}", value, fits ? "" : "ll");
  return value < 0 ? "(" + text + ")" : text;
}

std::string real_text(double value, DType d) {
  if (!std::isfinite(value))
    return d == DType::f32 ? fmt::format("as_f32((i32)0x{:x})", std::bit_cast<std::uint32_t>(static_cast<float>(value)))
                           : fmt::format("as_f64((i64)0x{:x}ull)", std::bit_cast<std::uint64_t>(value));
  std::string text = d == DType::f32 ? fmt::format("{}", static_cast<float>(value)) : fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  if (d == DType::f32) text += "f";
  return std::signbit(value) ? "(" + text + ")" : text;
}

void count_uses(const std::vector<Stmt>& body, std::vector<int>& uses, std::vector<bool>& assigned) {
  for (const Stmt& s : body) {
    for (ExprId id : {s.value, s.index, s.condition, s.begin, s.end})
      if (id != kNone) ++uses[id];
    if (s.kind == StmtKind::assign) assigned[s.var] = true;
    count_uses(s.body, uses, assigned);
    count_uses(s.otherwise, uses, assigned);
  }
}

}  // namespace

void CudaEmitter::study() {
  uses_.assign(k_.exprs.size(), 0);
  pure_.assign(k_.exprs.size(), true);
  index_.assign(k_.exprs.size(), false);
  count_uses(k_.body, uses_, assigned_);
  for (const Expr& e : k_.exprs)
    for (ExprId a : e.args) ++uses_[a];
  // Variables that count: of loops and the grid, and names of index arithmetic.
  for (VarId g : k_.grid) index_variable_[g] = true;
  if (k_.threads > 1) index_variable_[k_.thread] = true;
  std::vector<std::pair<VarId, ExprId>> lets;
  const auto walk = [&](const auto& self, const std::vector<Stmt>& body) -> void {
    for (const Stmt& s : body) {
      if (s.kind == StmtKind::loop) index_variable_[s.var] = true;
      if (s.kind == StmtKind::let) lets.push_back({s.var, s.value});
      self(self, s.body);
      self(self, s.otherwise);
    }
  };
  walk(walk, k_.body);
  // Asked of a variable's value before anything reads the variable, so an answer never changes.
  std::vector<int> asked(k_.exprs.size(), -1);
  const auto settle = [&](const auto& self, ExprId id) -> bool {
    const Expr& e = k_.exprs[id];
    if (e.type.dtype != DType::i64) return false;
    switch (e.kind) {
      case ExprKind::integer: return e.integer > -(std::int64_t{1} << 32) && e.integer < (std::int64_t{1} << 32);
      case ExprKind::argument: return true;
      case ExprKind::variable: return index_variable_[e.index];
      case ExprKind::arithmetic:
        if (e.op != Op::add && e.op != Op::sub && e.op != Op::mul && e.op != Op::div && e.op != Op::rem && e.op != Op::min && e.op != Op::max)
          return false;
        return self(self, e.args[0]) && self(self, e.args[1]);
      case ExprKind::ramp: return self(self, e.args[0]) && self(self, e.args[1]);
      case ExprKind::splat:
      case ExprKind::lanes: return self(self, e.args[0]);
      default: return false;
    }
  };
  const auto is_index = [&](const auto& self, ExprId id) -> bool {
    if (asked[id] < 0) asked[id] = settle(self, id);
    return asked[id] == 1;
  };
  for (const auto& [var, value] : lets)
    if (is_index(is_index, value)) index_variable_[var] = true;
  for (ExprId id = 0; id < k_.exprs.size(); ++id) index_[id] = is_index(is_index, id);
  std::vector<int> purity(k_.exprs.size(), -1);
  const auto is_pure = [&](const auto& self, ExprId id) -> bool {
    if (purity[id] >= 0) return purity[id] == 1;
    const Expr& e = k_.exprs[id];
    bool pure = !reads_memory(e.kind) && !(e.kind == ExprKind::variable && assigned_[e.index]);
    for (ExprId a : e.args) pure = self(self, a) && pure;
    purity[id] = pure;
    return pure;
  };
  for (ExprId id = 0; id < k_.exprs.size(); ++id) pure_[id] = is_pure(is_pure, id);
}

std::string CudaEmitter::named(const std::string& text, DType type, Ordinal ordinal, bool always) {
  if (is_name(text) && !always) return text;
  const std::string name = fmt::format("t{}", names_++);
  line(fmt::format("const {} {} = {};", cuda_type(type), name, text), ordinal);
  return name;
}

bool is_constant_name(const std::string& text) { return is_name(text) && text[0] >= 'a' && text[0] != 'm'; }

const Lanes* CudaEmitter::find(ExprId id) const {
  for (auto known = known_.rbegin(); known != known_.rend(); ++known)
    if (const auto it = known->find(id); it != known->end()) return &it->second;
  return nullptr;
}

const Lanes& CudaEmitter::value(ExprId id) {
  if (const Lanes* known = find(id)) return *known;
  const Expr& e = k_.expr(id);
  Lanes lanes = compute(e);
  const bool moves = e.kind == ExprKind::integer || e.kind == ExprKind::real || e.kind == ExprKind::splat || e.kind == ExprKind::lanes ||
                     e.kind == ExprKind::concat || e.kind == ExprKind::interleave || e.kind == ExprKind::ramp;
  for (std::string& text : lanes)
    if ((uses_[id] > 1 && !moves) || text.size() > kLongText) text = named(text, e.type.dtype, e.ordinal);
  return known_.back()[id] = std::move(lanes);
}

Lanes CudaEmitter::frozen(ExprId id) {
  Lanes lanes = value(id);
  if (lanes.size() > 1 && !pure_[id])
    for (std::string& text : lanes) text = named(text, k_.expr(id).type.dtype, k_.expr(id).ordinal, true);
  return lanes;
}

Lanes CudaEmitter::compute(const Expr& e) {
  const auto n = static_cast<std::size_t>(e.type.lanes);
  std::vector<const Lanes*> args;
  std::vector<Lanes> copies;  // evaluating one operand may move what another's reference points to
  for (ExprId a : e.args) copies.push_back(value(a));
  for (const Lanes& c : copies) args.push_back(&c);
  const auto lane = [&](std::size_t arg, std::size_t l) -> const std::string& { return (*args[arg])[args[arg]->size() == 1 ? 0 : l]; };
  const auto each = [&](const auto& text) {
    Lanes out;
    for (std::size_t l = 0; l < n; ++l) out.push_back(text(l));
    return out;
  };
  const std::string_view t = name(e.type.dtype);
  switch (e.kind) {
    case ExprKind::integer: return Lanes(n, e.type.dtype == DType::boolean ? (e.integer ? "true" : "false") : integer_text(e.integer));
    case ExprKind::real: return Lanes(n, real_text(e.real, e.type.dtype));
    case ExprKind::argument: return {fmt::format("s{}", e.index)};
    case ExprKind::variable: return each([&](std::size_t l) { return variable(e.index, static_cast<int>(l)); });
    case ExprKind::load:
      return each([&](std::size_t l) { return load(e, lane(0, l), args.size() > 1 ? &lane(1, l) : nullptr); });
    case ExprKind::ramp: {
      const std::string base = named(lane(0, 0), DType::i64, e.ordinal);
      const bool unit = k_.expr(e.args[1]).kind == ExprKind::integer && k_.expr(e.args[1]).integer == 1;
      return each([&](std::size_t l) {
        if (l == 0) return base;
        return unit ? fmt::format("({} + {})", base, l) : fmt::format("({} + {} * {})", base, l, lane(1, 0));
      });
    }
    case ExprKind::splat: {
      const std::string one = named(lane(0, 0), e.type.dtype, e.ordinal);
      return Lanes(n, one);
    }
    case ExprKind::lanes: return each([&](std::size_t l) { return lane(0, l + static_cast<std::size_t>(e.integer)); });
    case ExprKind::concat: return each([&](std::size_t l) { return l < n / 2 ? (*args[0])[l] : (*args[1])[l - n / 2]; });
    case ExprKind::interleave:
      return each([&](std::size_t l) {
        const auto [operand, from] = interleaved(e, l);
        return lane(operand, from);
      });
    case ExprKind::fma: return each([&](std::size_t l) { return fmt::format("fma_{}({}, {}, {})", t, lane(0, l), lane(1, l), lane(2, l)); });
    case ExprKind::bit_and:
    case ExprKind::bit_or:
    case ExprKind::bit_xor: {
      const char sign = e.kind == ExprKind::bit_and ? '&' : e.kind == ExprKind::bit_or ? '|' : '^';
      const bool narrow = size_of(e.type.dtype) < 4;  // promoted to int
      return each([&](std::size_t l) { return fmt::format("{}({} {} {})", narrow ? fmt::format("({})", t) : "", lane(0, l), sign, lane(1, l)); });
    }
    case ExprKind::shift_left: return each([&](std::size_t l) { return fmt::format("shift_left_{}({}, {})", t, lane(0, l), lane(1, l)); });
    case ExprKind::shift_right: return each([&](std::size_t l) { return fmt::format("shift_right_{}({}, {})", t, lane(0, l), lane(1, l)); });
    case ExprKind::mul_high: return each([&](std::size_t l) { return fmt::format("mul_high_{}({}, {})", t, lane(0, l), lane(1, l)); });
    case ExprKind::any: {
      std::string all;
      for (const std::string& x : *args[0]) all += all.empty() ? x : " || " + x;
      return {"(" + all + ")"};
    }
    case ExprKind::arithmetic: return each([&](std::size_t l) { return arithmetic(e, args, l); });
    case ExprKind::load_pair:
    case ExprKind::pairs:
    case ExprKind::dot_pairs: break;  // of host schedules only
  }
  throw InternalError("an expression of no kind reached the CUDA emitter");
}

bool CudaEmitter::positive(ExprId id) const {
  const Expr& e = k_.expr(id);
  if (e.kind == ExprKind::integer) return e.integer > 0;
  if (e.kind == ExprKind::argument) return true;
  return e.kind == ExprKind::arithmetic && (e.op == Op::mul || e.op == Op::max) && positive(e.args[0]) && positive(e.args[1]);
}

std::string CudaEmitter::load(const Expr& e, const std::string& at, const std::string* mask) const {
  if (mask == nullptr) return fmt::format("b{}[{}]", e.index, at);
  return fmt::format("({} ? b{}[{}] : ({})0)", *mask, e.index, at, cuda_type(e.type.dtype));
}

std::string CudaEmitter::cast(const std::string& x, DType from, DType to) const {
  const bool narrow_from = from == DType::bf16 || from == DType::f16, narrow_to = to == DType::bf16 || to == DType::f16;
  if (from == to) return x;
  if (narrow_from) return cast(fmt::format("f32_of_{}({})", name(from), x), DType::f32, to);
  if (narrow_to) return fmt::format("{}_of_f32({})", name(to), cast(x, from, DType::f32));
  if (to == DType::boolean) return fmt::format("({} != 0)", x);
  if (is_float(from) && !is_float(to)) return fmt::format("{}_of_{}({})", name(to), name(from), x);
  return fmt::format("({}){}", cuda_type(to), x);
}

std::string CudaEmitter::arithmetic(const Expr& e, const std::vector<const Lanes*>& args, std::size_t lane) {
  const auto arg = [&](std::size_t i) -> const std::string& { return (*args[i])[args[i]->size() == 1 ? 0 : lane]; };
  const DType d = k_.expr(e.args[0]).type.dtype;
  const std::string_view t = name(d);
  const auto infix = [&](const char* sign) { return fmt::format("({} {} {})", arg(0), sign, arg(1)); };
  const auto call = [&](std::string_view function) {
    return args.size() == 1 ? fmt::format("{}_{}({})", function, t, arg(0)) : fmt::format("{}_{}({}, {})", function, t, arg(0), arg(1));
  };
  const bool plain = is_float(d) || (d == DType::i64 && index_[e.args[0]] && index_[e.args[1 % e.args.size()]]);
  const bool by_size = plain && d == DType::i64 && args.size() == 2 && positive(e.args[1]);
  switch (e.op) {
    case Op::select: return fmt::format("({} ? {} : {})", arg(0), arg(1), arg(2));
    case Op::cast: return cast(arg(0), d, e.type.dtype);
    case Op::bitcast:
      if (size_of(d) == 2) return arg(0);
      if (size_of(d) == 1) return fmt::format("({}){}", cuda_type(e.type.dtype), arg(0));
      return fmt::format("as_{}({})", name(e.type.dtype), arg(0));
    case Op::add: return plain ? infix("+") : call("add");
    case Op::sub: return plain ? infix("-") : call("sub");
    case Op::mul: return plain ? infix("*") : call("mul");
    case Op::div: {
      if (is_float(d)) return infix("/");
      const Expr& by = k_.expr(e.args[1]);
      if (d == DType::i64 && by.kind == ExprKind::integer && by.integer > 0 && std::has_single_bit(static_cast<std::uint64_t>(by.integer)))
        return fmt::format("({} >> {})", arg(0), std::countr_zero(static_cast<std::uint64_t>(by.integer)));
      return by_size ? fmt::format("div_index({}, {})", arg(0), arg(1)) : call("div");
    }
    case Op::rem: {
      if (is_float(d)) break;
      const Expr& by = k_.expr(e.args[1]);
      if (d == DType::i64 && by.kind == ExprKind::integer && by.integer > 0 && std::has_single_bit(static_cast<std::uint64_t>(by.integer)))
        return fmt::format("({} & {})", arg(0), integer_text(by.integer - 1));
      return by_size ? fmt::format("rem_index({}, {})", arg(0), arg(1)) : call("rem");
    }
    case Op::neg: return is_float(d) ? fmt::format("(-{})", arg(0)) : call("neg");
    case Op::floor: return is_float(d) ? call("floor") : arg(0);
    case Op::abs:
    case Op::max:
    case Op::min: return call(name(e.op));
    case Op::sqrt: return call("sqrt");
    case Op::logical_not: return fmt::format("(!{})", arg(0));
    case Op::logical_and: return infix("&&");
    case Op::logical_or: return infix("||");
    case Op::eq: return infix("==");
    case Op::lt: return infix("<");
    default: break;
  }
  throw InternalError(fmt::format("the op {} on {} reached the CUDA emitter, but should have been expanded before", name(e.op), t));
}

}  // namespace uwaga::kernel
