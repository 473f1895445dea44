// Whole files: read, mapped, and written so that a reader or a crash never sees half of one.
//
//   std::string text = read_file("config.json");
//   MappedFile weights("model.safetensors");                      // weights.bytes()
//   write_file("loss.csv", text);                                 // all of it, or the old file untouched
//
//   FileWriter out("big.bin");                                    // the same in pieces
//   out.write(header), out.write(body);
//   out.commit();                                                 // without it the file is dropped
//
// Writing goes to a temporary file in the same folder, then fsync, rename, fsync of the folder. What a symbolic link points to
// is replaced, not the link, and a file keeps the mode it had. A device or a pipe cannot be replaced, and is written in place.
// Every failure is a SystemError that names the file and the reason: "cannot write /data/x.bin: No space left on device".
#pragma once

#include <uwaga/runtime/io/file_system.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>

namespace uwaga {

// The whole file. Throws SystemError, also where the file is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 40);

// Calls `consume` with the file's bytes in order, a few hundred KiB at a time.
void read_file_in_pieces(const std::filesystem::path& path,
                         const std::function<void(std::span<const std::byte>)>& consume);

// A file mapped read-only. Another process that truncates it turns the next access into SIGBUS, so map only files
// that nobody else writes to; read_file otherwise.
class MappedFile {
 public:
  MappedFile() = default;
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

class FileWriter {
 public:
  explicit FileWriter(std::filesystem::path path, const FileSystem& files = real_files());
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  // Makes the file appear under its name, durably. Once.
  void commit();

 private:
  const FileSystem& files_;
  std::filesystem::path path_;       // no symbolic link
  std::filesystem::path temporary_;  // empty: written in place, or committed
  int descriptor_ = -1;
};

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes,
                const FileSystem& files = real_files());
void write_file(const std::filesystem::path& path, std::string_view text, const FileSystem& files = real_files());

// Makes what was written to an existing file, or the names inside an existing folder, durable.
void sync_path(const std::filesystem::path& path, const FileSystem& files = real_files());

// A folder that is removed, with all it holds, at the end of its life: for tests and intermediate files.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(std::string_view prefix = "uwaga");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace uwaga
