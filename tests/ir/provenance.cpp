#include <uwaga/ir/provenance.h>

#include "tests/catch.h"

using namespace uwaga;

TEST_CASE("Sets of origins unite, whichever comes first") {
  Provenance p;
  const ProvenanceId a = p.single("gpt.cpp", 1, 0), b = p.single("gpt.cpp", 2, 0), c = p.single("gpt.cpp", 3, 0);
  CHECK(p.unite(a, b) == p.unite(b, a));
  CHECK(p.unite(p.unite(a, b), c) == p.unite(a, p.unite(b, c)));
  CHECK(p.unite(a, a) == a);
  CHECK(p.unite(0, a) == a);
  CHECK(p.origins(p.unite(p.unite(a, b), c)).size() == 3);
  CHECK(p.empty(0));
}

TEST_CASE("A scope is the same when name, file and line are") {
  Provenance p;
  const ScopeId h = p.scope(0, "h.0", "gpt.cpp", 22);
  CHECK(p.scope(0, "h.0", "gpt.cpp", 22) == h);
  CHECK(p.scope(0, "h.0", "gpt.cpp", 23) != h);
  const ScopeId attn = p.scope(h, "attn", "gpt.cpp", 9);
  CHECK(p.path(attn) == "h.0.attn");
  CHECK(p.call_chain({"/src/gpt.cpp", 31, attn, Role::forward}) == "gpt.cpp:22 h.0 -> gpt.cpp:9 attn -> gpt.cpp:31");
  CHECK(p.brief(p.single("/src/gpt.cpp", 31, attn)) == "gpt.cpp:31 in h.0.attn");
}

TEST_CASE("Another role keeps lines and scopes") {
  Provenance p;
  const ProvenanceId both = p.unite(p.single("a.cpp", 1, 0), p.single("a.cpp", 2, 0));
  const ProvenanceId backward = p.with_role(both, Role::backward);
  REQUIRE(p.origins(backward).size() == 2);
  for (const Origin& o : p.origins(backward)) CHECK(o.role == Role::backward);
  CHECK(p.with_role(backward, Role::forward) == both);
}

TEST_CASE("Sets of another table come over with their scopes") {
  Provenance p, q;
  q.single("other.cpp", 1, 0);
  const ScopeId attn = p.scope(p.scope(0, "h.0", "gpt.cpp", 22), "attn", "gpt.cpp", 9);
  const ProvenanceId first = p.single("gpt.cpp", 5, attn), second = p.single("gpt.cpp", 6, 0, Role::pass);
  const ProvenanceId set = p.unite(first, second);
  const ProvenanceId mine = q.import(p, set);
  REQUIRE(q.origins(mine).size() == 2);
  CHECK(q.import(p, set) == mine);
  CHECK(q.path(q.origins(mine)[0].scope) == "h.0.attn");
}
