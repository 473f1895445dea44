// Inputs, parameters, constants, iota and random bits.
#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/interpreter/internal/row.h>
#include <uwaga/ir/random.h>

namespace uwaga::interpreter {

std::vector<Dual> input_whole(const Site& site, std::span<const Dual>) {
  const auto& inputs = site.graph.inputs();
  const auto at = std::find(inputs.begin(), inputs.end(), site.id) - inputs.begin();
  return {site.graph_inputs[static_cast<std::size_t>(at)]};
}

std::vector<Dual> parameter_whole(const Site& site, std::span<const Dual>) {
  const auto& path = site.node.as<ParameterAttrs>().path;
  const auto it = site.run.parameters.find(path);
  if (it == site.run.parameters.end()) throw site.error(fmt::format("'{}' is not given", path));
  return {it->second};
}

Values constant_value(const Site& site, Operands) {
  const auto& a = site.node.as<ConstantAttrs>();
  Dense out(a.type.dtype, site.dims[0]);
  const auto literal = [&](std::size_t i) -> const Literal& { return a.values[a.values.size() == 1 ? 0 : i]; };
  for (std::size_t i = 0; i < out.reals.size(); ++i) out.reals[i] = literal(i).as_double();
  for (std::size_t i = 0; i < out.integers.size(); ++i) out.integers[i] = wrapped(out.dtype, literal(i).as_integer());
  return {std::move(out)};
}

Values iota_value(const Site& site, Operands) {
  Dense out(site.node.types[0].dtype, site.dims[0]);
  for (std::size_t i = 0; i < out.reals.size(); ++i) out.reals[i] = static_cast<double>(i);
  for (std::size_t i = 0; i < out.integers.size(); ++i) out.integers[i] = wrapped(out.dtype, static_cast<std::int64_t>(i));
  return {std::move(out)};
}

Values random_bits_value(const Site& site, Operands x) {
  Indices scans;
  for (std::size_t i = 2; i < x.size(); ++i) scans.push_back(x[i]->integers[0]);
  const std::int64_t seed = x[0]->integers[0], step = x[1]->integers[0];
  const std::uint64_t key = random_key(site.node.as<RandomBitsAttrs>().key, seed, scans);
  ArrayDims sorted = site.dims[0];
  std::sort(sorted.begin(), sorted.end(), [](const ArrayDim& a, const ArrayDim& b) { return a.axis < b.axis; });
  Dense out(DType::i32, sorted);
  for (std::size_t i = 0; i < out.integers.size(); i += 4) {
    const auto words = random_block(key, step, i / 4);
    for (std::size_t j = i; j < std::min(i + 4, out.integers.size()); ++j) out.integers[j] = static_cast<std::int32_t>(words[j % 4]);
  }
  return {in_order(out, site.dims[0])};
}

}  // namespace uwaga::interpreter
