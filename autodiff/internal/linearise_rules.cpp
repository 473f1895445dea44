// How every primitive linearises. Formulas: the usual calculus; ties and corners as the contracts settle them.
#include <fmt/format.h>
#include <uwaga/autodiff/internal/bodies.h>
#include <uwaga/ir/at_least_f32.h>
#include <uwaga/ir/attributes.h>

namespace uwaga::autodiff {
namespace {

// ---- elementwise

Maybe neg_rule(const Forward& f) { return -*f.d(); }

Maybe abs_rule(const Forward& f) {
  const Tensor positive = 0.0 < f.x();
  const Tensor negative = f.x() < 0.0;
  const Tensor minus_or_zero = select(negative, full_like(f.x(), -1.0), 0.0);
  const Tensor sign = select(positive, 1.0, minus_or_zero);
  return *f.d() * sign;
}

Maybe exp_rule(const Forward& f) { return *f.d() * f.y(); }
Maybe log_rule(const Forward& f) { return *f.d() / f.x(); }
Maybe log1p_rule(const Forward& f) { return *f.d() / (f.x() + 1.0); }
Maybe sqrt_rule(const Forward& f) { return *f.d() * (0.5 / f.y()); }

Maybe rsqrt_rule(const Forward& f) {
  const Tensor cube = f.y() * f.y() * f.y();
  return *f.d() * (cube * -0.5);
}

Maybe sin_rule(const Forward& f) { return *f.d() * cos(f.x()); }
Maybe cos_rule(const Forward& f) { return *f.d() * -sin(f.x()); }
Maybe tanh_rule(const Forward& f) { return *f.d() * (1.0 - f.y() * f.y()); }

Maybe erf_rule(const Forward& f) {
  constexpr double two_over_sqrt_pi = 1.1283791670955125739;
  return *f.d() * (exp(-(f.x() * f.x())) * two_over_sqrt_pi);
}

Maybe sigmoid_rule(const Forward& f) { return *f.d() * (f.y() * (1.0 - f.y())); }

Maybe add_rule(const Forward& f) { return plus(f.d(0), f.d(1)); }

Maybe sub_rule(const Forward& f) {
  if (!f.d(1)) return f.d(0);
  if (!f.d(0)) return -*f.d(1);
  return *f.d(0) - *f.d(1);
}

Maybe mul_rule(const Forward& f) {
  Maybe a, b;
  if (f.d(0)) a = *f.d(0) * f.x(1);
  if (f.d(1)) b = f.x(0) * *f.d(1);
  return plus(a, b);
}

// d(a / b) = da / b - db (a / b) / b
Maybe div_rule(const Forward& f) {
  Maybe a, b;
  if (f.d(0)) a = *f.d(0) / f.x(1);
  if (f.d(1)) b = *f.d(1) * -(f.y() / f.x(1));
  return plus(a, b);
}

// d(a ^ b) = da b a^(b-1) + db a^b log a; the first is 0 where b = 0, the second where a = 0.
Maybe pow_rule(const Forward& f) {
  Maybe a, b;
  if (f.d(0)) {
    const Tensor slope = f.x(1) * pow(f.x(0), f.x(1) - 1.0);
    a = *f.d(0) * select(equal(f.x(1), 0.0), 0.0, slope);
  }
  if (f.d(1)) {
    const Tensor positive = select(equal(f.x(0), 0.0), 1.0, f.x(0));
    b = *f.d(1) * (f.y() * log(positive));
  }
  return plus(a, b);
}

// All to the one that wins, half to each on a tie.
Maybe extremum(const Forward& f, const Tensor& first_wins, const Tensor& second_wins) {
  Maybe a, b;
  if (f.d(0)) {
    const Tensor rest = select(second_wins, full_like(f.x(), 0.0), 0.5);
    a = *f.d(0) * select(first_wins, 1.0, rest);
  }
  if (f.d(1)) {
    const Tensor rest = select(first_wins, full_like(f.x(), 0.0), 0.5);
    b = *f.d(1) * select(second_wins, 1.0, rest);
  }
  return plus(a, b);
}
Maybe max_rule(const Forward& f) {
  const Tensor first = f.x(1) < f.x(0);
  const Tensor second = f.x(0) < f.x(1);
  return extremum(f, first, second);
}
Maybe min_rule(const Forward& f) {
  const Tensor first = f.x(0) < f.x(1);
  const Tensor second = f.x(1) < f.x(0);
  return extremum(f, first, second);
}

// a - floor(a / b) b
Maybe rem_rule(const Forward& f) {
  Maybe b;
  // The quotient that the remainder left, a whole number: what x0 / x1 rounds to may be the next one.
  if (f.d(1)) b = *f.d(1) * -floor((f.x(0) - f.y()) / f.x(1) + 0.5);
  return plus(f.d(0), b);
}

Maybe select_rule(const Forward& f) {
  if (!f.d(1)) return select(f.x(0), 0.0, *f.d(2));
  if (!f.d(2)) return select(f.x(0), *f.d(1), 0.0);
  return select(f.x(0), *f.d(1), *f.d(2));
}

Maybe cast_rule(const Forward& f) { return cast(*f.d(), f.as<CastAttrs>().dtype); }

// ---- linear in their only floating operand: the same op on the tangent

Tensor again(const Forward& f, std::vector<Value> operands, const Tensor& tangent) {
  GraphData& g = tangent.data();
  return {tangent.shared_graph(),
          {g.add(f.node().op, f.node().attributes, std::move(operands), g.origin(std::source_location::current())), 0}};
}

Maybe same_op(const Forward& f) { return again(f, {f.d()->value()}, *f.d()); }

Maybe same_op_at(const Forward& f) {  // operand 1 says where
  const Tensor& d = *f.d();
  return again(f, {d.value(), d.data().adopt(*f.graph, f.node().operands[1])}, d);
}

Maybe pad_rule(const Forward& f) {
  const auto& a = f.as<PadAttrs>();
  return pad(*f.d(), a.axis, a.low, a.high, 0.0, a.interior);
}

Tensor or_zeros(const Forward& f, std::size_t i) { return f.d(i) ? *f.d(i) : zeros(f.graph, f.x(i).type()); }

Maybe concat_rule(const Forward& f) {
  std::vector<Tensor> parts;
  for (std::size_t i = 0; i < f.tangents.size(); ++i) parts.push_back(or_zeros(f, i));
  return concat(parts, f.as<AxisAttrs>().axis);
}

Maybe dot_rule(const Forward& f) {
  const auto& a = f.as<DotAttrs>();
  Maybe l, r;
  if (f.d(0)) l = dot(*f.d(0), f.x(1), axes_of(a.over), a.dtype);
  if (f.d(1)) r = dot(f.x(0), *f.d(1), axes_of(a.over), a.dtype);
  return plus(l, r);
}

// Ties share, and are more than a narrow type can count.
Maybe reduce_max_rule(const Forward& f) {
  const Axes over = axes_of(f.as<ReduceAttrs>().over);
  const DType counting = at_least_f32(f.x().dtype());
  const Tensor is_max = equal(f.x(), f.y());
  const Tensor hits = cast(is_max, counting);
  const Tensor share = cast(hits / sum(hits, over), f.x().dtype());
  return sum(*f.d() * share, over);
}

Maybe scatter_add_rule(const Forward& f) {
  if (!f.d(2)) return f.d(0);
  return scatter_add(or_zeros(f, 0), f.x(1), *f.d(2), f.as<AxisAttrs>().axis);
}

Maybe dynamic_update_rule(const Forward& f) {
  const Tensor base = or_zeros(f, 0);
  const Tensor update = or_zeros(f, 1);
  return dynamic_update(base, update, f.x(2), f.as<AxisAttrs>().axis);
}

// The values are x gathered at the indices.
Maybe top_k_rule(const Forward& f) { return gather(*f.d(), f.y(1), f.as<TopKAttrs>().axis); }

Maybe identity(const Forward& f) { return f.d(); }

constexpr auto kRule = Linearises::rule;
constexpr auto kZero = Linearises::zero;
constexpr auto kNone = Linearises::none;
constexpr auto kBody = Linearises::body;

constexpr OpTable<LineariseRow> kTable = {{{
    {Op::input, kZero},
    {Op::parameter, kZero},
    {Op::constant, kZero},
    {Op::iota, kZero},
    {Op::random_bits, kZero},
    {Op::neg, kRule, neg_rule},
    {Op::abs, kRule, abs_rule},
    {Op::exp, kRule, exp_rule},
    {Op::log, kRule, log_rule},
    {Op::log1p, kRule, log1p_rule},
    {Op::sqrt, kRule, sqrt_rule},
    {Op::rsqrt, kRule, rsqrt_rule},
    {Op::sin, kRule, sin_rule},
    {Op::cos, kRule, cos_rule},
    {Op::tanh, kRule, tanh_rule},
    {Op::erf, kRule, erf_rule},
    {Op::sigmoid, kRule, sigmoid_rule},
    {Op::floor, kZero},
    {Op::logical_not, kZero},
    {Op::add, kRule, add_rule},
    {Op::sub, kRule, sub_rule},
    {Op::mul, kRule, mul_rule},
    {Op::div, kRule, div_rule},
    {Op::pow, kRule, pow_rule},
    {Op::max, kRule, max_rule},
    {Op::min, kRule, min_rule},
    {Op::rem, kRule, rem_rule},
    {Op::logical_and, kZero},
    {Op::logical_or, kZero},
    {Op::eq, kZero},
    {Op::lt, kZero},
    {Op::select, kRule, select_rule},
    {Op::cast, kRule, cast_rule},
    {Op::bitcast, kNone},
    {Op::split, kRule, same_op},
    {Op::merge, kRule, same_op},
    {Op::broadcast, kRule, same_op},
    {Op::rename, kRule, same_op},
    {Op::slice, kRule, same_op},
    {Op::pad, kRule, pad_rule},
    {Op::concat, kRule, concat_rule},
    {Op::reverse, kRule, same_op},
    {Op::order, kRule, same_op},
    {Op::dot, kRule, dot_rule},
    {Op::sum, kRule, same_op},
    {Op::reduce_max, kRule, reduce_max_rule},
    {Op::argmax, kZero},
    {Op::cumsum, kRule, same_op},
    {Op::gather, kRule, same_op_at},
    {Op::scatter_add, kRule, scatter_add_rule},
    {Op::dynamic_slice, kRule, same_op_at},
    {Op::dynamic_update, kRule, dynamic_update_rule},
    {Op::top_k, kRule, top_k_rule},
    {Op::scan, kBody},
    {Op::cond, kBody},
    {Op::call, kBody},
    {Op::stop_gradient, kZero},
    {Op::tag, kRule, identity},
}}};

constexpr bool complete() {
  for (int i = 0; i < kOps; ++i) {
    const LineariseRow& row = kTable.rows[static_cast<std::size_t>(i)];
    if (row.op != static_cast<Op>(i) || (row.how == kRule) != (row.rule != nullptr)) return false;
  }
  return true;
}
static_assert(complete(), "every op says how it linearises, in the order of the enum");

}  // namespace

const LineariseRow& linearise_row(Op op) { return kTable.at(op); }

}  // namespace uwaga::autodiff
