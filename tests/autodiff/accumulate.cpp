#include <uwaga/autodiff/accumulate.h>
#include <uwaga/ir/composites/norms.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/verify.h>

#include "tests/autodiff/check.h"
#include "tests/catch.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

const Axis batch{"batch", 8}, model{"model", 5}, vocab{"vocab", 7};

Loss loss_of(const Scope& s, const Tensor& x, const Tensor& targets) {
  const Tensor w = s.param("w", {model, vocab}, normal(0.5)), gain = s.param("gain", {model}, ones());
  return cross_entropy_sum(dot(rms_norm(x, gain, model, 1e-5), w, {model}), targets, vocab);
}

// Every output of the one, which is not 0, is that of the other.
void check_same(const Graph& whole, const Graph& cut, const Arrays& in) {
  const Arrays parameters = initial_parameters(whole, 1);
  const Results one = interpret(whole, in, parameters), many = interpret(cut, in, parameters);
  for (const auto& [name, value] : one.outputs) {
    INFO(name);
    CHECK(norm(value) > 0);
    CHECK(is_close(value, many.outputs.at(name)));
  }
}

}  // namespace

TEST_CASE("gradients accumulated over microbatches are those of the whole batch, padding included") {
  Graph whole, cut;
  const auto border = [](Graph& g) {
    return std::pair{g.input("x", f32, {batch, model}), g.input("targets", i32, {batch})};
  };
  const auto [x, targets] = border(whole);
  const Tensor loss = loss_of(whole.scope(), x, targets).mean();
  whole->add_output("loss", loss.value());
  for (const auto& [path, g] : grad(loss)) whole->add_output(path, g.value());

  const auto [x2, targets2] = border(cut);
  const Scope s = cut.scope();
  const Accumulated a = accumulate({x2, targets2}, Axis{"batch"}, 4,
                                   [&](const std::vector<Tensor>& in) { return loss_of(s, in[0], in[1]); });
  cut->add_output("loss", a.loss.value());
  for (const auto& [path, g] : a.gradients) cut->add_output(path, g.value());

  verify(cut, "accumulation");
  Arrays in = random_inputs(whole, {.index_limit = 7});
  in["targets"] =
      array({{"batch", 8}}, std::vector<std::int32_t>{3, -100, 1, 6, -100, -100, 0, 2});  // one microbatch all padding
  check_same(whole, cut, in);
}

TEST_CASE("a loss that draws its own random numbers does not accumulate") {
  Graph g;
  const Tensor x = g.input("x", f32, {batch, model});
  const Scope s = g.scope();
  CHECK_THROWS_WITH(accumulate({x}, Axis{"batch"}, 2,
                               [&](const std::vector<Tensor>& in) {
                                 const Tensor y = dropout(s, in[0], 0.5);
                                 return Loss{sum(y, {Axis{"batch"}, model}), sum(y, {Axis{"batch"}, model})};
                               }),
                    Contains("draws random numbers"));
}

TEST_CASE("accumulated gradients count what is computed of parameters alone") {
  const Axis batch{"batch", 4}, model{"model", 3};
  const auto loss_of = [&](const Tensor& w, const Tensor& unused, const Tensor& narrow, const Tensor& x) {
    const Tensor y = dot(x, narrow, {model}) + sum(w * w, {model}) * 0.5 + sum(x * w, {model}) * unused;
    return Loss{sum(y * y, {"batch"}), count(y, {"batch"}, f32)};
  };
  const auto border = [&](Graph& g) {
    const Scope s = g.scope();
    const Tensor w = s.param("w", {model}, normal(1)), scale = s.param("scale", {}, ones());
    return std::tuple{w, scale, cast(cast(w, f64) * 2.0, f32), g.input("x", f32, {batch, model})};
  };
  Graph whole, cut;
  const auto [w, scale, twice, x] = border(whole);
  const Tensor loss = loss_of(w, scale, twice, x).mean();
  whole->add_output("loss", loss.value());
  for (const auto& [path, g] : grad(loss)) whole->add_output(path, g.value());
  const auto [w2, scale2, twice2, x2] = border(cut);
  const Accumulated a = accumulate({x2}, "batch", 2, [&](const std::vector<Tensor>& in) { return loss_of(w2, scale2, twice2, in[0]); });
  cut->add_output("loss", a.loss.value());
  for (const auto& [path, g] : a.gradients) cut->add_output(path, g.value());
  verify(cut, "accumulation");
  check_same(whole, cut, random_inputs(whole, {}));
}

TEST_CASE("accumulate tells of a parameter that its loss does not use") {
  Graph g;
  const Tensor x = g.input("x", f32, {{"batch", 4}});
  g.scope().param("lonely", {}, ones());
  const auto make = [&](const GradOptions& options) {
    return accumulate({x}, "batch", 2, [&](const std::vector<Tensor>& in) { return Loss{sum(in[0], {"batch"}), count(in[0], {"batch"}, f32)}; }, options);
  };
  CHECK_THROWS_AS(make({}), Error);
  CHECK(make({.allow_unused = true}).gradients.size() == 1);
}
