// top_k of many, which keeps a heap, against the interpreter: the largest first, the lowest index on ties, NaN largest.
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/ir/ops.h>

#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"

namespace uwaga::test {
namespace {

struct Case {
  DType dtype;
  std::int64_t length, k;
  int bytes;
  bool across = false, symbolic = false;  // the axis lies outside; it has no fixed size
};

Array values(DType dtype, const ArrayDims& dims) {
  Array x(dtype, dims);
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    const std::int64_t r = (i * 7919 + i * i * 31) % 101;
    if (!is_float(dtype)) x.set_integer(i, r == 0 ? std::numeric_limits<std::int32_t>::min() : r % 13 - 6);
    else if (r < 3) x.set(i, std::numeric_limits<double>::quiet_NaN());
    else if (r < 9) x.set(i, r % 2 == 0 ? -0.0 : 0.0);
    else if (r < 12) x.set(i, r % 2 == 0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::infinity());
    else x.set(i, static_cast<double>(r % 29 - 14) / 4);
  }
  return x;
}

void check(const Case& c) {
  INFO(name(c.dtype) << ", " << c.k << " of " << c.length << ", vectors of " << c.bytes << " bytes" << (c.across ? ", across" : "")
                     << (c.symbolic ? ", symbolic" : ""));
  Graph g;
  const Axis row("row", 3), along = c.symbolic ? Axis("along") : Axis("along", c.length);
  const Tensor x = g.input("x", c.dtype, c.across ? Axes{along, row} : Axes{row, along});
  const TopK top = top_k(is_float(c.dtype) ? x * 2.0 : x, along, c.k, {"best"});
  g->add_output("values", top.values.value());
  g->add_output("indices", top.indices.value());
  const Arrays in{{"x", values(c.dtype, c.across ? ArrayDims{{"along", c.length}, {"row", 3}} : ArrayDims{{"row", 3}, {"along", c.length}})}};
  HostTarget target;
  target.vector_bytes = c.bytes;
  const Sizes sizes{{"along", c.length}};
  bool heap = false;
  const KernelRunner judge = kernel_interpreter();
  const ClusterRun have = run_clusters(g, in, {}, sizes, target, [&](const kernel::Kernel& k, const auto& buffers, const auto& arguments, auto* error, bool first) {
    heap = heap || k.kind == "selection.heap";
    judge(k, buffers, arguments, error, first);
  });
  CHECK(heap);
  const Arrays want = interpret(g, in, {}, Mode::typed).outputs;
  check_bits(have.outputs.at("indices"), want.at("indices"));
  check_bits(have.outputs.at("values"), want.at("values"));
  for (std::int64_t i = 0; i < want.at("values").elements(); ++i)
    if (want.at("values").at(i) == 0) CHECK(std::signbit(have.outputs.at("values").at(i)) == std::signbit(want.at("values").at(i)));
}

}  // namespace

TEST_CASE("many of the largest are kept in a heap, in the order of selection") {
  for (const DType dtype : {f32, bf16, f16, i32}) {
    check({dtype, 37, 37, 8});
    check({dtype, 200, 60, 8});
    check({dtype, 1001, 1000, 64});
    check({dtype, 1000, 17, 32});
    check({dtype, 130, 100, 16, true});
    check({dtype, 777, 50, 32, false, true});
  }
}

TEST_CASE("few of the largest are found by passes, as are doubles") {
  const auto kernels_of = [](DType dtype, std::int64_t length, std::int64_t k) {
    Graph g;
    const Axis along("along", length);
    g->add_output("y", top_k(g.input("x", dtype, {along}), along, k, {"best"}).values.value());
    std::string kinds;
    run_clusters(g, draw(g, {}, 3).inputs, {}, {}, {}, [&](const kernel::Kernel& kernel, const auto&, const auto&, auto*, bool) { kinds += kernel.kind; });
    return kinds;
  };
  CHECK(kernels_of(f32, 64, 2) == "selection");
  CHECK(kernels_of(f32, 50000, 1) == "selection");
  CHECK(kernels_of(f64, 4096, 4096) == "selection");
  CHECK(kernels_of(f32, 50000, 40) == "selection.heap");
}

}  // namespace uwaga::test
