// Philox4x32-10, as ir/random.h specifies it, one block a lane: the word of each element is chosen at the end.
#include <algorithm>
#include <array>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/ir/random.h>

namespace uwaga::kernel {
namespace {

using Kind = ExprKind;

Ex shifted(Ex x, int bits) { return x.builder->bits(Kind::shift_right, x, x.builder->integer(bits, x.type().dtype)); }
Ex exclusive_or(Ex a, Ex b) { return a.builder->bits(Kind::bit_xor, a, b); }
Ex word(KernelBuilder& b, std::uint32_t v) { return b.integer(static_cast<std::int32_t>(v), DType::i32); }
Ex low(Ex x) { return x.builder->cast(x, DType::i32); }
Ex high(Ex x) { return low(shifted(x, 32)); }

Ex mix(Ex z) {
  KernelBuilder& b = *z.builder;
  z = b.let(exclusive_or(z, shifted(z, 30)) * b.integer(static_cast<std::int64_t>(0xbf58476d1ce4e5b9u)));
  z = b.let(exclusive_or(z, shifted(z, 27)) * b.integer(static_cast<std::int64_t>(0x94d049bb133111ebu)));
  return b.let(exclusive_or(z, shifted(z, 31)));
}

}  // namespace

Ex lower_random_bits(Inline& x, const Node& node, std::uint32_t, const IndexEnv& env) {
  KernelBuilder& b = x.builder();
  const auto& a = node.as<RandomBitsAttrs>();
  Ex k = mix(x.number(static_cast<std::int64_t>(path_hash(a.key))) + mix(x.operand(node, 0, env)));
  for (std::size_t i = 2; i < node.operands.size(); ++i)
    k = mix(k + b.integer(static_cast<std::int64_t>(0x9e3779b97f4a7c15u)) * (x.operand(node, static_cast<int>(i), env) + 1));
  const Ex step = x.operand(node, 1, env);

  std::vector<Dim> dims = a.type.dims;
  std::sort(dims.begin(), dims.end(), [](const Dim& p, const Dim& q) { return p.axis < q.axis; });
  Index element = Index::scalar(b.integer(0));
  for (const Dim& d : dims) element = element * x.extent(d.extent) + env.at(d.axis);
  const Ex i = lanes_of(element), block = shifted(i, 2);
  const int lanes = i.type().lanes;

  std::array<Ex, 4> c{low(block), high(block), b.splat(low(step), lanes), b.splat(high(step), lanes)};
  std::array<Ex, 2> key{b.let(low(k)), b.let(high(k))};
  const Ex m0 = word(b, 0xd2511f53), m1 = word(b, 0xcd9e8d57);
  for (int round = 0; round < 10; ++round) {
    const Ex high0 = b.bits(Kind::mul_high, m0, c[0]), high2 = b.bits(Kind::mul_high, m1, c[2]);
    c = {b.let(exclusive_or(exclusive_or(high2, c[1]), key[0])), b.let(m1 * c[2]),
         b.let(exclusive_or(exclusive_or(high0, c[3]), key[1])), b.let(m0 * c[0])};
    key[0] = b.let(key[0] + word(b, 0x9e3779b9));
    key[1] = b.let(key[1] + word(b, 0xbb67ae85));
  }
  const Ex which = b.bits(Kind::bit_and, i, b.integer(3));
  const auto choose = [&](std::int64_t w, Ex yes, Ex no) { return b.select(equal(which, b.integer(w)), yes, no); };
  return choose(0, c[0], choose(1, c[1], choose(2, c[2], c[3])));
}

}  // namespace uwaga::kernel
