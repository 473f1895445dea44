// Random bits as ir/random.h specifies them, one block a lane: the word of each element is chosen at the end.
#include <algorithm>
#include <array>

#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/lower/rows.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/random.h>

namespace uwaga::kernel {
namespace {

using Kind = ExprKind;

Ex shifted(Ex x, int bits) { return x.builder->bits(Kind::shift_right, x, x.builder->integer(bits, x.type().dtype)); }
Ex exclusive_or(Ex a, Ex b) { return a.builder->bits(Kind::bit_xor, a, b); }
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

  const std::array<Ex, 4> words = random_bits(b, k, step, block);
  const Ex which = b.bits(Kind::bit_and, i, b.integer(3));
  const auto choose = [&](std::int64_t w, Ex yes, Ex no) { return b.select(equal(which, b.integer(w)), yes, no); };
  return choose(0, words[0], choose(1, words[1], choose(2, words[2], words[3])));
}

}  // namespace uwaga::kernel
