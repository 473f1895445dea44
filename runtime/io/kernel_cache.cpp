#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/runtime/io/kernel_cache.h>
#include <uwaga/runtime/io/sha256.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <system_error>
#include <vector>

namespace uwaga {

namespace fs = std::filesystem;

namespace {

// An entry: magic, SHA-256 of key and bytes, bytes. The magic's last digit is the format's version.
constexpr std::string_view kMagic = "uwagakc1";
constexpr std::size_t kHeader = 8 + 32;
constexpr std::size_t kMaxKey = 128;
constexpr std::string_view kTemporary = "tmp-";
constexpr std::time_t kTemporaryLife = 3600;

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  explicit operator bool() const { return value_ >= 0; }
  int get() const { return value_; }

 private:
  int value_;
};

bool is_key(std::string_view key) {
  return !key.empty() && key.size() <= kMaxKey &&
         std::all_of(key.begin(), key.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Sha256::Digest digest_of(std::string_view key, std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.add(key);
  hash.add(std::string_view("\0", 1));  // Ends the key, so that no other key with other bytes hashes the same text.
  hash.add(bytes);
  return hash.digest();
}

bool read_all(int descriptor, char* into, std::size_t count) {
  while (count > 0) {
    const ssize_t got = ::read(descriptor, into, count);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into += got;
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

bool write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace

struct KernelCache::Folder {
  Descriptor descriptor;
  std::uint64_t limit;
  std::atomic<std::uint64_t> stored_since_scan;
  std::atomic<std::uint64_t> temporaries{0};

  // The first store looks at what earlier processes left.
  Folder(int d, std::uint64_t l) : descriptor(d), limit(l), stored_since_scan(l) {}

  // Removes the entries used longest ago until nine tenths of the limit are left, and temporaries nobody finished.
  void shrink() {
    struct Entry {
      std::string name;
      timespec used;
      std::uint64_t bytes;
    };
    const int copy = ::openat(descriptor.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* listing = copy < 0 ? nullptr : ::fdopendir(copy);
    if (!listing) {
      if (copy >= 0) ::close(copy);
      return;
    }
    std::vector<Entry> entries;
    std::uint64_t total = 0;
    while (const dirent* item = ::readdir(listing)) {
      const std::string_view name = item->d_name;
      struct stat status;
      if (::fstatat(descriptor.get(), item->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(status.st_mode))
        continue;
      if (name.starts_with(kTemporary)) {
        if (std::time(nullptr) - status.st_mtim.tv_sec > kTemporaryLife) ::unlinkat(descriptor.get(), item->d_name, 0);
      } else if (is_key(name)) {
        entries.push_back({std::string(name), status.st_mtim, static_cast<std::uint64_t>(status.st_size)});
        total += entries.back().bytes;
      }
    }
    ::closedir(listing);
    if (total <= limit) return;
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.used.tv_sec, a.used.tv_nsec) < std::pair(b.used.tv_sec, b.used.tv_nsec);
    });
    for (const Entry& entry : entries) {
      if (total <= limit / 10 * 9) break;
      if (::unlinkat(descriptor.get(), entry.name.c_str(), 0) == 0 || errno == ENOENT) total -= entry.bytes;
    }
  }
};

std::optional<fs::path> KernelCache::standard_folder() {
  const auto variable = [](const char* name) -> std::string_view {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const auto folder = variable("UWAGA_CACHE"); !folder.empty() && folder != "on") {
    if (folder == "off") return std::nullopt;
    return fs::path(folder);
  }
  // The XDG base directory specification: a relative path is invalid and is ignored.
  if (const auto folder = variable("XDG_CACHE_HOME"); folder.starts_with('/')) return fs::path(folder) / "uwaga";
  if (const auto home = variable("HOME"); home.starts_with('/')) return fs::path(home) / ".cache" / "uwaga";
  return std::nullopt;
}

KernelCache KernelCache::standard() {
  if (const auto folder = standard_folder()) return KernelCache(*folder);
  KernelCache cache;
  cache.why_off_ = "the kernel cache is off: UWAGA_CACHE=off, or no home directory is known";
  return cache;
}

KernelCache::KernelCache(const fs::path& path, std::uint64_t limit) {
  // "cache/" is the folder "cache", and not one with no name inside it.
  const fs::path folder = path.has_filename() ? path : path.parent_path();
  const std::string reason = open(folder, limit);
  if (!reason.empty()) why_off_ = fmt::format("the kernel cache {} is off: {}", folder.string(), reason);
}

std::string KernelCache::open(const fs::path& folder, std::uint64_t limit) {
  const auto reason = [] { return std::generic_category().message(errno); };
  std::error_code ignored;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), ignored);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return reason();
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) {
    return errno == ELOOP || errno == ENOTDIR ? "it is not a folder, or a symbolic link to one" : reason();
  }
  auto opened = std::make_shared<Folder>(descriptor, limit);
  struct stat status;
  if (::fstat(descriptor, &status) != 0) return reason();
  if (status.st_uid != ::geteuid()) return "it belongs to another user";
  if ((status.st_mode & 077) != 0)
    return fmt::format("others have access to it (mode {:o} instead of 700)", status.st_mode & 0777);
  folder_ = std::move(opened);
  return {};
}

std::optional<std::string> KernelCache::load(std::string_view key) const {
  if (!folder_ || !is_key(key)) return std::nullopt;
  try {
    const std::string name(key);
    const int at = folder_->descriptor.get();
    const Descriptor file(::openat(at, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file) return std::nullopt;
    struct stat status;
    if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != ::geteuid())
      return std::nullopt;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    std::string bytes;
    bool good = size >= kHeader && size <= folder_->limit;
    if (good) {
      std::array<char, kHeader> header;
      good = read_all(file.get(), header.data(), header.size());
      bytes.resize(size - kHeader);
      good = good && read_all(file.get(), bytes.data(), bytes.size());
      good = good && std::string_view(header.data(), kMagic.size()) == kMagic;
      const auto digest = digest_of(key, std::as_bytes(std::span(bytes)));
      good = good && std::memcmp(header.data() + kMagic.size(), digest.data(), digest.size()) == 0;
    }
    if (!good) {
      ::unlinkat(at, name.c_str(), 0);
      return std::nullopt;
    }
    ::futimens(file.get(), nullptr);  // Used now.
    return bytes;
  } catch (...) {
    return std::nullopt;
  }
}

void KernelCache::store(std::string_view key, std::span<const std::byte> bytes) const {
  if (!folder_ || !is_key(key) || bytes.size() > folder_->limit || folder_->limit - bytes.size() < kHeader) return;
  try {
    const int at = folder_->descriptor.get();
    const std::string name(key);
    // The address tells two KernelCaches of one process apart.
    const std::string temporary =
        fmt::format("{}{}-{:x}-{}", kTemporary, ::getpid(), reinterpret_cast<std::uintptr_t>(folder_.get()),
                    folder_->temporaries.fetch_add(1));
    bool good = false;
    {
      const Descriptor file(
          ::openat(at, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
      if (!file) return;
      const auto digest = digest_of(key, bytes);
      good = write_all(file.get(), std::as_bytes(std::span(kMagic))) && write_all(file.get(), digest) &&
             write_all(file.get(), bytes);
    }
    // No fsync: a crash that loses the bytes is found by the digest.
    if (!good || ::renameat(at, temporary.c_str(), at, name.c_str()) != 0) {
      ::unlinkat(at, temporary.c_str(), 0);
      return;
    }
    const std::uint64_t since = folder_->stored_since_scan.fetch_add(bytes.size() + kHeader) + bytes.size() + kHeader;
    // A scan costs a stat an entry, so it waits until there is something to find.
    if (since > folder_->limit / 64) {
      folder_->stored_since_scan = 0;
      folder_->shrink();
    }
  } catch (...) {
  }
}

}  // namespace uwaga
