#include <uwaga/codegen/kernel/launch.h>

#include <algorithm>

#include <uwaga/ir/error.h>

namespace uwaga::kernel {

std::int64_t evaluate(const Kernel& kernel, ExprId expression, std::span<const std::uint64_t> arguments) {
  const Expr& e = kernel.expr(expression);
  if (e.kind == ExprKind::integer) return e.integer;
  if (e.kind == ExprKind::argument) return static_cast<std::int64_t>(arguments[e.index]);
  check_internal(e.kind == ExprKind::arithmetic && !e.args.empty(), "a launch size that is no expression of arguments");
  const std::int64_t a = evaluate(kernel, e.args[0], arguments);
  const std::int64_t b = e.args.size() > 1 ? evaluate(kernel, e.args[1], arguments) : 0;
  const auto floor_div = [](std::int64_t x, std::int64_t y) {
    return y == 0 ? 0 : x / y - ((x % y != 0) && ((x < 0) != (y < 0)));
  };
  switch (e.op) {
    case Op::add: return a + b;
    case Op::sub: return a - b;
    case Op::mul: return a * b;
    case Op::div: return floor_div(a, b);
    case Op::rem: return b == 0 ? 0 : a - floor_div(a, b) * b;
    case Op::min: return std::min(a, b);
    case Op::max: return std::max(a, b);
    case Op::neg: return -a;
    case Op::lt: return a < b;
    case Op::eq: return a == b;
    case Op::select: return a ? b : evaluate(kernel, e.args[2], arguments);
    default: throw InternalError("a launch size uses an op that sizes have no use for");
  }
}

std::int64_t task_count(const Kernel& kernel, std::span<const std::uint64_t> arguments) {
  std::int64_t tasks = 1;
  for (ExprId e : kernel.grid_extents) tasks *= std::max<std::int64_t>(evaluate(kernel, e, arguments), 0);
  return tasks;
}

std::int64_t scratch_bytes(const Kernel& kernel, std::span<const std::uint64_t> arguments) {
  std::int64_t bytes = 0;
  for (const Buffer& b : kernel.buffers)
    if (b.space == Space::scratch)
      bytes += (evaluate(kernel, b.elements, arguments) * static_cast<std::int64_t>(size_of(b.dtype)) + 63) / 64 * 64;
  return bytes;
}

}  // namespace uwaga::kernel
