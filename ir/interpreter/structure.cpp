// Ops that run a body: scan, cond, call.
#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>

namespace uwaga::interpreter {
namespace {

// Row `i` of x along an axis, without the axis.
Dense row_of(const Dense& x, const std::string& axis, std::int64_t i) {
  const ArrayDims rest = without(x.dims, {axis});
  return read_strided(x, rest, i * x.stride(axis), x.strides(rest));
}

void put_row(Dense& out, const std::string& axis, std::int64_t i, const Dense& x) {
  write_strided(out, i * out.stride(axis), out.strides(x.dims), x);
}

Dual in_order(Dual x, const ArrayDims& dims) {
  for (Cells* c : {&x.value, &x.tangent})
    if (*c && (*c)->dims != dims) *c = cells(in_order(**c, dims));
  return x;
}

}  // namespace

std::vector<Dual> scan_whole(const Site& site, std::span<const Dual> x) {
  const auto& a = site.node.as<ScanAttrs>();
  const auto carries = static_cast<std::size_t>(a.carries), slices = static_cast<std::size_t>(a.slices);
  const std::int64_t length = site.size(a.length);
  const auto& types = site.node.types;
  std::vector<Dual> state(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(carries));
  std::vector<Dense> stacks, stack_tangents;
  std::vector<bool> moves(types.size() - carries, false);
  for (std::size_t i = carries; i < types.size(); ++i) {
    stacks.emplace_back(types[i].dtype, site.dims[i]);
    stack_tangents.emplace_back(types[i].dtype, site.dims[i]);
  }
  for (std::int64_t step = 0; step < length; ++step) {
    const std::int64_t at = a.reverse ? length - 1 - step : step;
    std::vector<Dual> inputs = state;
    for (std::size_t i = carries; i < carries + slices; ++i)
      inputs.push_back({cells(row_of(*x[i].value, a.axis, at)), x[i].tangent ? cells(row_of(*x[i].tangent, a.axis, at)) : nullptr});
    Dense index(DType::i64, {});
    index.integers[0] = at;
    inputs.push_back({cells(std::move(index)), nullptr});
    inputs.insert(inputs.end(), x.begin() + static_cast<std::ptrdiff_t>(carries + slices), x.end());
    const std::vector<Dual> out = run_body(site, a.body, std::move(inputs));
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i < carries) {
        state[i] = in_order(out[i], site.dims[i]);
        continue;
      }
      put_row(stacks[i - carries], a.axis, at, *out[i].value);
      if (out[i].tangent) {
        put_row(stack_tangents[i - carries], a.axis, at, *out[i].tangent);
        moves[i - carries] = true;
      }
    }
  }
  for (std::size_t i = 0; i < stacks.size(); ++i)
    state.push_back({cells(std::move(stacks[i])), moves[i] ? cells(std::move(stack_tangents[i])) : nullptr});
  for (std::size_t i = 0; i < carries; ++i) state[i] = in_order(state[i], site.dims[i]);  // of no steps at all
  return state;
}

std::vector<Dual> cond_whole(const Site& site, std::span<const Dual> x) {
  const auto& a = site.node.as<CondAttrs>();
  const Graph& taken = x[0].value->integers[0] != 0 ? a.then_body : a.else_body;
  std::vector<Dual> out = run_body(site, taken, {x.begin() + 1, x.end()});
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = in_order(out[i], site.dims[i]);
  return out;
}

std::vector<Dual> call_whole(const Site& site, std::span<const Dual> x) {
  std::vector<Dual> out = run_body(site, site.node.as<CallAttrs>().body, {x.begin(), x.end()});
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = in_order(out[i], site.dims[i]);
  return out;
}

}  // namespace uwaga::interpreter
