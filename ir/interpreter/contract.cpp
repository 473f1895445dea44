// dot: batched matrix products whose order of summation is the program's (interpret.h).
#include <algorithm>
#include <cmath>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

constexpr std::int64_t kBlock = 512;

// c[m, n] = sum over k of a[m, k] * b[k, n]. Every element is its own chain; the loop over n only runs them side by side.
template <typename T>
[[gnu::always_inline]] inline void chains(const T* a, const T* b, T* c, T* block, std::int64_t rows, std::int64_t terms,
                                          std::int64_t columns) {
  for (std::int64_t m = 0; m < rows; ++m) {
    T* total = c + m * columns;
    for (std::int64_t k0 = 0; k0 < terms; k0 += kBlock) {
      T* sum = k0 == 0 ? total : block;
      for (std::int64_t n = 0; n < columns; ++n) sum[n] = T{0};
      for (std::int64_t k = k0; k < std::min(k0 + kBlock, terms); ++k) {
        const T x = a[m * terms + k];
        const T* row = b + k * columns;
        for (std::int64_t n = 0; n < columns; ++n) sum[n] = std::fma(x, row[n], sum[n]);
      }
      if (k0 > 0)
        for (std::int64_t n = 0; n < columns; ++n) total[n] += block[n];
    }
  }
}

// The same function with the processor's fused multiply-add, where it has one: the same bits, many times faster.
#if defined(__x86_64__) && defined(__GNUC__)
template <typename T>
[[gnu::target("avx2,fma")]] void chains_fma(const T* a, const T* b, T* c, T* block, std::int64_t rows, std::int64_t terms,
                                            std::int64_t columns) {
  chains(a, b, c, block, rows, terms, columns);
}
bool has_fma() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
#else
template <typename T>
void chains_fma(const T* a, const T* b, T* c, T* block, std::int64_t rows, std::int64_t terms, std::int64_t columns) {
  chains(a, b, c, block, rows, terms, columns);
}
bool has_fma() { return true; }
#endif

template <typename T>
void product(const T* a, const T* b, T* c, T* block, std::int64_t rows, std::int64_t terms, std::int64_t columns) {
  if (has_fma()) chains_fma(a, b, c, block, rows, terms, columns);
  else chains(a, b, c, block, rows, terms, columns);
}

// Integers wrap, so their order does not matter.
void product(const std::uint64_t* a, const std::uint64_t* b, std::uint64_t* c, std::uint64_t*, std::int64_t rows, std::int64_t terms,
             std::int64_t columns) {
  std::fill(c, c + rows * columns, 0);
  for (std::int64_t m = 0; m < rows; ++m)
    for (std::int64_t k = 0; k < terms; ++k)
      for (std::int64_t n = 0; n < columns; ++n) c[m * columns + n] += a[m * terms + k] * b[k * columns + n];
}

struct Shape {
  ArrayDims batch, rows, terms, columns;
};

Shape shape_of(const Dense& left, const Dense& right, const AxisNames& over) {
  Shape s;
  s.terms = dims_along(left, over);
  const auto has = [](const Dense& x, const std::string& axis) {
    return std::any_of(x.dims.begin(), x.dims.end(), [&](const ArrayDim& d) { return d.axis == axis; });
  };
  for (const ArrayDim& d : without(left.dims, over)) (has(right, d.axis) ? s.batch : s.rows).push_back(d);
  for (const ArrayDim& d : without(right.dims, over))
    if (!has(left, d.axis)) s.columns.push_back(d);
  return s;
}

ArrayDims joined(std::initializer_list<const ArrayDims*> parts) {
  ArrayDims out;
  for (const ArrayDims* p : parts) out.insert(out.end(), p->begin(), p->end());
  return out;
}

// Both operands as matrices of T, multiplied batch by batch; the result's axes are batch, rows, columns.
template <typename T, typename Cell>
void multiply(const Shape& s, const std::vector<Cell>& left, const std::vector<Cell>& right, std::vector<Cell>& out) {
  const std::vector<T> a(left.begin(), left.end()), b(right.begin(), right.end());
  const std::int64_t rows = elements(s.rows), terms = elements(s.terms), columns = elements(s.columns);
  std::vector<T> c(out.size()), block(static_cast<std::size_t>(columns));
  for (std::int64_t i = 0; i < elements(s.batch); ++i)
    product(a.data() + i * rows * terms, b.data() + i * terms * columns, c.data() + i * rows * columns, block.data(), rows, terms, columns);
  out.assign(c.begin(), c.end());
}

Dense contract(const Site& site, const Dense& left, const Dense& right) {
  const auto& a = site.node.as<DotAttrs>();
  const Shape s = shape_of(left, right, a.over);
  // The longer side runs side by side; a product commutes to the bit.
  if (elements(s.columns) < elements(s.rows) && elements(s.columns) < 16 && elements(s.rows) > 1) {
    const Shape swapped = shape_of(right, left, a.over);
    if (elements(swapped.columns) > elements(swapped.rows)) return contract(site, right, left);
  }
  Dense left_copy, right_copy;
  const Dense& l = aligned(left, joined({&s.batch, &s.rows, &s.terms}), left_copy);
  const Dense& r = aligned(right, joined({&s.batch, &s.terms, &s.columns}), right_copy);
  Dense out(a.dtype, joined({&s.batch, &s.rows, &s.columns}));
  if (!is_float(a.dtype)) {
    multiply<std::uint64_t>(s, l.integers, r.integers, out.integers);
    for (std::int64_t& v : out.integers) v = wrapped(a.dtype, v);
  } else if (site.exact() || left.dtype == DType::f64) {
    multiply<double>(s, l.reals, r.reals, out.reals);
  } else {
    multiply<float>(s, l.reals, r.reals, out.reals);
  }
  return in_order(out, site.dims[0]);
}

}  // namespace

Values dot_value(const Site& site, Operands x) { return {contract(site, *x[0], *x[1])}; }

// d(a . b) = da . b + a . db
MaybeCells dot_tangent(const Site& site, Operands x, Operands t, Operands y) {
  Dense out(y[0]->dtype, y[0]->dims);
  for (std::size_t moving = 0; moving < 2; ++moving) {
    if (!t[moving]) continue;
    const Dense part = moving == 0 ? contract(site, *t[0], *x[1]) : contract(site, *x[0], *t[1]);
    for (std::size_t i = 0; i < out.reals.size(); ++i) out.reals[i] += part.reals[i];
  }
  return {cells(std::move(out))};
}

}  // namespace uwaga::interpreter
