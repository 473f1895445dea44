#include "tests/runtime/cuda/run_cuda.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>

#include "tests/catch.h"
#include "tests/codegen/unfused.h"

namespace uwaga::test {
namespace {

Array array_of(const Type& type, const AxisNames& order, const Bytes& bytes, const Sizes& sizes) {
  ArrayDims dims;
  for (const std::string& axis : order) dims.push_back({axis, type.extent(axis).evaluate(sizes)});
  return Array::from_bytes(type.dtype, dims, bytes).reordered(type.axes());
}

std::uint64_t bits_of(const Literal& value, DType d) {
  if (d == DType::f64) return std::bit_cast<std::uint64_t>(value.as_double());
  if (d == DType::f32) return std::bit_cast<std::uint32_t>(static_cast<float>(value.as_double()));
  return static_cast<std::uint64_t>(value.as_integer());
}

}  // namespace

Bytes bytes_of(const Array& array) { return {array.data(), array.data() + array.bytes()}; }

std::size_t CudaGraphs::add(const Graph& graph, bool fused, const CustomKernels& custom) {
  Program p{graph, fused ? fuse(graph) : unfused(graph), {}, {}, {}};
  p.layouts = choose_layouts(graph, p.clustering);
  for (const Cluster& c : p.clustering.clusters) {
    Schedule s = c.kind == ClusterKind::custom ? cuda::custom(graph, c, p.layouts, custom) : schedule_for_cuda(graph, c, p.layouts, {});
    auto& numbers = p.kernels.emplace_back();
    for (ScheduledKernel& k : s.kernels) {
      kernel::verify(k.kernel);
      k.kernel = kernel::expand_math(k.kernel);
      kernel::verify(k.kernel);
      const auto [at, fresh] = known_.try_emplace(kernel::emit_cuda(k.kernel, "k"), kernels_.size());
      if (fresh) kernels_.push_back(std::make_unique<kernel::Kernel>(k.kernel));
      numbers.push_back(at->second);
    }
    p.schedules.push_back(std::move(s));
  }
  programs_.push_back(std::move(p));
  return programs_.size() - 1;
}

std::vector<kernel::NamedKernel> CudaGraphs::kernels() const {
  std::vector<kernel::NamedKernel> out;
  for (std::size_t i = 0; i < kernels_.size(); ++i) out.push_back({kernels_[i].get(), "k" + std::to_string(i)});
  return out;
}

void CudaGraphs::compile(std::uint64_t seed) { code_ = std::make_unique<EmulatedCuda>(kernels(), EmulateOptions{.seed = seed, .compiler = {}, .cache = nullptr}); }

CudaGraphs::Result CudaGraphs::run(std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const {
  const Launch launch = [&](std::size_t kernel, const auto& buffers, const auto& arguments, std::uint64_t* error) {
    std::vector<void*> pointers;
    for (const auto& b : buffers) pointers.push_back(b.data());
    code_->run(kernel, pointers, arguments, error);
  };
  return run_with(launch, number, inputs, parameters, sizes);
}

std::uint64_t CudaGraphs::judge(std::size_t number, const Arrays& inputs, const Arrays& parameters, const Sizes& sizes) const {
  const Launch launch = [&](std::size_t kernel, const auto& buffers, const auto& arguments, std::uint64_t* error) {
    kernel::interpret(*kernels_[kernel], buffers, arguments, error, {.order = 5});
  };
  return run_with(launch, number, inputs, parameters, sizes).error;
}

CudaGraphs::Result CudaGraphs::run_with(const Launch& launch, std::size_t number, const Arrays& inputs, const Arrays& parameters,
                                        const Sizes& sizes) const {
  const Program& p = programs_.at(number);
  const GraphData& g = p.graph.data();
  std::map<Value, Bytes> memory;
  for (NodeId id : g.inputs()) memory[{id, 0}] = bytes_of(inputs.at(g.node(id).as<InputAttrs>().name).reordered(g.node(id).types[0].axes()));
  for (const auto& [path, id] : g.parameters()) memory[{id, 0}] = bytes_of(parameters.at(path).reordered(g.node(id).types[0].axes()));
  for (NodeId id = 0; id < g.nodes().size(); ++id)
    if (g.node(id).op == Op::constant && g.node(id).as<ConstantAttrs>().values.size() > 1) {
      const Type& t = g.node(id).types[0];
      ArrayDims dims;
      for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
      Array a(t.dtype, dims);
      std::int64_t i = 0;
      for (const Literal& v : g.node(id).as<ConstantAttrs>().values) {
        if (is_float(t.dtype)) a.set(i++, v.as_double());
        else a.set_integer(i++, v.as_integer());
      }
      memory[{id, 0}] = bytes_of(a);
    }
  Result result;
  for (std::size_t c = 0; c < p.clustering.clusters.size(); ++c) {
    const Schedule& s = p.schedules[c];
    std::vector<Bytes> temporaries;
    for (const Temporary& t : s.temporaries) temporaries.emplace_back(static_cast<std::size_t>(t.count(sizes)) * size_of(t.dtype), std::byte{0xff});
    for (const Value& v : p.clustering.clusters[c].outputs)
      memory[v].assign(static_cast<std::size_t>(g.type(v).elements().evaluate(sizes)) * size_of(g.type(v).dtype), std::byte{0xff});
    for (std::size_t k = 0; k < s.kernels.size(); ++k) {
      const ScheduledKernel& scheduled = s.kernels[k];
      std::vector<std::span<std::byte>> buffers;
      for (const Value& v : scheduled.buffers) buffers.push_back(v.node == kTemporary ? temporaries[v.output] : memory.at(v));
      std::vector<std::uint64_t> arguments;
      for (std::size_t i = 0; i < scheduled.arguments.size(); ++i) {
        if (const auto* e = std::get_if<Extent>(&scheduled.arguments[i])) arguments.push_back(static_cast<std::uint64_t>(e->evaluate(sizes)));
        else arguments.push_back(bits_of(std::get<Literal>(scheduled.arguments[i]), scheduled.kernel.arguments[i]));
      }
      launch(p.kernels[c][k], buffers, arguments, &result.error);
    }
  }
  for (const Output& o : g.outputs()) {
    const auto layout = p.layouts.find(o.value);
    result.outputs.emplace(o.name, array_of(g.type(o.value), layout == p.layouts.end() ? g.type(o.value).axes() : layout->second.order,
                                            memory.at(o.value), sizes));
  }
  for (const Update& u : g.updates()) {
    const auto layout = p.layouts.find(u.value);
    result.updates.emplace(u.path, array_of(g.type(u.value), layout == p.layouts.end() ? g.type(u.value).axes() : layout->second.order,
                                            memory.at(u.value), sizes));
  }
  return result;
}

std::size_t CudaGraphs::launches(std::size_t number) const {
  std::size_t count = 0;
  for (const auto& k : programs_.at(number).kernels) count += k.size();
  return count;
}

void check_near(const Array& have, const Array& want, double units, double floor) {
  REQUIRE(have.dims() == want.dims());
  REQUIRE(have.dtype() == want.dtype());
  int wrong = 0;
  const auto tell = [&](std::int64_t i, auto a, auto b) {
    if (wrong++ < 3) FAIL_CHECK("element " << i << " of " << want.str() << ": " << a << " is not " << b);
  };
  for (std::int64_t i = 0; i < have.elements(); ++i) {
    if (!is_float(want.dtype())) {
      if (have.integer_at(i) != want.integer_at(i)) tell(i, have.integer_at(i), want.integer_at(i));
      continue;
    }
    const double a = have.at(i), b = want.at(i);
    if (std::isnan(a) && std::isnan(b)) continue;
    if (!(a == b || std::abs(a - b) <= units * 2 * unit_roundoff(want.dtype()) * std::max(std::abs(b), floor))) tell(i, a, b);
  }
}

}  // namespace uwaga::test
