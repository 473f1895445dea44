// Compiled kernels kept on disk between runs.
//
//   const KernelCache cache = KernelCache::standard();
//   if (auto object = cache.load(key)) return *object;       // key: lower-case hexadecimal digits, a hash
//   ...compile...
//   cache.store(key, object);
//
// It is a cache: no function throws, and whatever is wrong with the folder or an entry is a miss. Any number of
// processes and threads may use one folder. An entry holds the SHA-256 of its key and bytes; one that does not verify
// is removed. Entries appear by rename, so a half-written one is never seen. Above `limit` bytes the entries used
// longest ago go.
//
// The entries are code that will be run, so the folder must belong to this user, be no symbolic link, and be closed to
// everybody else (it is made with mode 0700); otherwise the cache is off and `why_off` says so.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace uwaga {

class KernelCache {
 public:
  static constexpr std::uint64_t kDefaultLimit = std::uint64_t{512} << 20;

  // $UWAGA_CACHE, else $XDG_CACHE_HOME/uwaga, else ~/.cache/uwaga; off with UWAGA_CACHE=off, and "on" is as if it were not set.
  static KernelCache standard();

  // The folder `standard` uses; nullopt where the cache is switched off or there is no home.
  static std::optional<std::filesystem::path> standard_folder();

  explicit KernelCache(const std::filesystem::path& folder, std::uint64_t limit = kDefaultLimit);

  // nullopt: not there, or not usable.
  std::optional<std::string> load(std::string_view key) const;

  // Keeps `bytes` under `key`, replacing what was there; nothing where that fails or exceeds the limit alone.
  void store(std::string_view key, std::span<const std::byte> bytes) const;
  void store(std::string_view key, std::string_view bytes) const { store(key, std::as_bytes(std::span(bytes))); }

  bool on() const { return folder_ != nullptr; }
  const std::string& why_off() const { return why_off_; }

 private:
  struct Folder;
  KernelCache() = default;
  // Opens the folder, or says why not.
  std::string open(const std::filesystem::path& folder, std::uint64_t limit);

  std::shared_ptr<Folder> folder_;  // Null: the cache is off.
  std::string why_off_;
};

}  // namespace uwaga
