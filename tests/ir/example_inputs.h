// Values for the inputs of the example graphs (every_op.h): repeatable, a different set for every seed.
#pragma once

#include <uwaga/ir/array.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/random.h>

#include "tests/ir/every_op.h"

namespace uwaga::test {

// Uniform in [low, high) for floats, in [0, limit) for integers, either for bool.
inline Array example_array(const std::string& name, const Type& type, std::int64_t seed, double low, double high, std::int64_t limit,
                           const Sizes& sizes = kSizes) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate(sizes)});
  Array out(type.dtype, dims);
  const std::uint64_t key = random_key(name, seed);
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    const std::uint32_t word = random_word(key, 0, static_cast<std::uint64_t>(i));
    if (is_float(type.dtype)) out.set(i, low + (high - low) * (word + 0.5) * 0x1p-32);
    else out.set_integer(i, static_cast<std::int64_t>(word) % (type.dtype == boolean ? 2 : limit));
  }
  return out;
}

// Inputs in their own dtypes, or (for exact arithmetic) every float in f64.
inline Arrays example_inputs(const OpExample& e, std::int64_t seed, bool doubles = false, const Sizes& sizes = kSizes) {
  Arrays out;
  for (NodeId id : e.graph->inputs()) {
    const auto& a = e.graph->node(id).as<InputAttrs>();
    const Type type = doubles && is_float(a.type.dtype) ? a.type.with_dtype(f64) : a.type;
    out.emplace(a.name, example_array(a.name, type, seed, e.low, e.high, e.index_limit, sizes));
  }
  return out;
}

}  // namespace uwaga::test
