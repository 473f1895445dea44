#include <uwaga/codegen/kernel/build.h>
#include <uwaga/ir/error.h>

#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::kernel;

TEST_CASE("integer arithmetic on constants folds as the contracts settle it", "[kernel]") {
  KernelBuilder b("test");
  const auto value = [&](Ex x) { return b.kernel().expr(x.id).integer; };
  CHECK(value(b.integer(-7) / 2) == -4);
  CHECK(value(b.integer(-7) % 2) == 1);
  CHECK(value(b.integer(5) / 0) == 0);
  CHECK(value(b.integer(5) % 0) == 0);
  CHECK(value(b.integer(INT64_MIN) / -1) == INT64_MIN);
  CHECK(value(b.integer(200, DType::u8) + 100) == 44);
  CHECK(value(min(b.integer(3), b.integer(-3))) == -3);
  CHECK(value(b.integer(2) < 3) == 1);
  CHECK(value(b.bits(ExprKind::shift_right, b.integer(-1, DType::i32), b.integer(28, DType::i32))) == 15);
  CHECK(value(b.bits(ExprKind::mul_high, b.integer(-1, DType::i32), b.integer(-1, DType::i32))) == -2);
}

TEST_CASE("additions of zero and products with one vanish on integers but not on floats", "[kernel]") {
  KernelBuilder b("test");
  const Ex n = b.argument(DType::i64), x = b.argument(DType::f32);
  CHECK((n + 0).id == n.id);
  CHECK((b.integer(1) * n).id == n.id);
  CHECK((n / 1).id == n.id);
  CHECK((n - n).id == b.integer(0).id);
  CHECK(((n + 3) + 4).id == (n + 7).id);
  CHECK(((n + 3) - 3).id == n.id);
  CHECK((x + 0).id != x.id);  // -0 + 0 is +0
  CHECK((x * 1).id != x.id);  // a signalling NaN becomes quiet
}

TEST_CASE("what was rounded once is not rounded again", "[kernel]") {
  KernelBuilder b("casts");
  const BufferId x = b.input(DType::f32), h = b.input(DType::bf16);
  const Ex wide = b.load(x, b.integer(0)), stored = b.load(h, b.integer(0));
  const Ex narrow = b.cast(wide, DType::bf16);
  CHECK(b.cast(b.cast(narrow, DType::f32), DType::bf16).id == narrow.id);
  CHECK(b.cast(b.cast(narrow, DType::f32), DType::f16).id != narrow.id);
  CHECK(b.cast(b.cast(stored, DType::f32), DType::bf16).id != stored.id);  // memory may hold a signalling NaN
  for (const DType d : {DType::f64, DType::i64, DType::i32}) {  // f32 does not hold them all
    INFO(name(d));
    const Ex exact = b.cast(wide, d);
    CHECK(b.cast(b.cast(exact, DType::f32), d).id != exact.id);
  }
}

TEST_CASE("equal expressions share one id, whatever ordinal they carry, and the first ordinal stays", "[kernel]") {
  KernelBuilder b("test");
  const Ex n = b.argument(DType::i64);
  b.at(3);
  const Ex first = n * 5;
  b.at(4);
  CHECK((n * 5).id == first.id);
  CHECK(b.kernel().expr(first.id).ordinal == 3);
  CHECK(b.real(0.0).id != b.real(-0.0).id);
}

TEST_CASE("ramps stay ramps, and their lanes are taken from the base", "[kernel]") {
  KernelBuilder b("test");
  const Ex n = b.argument(DType::i64);
  CHECK((b.ramp(n, 8) + 3).id == b.ramp(n + 3, 8).id);
  CHECK((b.ramp(n, 8) * 4).id == b.ramp(n * 4, 8, b.integer(4)).id);
  CHECK(b.lanes(b.ramp(n, 8), 4, 4).id == b.ramp(n + 4, 4).id);
  CHECK(b.ramp(n, 1).id == n.id);
}

TEST_CASE("operands of two types are refused with both named", "[kernel]") {
  KernelBuilder b("test");
  const Ex n = b.argument(DType::i64), x = b.argument(DType::f32);
  CHECK_THROWS_WITH(n + x, Contains("add of i64 and f32: operands must have one type"));
  CHECK_THROWS_WITH(b.splat(n, 8) + b.splat(n, 4), Contains("operands have 4 and 8 lanes"));
  CHECK_THROWS_WITH(b.apply(Op::exp, {n}), Contains("exp of i64 is not defined"));
  const BufferId in = b.input(DType::bf16);
  const Ex narrow = b.load(in, n);
  CHECK_THROWS_WITH(narrow + narrow, Contains("add of bf16 is not defined"));
  CHECK_THROWS_WITH(b.store(in, n, narrow), Contains("store to buffer 0, which is an input"));
}

TEST_CASE("a finished kernel has its global buffers first and no expression that nothing uses", "[kernel]") {
  KernelBuilder b("test");
  const BufferId scratch = b.scratch(DType::f32, b.integer(64)), in = b.input(DType::f32), out = b.output(DType::f32);
  const Ex n = b.argument(DType::i64);
  const Ex row = b.grid(n);
  (void)(row * 77);
  b.store(scratch, row % 64, b.load(in, row));
  b.store(out, row, b.load(scratch, row % 64));
  const Kernel k = b.finish();
  REQUIRE(k.buffers.size() == 3);
  CHECK(k.global_buffers() == 2);
  CHECK_FALSE(k.buffers[0].written);
  CHECK(k.buffers[1].written);
  CHECK(k.buffers[2].space == Space::scratch);
  CHECK(k.body[0].buffer == 2);
  CHECK(k.body[1].buffer == 1);
  for (const Expr& e : k.exprs) CHECK_FALSE((e.kind == ExprKind::integer && e.integer == 77));
}

TEST_CASE("a loop that runs once and a branch that is decided leave no statement of their own", "[kernel]") {
  KernelBuilder b("test");
  const BufferId out = b.output(DType::i64);
  b.loop(b.integer(0), b.integer(8), 8, [&](Ex i) { b.store(out, i, i); });
  b.loop(b.integer(3), b.integer(3), 1, [&](Ex i) { b.store(out, i, i); });
  b.branch(b.integer(0) < 1, [&] { b.store(out, b.integer(1), b.integer(1)); });
  const Kernel k = b.finish();
  REQUIRE(k.body.size() == 2);
  CHECK(k.body[0].kind == StmtKind::store);
  CHECK(k.body[1].kind == StmtKind::store);
}
