#include <uwaga/codegen/kernel/math.h>

namespace uwaga::kernel {
namespace {

// Halves of i64 words, as i32: a cast between integers keeps the low bits.
Ex low(Ex x) { return x.builder->cast(x, DType::i32); }
Ex high(Ex x) { return low(x.builder->bits(ExprKind::shift_right, x, x.builder->integer(32))); }

}  // namespace

std::array<Ex, 4> philox(KernelBuilder& b, std::array<Ex, 4> c, std::array<Ex, 2> key) {
  const auto word = [&](std::uint32_t v) { return b.integer(static_cast<std::int32_t>(v), DType::i32); };
  const auto exclusive_or = [&](Ex x, Ex y) { return b.bits(ExprKind::bit_xor, x, y); };
  for (int round = 0; round < 10; ++round) {
    const Ex a = c[0] * word(0xd2511f53), a_high = b.bits(ExprKind::mul_high, c[0], word(0xd2511f53));
    const Ex d = c[2] * word(0xcd9e8d57), d_high = b.bits(ExprKind::mul_high, c[2], word(0xcd9e8d57));
    c = {exclusive_or(exclusive_or(d_high, c[1]), key[0]), d, exclusive_or(exclusive_or(a_high, c[3]), key[1]), a};
    key[0] = key[0] + word(0x9e3779b9);
    key[1] = key[1] + word(0xbb67ae85);
  }
  return c;
}

std::array<Ex, 4> random_bits(KernelBuilder& b, Ex key, Ex step, Ex block) {
  return philox(b, {low(block), high(block), low(step), high(step)}, {low(key), high(key)});
}

}  // namespace uwaga::kernel
