// Every op, compiled and run as a kernel, against the typed interpreter: equal to the bit.
#include <random>

#include <uwaga/ir/interpreter/interpret.h>

#include "tests/catch.h"
#include "tests/codegen/schedule/run_clusters.h"
#include "tests/ir/every_op.h"

namespace uwaga::test {
namespace {

Arrays inputs_of(const OpExample& e, const Sizes& sizes, unsigned seed) {
  std::mt19937 random(seed);
  Arrays out;
  for (NodeId id : e.graph->inputs()) {
    const auto& a = e.graph->node(id).as<InputAttrs>();
    ArrayDims dims;
    for (const Dim& d : a.type.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
    Array x(a.type.dtype, dims);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      if (is_float(a.type.dtype)) x.set(i, std::uniform_real_distribution<double>(e.low, e.high)(random));
      else if (a.type.dtype == DType::boolean) x.set_integer(i, static_cast<std::int64_t>(random() % 2));
      else x.set_integer(i, static_cast<std::int64_t>(random() % static_cast<unsigned>(e.index_limit)));
    }
    out.emplace(a.name, std::move(x));
  }
  return out;
}

bool has_structure(const Graph& g) {
  for (const Node& n : g->nodes())
    if (n.op == Op::scan || n.op == Op::cond || n.op == Op::call) return true;
  return false;
}

Arrays parameters_of(const Graph& g) {
  Arrays out;
  for (const auto& [path, id] : g->parameters()) {
    const Type& t = g->node(id).types[0];
    ArrayDims dims;
    for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(kSizes)});
    Array x(t.dtype, dims);
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      if (is_float(t.dtype)) x.set(i, 0.25 * static_cast<double>(i) - 1);
      else x.set_integer(i, i + 3);
    }
    out.emplace(path, std::move(x));
  }
  return out;
}

void check_bits(const Array& have, const Array& want) {
  REQUIRE(have.dims() == want.dims());
  REQUIRE(have.dtype() == want.dtype());
  for (std::int64_t i = 0; i < have.elements(); ++i) {
    INFO("element " << i << " of " << want.str());
    if (is_float(want.dtype())) {
      if (want.at(i) != want.at(i)) CHECK(have.at(i) != have.at(i));
      else CHECK(have.at(i) == want.at(i));
    } else {
      CHECK(have.integer_at(i) == want.integer_at(i));
    }
  }
}

void check_example(const OpExample& e, std::int64_t rows, int vector_bytes, bool fused) {
  INFO(e.what << ", rows=" << rows << ", vectors of " << vector_bytes << " bytes" << (fused ? "" : ", unfused"));
  const Sizes sizes{{"rows", rows}};
  const Arrays inputs = inputs_of(e, sizes, 7), parameters = parameters_of(e.graph);
  HostTarget target;
  target.vector_bytes = vector_bytes;
  const Results want = interpret(e.graph, inputs, parameters, Mode::typed);
  const ClusterRun have = run_clustering(e.graph, fused ? fuse(e.graph) : unfused(e.graph), inputs, parameters, sizes, target);
  CHECK_FALSE(have.failed);
  for (const auto& [name, array] : want.outputs) {
    INFO("output " << name);
    check_bits(have.outputs.at(name), array);
  }
}

}  // namespace

TEST_CASE("every op gives as a kernel the bits that the typed interpreter gives") {
  for (const OpExample& e : every_op()) {
    if (has_structure(e.graph)) continue;
    for (std::int64_t rows : {3, 8, 17})
      for (int bytes : {16, 32})
        for (bool fused : {true, false}) check_example(e, rows, bytes, fused);
  }
}

TEST_CASE("every op gives the bits of the typed interpreter in every dtype") {
  for (const OpExample& e : every_op_and_dtype()) {
    if (has_structure(e.graph)) continue;
    check_example(e, 9, 32, true);
    check_example(e, 4, 64, false);
  }
}

}  // namespace uwaga::test
