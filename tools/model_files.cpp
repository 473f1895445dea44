#include "tools/model_files.h"

#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/text/quote.h>

namespace uwaga {

Array to_array(const StoredTensor& t) {
  ArrayDims dims;
  for (std::int64_t extent : t.shape) dims.push_back({fmt::format("axis{}", dims.size()), extent});
  return Array::from_bytes(t.dtype, std::move(dims), t.bytes);
}

Array to_array(const StoredTensor& t, const AxisNames& axes) {
  if (axes.size() != t.shape.size())
    throw Error(fmt::format("tensor {} has {} axes; {} are wanted: {}", quote(t.name), t.shape.size(), axes.size(),
                            join(axes)));
  ArrayDims dims;
  for (std::size_t i = 0; i < axes.size(); ++i) dims.push_back({axes[i], t.shape[i]});
  return Array::from_bytes(t.dtype, std::move(dims), t.bytes);
}

Arrays read_parameters(const WeightTable& table, const Weights& weights) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : weights.tensors()) names.push_back(name);
  const std::vector<std::string> strays = unexpected(table, names);
  if (!strays.empty())
    throw Error(fmt::format("the model has no use for tensor {}{}", quote(strays[0]),
                            strays.size() > 1 ? fmt::format(" and {} more", strays.size() - 1) : ""));
  return from_disk(table, [&](const std::string& name) -> std::optional<Array> {
    const StoredTensor* t = weights.find(name);
    if (!t) return std::nullopt;
    return to_array(*t);
  });
}

void load_weights(State& state, const WeightTable& table, const Weights& weights) {
  for (const auto& [path, value] : read_parameters(table, weights)) {
    const DType wanted = state.type(path).dtype;
    state.set(path, value.dtype() == wanted ? value : value.cast(wanted));
  }
}

}  // namespace uwaga
