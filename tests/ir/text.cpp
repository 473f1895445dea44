// The text form: print and parse are inverse, and no text breaks the parser.
#include <uwaga/ir/canonical.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/ops.h>
#include <uwaga/ir/parse.h>
#include <uwaga/ir/print.h>

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "tests/catch.h"
#include "tests/ir/every_op.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {
const Axis model{"model", 8};

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}
}  // namespace

TEST_CASE("Every op is printed and read back exactly") {
  for (const OpExample& e : every_op()) {
    INFO(e.what);
    for (Lines lines : {Lines::none, Lines::brief, Lines::exact})
      for (bool canonical : {true, false}) {
        const PrintOptions options{lines, canonical};
        const std::string text = print(e.graph, options);
        INFO(text);
        const Graph back = parse(text);
        CHECK(same_structure(back, e.graph));
        CHECK(print(back, options) == text);
      }
  }
  for (const OpExample& e : every_op_and_dtype()) {
    const std::string text = print(e.graph);
    CHECK(print(parse(text)) == text);
  }
}

TEST_CASE("A printed graph reads well") {
  Graph g;
  const Axis batch{"batch", up_to(32)}, wide{"wide", 4};
  Tensor x = g.input("x", bf16, {batch, model});
  Tensor w = (g.scope() / "h.3").param("q", {model, wide}, {[](Graph& i, const std::string&, const Type& t) {
    return broadcast(constant(i, 0.0, t.dtype), t.dims);
  }}, bf16);
  dot(x, w, {model}).watch("y");
  CHECK(print(g, {.lines = Lines::none}) ==
        "func &f0 {\n"
        "  bound batch 32\n"
        "  %0 = constant values [0.0] : bf16[]\n"
        "  %1 = broadcast %0 dims [model=8, wide=4] : bf16[model=8, wide=4]\n"
        "  output value = %1\n"
        "}\n"
        "graph {\n"
        "  bound batch 32\n"
        "  %x = input : bf16[batch, model=8]\n"
        "  @h.3.q = parameter trainable true initial &f0 : bf16[model=8, wide=4]\n"
        "  %2 = dot %x, @h.3.q over {model} : bf16[batch, wide=4]\n"
        "  %3 = tag %2 name y : bf16[batch, wide=4]\n"
        "  output y = %3\n"
        "}\n");
}

TEST_CASE("Numbers keep their bits through the text") {
  Graph g;
  const double odd = std::bit_cast<double>(std::uint64_t{0xfff8000000000123});
  int n = 0;
  for (double v : {0.1, -0.0, 1e300, 5e-324, 1.0 / 3, HUGE_VAL, -HUGE_VAL, std::numeric_limits<double>::quiet_NaN(), odd, 1e22})
    g->add_output("c" + std::to_string(n++), constant(g, v, f64).value());
  g->add_output("least", constant(g, std::numeric_limits<std::int64_t>::min(), i64).value());
  const Graph back = parse(print(g));
  CHECK(same_structure(g, back));
}

TEST_CASE("All origins and scopes come back from the exact form") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  Scope s = g.scope();
  std::optional<Tensor> a, b;
  for (Scope layer : s.layers("h", 2)) {
    Scope inner = layer / "attn";
    const ProvenanceGuard guard(g.data(), inner.origin(std::source_location::current()));
    (a ? b : a) = exp(x);
  }
  (*a + *b).watch("y");
  const std::string text = print(g, {.lines = Lines::exact});
  const Graph back = parse(text);
  const Graph c = canonicalise(g);
  for (NodeId id = 0; id < c->nodes().size(); ++id) {
    const auto left = c->provenance().origins(c->node(id).provenance), right = back->provenance().origins(back->node(id).provenance);
    REQUIRE(left.size() == right.size());
    if (c->node(id).op != Op::exp) continue;
    REQUIRE(left.size() == 2);
    CHECK(right[0].file == left[0].file);
    CHECK(back->provenance().call_chain(right[0]) == c->provenance().call_chain(left[0]));
    CHECK(back->provenance().path(right[1].scope) == "h.1.attn");
  }
}

TEST_CASE("The comment of a node is its provenance when nothing else is") {
  const Graph g = parse("graph {\n  %x = input : f32[]  // gpt.cpp:9 h.3.attn.q (backward)\n  %1 = exp %x : f32[]\n}\n");
  const Provenance& p = g->provenance();
  CHECK(p.brief(g->node(0).provenance) == "gpt.cpp:9 in h.3.attn.q");
  CHECK(p.origins(g->node(0).provenance)[0].role == Role::backward);
  CHECK(p.brief(g->node(1).provenance) == "text:3");
}

TEST_CASE("Names with any characters survive the text") {
  Graph g;
  g.input("a \"b\"\\\n\x01 %", f32, {model}).watch("//#: =");
  const std::string text = print(g);
  CHECK(print(parse(text)) == text);
  CHECK(same_structure(parse(text), g));
}

TEST_CASE("Errors of a text name its line") {
  CHECK(error_of("") == "text:1: expected 'graph'");
  CHECK(error_of("graph {\n  %x = input : f32[a]\n  %1 = frobnicate %x : f32[a]\n}\n") == "text:3: 'frobnicate' is no op");
  CHECK(error_of("graph {\n  %1 = exp %2 : f32[a]\n}\n") == "text:2: there is no value '%2' above");
  CHECK(error_of("graph {\n  %x = input : f32[a]\n  %1 = exp %x : f32[b]\n}\n") == "text:3: exp gives f32[a], not f32[b]");
  CHECK(error_of("graph {\n  %x = input : i32[a]\n  %1 = exp %x : i32[a]\n}\n") == "text:3: exp wants a floating dtype, not i32");
  CHECK(error_of("graph {\n  %x = input : f32[a]\n  output y = %x\n  output y = %x\n}\n") == "text:4: there is already an output 'y'");
  CHECK(error_of("graph {\n  %x = input : f32[a]\n  update w = %x\n}\n") == "text:3: update of 'w', which is no parameter here");
  CHECK(error_of("graph {\n") == "text:2: a graph has no end: expected '}'");
  CHECK(error_of("graph {\n  %1 = constant values [300] : u8[]\n}\n") == "text:2: constant: 300 is no u8");
}

TEST_CASE("Functions that write out to too much are refused") {
  std::string text = "func &f0 {\n  %x = input : f32[]\n  output y = %x\n}\n";
  const auto call = [](int i, int n) {
    std::string f = fmt::format("  %x = input : f32[]\n  %1 = call %x composite c@1 options {{}} body &f{} : f32[]\n", i);
    for (int k = 2; k <= n; ++k) f += fmt::format("  %{} = call %{} composite c@1 options {{}} body &f{} : f32[]\n", k, k - 1, i);
    return f + fmt::format("  output y = %{}\n}}\n", n);
  };
  std::string wide = text, deep = text;
  for (int i = 1; i < 30; ++i) wide += fmt::format("func &f{} {{\n{}", i, call(i - 1, 2));
  for (int i = 1; i < 100; ++i) deep += fmt::format("func &f{} {{\n{}", i, call(i - 1, 1));
  CHECK_THAT(error_of(wide), Contains("written out, the graph has more than 16777216 nodes"));
  CHECK_THAT(error_of(deep), Contains("functions are nested deeper than 64"));
}

TEST_CASE("Texts with random damage are read or refused, never worse") {
  std::vector<std::string> texts;
  for (const OpExample& e : every_op()) texts.push_back(print(e.graph, {.lines = Lines::exact}));
  std::mt19937 random(7);
  const std::string_view alphabet = "%@&{}[]()=:,.#\"\\/*+-0123456789 \nabefgx";
  int refused = 0, read = 0;
  for (int round = 0; round < 6000; ++round) {
    std::string text = texts[random() % texts.size()];
    for (unsigned k = 1 + random() % 3; k > 0; --k) {
      const std::size_t at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = alphabet[random() % alphabet.size()]; break;
        case 1: text.erase(at, 1 + random() % 5); break;
        case 2: text.insert(at, 1, alphabet[random() % alphabet.size()]); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 20));
      }
      if (text.empty()) text = " ";
    }
    try {
      const Graph g = parse(text);
      const std::string again = print(g);
      if (print(parse(again)) != again) FAIL("no fixed point:\n" << text);
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 1000);
  CHECK(read > 100);
}
