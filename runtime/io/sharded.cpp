#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sharded.h>
#include <uwaga/runtime/text/quote.h>

namespace uwaga {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kMaxIndex = 100'000'000;
constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

bool is_base_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.find_first_of(std::string_view("/\\\0", 3)) == name.npos;
}

}  // namespace

std::map<std::string, std::string> parse_shard_index(std::string_view text, std::string_view what) {
  const detail::Json index = detail::parse_json(text, what);
  const detail::Json& entries = detail::json_member(index, "weight_map", what);
  if (!entries.is_object()) throw Error(fmt::format("{}: weight_map is not an object", what));
  std::map<std::string, std::string> map;
  for (const auto& [tensor, file] : entries.items()) {
    const std::string entry = fmt::format("{}: tensor {}", what, quote(tensor));
    const std::string& name = detail::json_string(file, entry);
    if (!is_base_name(name)) throw Error(fmt::format("{}: {} is not a plain file name", entry, quote(name)));
    map.emplace(tensor, name);
  }
  return map;
}

Weights::Weights(const fs::path& path, SafetensorsFile::Access access) {
  fs::path file = path;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    file = path / kSingle;
    if (!fs::exists(file, ignored)) file = path / kIndex;
    if (!fs::exists(file, ignored))
      throw SystemError(fmt::format("cannot find {} or {} in {}", kSingle, kIndex, path.string()));
  }
  if (file.extension() != ".json") {
    files_.emplace_back(file, access);
    for (const StoredTensor& t : files_.back().tensors()) tensors_.emplace(t.name, &t);
    return;
  }
  const auto map = parse_shard_index(read_file(file, kMaxIndex), file.string());
  std::map<std::string, std::size_t> opened;
  for (const auto& [tensor, name] : map)
    if (opened.try_emplace(name, opened.size()).second) files_.emplace_back(file.parent_path() / name, access);
  for (const auto& [tensor, name] : map) {
    const StoredTensor* found = files_[opened.at(name)].find(tensor);
    if (!found) throw Error(fmt::format("{}: tensor {} is not in {}", file.string(), quote(tensor), quote(name)));
    tensors_.emplace(tensor, found);
  }
}

const StoredTensor* Weights::find(std::string_view name) const {
  const auto at = tensors_.find(name);
  return at == tensors_.end() ? nullptr : at->second;
}

}  // namespace uwaga
