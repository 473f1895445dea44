#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/io/sha256.h>
#include <uwaga/runtime/program/internal/state_data.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/train/checkpoint.h>

#include <algorithm>
#include <map>
#include <utility>

namespace uwaga {
namespace {

const std::string kType = "type.";

ArrayDims dims_of(const Type& type) {
  ArrayDims dims;
  for (const Dim& d : type.dims) dims.push_back({d.axis, d.extent.evaluate({})});
  return dims;
}

std::string shape_text(std::span<const std::int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

// "'a', 'b' and 7 more"
std::string some(const std::vector<std::string>& names) {
  constexpr std::size_t kTold = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(kTold, names.size()); ++i)
    text += fmt::format("{}{}", i ? ", " : "", quote(names[i]));
  if (names.size() > kTold) text += fmt::format(" and {} more", names.size() - kTold);
  return text;
}

std::string digest(const State& state, bool all) {
  Sha256 hash;
  const StateData::Reading reading(state.data());
  for (const std::string& name : state.names()) {
    if (!all && !state.trainable(name)) continue;
    const Array value = state.data().filled(name).copy();
    hash.add(fmt::format("{} {}\n", name, value.str()));
    hash.add(std::span(value.data(), value.bytes()));
  }
  return hash.hex();
}

// The tensor as the slot's value; Error unless it is one.
Array fit(const State& state, const StoredTensor& tensor, const std::map<std::string, std::string>& metadata,
          const std::string& file, const LoadOptions& options) {
  const Type type = state.type(tensor.name);
  Type stored = type;
  if (options.convert && is_float(type.dtype) && is_float(tensor.dtype)) stored.dtype = tensor.dtype;
  const ArrayDims dims = dims_of(type);
  std::vector<std::int64_t> shape;
  for (const ArrayDim& d : dims) shape.push_back(d.extent);
  const auto told = metadata.find(kType + tensor.name);
  const bool axes_differ = told != metadata.end() && told->second != stored.str();
  if (tensor.dtype != stored.dtype || tensor.shape != shape || axes_differ) {
    const std::string there = told != metadata.end()
                                  ? quote(told->second)
                                  : fmt::format("{}{}", safetensors_name(tensor.dtype), shape_text(tensor.shape));
    throw Error(fmt::format("{}: '{}' is {} there, and {} in this model", file, tensor.name, there, type.str()));
  }
  return Array::from_bytes(stored.dtype, dims, tensor.bytes).cast(type.dtype);
}

}  // namespace

void save(const State& state, const std::string& path, const FileSystem& files) {
  const StateData::Reading reading(state.data());
  std::vector<StoredTensor> tensors;
  std::map<std::string, std::string> metadata{{"format", "uwaga"}};
  for (const std::string& name : state.names()) {
    const Type& type = state.data().filled(name).type;
    tensors.push_back({name, type.dtype, {}, {}});
    for (const ArrayDim& d : dims_of(type)) tensors.back().shape.push_back(d.extent);
    metadata[kType + name] = type.str();
  }
  Array value;  // the one that is being written: copies of all would take as much memory again as the state
  write_safetensors(path, tensors, [&](const StoredTensor& t) {
    value = Array();
    value = state.data().filled(t.name).copy();
    return std::span(value.data(), value.bytes());
  }, metadata, files);
}

LoadReport load(State& state, const std::string& path, const LoadOptions& options) {
  const SafetensorsFile file(path);
  LoadReport report;
  std::vector<std::pair<std::string, Array>> values;
  for (const std::string& name : state.names())
    if (!file.find(name) && !state.data().is_cache(name)) report.missing.push_back(name);
  for (const StoredTensor& tensor : file.tensors()) {
    if (!state.has(tensor.name)) {
      report.extra.push_back(tensor.name);
      continue;
    }
    values.emplace_back(tensor.name, fit(state, tensor, file.metadata(), path, options));
    report.loaded.push_back(tensor.name);
  }
  if (!options.partial && !report.missing.empty())
    throw Error(fmt::format("{} lacks {} of the {} tensors of this model: {}", path, report.missing.size(),
                            state.names().size(), some(report.missing)));
  if (!options.partial && !report.extra.empty())
    throw Error(fmt::format("{} has {} tensors that this model has not: {}", path, report.extra.size(),
                            some(report.extra)));
  const StateData::Lock lock(state.data());
  for (const auto& [name, value] : values) state.data().set(name, value);
  return report;
}

std::string state_sha256(const State& state) { return digest(state, true); }
std::string weights_sha256(const State& state) { return digest(state, false); }

std::int64_t state_bytes(const State& state) {
  std::int64_t bytes = 0;
  for (const std::string& name : state.names()) {
    const Type type = state.type(name);
    bytes += type.elements().evaluate({}) * static_cast<std::int64_t>(size_of(type.dtype));
  }
  return bytes;
}

}  // namespace uwaga
