// Routines: blocks of a kernel that are a function to those that compile it.
#include <uwaga/codegen/kernel/print.h>
#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/ir/error.h>

#include "tests/catch.h"
#include "tests/codegen/kernel_run.h"

using namespace uwaga;
using namespace uwaga::kernel;

namespace {

// y[i] = x[i] * k for 8 rows of `columns`, a row a routine; with `other`, a buffer and a variable more, so that numbers differ.
Kernel scaled(std::int64_t columns, double k, bool other = false) {
  KernelBuilder b("scaled");
  const BufferId z = other ? b.output(DType::f32) : 0, x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex row = b.grid(b.integer(8));
  const Ex first = b.let(row * columns);
  if (other) b.store(z, row, b.real(7));
  b.routine({first, b.integer(columns)}, [&](const std::vector<Ex>& p) {
    b.loop(b.integer(0), p[1], 1, [&](Ex i) { b.store(y, p[0] + i, b.load(x, p[0] + i) * b.real(k)); });
  });
  return b.finish();
}

const Stmt& routine_in(const Kernel& k) {
  for (const Stmt& s : k.body)
    if (s.kind == StmtKind::routine) return s;
  throw InternalError("no routine");
}

}  // namespace

TEST_CASE("a routine is a block to the interpreter, and printed where it stands", "[kernel]") {
  const Kernel k = scaled(5, 3);
  CHECK_NOTHROW(verify(k));
  CHECK_THAT(print(k), Contains("routine of 2"));
  std::vector<float> x(40), y(40), want(40);
  for (std::size_t i = 0; i < 40; ++i) x[i] = static_cast<float>(i), want[i] = 3 * x[i];
  std::uint64_t error = 0;
  const std::vector<std::span<std::byte>> buffers{bytes(x), bytes(y)};
  interpret(k, buffers, {}, &error);
  CHECK(y == want);
}

TEST_CASE("routines are the same function where only numbers of buffers and variables differ, and parameters", "[kernel]") {
  const Kernel a = scaled(5, 3), b = scaled(9, 3, true), c = scaled(5, 4);
  const Routine in_a = extract(a, routine_in(a)), in_b = extract(b, routine_in(b)), in_c = extract(c, routine_in(c));
  CHECK(symbol(in_a) == symbol(in_b));
  CHECK(symbol(in_a) != symbol(in_c));
  CHECK(in_a.kernel.routine);
  CHECK(in_a.kernel.arguments == std::vector<DType>{DType::i64, DType::i64});
  CHECK(in_a.buffers == std::vector<BufferId>{1, 0});  // as they are met: what is stored to, then what is loaded
  CHECK(in_b.buffers == std::vector<BufferId>{2, 1});
  CHECK(in_a.kernel.buffers[0].written);
  CHECK_FALSE(in_a.kernel.buffers[1].written);
  CHECK_NOTHROW(verify(in_a.kernel));
  CHECK(different_routines(a).size() == 1);
}

TEST_CASE("the verifier keeps a routine from what is outside of it", "[kernel]") {
  const auto kernel = [](auto body) {
    KernelBuilder b("bad");
    const BufferId y = b.output(DType::f32);
    const Ex a = b.argument(DType::i64), g = b.grid(b.integer(4));
    body(b, y, a, g);
    return b.finish();
  };
  const auto zero = [](KernelBuilder& b) { return b.real(0); };
  CHECK_THROWS_WITH(verify(kernel([&](auto& b, auto y, Ex, Ex g) {
                      b.routine({}, [&](const auto&) { b.store(y, g, zero(b)); });
                    })),
                    Contains("is not defined there"));
  CHECK_THROWS_WITH(verify(kernel([&](auto& b, auto y, Ex a, Ex) {
                      b.routine({}, [&](const auto&) { b.store(y, a, zero(b)); });
                    })),
                    Contains("reads an argument of outside"));
  CHECK_THROWS_WITH(verify(kernel([&](auto& b, auto y, Ex, Ex g) {
                      b.routine({g}, [&](const auto& p) { b.store(y, p[0], b.apply(Op::exp, {b.load(y, p[0])})); });
                    })),
                    Contains("computes what is no instruction"));
  CHECK_THROWS_WITH(verify(kernel([&](auto& b, auto, Ex, Ex g) {
                      b.routine({g}, [&](const auto& p) { b.fail(p[0] < 0, p[0]); });
                    })),
                    Contains("a routine fails"));
  CHECK_THROWS_WITH(verify(kernel([&](auto& b, auto y, Ex, Ex g) {
                      b.routine({g}, [&](const auto& p) { b.routine({p[0]}, [&](const auto& q) { b.store(y, q[0], zero(b)); }); });
                    })),
                    Contains("inside of another"));
}
