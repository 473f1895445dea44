#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/detail/system_error.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>
#include <uwaga/runtime/text/quote.h>

#include <algorithm>
#include <charconv>
#include <limits>

namespace uwaga {

namespace fs = std::filesystem;
using detail::Json;
using detail::throw_system_error;

namespace {

constexpr char kManifest[] = "manifest.json";
constexpr char kTemporaryPrefix[] = ".tmp-";
constexpr char kFormat[] = "uwaga checkpoint";
constexpr std::uint64_t kMaxManifest = 16 << 20;
constexpr int kTries = 20;  // to find one that stays
constexpr std::int64_t kLastSequence = std::numeric_limits<std::int64_t>::max() - 1;

// Holds the folder's lock file for the length of a commit; the kernel lets go of it when the process dies.
class Lock {
 public:
  explicit Lock(const fs::path& folder) {
    const fs::path path = folder / ".lock";
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw_system_error("open", path);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
    const int number = errno;
    ::close(descriptor_);
    if (number != EWOULDBLOCK) throw_system_error("lock", path, number);
    throw SystemError(fmt::format("cannot commit to {}: another process is committing to it", folder.string()));
  }
  ~Lock() { ::close(descriptor_); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  int descriptor_;
};

// "00000007-step-0000012000" as its numbers.
std::optional<Checkpoint> parse_name(const fs::path& folder) {
  const std::string name = folder.filename().string();
  Checkpoint found;
  found.folder = folder;
  const char* const end = name.data() + name.size();
  const auto first = std::from_chars(name.data(), end, found.sequence);
  constexpr std::string_view kMiddle = "-step-";
  if (first.ec != std::errc() || !std::string_view(first.ptr, end - first.ptr).starts_with(kMiddle))
    return std::nullopt;
  const auto second = std::from_chars(first.ptr + kMiddle.size(), end, found.step);
  if (second.ec != std::errc() || second.ptr != end || found.sequence < 1 || found.sequence > kLastSequence || found.step < 0)
    return std::nullopt;
  return found;
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> paths;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    paths.push_back(it->path());
  if (error) throw_system_error("list", folder, error.value());
  std::sort(paths.begin(), paths.end());
  return paths;
}

void remove_folder(const fs::path& path) {
  // Best effort: what stays is tried again at the next commit.
  std::error_code ignored;
  fs::remove_all(path, ignored);
}

// Makes every file durable and describes it.
Json describe_files(const fs::path& folder, const FileSystem& files) {
  Json list = Json::array();
  for (const fs::path& path : entries(folder)) {
    const std::string name = path.filename().string();
    std::error_code error;
    if (!fs::is_regular_file(fs::symlink_status(path, error)) || name == kManifest)
      throw Error(
          fmt::format("a checkpoint holds plain files other than {}, and {} was put into it", kManifest, quote(name)));
    sync_path(path, files);
    const auto bytes = fs::file_size(path, error);
    if (error) throw_system_error("read", path, error.value());
    list.push_back({{"name", name}, {"bytes", bytes}, {"sha256", sha256_file(path)}});
  }
  return list;
}

void verify_file(const fs::path& folder, const Json& entry) {
  const std::string& name = detail::json_string(detail::json_member(entry, "name", kManifest), kManifest);
  if (name.empty() || name == ".." || name.find('/') != name.npos)
    throw Error(fmt::format("{} names {}", kManifest, quote(name)));
  const auto bytes = detail::json_integer(detail::json_member(entry, "bytes", kManifest), kManifest);
  const auto& digest = detail::json_string(detail::json_member(entry, "sha256", kManifest), kManifest);
  const fs::path path = folder / name;
  std::error_code error;
  const auto actual = fs::file_size(path, error);
  if (error) throw SystemError(fmt::format("cannot read {}: {}", name, error.message()));
  if (actual != static_cast<std::uint64_t>(bytes))
    throw Error(fmt::format("{} has {} bytes instead of {}", name, actual, bytes));
  if (sha256_file(path) != digest) throw Error(fmt::format("{} has changed since it was written", name));
}

void verify(const Checkpoint& checkpoint) {
  const Json manifest = detail::parse_json(read_file(fs::path(checkpoint.folder) / kManifest, kMaxManifest), kManifest);
  if (detail::json_string(detail::json_member(manifest, "format", kManifest), kManifest) != kFormat)
    throw Error(fmt::format("{} is not one of a checkpoint", kManifest));
  const auto version = detail::json_integer(detail::json_member(manifest, "version", kManifest), kManifest);
  if (version != CheckpointDirectory::kFormatVersion)
    throw Error(fmt::format("its format version is {} and this program reads {}", version,
                            CheckpointDirectory::kFormatVersion));
  const auto step = detail::json_integer(detail::json_member(manifest, "step", kManifest), kManifest);
  if (step != checkpoint.step) throw Error(fmt::format("{} says step {}", kManifest, step));
  const Json& files = detail::json_member(manifest, "files", kManifest);
  if (!files.is_array()) throw Error(fmt::format("{}: files is not a list", kManifest));
  for (const Json& entry : files) verify_file(checkpoint.folder, entry);
}

}  // namespace

CheckpointDirectory::CheckpointDirectory(fs::path path, const FileSystem& files)
    : path_(std::move(path)), files_(files) {
  std::error_code error;
  fs::create_directories(path_, error);
  if (error) throw_system_error("create", path_, error.value());
}

Checkpoint CheckpointDirectory::commit(std::int64_t step, const std::function<void(const fs::path&)>& write) {
  if (step < 0) throw Error(fmt::format("a checkpoint of step {}: steps count from 0", step));
  const Lock lock(path_);
  remove_stale();
  const auto existing = list();
  if (!existing.empty() && existing.back().sequence == kLastSequence)
    throw Error(fmt::format("cannot commit to {}: there is no number after that of {}", path_.string(), existing.back().folder));
  Checkpoint made;
  made.sequence = existing.empty() ? 1 : existing.back().sequence + 1;
  made.step = step;
  const std::string name = fmt::format("{:08}-step-{:010}", made.sequence, step);
  made.folder = path_ / name;
  const fs::path temporary = path_ / (kTemporaryPrefix + name);
  if (files_.mkdir(temporary.c_str(), 0777) != 0) throw_system_error("create", temporary);
  try {
    write(temporary);
    const Json manifest = {
        {"format", kFormat}, {"version", kFormatVersion}, {"step", step}, {"files", describe_files(temporary, files_)}};
    write_file(temporary / kManifest, detail::json_text(manifest, kManifest, 1) + "\n", files_);
    sync_path(temporary, files_);
    if (files_.rename(temporary.c_str(), made.folder.c_str()) != 0) throw_system_error("rename to", made.folder);
  } catch (...) {
    remove_folder(temporary);
    throw;
  }
  // From here on the checkpoint is there; the old ones go only once its name is durable.
  sync_path(path_, files_);
  remove_old();
  return made;
}

std::vector<Checkpoint> CheckpointDirectory::list() const {
  std::vector<Checkpoint> found;
  for (const fs::path& path : entries(path_))
    if (auto checkpoint = parse_name(path)) found.push_back(*std::move(checkpoint));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.sequence < b.sequence; });
  return found;
}

std::optional<std::string> CheckpointDirectory::defect(const Checkpoint& checkpoint) {
  try {
    verify(checkpoint);
    return std::nullopt;
  } catch (const Error& error) {
    return error.what();
  } catch (const SystemError& error) {
    return error.what();
  }
}

CheckpointDirectory::Latest CheckpointDirectory::latest() const {
  // A run that goes on removes the older ones while they are looked at: then there are newer ones.
  for (int tries = 0;; ++tries) {
    Latest result;
    bool gone = false;
    for (std::vector<Checkpoint> all = list(); !all.empty(); all.pop_back()) {
      const auto reason = defect(all.back());
      if (!reason) {
        result.checkpoint = std::move(all.back());
        return result;
      }
      if (!fs::exists(all.back().folder)) gone = true;
      else result.rejected.push_back(fmt::format("checkpoint {}: {}", all.back().folder, *reason));
    }
    if (!gone || tries == kTries) return result;
  }
}

// The lock is held, so nobody is writing what is temporary.
void CheckpointDirectory::remove_stale() const {
  for (const fs::path& path : entries(path_))
    if (path.filename().string().starts_with(kTemporaryPrefix)) remove_folder(path);
}

// The newest has just been written. What stands before it counts only where it verifies, so that a damaged one is not kept in
// place of the one that a run would fall back to.
void CheckpointDirectory::remove_old() const {
  const auto all = list();
  if (all.size() <= kKept) return;
  std::size_t first = all.size() - 1;  // that stays
  for (int good = 1; first > 0 && good < kKept;) good += !defect(all[--first]);
  for (std::size_t i = 0; i < first; ++i) {
    // Renamed first, so that a reader or a crash never sees half a checkpoint under a checkpoint's name.
    const fs::path doomed = path_ / (kTemporaryPrefix + fs::path(all[i].folder).filename().string());
    if (files_.rename(all[i].folder.c_str(), doomed.c_str()) == 0) remove_folder(doomed);
  }
}

}  // namespace uwaga
