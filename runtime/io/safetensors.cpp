#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/text/quote.h>

#include <algorithm>
#include <array>
#include <set>

namespace uwaga {
namespace {

using detail::Json;

constexpr std::uint64_t kMaxHeader = 100'000'000;
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kDataAlignment = 64;
constexpr std::size_t kMaxRank = 32;

// In the order of DType.
constexpr std::array<std::string_view, kDTypes> kNames = {"F64", "F32", "BF16", "F16", "I64",
                                                          "I32", "I8",  "U8",   "BOOL"};

DType parse_name(std::string_view text, std::string_view what) {
  for (int i = 0; i < kDTypes; ++i)
    if (kNames[i] == text) return static_cast<DType>(i);
  throw Error(fmt::format("{}: dtype {} is not one of {}", what, quote(text, 20), fmt::join(kNames, " ")));
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  return value;
}

StoredTensor read_entry(const std::string& name, const Json& entry, std::span<const std::byte> data,
                        const std::string& what) {
  if (!entry.is_object() || entry.size() != 3)
    throw Error(fmt::format("{}: expected an object of dtype, shape and data_offsets", what));
  StoredTensor tensor;
  tensor.name = name;
  tensor.dtype = parse_name(detail::json_string(detail::json_member(entry, "dtype", what), what + ": dtype"), what);
  const Json& shape = detail::json_member(entry, "shape", what);
  if (!shape.is_array() || shape.size() > kMaxRank)
    throw Error(fmt::format("{}: shape is not a list of at most {} extents", what, kMaxRank));
  for (const Json& extent : shape) tensor.shape.push_back(detail::json_integer(extent, what + ": shape"));
  const Json& offsets = detail::json_member(entry, "data_offsets", what);
  if (!offsets.is_array() || offsets.size() != 2)
    throw Error(fmt::format("{}: data_offsets is not a list of two integers", what));
  const std::int64_t begin = detail::json_integer(offsets[0], what + ": data_offsets");
  const std::int64_t end = detail::json_integer(offsets[1], what + ": data_offsets");
  if (begin > end || static_cast<std::uint64_t>(end) > data.size())
    throw Error(
        fmt::format("{}: data_offsets [{}, {}) lie outside the {} bytes of data", what, begin, end, data.size()));
  const std::int64_t bytes = checked_bytes(tensor.dtype, tensor.shape, what);
  if (bytes != end - begin) {
    throw Error(fmt::format("{}: {} [{}] takes {} bytes and its data_offsets hold {}", what,
                            safetensors_name(tensor.dtype), fmt::join(tensor.shape, ", "), bytes, end - begin));
  }
  tensor.bytes = data.subspan(begin, bytes);
  if (tensor.dtype == DType::boolean) {
    const auto bad =
        std::find_if(tensor.bytes.begin(), tensor.bytes.end(), [](std::byte b) { return b > std::byte{1}; });
    if (bad != tensor.bytes.end())
      throw Error(fmt::format("{}: element {} is {}, a BOOL is 0 or 1", what, bad - tensor.bytes.begin(),
                              std::to_integer<int>(*bad)));
  }
  return tensor;
}

// The tensors must tile the data: no holes where something could hide, no overlaps.
void check_contiguous(std::span<const StoredTensor> tensors, std::span<const std::byte> data, std::string_view what) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& t : tensors) order.push_back(&t);
  const auto begin_of = [&](const StoredTensor* t) { return t->bytes.data() - data.data(); };
  std::sort(order.begin(), order.end(), [&](const StoredTensor* a, const StoredTensor* b) {
    return std::pair(begin_of(a), a->bytes.size()) < std::pair(begin_of(b), b->bytes.size());
  });
  std::ptrdiff_t end = 0;
  for (const StoredTensor* t : order) {
    if (begin_of(t) != end)
      throw Error(fmt::format("{}: tensor {} begins at byte {} of the data and the one before it ends at {}", what,
                              quote(t->name), begin_of(t), end));
    end += static_cast<std::ptrdiff_t>(t->bytes.size());
  }
  if (static_cast<std::size_t>(end) != data.size())
    throw Error(fmt::format("{}: {} bytes of data and its tensors end at {}", what, data.size(), end));
}

}  // namespace

std::string_view safetensors_name(DType dtype) { return kNames[static_cast<int>(dtype)]; }

std::int64_t checked_bytes(DType dtype, std::span<const std::int64_t> shape, std::string_view what) {
  std::int64_t bytes = static_cast<std::int64_t>(size_of(dtype));
  for (std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, extent, &bytes))
      throw Error(fmt::format("{}: shape [{}] is out of range", what, fmt::join(shape, ", ")));
  }
  return bytes;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path, Access access) {
  std::span<const std::byte> bytes;
  if (access == Access::map) {
    auto map = std::make_shared<const MappedFile>(path);
    bytes = map->bytes();
    storage_ = std::move(map);
  } else {
    auto text = std::make_shared<const std::string>(read_file(path));
    bytes = std::as_bytes(std::span(*text));
    storage_ = std::move(text);
  }
  read_header(bytes, path.string());
}

SafetensorsFile SafetensorsFile::parse(std::string contents, std::string_view what) {
  SafetensorsFile file;
  auto text = std::make_shared<const std::string>(std::move(contents));
  file.storage_ = text;
  file.read_header(std::as_bytes(std::span(*text)), what);
  return file;
}

void SafetensorsFile::read_header(std::span<const std::byte> file, std::string_view what) {
  if (file.size() < kLengthBytes)
    throw Error(fmt::format("{}: {} bytes are too few for a safetensors file", what, file.size()));
  const std::uint64_t length = read_length(file);
  // Before the length is judged: any text's first eight bytes make a huge one.
  if (length == 0 || (file.size() > kLengthBytes && file[kLengthBytes] != std::byte{'{'}))
    throw Error(fmt::format("{} is no safetensors file: the header does not begin with {{", what));
  if (length > kMaxHeader)
    throw Error(fmt::format("{}: a header of {} bytes, at most {} are allowed", what, length, kMaxHeader));
  if (length > file.size() - kLengthBytes)
    throw Error(fmt::format("{}: a header of {} bytes in a file of {}", what, length, file.size()));
  const auto header = file.subspan(kLengthBytes, length);
  const auto data = file.subspan(kLengthBytes + length);

  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  const Json entries = detail::parse_json(text, what, {.depth = 4});
  for (const auto& [name, entry] : entries.items()) {
    if (name != "__metadata__") {
      tensors_.push_back(read_entry(name, entry, data, fmt::format("{}: tensor {}", what, quote(name))));
      continue;
    }
    if (!entry.is_object()) throw Error(fmt::format("{}: __metadata__ is not an object", what));
    for (const auto& [key, value] : entry.items())
      metadata_[key] = detail::json_string(value, fmt::format("{}: __metadata__ {}", what, quote(key)));
  }
  std::sort(tensors_.begin(), tensors_.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  check_contiguous(tensors_, data, what);
}

const StoredTensor* SafetensorsFile::find(std::string_view name) const {
  const auto at = std::lower_bound(tensors_.begin(), tensors_.end(), name,
                                   [](const StoredTensor& t, std::string_view n) { return t.name < n; });
  return at != tensors_.end() && at->name == name ? &*at : nullptr;
}

void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::map<std::string, std::string>& metadata, const FileSystem& files) {
  write_safetensors(path, tensors, [](const StoredTensor& t) { return t.bytes; }, metadata, files);
}

void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::function<std::span<const std::byte>(const StoredTensor&)>& bytes_of,
                       const std::map<std::string, std::string>& metadata, const FileSystem& files) {
  const std::string what = path.string();
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const StoredTensor* a, const StoredTensor* b) {
    const auto size_a = size_of(a->dtype), size_b = size_of(b->dtype);
    return size_a != size_b ? size_a > size_b : a->name < b->name;
  });

  // Written by hand where the order matters: the library would sort the names among each other.
  std::string header = "{";
  if (!metadata.empty()) header += "\"__metadata__\":" + detail::json_text(Json(metadata), what) + ",";
  std::set<std::string_view> names;
  std::int64_t begin = 0;
  for (const StoredTensor* t : order) {
    const std::string entry = fmt::format("{}: tensor {}", what, quote(t->name));
    if (t->name == "__metadata__" || !names.insert(t->name).second)
      throw Error(fmt::format("{}: the name is {}", entry, t->name == "__metadata__" ? "reserved" : "used twice"));
    const std::int64_t bytes = checked_bytes(t->dtype, t->shape, entry);
    header += fmt::format("{}:{{\"dtype\":\"{}\",\"shape\":[{}],\"data_offsets\":[{},{}]}},",
                          detail::json_text(t->name, entry), safetensors_name(t->dtype), fmt::join(t->shape, ","),
                          begin, begin + bytes);
    begin += bytes;
  }
  if (header.back() == ',') header.pop_back();
  header += '}';
  while ((kLengthBytes + header.size()) % kDataAlignment != 0) header += ' ';
  if (header.size() > kMaxHeader)
    throw Error(fmt::format("{}: a header of {} bytes, at most {} are allowed", what, header.size(), kMaxHeader));

  std::string length;
  for (std::size_t i = 0; i < kLengthBytes; ++i) length += static_cast<char>(header.size() >> (8 * i));
  FileWriter out(path, files);
  out.write(length);
  out.write(header);
  for (const StoredTensor* t : order) {
    const auto bytes = bytes_of(*t);
    const std::string entry = fmt::format("{}: tensor {}", what, quote(t->name));
    if (const auto takes = checked_bytes(t->dtype, t->shape, entry); static_cast<std::uint64_t>(takes) != bytes.size())
      throw Error(fmt::format("{}: {} [{}] takes {} bytes and was given {}", entry, safetensors_name(t->dtype),
                              fmt::join(t->shape, ", "), takes, bytes.size()));
    out.write(bytes);
  }
  out.commit();
}

}  // namespace uwaga
