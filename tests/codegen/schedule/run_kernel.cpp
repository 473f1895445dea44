#include "tests/codegen/schedule/run_kernel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <string>

#include <uwaga/ir/array.h>

namespace uwaga::test {
namespace {

using namespace uwaga::kernel;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  return a / b - ((a % b != 0) && ((a < 0) != (b < 0)));
}

double apply_real(Op op, double a, double b) {
  switch (op) {
    case Op::neg: return -a;
    case Op::abs: return std::abs(a);
    case Op::exp: return std::exp(a);
    case Op::log: return std::log(a);
    case Op::log1p: return std::log1p(a);
    case Op::sqrt: return std::sqrt(a);
    case Op::rsqrt: return 1 / std::sqrt(a);
    case Op::sin: return std::sin(a);
    case Op::cos: return std::cos(a);
    case Op::tanh: return std::tanh(a);
    case Op::erf: return std::erf(a);
    case Op::sigmoid: return a >= 0 ? 1 / (1 + std::exp(-a)) : std::exp(a) / (1 + std::exp(a));
    case Op::floor: return std::floor(a);
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    case Op::div: return a / b;
    case Op::pow: return std::pow(a, b);
    case Op::max: return std::isnan(a) ? a : std::isnan(b) ? b : a < b ? b : a;
    case Op::min: return std::isnan(a) ? a : std::isnan(b) ? b : b < a ? b : a;
    case Op::rem: {
      const double r = std::fmod(a, b);
      return r != 0 && (r < 0) != (b < 0) ? r + b : r;
    }
    default: throw std::logic_error("no op on reals");
  }
}

std::int64_t apply_whole(Op op, std::int64_t a, std::int64_t b) {
  const auto u = [](std::int64_t v) { return static_cast<std::uint64_t>(v); };
  switch (op) {
    case Op::neg: return static_cast<std::int64_t>(0 - u(a));
    case Op::abs: return a < 0 ? static_cast<std::int64_t>(0 - u(a)) : a;
    case Op::logical_not: return !a;
    case Op::add: return static_cast<std::int64_t>(u(a) + u(b));
    case Op::sub: return static_cast<std::int64_t>(u(a) - u(b));
    case Op::mul: return static_cast<std::int64_t>(u(a) * u(b));
    case Op::div: return floor_div(a, b);
    case Op::rem: return b == 0 ? 0 : a - floor_div(a, b) * b;
    case Op::max: return std::max(a, b);
    case Op::min: return std::min(a, b);
    case Op::logical_and: return a && b;
    case Op::logical_or: return a || b;
    default: throw std::logic_error("no op on integers");
  }
}

class Machine {
 public:
  Machine(RunKernel& r) : r_(r), k_(r.kernel), variables_(k_.variables.size()) {}

  void task(const std::vector<std::int64_t>& at) {
    for (std::size_t i = 0; i < at.size(); ++i) variables_[k_.grid[i]] = {{0, at[i]}};
    scratch_.assign(k_.buffers.size(), {});
    for (std::size_t i = 0; i < k_.buffers.size(); ++i)
      if (k_.buffers[i].space != Space::global)
        scratch_[i].assign(static_cast<std::size_t>(eval(k_.buffers[i].elements)[0].whole), {std::nan(""), -777});
    block(k_.body);
  }
  Cells eval(ExprId id);

 private:
  static Cell settled(DType d, Cell c) {
    if (is_float(d)) c.real = round_to(d, c.real);
    else c.whole = wrapped(d, c.whole);
    return c;
  }
  Cells& memory(std::uint32_t id) {
    return k_.buffers[id].space == Space::global ? *r_.buffers[id] : scratch_[id];
  }
  Cell& element(std::uint32_t id, std::int64_t at) {
    Cells& m = memory(id);
    if (at < 0 || at >= static_cast<std::int64_t>(m.size()))
      throw std::out_of_range("buffer " + std::to_string(id) + " of " + std::to_string(m.size()) + " elements at " + std::to_string(at));
    return m[static_cast<std::size_t>(at)];
  }
  void block(const std::vector<Stmt>& body) { for (const Stmt& s : body) run(s); }
  void run(const Stmt& s);

  RunKernel& r_;
  const Kernel& k_;
  std::vector<Cells> variables_, scratch_;
};

Cells Machine::eval(ExprId id) {
  const Expr& e = k_.expr(id);
  const auto n = static_cast<std::size_t>(e.type.lanes);
  std::vector<Cells> in;
  if (e.kind != ExprKind::load)
    for (ExprId a : e.args) in.push_back(eval(a));
  Cells out(n);
  const DType from = e.args.empty() ? DType::i64 : k_.expr(e.args[0]).type.dtype;
  switch (e.kind) {
    case ExprKind::integer: return Cells(n, {0, e.integer});
    case ExprKind::real: return Cells(n, {e.real, 0});
    case ExprKind::argument: return {r_.arguments[e.index]};
    case ExprKind::variable: return variables_[e.index];
    case ExprKind::load: {
      const Cells at = eval(e.args[0]), mask = e.args.size() > 1 ? eval(e.args[1]) : Cells(n, {0, 1});
      for (std::size_t i = 0; i < n; ++i) out[i] = mask[i].whole ? element(e.index, at[i].whole) : Cell{};
      return out;
    }
    case ExprKind::ramp:
      for (std::size_t i = 0; i < n; ++i) out[i].whole = in[0][0].whole + static_cast<std::int64_t>(i) * in[1][0].whole;
      return out;
    case ExprKind::splat: return Cells(n, in[0][0]);
    case ExprKind::lanes: return {in[0].begin() + e.integer, in[0].begin() + e.integer + e.type.lanes};
    case ExprKind::concat: in[0].insert(in[0].end(), in[1].begin(), in[1].end()); return in[0];
    case ExprKind::any:
      for (const Cell& c : in[0]) out[0].whole |= c.whole;
      return out;
    case ExprKind::fma:
      for (std::size_t i = 0; i < n; ++i)
        out[i].real = e.type.dtype == DType::f32 ? std::fma(static_cast<float>(in[0][i].real), static_cast<float>(in[1][i].real),
                                                            static_cast<float>(in[2][i].real))
                                                 : std::fma(in[0][i].real, in[1][i].real, in[2][i].real);
      return out;
    case ExprKind::arithmetic: break;
    default: {  // bits
      const int width = static_cast<int>(size_of(e.type.dtype)) * 8;
      const std::uint64_t all = width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
      for (std::size_t i = 0; i < n; ++i) {
        const auto a = static_cast<std::uint64_t>(in[0][i].whole) & all, b = static_cast<std::uint64_t>(in[1][i].whole) & all;
        std::uint64_t v = 0;
        if (e.kind == ExprKind::bit_and) v = a & b;
        else if (e.kind == ExprKind::bit_or) v = a | b;
        else if (e.kind == ExprKind::bit_xor) v = a ^ b;
        else if (e.kind == ExprKind::shift_left) v = a << b;
        else if (e.kind == ExprKind::shift_right) v = a >> b;
        else v = (a * b) >> 32;
        out[i] = settled(e.type.dtype, {0, static_cast<std::int64_t>(v)});
      }
      return out;
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const Cell a = in[0][i], b = in.size() > 1 ? in[1][i] : Cell{};
    if (e.op == Op::select) {
      out[i] = a.whole ? b : in[2][i];
    } else if (e.op == Op::cast) {
      if (is_float(from)) out[i] = is_float(e.type.dtype) ? Cell{a.real, 0} : Cell{0, saturated(e.type.dtype, a.real)};
      else out[i] = is_float(e.type.dtype) ? Cell{static_cast<double>(a.whole), 0} : a;
      if (!is_float(from) && e.type.dtype == DType::boolean) out[i].whole = a.whole != 0;
    } else if (e.op == Op::bitcast) {
      if (from == DType::f32) out[i].whole = std::bit_cast<std::int32_t>(static_cast<float>(a.real));
      else if (from == DType::f64) out[i].whole = std::bit_cast<std::int64_t>(a.real);
      else if (e.type.dtype == DType::f32) out[i].real = std::bit_cast<float>(static_cast<std::int32_t>(a.whole));
      else if (e.type.dtype == DType::f64) out[i].real = std::bit_cast<double>(a.whole);
      else if (from == DType::bf16) out[i].real = from_f16(bf16_bits(static_cast<float>(a.real)));
      else if (from == DType::f16) out[i].real = from_bf16(f16_bits(static_cast<float>(a.real)));
      else out[i] = a;
    } else if (e.op == Op::eq || e.op == Op::lt) {
      if (is_float(from)) out[i].whole = e.op == Op::eq ? a.real == b.real : a.real < b.real;
      else out[i].whole = e.op == Op::eq ? a.whole == b.whole : a.whole < b.whole;
    } else if (is_float(e.type.dtype)) {
      out[i].real = apply_real(e.op, a.real, b.real);
    } else {
      out[i].whole = apply_whole(e.op, a.whole, b.whole);
    }
    out[i] = settled(e.type.dtype, out[i]);
  }
  return out;
}

void Machine::run(const Stmt& s) {
  switch (s.kind) {
    case StmtKind::let: case StmtKind::declare: case StmtKind::assign: variables_[s.var] = eval(s.value); break;
    case StmtKind::store: {
      const Cells at = eval(s.index), v = eval(s.value);
      const Cells mask = s.condition == kNone ? Cells(at.size(), {0, 1}) : eval(s.condition);
      for (std::size_t i = 0; i < at.size(); ++i)
        if (mask[i].whole) element(s.buffer, at[i].whole) = v[i];
      break;
    }
    case StmtKind::loop: {
      const std::int64_t end = eval(s.end)[0].whole;
      for (std::int64_t i = eval(s.begin)[0].whole; i < end; i += s.step) {
        variables_[s.var] = {{0, i}};
        block(s.body);
      }
      break;
    }
    case StmtKind::branch: block(eval(s.condition)[0].whole ? s.body : s.otherwise); break;
    case StmtKind::barrier: break;
    case StmtKind::fail: {
      const Cells c = eval(s.condition);
      if (std::any_of(c.begin(), c.end(), [](const Cell& x) { return x.whole != 0; })) r_.error = s.ordinal + 1u;
      break;
    }
  }
}

}  // namespace

void RunKernel::run() {
  Machine m(*this);
  std::vector<std::int64_t> extents, at(kernel.grid.size());
  std::int64_t tasks = 1;
  for (kernel::ExprId e : kernel.grid_extents) {
    extents.push_back(m.eval(e)[0].whole);
    tasks *= extents.back();
  }
  for (std::int64_t t = 0; t < tasks; ++t) {
    std::int64_t rest = t;
    for (std::size_t i = extents.size(); i-- > 0;) {
      at[i] = rest % extents[i];
      rest /= extents[i];
    }
    m.task(at);
  }
}

}  // namespace uwaga::test
