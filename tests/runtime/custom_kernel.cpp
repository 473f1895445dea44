// Kernels of a user's own: right on every target, laid out, shared and inspected like all others.
#include <uwaga/codegen/write_kernel.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/uwaga.h>

#include <algorithm>
#include <string>

#include "tests/catch.h"

using namespace uwaga;

namespace {

Tensor call(const char* name, Options options, const std::vector<Tensor>& operands,
            const std::function<Tensor(const std::vector<Tensor>&)>& body, Here where = Here::current()) {
  return composite1(composite_named(name), std::move(options), operands, body, where);
}

// y = x * scale + bias, bias over fewer axes.
Tensor scaled(const Tensor& x, const Tensor& bias, double scale) {
  return call("scaled", {{"scale", scale}}, {x, bias}, [scale](const auto& in) { return in[0] * scale + in[1]; });
}
CustomKernel scaled_kernel() {
  return {"scaled", each_element([](KernelCall& c, const Lanes& x) { return x[0] * c.number("scale") + x[1]; })};
}

Tensor norm(const Tensor& x, const Tensor& gain, const Axis& model) {
  return call("my_norm", {{"epsilon", 1e-5}}, {x, gain}, [&](const auto& in) {
    const Tensor square = sum(in[0] * in[0], {model}) / count(in[0], {model}, in[0].dtype());
    return in[0] * rsqrt(square + 1e-5) * in[1];
  });
}
CustomKernel norm_kernel() {
  return {"my_norm", each_row({"model"}, [](KernelCall& c, Row& row) {
            const KernelTensor x = c.operand(0), gain = c.operand(1), y = c.result(0);
            const Ex squares = row.sum([&](const At& i) { return x[i] * x[i]; });
            const Ex scale = rsqrt(squares / row.length() + c.number("epsilon"));
            row.each([&](const At& i) { y[i] = x[i] * scale * gain[i]; });
          })};
}

// h[t] = a[t] h[t-1] + x[t] along time.
Tensor recurrence(const Tensor& a, const Tensor& x) {
  return call("recurrence", {}, {a, x}, [](const auto& in) {
    const Tensor start = sum(in[1] * 0.0, {"time"});
    const ScanResult r = scan("time", {start}, {in[0], in[1]}, [](const auto& h, const auto& at, Tensor) {
      const Tensor next = h[0] * at[0] + at[1];
      return ScanStep{{next}, {next}};
    });
    return r.outputs[0];
  });
}
CustomKernel recurrence_kernel() {
  return {"recurrence", [](KernelCall& c) {
            const KernelTensor a = c.operand(0), x = c.operand(1), h = c.result(0);
            c.vectors({"model"}, c.task({"batch"}), [&](const At& lanes) {
              const Ex state = c.variable(lanes, 0);
              c.loop("time", lanes, [&](const At& i) {
                c.assign(state, state * a[i] + x[i]);
                h[i] = state;
              });
            });
          }};
}

// Two results over fewer axes, one of them not used by everyone: the largest of a row and the sum of the rest's exponentials.
std::vector<Tensor> row_facts(const Tensor& x) {
  return composite(composite_named("row_facts"), {}, {x}, [](const auto& in) {
    const Tensor largest = reduce_max(in[0], {"model"});
    return std::vector<Tensor>{largest, sum(exp(in[0] - largest), {"model"})};
  });
}
CustomKernel row_facts_kernel() {
  return {"row_facts", each_row({"model"}, [](KernelCall& c, Row& row) {
            const KernelTensor x = c.operand(0);
            const Ex largest = row.max([&](const At& i) { return x[i]; });
            const Ex total = row.sum([&](const At& i) { return exp(x[i] - largest); });
            c.result(0)[row.at()] = largest;
            c.result(1)[row.at()] = total;
          })};
}

void passes(const CustomKernel& kernel, const std::function<void(Graph&, DType)>& write, KernelCheckOptions options = {}) {
  const KernelCheck check = check_kernel(kernel, write, options);
  INFO(check.str());
  CHECK(check.passed);
  CHECK(check.runs >= 4);
}

}  // namespace

TEST_CASE("an elementwise kernel is its body at every size, with the bits of the body") {
  passes(scaled_kernel(), [](Graph& g, DType d) {
    scaled(g.input("x", d, {"batch", "model"}), g.input("bias", d, {"model"}), 0.3).watch("y");
  }, {.units = 0});
  passes(scaled_kernel(), [](Graph& g, DType d) {
    scaled(g.input("x", d, {"row"}), g.input("bias", d, {}), 2).watch("y");
  }, {.dtypes = {f32, f64, bf16, f16}, .units = 4});
}

TEST_CASE("a kernel that works row by row is its body at every size") {
  const auto write = [](Graph& g, DType d) {
    norm(g.input("x", d, {"batch", "model"}), g.input("gain", d, {"model"}), "model").watch("y");
  };
  passes(norm_kernel(), write, {.sizes = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 67}});
  // A row of nothing, tasks of nothing, and rows of more than one block of a sum.
  passes(norm_kernel(), write, {.dtypes = {f32}, .sizes = {0, 0, 2, 4099, 0, 3, 4096, 1}, .units = 16});
  // Rows that do not lie in one piece.
  passes(norm_kernel(), [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {"model", "batch"});
    norm(x, g.input("gain", d, {"model"}), "model").watch("y");
  }, {.sizes = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 67}});
}

TEST_CASE("a kernel divides integers that it reads as its body does, negative ones too") {
  const CustomKernel halves{"halves", each_element([](KernelCall&, const Lanes& x) { return (x[0] - 2) / 2 + (x[0] - 3) % 2; })};
  passes(halves, [](Graph& g, DType d) {
    call("halves", {}, {g.input("x", d, {"row", {"model", 3}})}, [](const auto& in) { return (in[0] - 2) / 2 + rem(in[0] - 3, 2); }).watch("y");
  }, {.dtypes = {i64, i32}});
}

TEST_CASE("a kernel with loops and variables of its own is its body at every size, with the bits of the body") {
  passes(recurrence_kernel(), [](Graph& g, DType d) {
    recurrence(g.input("a", d, {"batch", "time", "model"}), g.input("x", d, {"batch", "time", "model"})).watch("h");
  }, {.units = 0, .low = -1, .high = 1});
}

TEST_CASE("a kernel may have several results, of which a program uses some") {
  passes(row_facts_kernel(), [](Graph& g, DType d) {
    const auto facts = row_facts(g.input("x", d, {"batch", "model"}));
    facts[0].watch("largest");
    facts[1].watch("total");
  });
  for (const std::size_t used : {0u, 1u})
    passes(row_facts_kernel(), [&](Graph& g, DType d) { (row_facts(g.input("x", d, {"batch", "model"}))[used] * 2).watch("y"); });
}

TEST_CASE("a kernel reads what others computed, twice or renamed, inside scan and cond and other composites") {
  passes(scaled_kernel(), [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {"batch", "model"}), y = tanh(x) * 2;
    const Tensor shifted = scaled(y, rename(sum(rename(x, "model", "other"), {"batch"}), "other", "model"), 0.7);
    const Tensor twice = scaled(shifted + 1, shifted + 1, 1.5);
    call("outer", {}, {twice}, [](const auto& in) { return scaled(in[0], in[0] * in[0], 0.1); }).watch("y");
  }, {.sizes = {1, 7, 16, 17}, .units = 32});
  passes(scaled_kernel(), [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {"time", "model"});
    const ScanResult r = scan("time", {sum(x, {"time"})}, {x}, [](const auto& h, const auto& at, Tensor) {
      const Tensor next = tanh(scaled(h[0], at[0], 0.5));
      return ScanStep{{next}, {next}};
    });
    r.outputs[0].watch("h");
    cond(sum(x, {"time", "model"}) < 0.0, {x}, [](const auto& in) { return std::vector<Tensor>{scaled(in[0], in[0], 3)}; },
         [](const auto& in) { return std::vector<Tensor>{in[0]}; })[0].watch("c");
  }, {.sizes = {1, 3, 8, 17}, .units = 32});
}

TEST_CASE("derivatives do not see a kernel; the derivative of a body may have one too") {
  const auto write = [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {"row", "model"});
    const Tensor y = norm(x, g.input("gain", d, {"model"}), "model");
    grad(sum(y * y, {"row", "model"}), {x})[0].watch("dx");
  };
  passes(norm_kernel(), write, {.sizes = {1, 4, 7, 17, 67}, .units = 64});
  const auto times_three = [](Graph& g, DType d) {
    const Tensor x = g.input("x", d, {"row"});
    const Tensor y = call("triple", {}, {x}, [](const auto& in) { return in[0] * 3; });
    grad(sum(y * y, {"row"}), {x})[0].watch("dx");
  };
  passes({"triple_backward", each_element([](KernelCall& c, const Lanes& x) { return x[static_cast<std::size_t>(c.operands() - 1)] * 3; })},
         times_three, {.units = 2});
}

#ifdef UWAGA_WITH_LLVM

TEST_CASE("a call with a kernel is a cluster of its own, and says so") {
  Graph g;
  const Tensor x = g.input("x", f32, {"batch", "model"});
  (scaled(exp(x), g.input("bias", f32, {"model"}), 0.3) + 1).watch("y");
  const Inspection seen(g, Target::host(1), {.kernels = {scaled_kernel()}});
  std::vector<std::string> kinds;
  for (const InspectedKernel& k : seen.kernels()) kinds.push_back(k.kind);
  CHECK(std::count(kinds.begin(), kinds.end(), "custom") == 1);
  bool told = false;
  for (const InspectedBoundary& b : seen.boundaries()) told |= b.rule == "an op with a kernel of its own" && b.numbers == "scaled";
  CHECK(told);
  for (std::size_t i = 0; i < seen.kernels().size(); ++i)
    for (const Stage s : {Stage::kernel, Stage::llvm, Stage::assembly}) CHECK(seen.without_origin(s, i) == 0);
  CHECK_THAT(seen.text(Stage::fused), Contains("custom, 1 ops") && Contains("scaled"));
  CHECK_THAT(seen.text(Stage::kernel, {.kernel = "custom"}), Contains("custom_kernel.cpp"));
}

TEST_CASE("equal calls share a kernel, and so do calls that differ in a number") {
  Graph g;
  Tensor x = g.input("x", f32, {"batch", "model"});
  const Tensor bias = g.input("bias", f32, {"model"});
  for (int i = 0; i < 6; ++i) x = scaled(tanh(x), bias, i % 2 ? 0.3 : 0.7);
  x.watch("y");
  const Inspection seen(g, Target::host(1), {.kernels = {scaled_kernel()}});
  int custom = 0;
  std::size_t calls = 0;
  for (const InspectedKernel& k : seen.kernels())
    if (k.kind == "custom") ++custom, calls += k.calls.size();
  CHECK(custom == 1);
  CHECK(calls == 6);
  State none;
  Program p = compile(g, Target::host(1), none, {.kernels = {scaled_kernel()}});
  int profiled = 0;
  for (const LaunchProfile& l : p.profile({{"x", Array(f32, {{"batch", 2}, {"model", 9}})}, {"bias", Array(f32, {{"model", 9}})}}))
    profiled += l.kind == "custom" && l.ops == "scaled";
  CHECK(profiled == 6);
}

TEST_CASE("a kernel that finds an index out of range stops the run with the line of the call") {
  Graph g;
  const Tensor x = g.input("x", f32, {"row"});
  call("below", {}, {x}, [](const auto& in) { return in[0] * 1; }).watch("y");
  const CustomKernel picky{"below", [](KernelCall& c) {
    c.vectors({"row"}, c.task({}), [&](const At& i) { c.result(0)[i] = c.operand(0)[i]; });
    c.builder().fail(c.builder().integer(4) < c.extent("row"), c.extent("row"));
  }};
  State none;
  Program p = compile(g, Target::host(1), none, {.kernels = {picky}});
  CHECK(p.run({{"x", Array(f32, {{"row", 4}})}}).at("y").elements() == 4);
  CHECK_THROWS_WITH(p.run({{"x", Array(f32, {{"row", 5}})}}), Contains("custom_kernel.cpp:") && Contains("below: its kernel refuses 5"));
}

#endif

TEST_CASE("a wrong kernel is told apart from its body, with the first place that differs") {
  const CustomKernel wrong{"scaled", each_element([](KernelCall& c, const Lanes& x) { return x[0] * c.number("scale") - x[1]; })};
  const KernelCheck check = check_kernel(wrong, [](Graph& g, DType d) { scaled(g.input("x", d, {"row"}), g.input("b", d, {}), 2).watch("y"); });
  CHECK_FALSE(check.passed);
  CHECK_THAT(check.str(), Contains("failed") && Contains("output 'y'") && Contains("instead of"));
}
