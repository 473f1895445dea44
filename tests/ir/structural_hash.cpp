#include <uwaga/ir/structural_hash.h>

#include <uwaga/ir/ops.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {
const Axis batch{"batch"}, model{"model", 8};

Graph one(bool swapped, double factor = 2.0) {
  Graph g;
  Tensor x = g.input("x", f32, {batch, model});
  const auto left = [&] { return exp(x); };
  const auto right = [&] { return x * factor; };
  std::optional<Tensor> a, b;
  if (swapped) b = right();
  a = left();
  if (!swapped) b = right();
  (*a + *b).watch("y");
  return g;
}
}  // namespace

TEST_CASE("Structural hashes are the same in every version and on every machine") {
  CHECK(Hasher().finish().str() == "fa8d7f33d1e7449abec3dcaf6b503429");
  CHECK(Hasher().word(1).finish().str() == "695dcd38a62d77635fef1b3d6f23945d");
  CHECK(Hasher().bytes("attention").finish().str() == "789d660393d0704768fb13223ab7b545");
  CHECK(structural_hash(Type::parse("bf16[batch, time, head=12]")).str() == "9b5b761326591337a3d7dde547637c0f");
  CHECK(structural_hash(one(false)).str() == "55fea4e2ebfbd755076df7f49a3857fe");
}

TEST_CASE("A structural hash does not see the order of creation nor the lines") { CHECK(same_structure(one(false), one(true))); }

TEST_CASE("A structural hash sees numbers by their bits") {
  CHECK_FALSE(same_structure(one(false, 2.0), one(false, 3.0)));
  CHECK_FALSE(same_structure(one(false, 0.0), one(false, -0.0)));
}

TEST_CASE("A structural hash does not see what nothing needs") {
  Graph g = one(false);
  const Hash128 before = structural_hash(g);
  exp(Tensor(g.shared(), {0, 0}));
  CHECK(structural_hash(g) == before);
}

TEST_CASE("A structural hash sees names of inputs in a program, positions in a body") {
  const auto named = [](const std::string& n) {
    Graph g;
    exp(g.input(n, f32, {model})).watch("y");
    return g;
  };
  CHECK_FALSE(same_structure(named("a"), named("b")));
  CHECK(structural_hash(named("a"), InputsBy::position) == structural_hash(named("b"), InputsBy::position));
}

TEST_CASE("Words in another order hash differently") {
  CHECK(Hasher().word(1).word(2).finish() != Hasher().word(2).word(1).finish());
  CHECK(Hasher().bytes("ab").bytes("c").finish() != Hasher().bytes("a").bytes("bc").finish());
}
