// What the builder accepts and refuses, and whose line it names.
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include <uwaga/ir/error.h>

#include <functional>

#include "tests/catch.h"

using namespace uwaga;

namespace {
const Axis batch{"batch"}, time_axis{"time"}, model{"model", 768};

const Initial zero{[](Graph& g, const std::string&, const Type& t) { return broadcast(constant(g, 0.0, t.dtype), t.dims); }};

// The message, the file and line in front left out (they are tested once, below).
std::string refusal(const std::function<void(Graph&, Tensor)>& f) {
  Graph g;
  const Tensor x = g.input("x", f32, {batch, model});
  try {
    f(g, x);
  } catch (const Error& e) {
    const std::string what = e.what();
    return what.substr(what.find(": ") + 2);
  }
  return "no error";
}
}  // namespace

TEST_CASE("An error names the line and the scope that wrote it") {
  Graph g;
  Scope s = g.scope() / "h.3";
  const Tensor x = g.input("x", f32, {batch, model});
  const Tensor w = s.param("w", {{"model", 1024}}, zero);
  const int line = __LINE__ + 2;
  try {
    dot(x, w, {Axis{"model"}});
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK_THAT(e.what(), Contains("builder.cpp:" + std::to_string(line)));
    CHECK_THAT(e.what(), Contains("dot over {model}: left has model=768, right has model=1024"));
  }
}

TEST_CASE("The builder refuses, with the numbers, what does not fit") {
  CHECK(refusal([](Graph& g, Tensor x) { x + g.input("y", f32, {time_axis}); }) ==
        "add: axes {time} and {batch, model}: neither contains the other; rename an axis, or write the outer product with outer or broadcast");
  CHECK(refusal([](Graph& g, Tensor x) { x + g.input("y", f32, {{"model", 5}}); }) == "add: one operand has model=768, another has model=5");
  CHECK(refusal([](Graph& g, Tensor x) { x + g.input("y", bf16, {model}); }) == "add: left is f32, right is bf16; cast one of them");
  CHECK(refusal([](Graph& g, Tensor) { exp(g.input("i", i32, {})); }) == "exp wants a floating dtype, not i32");
  CHECK(refusal([](Graph& g, Tensor) { g.input("i", i32, {}) + 0.5; }) == "the literal 0.5 is no i32");
  CHECK(refusal([](Graph& g, Tensor) { g.input("i", u8, {}) + 256; }) == "the literal 256 is no u8");
  CHECK(refusal([](Graph&, Tensor x) { sum(x, {time_axis}); }) == "sum over 'time': its operand has only {batch, model}");
  CHECK(refusal([](Graph&, Tensor x) { split(x, model, {Axis{"head", 7}, Axis{"depth"}}); }) == "split of 'model': 768 is not divisible by 7");
  CHECK(refusal([](Graph&, Tensor x) { split(x, batch, {Axis{"a", 2}, Axis{"b"}}); }) == "split of 'batch': batch is not divisible by 2; an input's axis that is may be declared as Axis(\"batch\", 2 * Extent::symbol(\"n\"))");
  CHECK(refusal([](Graph&, Tensor x) { slice(x, model, 0, 800); }) == "slice of 'model' stops at 800 of 768");
  CHECK(refusal([](Graph&, Tensor x) { slice(x, model, 5, 3); }) == "slice: stop - start is -2");
  CHECK(refusal([](Graph&, Tensor x) { rename(x, batch, model); }) == "rename would give a tensor with axis 'model' twice");
  CHECK(refusal([](Graph&, Tensor x) { rename(x, batch, Axis{"a b"}); }) ==
        "rename: 'a b' is no axis name: letters, digits, '_' and '.', a letter or '_' first");
  CHECK(refusal([](Graph&, Tensor x) { order(x, {model}); }) == "order to {model} leaves out some of {batch, model}");
  CHECK(refusal([](Graph&, Tensor x) { top_k(x, model, 769, Axis{"k"}); }) == "top_k over 'model': k is 769 and model is 768");
  CHECK(refusal([](Graph&, Tensor x) { gather(x, x, model); }) == "gather over 'model': the indices have that axis too; rename it");
  CHECK_THAT(refusal([](Graph& g, Tensor) { g.input("x", f32, {}); }), Contains("input 'x' is already declared at builder.cpp:"));
  CHECK(refusal([](Graph& g, Tensor) { g.input("y", f32, {model, model}); }) == "input 'y' has axis 'model' twice");
  CHECK(refusal([](Graph& g, Tensor) {
          g.input("y", f32, {{"time", up_to(4)}});
          g.input("z", f32, {{"time", up_to(5)}});
        }) == "axis 'time' is bounded by 5 here and by 4 before");
}

TEST_CASE("Slices of any step have an extent without overflow") {
  Graph g;
  const Tensor x = g.input("x", f32, {model});
  CHECK(slice(x, model, 0, 768, INT64_MAX).type().str() == "f32[model=1]");
  CHECK(slice(x, model, 0, 767, 2).type().str() == "f32[model=384]");
}

TEST_CASE("The smaller operand is broadcast, the larger gives the order of axes") {
  Graph g;
  const Tensor x = g.input("x", f32, {batch, model}), w = g.input("w", f32, {model});
  CHECK((x * w).type().str() == "f32[batch, model=768]");
  CHECK((w * x).type().str() == "f32[batch, model=768]");
  CHECK((2.0 * x).type().str() == "f32[batch, model=768]");
  CHECK(outer(w, rename(w, model, Axis{"other"})).type().str() == "f32[model=768, other=768]");
}

TEST_CASE("Parameters are named by path, once") {
  Graph g;
  Scope s = g.scope() / "h";
  s.param("w", {model}, zero);
  CHECK(g->parameters().count("h.w") == 1);
  CHECK_THROWS_WITH(s.param("w", {model}, zero), Contains("parameter 'h.w' is already declared at builder.cpp:") &&
                                                     Contains("to use it again, pass the tensor or tie the scope (Scope::tied_to)"));
  CHECK_THROWS_WITH(s.param("v", {batch}, zero), Contains("parameter 'h.v' needs a size for axis 'batch'"));
}

TEST_CASE("A tied scope declares once what it finds from then on, and draws random numbers of its own") {
  Graph g;
  const Scope s = g.scope();
  const auto block = [](const Scope& at, const Tensor& x) {
    return dropout(at, x * (at / "norm").param("w", {model}, zero), 0.5) + (at / "norm").state("count", {model}, zero);
  };
  Tensor x = g.input("x", f32, {model});
  for (const Scope& layer : s.layers("h", 3)) x += block(layer.tied_to(s / "shared"), x);
  std::vector<std::string> paths;
  for (const auto& [path, id] : g->parameters()) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"seed", "shared.norm.count", "shared.norm.w", "step"});
  CHECK(g->draws().size() == 3);
  CHECK_THROWS_WITH((s / "other").tied_to(s / "shared.norm").param("w", {Axis{"model", 5}}, zero),
                    Contains("parameter 'other.w' is asked for as f32[model=5], and 'shared.norm.w' is f32[model=768]"));
  CHECK_THROWS_WITH(s.param("shared.norm.w", {model}, zero), Contains("already declared"));
}

TEST_CASE("Given values stand for parameters, and the others are declared") {
  Graph g;
  const Scope s = g.scope();
  const auto net = [](const Scope& at, const Tensor& x) { return x * (at / "fc").param("w", {model}, zero) + at.param("b", {model}, zero); };
  const Tensor x = g.input("x", f32, {model}), first = net(s / "net", x);
  const std::map<std::string, Tensor> weights = g.parameters("net");
  REQUIRE(weights.size() == 2);
  std::map<std::string, Tensor> twice;
  for (const auto& [path, w] : weights) twice.emplace(path, w * 2.0);
  const Tensor second = net((s / "net").with(twice), x);
  CHECK(g->parameters().size() == 2);
  CHECK(second.value() != first.value());
  net((s / "more").with({{"fc.w", x}}), x);
  CHECK(g->parameters().count("more.b") == 1);
  CHECK(g->parameters().count("more.fc.w") == 0);
  CHECK_THROWS_WITH(net((s / "most").with({{"b", sum(x, {model})}}), x),
                    Contains("parameter 'most.b' is asked for as f32[model=768], and what is given for it is f32[]"));
  CHECK_THROWS_WITH(g.parameters("nets"), "the graph has no parameters under 'nets'");
}

TEST_CASE("Ties and given values reach through each other") {
  Graph g;
  const Scope s = g.scope();
  const Tensor x = g.input("x", f32, {model});
  const auto net = [](const Scope& at, Tensor y) {
    for (const Scope& layer : at.layers("l", 2)) y *= layer.tied_to(at / "shared").param("w", {model}, zero);
    return y;
  };
  const Tensor first = net(s / "one", x);
  CHECK(g->parameters().size() == 1);
  const auto weight_of = [](const Tensor& y) { return y.data().node(y.value().node).operands[1]; };
  const Value one = weight_of(first);
  CHECK(weight_of(net((s / "two").tied_to(s / "one"), x)) == one);                              // a net that ties, tied
  CHECK(weight_of(net((s / "two").tied_to((s / "three").tied_to(s / "one")), x)) == one);  // to what is tied
  CHECK(weight_of(net((s / "one").tied_to(s / "one"), x)) == one);
  CHECK(g->parameters().size() == 1);
  const Tensor w = g.input("w", f32, {model});
  const std::map<std::string, Tensor> values{{"shared.w", w}};
  CHECK(weight_of(net((s / "one").with(values), x)) == w.value());
  CHECK(weight_of(net((s / "four").tied_to((s / "one").with(values)), x)) == w.value());
  const Tensor own = (s / "five").with({{"w", w}}).tied_to(s / "one.shared").param("w", {model}, zero);
  CHECK(own.value() == w.value());
  CHECK(g->parameters().size() == 1);
  CHECK_THROWS_WITH((s / "six").tied_to(s / "one.shared").state("w", {model}, zero),
                    Contains("'six.w' is asked for as a state slot, and 'one.shared.w' is a parameter"));
}

TEST_CASE("Outputs are found by name") {
  Graph g;
  const Tensor x = g.input("x", f32, {model}), y = (x + 1.0).watch("more");
  CHECK(g.output("more").value() == y.value());
  CHECK_THROWS_WITH(g.output("mor"), Contains("the graph has no output 'mor'") && Contains("'more'"));
}

TEST_CASE("What is made of several ops for convenience") {
  Graph g;
  const Tensor ids = g.input("ids", i32, {batch});
  CHECK(iota(g, Axis{"row", 3}).type().str() == "i32[row=3]");
  CHECK(iota(g, Axis{"time"}, DType::f32).type().str() == "f32[time]");
  CHECK(one_hot(ids, {"word", 5}).type().str() == "f32[word=5, batch]");
  CHECK(one_hot(cast(ids, DType::u8), {"word", 300}).type().str() == "f32[word=300, batch]");
  CHECK_THROWS_WITH(one_hot(ids, {"word"}), Contains("one_hot needs a size for axis 'word'"));
  CHECK_THROWS_WITH(one_hot(cast(ids, f32), {"word", 5}), Contains("one_hot wants integer indices, not f32[batch]"));
  CHECK(stack({ids, ids + 1}, Axis{"side", 2}).type().str() == "i32[side=2, batch]");
  CHECK_THROWS_WITH(stack({ids, ids}, Axis{"side", 3}), Contains("stack of 2 along 'side', which has side=3"));
  Arrays in;
  in.emplace("ids", array({{"batch", 3}}, std::vector<std::int32_t>{2, 0, 7}));
  Graph h;
  const Tensor x = h.input("ids", i32, {batch}), hot = one_hot(x, {"word", 3}, i32);
  h->add_output("hot", order(hot, {batch, {"word"}}).value());
  const Tensor narrow = one_hot(cast(x, DType::i8), {"word", 300}, i32);  // 0 is not 256
  h->add_output("count", sum(narrow, {"word", batch}).value());
  CHECK(interpret(h, in).outputs.at("count").at(0) == 3);
  CHECK(interpret(h, in).outputs.at("hot").at(2) == 1);
  CHECK(interpret(h, in).outputs.at("hot").at(3) == 1);
  CHECK(interpret(h, in).outputs.at("hot").at(8) == 0);
}

TEST_CASE("Layers are scopes with numbers") {
  Graph g;
  std::vector<std::string> paths;
  for (Scope layer : g.scope().layers("h", 2)) paths.push_back((layer / "attn").path());
  CHECK(paths == std::vector<std::string>{"h.0.attn", "h.1.attn"});
  CHECK_THROWS_AS(g.scope().layers("h", -1), Error);
}

TEST_CASE("What a turn of a loop over layers builds belongs to that layer, named or not") {
  Graph g;
  Tensor x = g.input("x", f32, {model});
  std::vector<std::string> lines;
  for (const Scope& layer : g.scope().layers("h", 3)) {
    x = exp(x);
    lines.push_back(g->provenance().brief(g->node(x.value().node).provenance));
    CHECK_THAT(lines.back(), Contains("in " + layer.path()));
  }
  const Layers layers = g.scope().layers("g", 2);
  CHECK(layers.size() == 2);
  x = exp(layers[0].path() == "g.0" ? x : -x);
  CHECK_THAT(g->provenance().brief(g->node(x.value().node).provenance), Contains("in g.0"));
}

TEST_CASE("What a function builds belongs to the scope it was given") {
  Graph g;
  const Tensor x = g.input("x", f32, {model});
  const auto linear = [](Scope s, Tensor t) { return t * s.param("w", {model}, zero); };
  const Tensor y = linear(g.scope() / "first", x);
  CHECK_THAT(g->provenance().brief(g->node(y.value().node).provenance), Contains("in first"));
}

TEST_CASE("Graphs that have nothing to do with each other do not mix") {
  Graph a, b;
  const Tensor x = a.input("x", f32, {model}), y = b.input("y", f32, {model});
  CHECK_THROWS_WITH(x + y, Contains("tensors of two graphs meet"));
}

TEST_CASE("A constant on a fresh graph belongs to it") {
  Graph g;
  const Tensor c = constant(g, 1.0, f32);
  CHECK(g->size() == 1);
  CHECK_NOTHROW(c + g.input("x", f32, {}));
}

TEST_CASE("Random keys are paths, once") {
  Graph g;
  Scope s = g.scope() / "drop";
  random_bits(s, "mask", Type{i32, {}});
  CHECK_THROWS_WITH(random_bits(s, "mask", Type{i32, {}}), Contains("random numbers named 'drop.mask' are already drawn at"));
}
