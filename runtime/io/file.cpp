#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/runtime/io/detail/system_error.h>
#include <uwaga/runtime/io/file.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace uwaga {

namespace fs = std::filesystem;
using detail::throw_system_error;

namespace {

// A descriptor open for reading a regular file; closed at the end of the scope.
class Reader {
 public:
  explicit Reader(const fs::path& path) : path_(path), descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (descriptor_ < 0) throw_system_error("open", path);
    struct stat status;
    if (::fstat(descriptor_, &status) != 0) fail(errno);
    if (S_ISDIR(status.st_mode)) fail(EISDIR);
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~Reader() { ::close(descriptor_); }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  int descriptor() const { return descriptor_; }
  std::uint64_t size() const { return size_; }

  // Up to `count` bytes; 0 at the end of the file.
  std::size_t read(void* bytes, std::size_t count) {
    for (;;) {
      const ssize_t got = ::read(descriptor_, bytes, count);
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) throw_system_error("read", path_);
    }
  }

 private:
  // The destructor does not run for a constructor that throws.
  [[noreturn]] void fail(int number) {
    ::close(descriptor_);
    throw_system_error("read", path_, number);
  }

  fs::path path_;
  int descriptor_;
  std::uint64_t size_ = 0;
};

[[noreturn]] void throw_too_big(const fs::path& path, std::uint64_t limit) {
  throw SystemError(fmt::format("cannot read {}: it is larger than the limit of {} bytes", path.string(), limit));
}

}  // namespace

std::string read_file(const fs::path& path, std::uint64_t limit) {
  Reader in(path);
  if (in.size() > limit) throw_too_big(path, limit);
  std::string text;
  try {
    text.resize(static_cast<std::size_t>(in.size()));
  } catch (const std::exception&) {
    throw SystemError(fmt::format("cannot read {}: there is no memory for its {} bytes", path.string(), in.size()));
  }
  std::size_t filled = 0;
  // Files of /proc say 0 and hold more, and a file may grow while it is read: read until the end says so.
  for (;;) {
    if (filled == text.size()) text.resize(std::max<std::size_t>(text.size() + 1, 4096));
    const std::size_t got = in.read(text.data() + filled, text.size() - filled);
    if (got == 0) break;
    filled += got;
    if (filled > limit) throw_too_big(path, limit);
  }
  text.resize(filled);
  return text;
}

void read_file_in_pieces(const fs::path& path, const std::function<void(std::span<const std::byte>)>& consume) {
  Reader in(path);
  std::vector<std::byte> piece(std::size_t{256} << 10);
  while (const std::size_t got = in.read(piece.data(), piece.size())) consume({piece.data(), got});
}

MappedFile::MappedFile(const fs::path& path) {
  const Reader in(path);
  if (in.size() == 0) return;  // An empty mapping is refused by the kernel, an empty span is what is wanted.
  void* address = ::mmap(nullptr, in.size(), PROT_READ, MAP_PRIVATE, in.descriptor(), 0);
  if (address == MAP_FAILED) throw_system_error("map", path);
  bytes_ = {static_cast<const std::byte*>(address), static_cast<std::size_t>(in.size())};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  return *this;
}

FileWriter::FileWriter(fs::path path, const FileSystem& files) : files_(files), path_(std::move(path)) {
  const fs::path folder = path_.parent_path();
  for (int attempt = 0;; ++attempt) {
    temporary_ = folder / fmt::format(".{}.{}-{}.tmp", path_.filename().string(), ::getpid(), attempt);
    descriptor_ = files_.open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) return;
    if (errno != EEXIST || attempt == 1000) throw_system_error("create", path_);
  }
}

FileWriter::~FileWriter() {
  if (descriptor_ >= 0) files_.close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void FileWriter::write(std::span<const std::byte> bytes) {
  check_internal(descriptor_ >= 0, "a file was written to after its commit");
  while (!bytes.empty()) {
    const ssize_t written = files_.write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), 1 << 30));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throw_system_error("write", path_);
    if (written == 0) throw_system_error("write", path_, EIO);  // Rather than try for ever.
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void FileWriter::commit() {
  check_internal(descriptor_ >= 0, "a file was committed twice");
  if (files_.fsync(descriptor_) != 0) throw_system_error("sync", path_);
  // The descriptor is gone whatever close says.
  if (files_.close(std::exchange(descriptor_, -1)) != 0) throw_system_error("close", path_);
  if (files_.rename(temporary_.c_str(), path_.c_str()) != 0) throw_system_error("rename to", path_);
  temporary_.clear();
  const fs::path folder = path_.parent_path();
  sync_path(folder.empty() ? fs::path(".") : folder, files_);
}

void write_file(const fs::path& path, std::span<const std::byte> bytes, const FileSystem& files) {
  FileWriter out(path, files);
  out.write(bytes);
  out.commit();
}

void write_file(const fs::path& path, std::string_view text, const FileSystem& files) {
  write_file(path, std::as_bytes(std::span(text)), files);
}

void sync_path(const fs::path& path, const FileSystem& files) {
  const int descriptor = files.open(path.c_str(), O_RDONLY | O_CLOEXEC, 0);
  if (descriptor < 0) throw_system_error("open", path);
  const int status = files.fsync(descriptor);
  const int number = errno;
  files.close(descriptor);
  // Some file systems cannot sync a folder and say EINVAL; there is nothing better to do for them.
  if (status != 0 && number != EINVAL) throw_system_error("sync", path, number);
}

TemporaryFolder::TemporaryFolder(std::string_view prefix) {
  std::error_code error;
  const fs::path base = fs::temp_directory_path(error);
  std::string name = ((error ? fs::path("/tmp") : base) / fmt::format("{}-XXXXXX", prefix)).string();
  if (!::mkdtemp(name.data())) throw_system_error("create", name);
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

}  // namespace uwaga
