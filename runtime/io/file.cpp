#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/runtime/io/detail/system_error.h>
#include <uwaga/runtime/io/file.h>

#include <algorithm>
#include <array>
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

// The file that a path means: symbolic links are followed, also to a file that is not there yet.
fs::path behind_links(fs::path path) {
  std::error_code error;
  for (int links = 0; fs::is_symlink(fs::symlink_status(path, error)); ++links) {
    if (links == 40) throw_system_error("write", path, ELOOP);  // as many as the kernel follows
    const fs::path target = fs::read_symlink(path, error);
    if (error) throw_system_error("read", path, error.value());
    path = path.parent_path() / target;  // an absolute one alone
  }
  return path;
}

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
  // Files of /proc and pipes say 0 and hold more, and a file may grow while it is read: read until the end says so. The end is
  // looked for outside of the text, which grows only where there is more.
  for (std::array<char, 4096> beyond;;) {
    const bool full = filled == text.size();
    const std::size_t got = full ? in.read(beyond.data(), beyond.size()) : in.read(text.data() + filled, text.size() - filled);
    if (got == 0) break;
    if (got > limit - filled) throw_too_big(path, limit);
    if (full) {
      try {
        text.resize(std::max(2 * filled, beyond.size()));
      } catch (const std::exception&) {
        throw SystemError(fmt::format("cannot read {}: there is no memory for more than {} bytes", path.string(), filled));
      }
      std::copy_n(beyond.data(), got, text.data() + filled);
    }
    filled += got;
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
  struct stat status;
  const bool exists = ::stat(path_.c_str(), &status) == 0;
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = files_.open(path_.c_str(), O_WRONLY | O_CLOEXEC, 0);
    if (descriptor_ < 0) throw_system_error("write", path_);
    return;
  }
  path_ = behind_links(std::move(path_));
  const fs::path folder = path_.parent_path();
  const mode_t mode = exists ? status.st_mode & 0777 : 0666;
  for (int attempt = 0;; ++attempt) {
    temporary_ = folder / fmt::format(".{}.{}-{}.tmp", path_.filename().string(), ::getpid(), attempt);
    descriptor_ = files_.open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (descriptor_ >= 0) break;
    if (errno != EEXIST || attempt == 1000) throw_system_error("create", path_);
  }
  // The mask took away what the file may have had; where a file system refuses, the new file is the stricter one.
  if (exists) ::fchmod(descriptor_, mode);
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
  const bool in_place = temporary_.empty();
  // A pipe or a terminal has nothing to sync, and says EINVAL.
  if (files_.fsync(descriptor_) != 0 && !(in_place && errno == EINVAL)) throw_system_error("sync", path_);
  // The descriptor is gone whatever close says.
  if (files_.close(std::exchange(descriptor_, -1)) != 0) throw_system_error("close", path_);
  if (in_place) return;
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
