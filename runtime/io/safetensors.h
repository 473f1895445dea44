// Files of named tensors in the safetensors format (https://github.com/huggingface/safetensors), read as hostile.
//
//   SafetensorsFile file("model.safetensors");
//   for (const StoredTensor& t : file.tensors()) use(t.name, t.dtype, t.shape, t.bytes);
//   write_safetensors("out.safetensors", tensors, {{"format", "pt"}});
//
// The file: 8 bytes little-endian length of the header; the header, a JSON object of
// name -> {dtype, shape, data_offsets}; the data, tensor after tensor. Checked before anything is used: header at most
// 100 MB and within the file, begins with '{', no key twice, bounded depth, known dtypes, shape times element size
// (checked arithmetic) equals the extent of the offsets, tensors follow each other without holes, the file ends with
// the last of them, a BOOL is 0 or 1. What is wrong throws Error with the file, the tensor and the numbers; a failing
// disk throws SystemError.
#pragma once

#include <uwaga/ir/dtype.h>
#include <uwaga/runtime/io/file_system.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

struct StoredTensor {
  std::string name;
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;   // Row-major; empty for a scalar.
  std::span<const std::byte> bytes;  // Little-endian, not necessarily aligned to the element. Owned by the file.
};

class SafetensorsFile {
 public:
  // `copy` reads the file; `map` maps it, for files that nobody changes meanwhile (see MappedFile).
  enum class Access { copy, map };

  explicit SafetensorsFile(const std::filesystem::path& path, Access access = Access::copy);

  // A file that is in memory already; `what` begins the errors' sentences.
  static SafetensorsFile parse(std::string contents, std::string_view what);

  // Sorted by name.
  std::span<const StoredTensor> tensors() const { return tensors_; }

  // nullptr where there is none of this name. The pointer lives as long as the file, moves included.
  const StoredTensor* find(std::string_view name) const;

  const std::map<std::string, std::string>& metadata() const { return metadata_; }

 private:
  SafetensorsFile() = default;
  void read_header(std::span<const std::byte> file, std::string_view what);

  std::shared_ptr<const void> storage_;  // Keeps the bytes alive, whoever owns them.
  std::vector<StoredTensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

// Writes the file atomically. The order is by element size, large first, then by name, so that every tensor is aligned
// to its element and equal input gives equal files; the data begin at a multiple of 64. Throws Error for a repeated or
// reserved name, or bytes that do not fit the shape; SystemError.
void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::map<std::string, std::string>& metadata = {}, const FileSystem& files = real_files());

// The same, tensor after tensor: the header tells of those given, whose `bytes` are not looked at, and `bytes_of` is asked for
// each when its turn comes. What it gives is written before it is asked again.
void write_safetensors(const std::filesystem::path& path, std::span<const StoredTensor> tensors,
                       const std::function<std::span<const std::byte>(const StoredTensor&)>& bytes_of,
                       const std::map<std::string, std::string>& metadata = {}, const FileSystem& files = real_files());

// The format's name of a dtype: "F32", "BF16", "BOOL".
std::string_view safetensors_name(DType dtype);

// Bytes of `shape` elements. Throws Error, beginning with `what`, for a negative extent or more than 2^63 - 1.
std::int64_t checked_bytes(DType dtype, std::span<const std::int64_t> shape, std::string_view what);

}  // namespace uwaga
