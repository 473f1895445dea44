// Reductions: the reduced axes are brought to the end, in the order that counts the terms, and each row is reduced.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

constexpr std::int64_t kBlock = 4096;
constexpr std::size_t kLanes = 64;

template <typename T>
T block_sum(const T* terms, std::int64_t n) {
  std::array<T, kLanes> lane{};
  for (std::int64_t i = 0; i < n; ++i) lane[static_cast<std::size_t>(i) % kLanes] += terms[i];
  for (std::size_t s = kLanes / 2; s > 0; s /= 2)
    for (std::size_t i = 0; i < s; ++i) lane[i] += lane[i + s];
  return lane[0];
}

// x with the axes `over` last; the other axes in the order of `kept`.
struct Rows {
  Dense copy;
  const Dense& x;
  std::int64_t count, length;
  Rows(const Dense& operand, const ArrayDims& kept, const AxisNames& over)
      : x(aligned(operand, order(operand, kept, over), copy)), count(elements(kept)), length(elements(dims_along(operand, over))) {}

 private:
  static ArrayDims order(const Dense& operand, ArrayDims kept, const AxisNames& over) {
    for (const ArrayDim& d : dims_along(operand, over)) kept.push_back(d);
    return kept;
  }
};

double larger(double a, double b) { return a < b || std::isnan(b) ? b : a; }

// Whether b comes before a when the largest goes first: NaN is largest, and of equals the first stays.
bool beats(double b, double a) { return std::isnan(b) ? !std::isnan(a) : b > a; }
bool beats(std::int64_t b, std::int64_t a) { return b > a; }

template <typename Cell>
std::int64_t first_largest(const Cell* row, std::int64_t n) {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < n; ++i)
    if (beats(row[i], row[best])) best = i;
  return best;
}

std::int64_t lowest(DType d) {
  switch (d) {
    case DType::i64: return std::numeric_limits<std::int64_t>::min();
    case DType::i32: return std::numeric_limits<std::int32_t>::min();
    case DType::i8: return -128;
    default: return 0;
  }
}

}  // namespace

template <typename T>
T ordered_sum(const T* terms, std::int64_t n) {
  if (n <= kBlock) return block_sum(terms, n);
  std::vector<T> blocks;
  for (std::int64_t i = 0; i < n; i += kBlock) blocks.push_back(block_sum(terms + i, std::min(kBlock, n - i)));
  return ordered_sum(blocks.data(), static_cast<std::int64_t>(blocks.size()));
}
template float ordered_sum(const float*, std::int64_t);
template double ordered_sum(const double*, std::int64_t);

Values sum_value(const Site& site, Operands x) {
  const Rows rows(*x[0], site.dims[0], site.node.as<ReduceAttrs>().over);
  Dense out(x[0]->dtype, site.dims[0]);
  const bool wide = site.exact() || out.dtype == DType::f64;
  std::vector<float> narrow(static_cast<std::size_t>(wide ? 0 : rows.length));
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const auto at = static_cast<std::size_t>(r);
    const std::int64_t first = r * rows.length;
    if (!is_float(out.dtype)) {
      std::uint64_t total = 0;
      for (std::int64_t i = 0; i < rows.length; ++i) total += static_cast<std::uint64_t>(rows.x.integers[static_cast<std::size_t>(first + i)]);
      out.integers[at] = wrapped(out.dtype, static_cast<std::int64_t>(total));
    } else if (wide) {
      out.reals[at] = ordered_sum(rows.x.reals.data() + first, rows.length);
    } else {
      for (std::int64_t i = 0; i < rows.length; ++i)
        narrow[static_cast<std::size_t>(i)] = static_cast<float>(rows.x.reals[static_cast<std::size_t>(first + i)]);
      out.reals[at] = ordered_sum(narrow.data(), rows.length);
    }
  }
  return {std::move(out)};
}

Values reduce_max_value(const Site& site, Operands x) {
  const Rows rows(*x[0], site.dims[0], site.node.as<ReduceAttrs>().over);
  Dense out(x[0]->dtype, site.dims[0]);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const auto at = static_cast<std::size_t>(r);
    double real = -std::numeric_limits<double>::infinity();
    std::int64_t integer = lowest(out.dtype);
    for (std::int64_t i = r * rows.length; i < (r + 1) * rows.length; ++i) {
      if (is_float(out.dtype)) real = larger(real, rows.x.reals[static_cast<std::size_t>(i)]);
      else integer = std::max(integer, rows.x.integers[static_cast<std::size_t>(i)]);
    }
    if (is_float(out.dtype)) out.reals[at] = real;
    else out.integers[at] = integer;
  }
  return {std::move(out)};
}

// The mean of the tangents of all that are largest.
MaybeCells reduce_max_tangent(const Site& site, Operands x, Operands t, Operands y) {
  const auto& over = site.node.as<ReduceAttrs>().over;
  const Rows rows(*x[0], site.dims[0], over), moves(*t[0], site.dims[0], over);
  Dense out(y[0]->dtype, y[0]->dims);
  for (std::int64_t r = 0; r < rows.count; ++r) {
    const auto at = static_cast<std::size_t>(r);
    double total = 0, ties = 0;
    for (std::int64_t i = r * rows.length; i < (r + 1) * rows.length; ++i) {
      if (rows.x.reals[static_cast<std::size_t>(i)] != y[0]->reals[at]) continue;
      total += moves.x.reals[static_cast<std::size_t>(i)];
      ties += 1;
    }
    out.reals[at] = ties > 0 ? total / ties : 0;
  }
  return {cells(std::move(out))};
}

Values argmax_value(const Site& site, Operands x) {
  const std::string& axis = site.node.as<AxisAttrs>().axis;
  const Rows rows(*x[0], site.dims[0], {axis});
  if (rows.length == 0) throw site.error(fmt::format("over '{}' wants at least one element", axis));
  Dense out(DType::i32, site.dims[0]);
  for (std::int64_t r = 0; r < rows.count; ++r)
    out.integers[static_cast<std::size_t>(r)] = is_float(x[0]->dtype)
                                                    ? first_largest(rows.x.reals.data() + r * rows.length, rows.length)
                                                    : first_largest(rows.x.integers.data() + r * rows.length, rows.length);
  return {std::move(out)};
}

Values cumsum_value(const Site& site, Operands x) {
  const auto& a = site.node.as<CumsumAttrs>();
  const Rows rows(*x[0], without(x[0]->dims, {a.axis}), {a.axis});
  Dense out(rows.x.dtype, rows.x.dims);
  const bool wide = site.exact() || out.dtype == DType::f64;
  for (std::int64_t r = 0; r < rows.count; ++r) {
    double total = 0;
    std::uint64_t whole = 0;
    for (std::int64_t i = 0; i < rows.length; ++i) {
      const auto at = static_cast<std::size_t>(r * rows.length + (a.reverse ? rows.length - 1 - i : i));
      if (is_float(out.dtype)) {
        total += rows.x.reals[at];
        if (!wide) total = static_cast<float>(total);
        out.reals[at] = total;
      } else {
        whole += static_cast<std::uint64_t>(rows.x.integers[at]);
        out.integers[at] = wrapped(out.dtype, static_cast<std::int64_t>(whole));
      }
    }
  }
  return {in_order(out, site.dims[0])};
}

}  // namespace uwaga::interpreter
