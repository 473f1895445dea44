#include "tools/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/train/run_record.h>

#include <cerrno>
#include <iostream>
#include <utility>

namespace uwaga {

namespace fs = std::filesystem;

RunFolder::RunFolder(const fs::path& path, Found found) : path_(path), found_(found) {
  const std::vector<Checkpoint> there = CheckpointDirectory(path).list();
  if (!there.empty() && found == Found::refused)
    throw Error(fmt::format("{} holds a run of {} steps; --resume goes on with it, --overwrite replaces it", path.string(), there.back().step));
  // Not the lock of checkpoints, which is taken for each. Where it cannot be opened, saving says why.
  lock_ = ::open((path / ".training").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0 || ::flock(lock_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
  ::close(lock_);
  throw Error(fmt::format("another process is training in {}", path.string()));
}

RunFolder::~RunFolder() {
  if (lock_ >= 0) ::close(lock_);
}

void RunFolder::make_room() const {
  if (found_ != Found::replaced) return;
  for (const Checkpoint& c : CheckpointDirectory(path_).list()) {
    std::error_code error;
    fs::remove_all(c.folder, error);
    if (error) throw SystemError(fmt::format("cannot remove {}: {}", c.folder, error.message()));
  }
}

Checkpoint find_checkpoint(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw Error(fmt::format("there is no folder {}", folder.string()));
  if (fs::exists(folder / "run.json")) {
    const Checkpoint one{.step = read_run(folder.string()).step, .folder = folder.string()};
    if (const auto defect = CheckpointDirectory::defect(one))
      throw Error(fmt::format("the checkpoint {} cannot be used: {}", folder.string(), *defect));
    return one;
  }
  CheckpointDirectory::Latest latest = CheckpointDirectory(folder).latest();
  if (latest.checkpoint) {
    for (const std::string& why : latest.rejected) std::cerr << fmt::format("passed over {}\n", why);
    return *std::move(latest.checkpoint);
  }
  throw Error(latest.rejected.empty() ? fmt::format("there is no checkpoint in {}", folder.string())
                                      : fmt::format("no checkpoint in {} can be used: {}", folder.string(), latest.rejected[0]));
}

}  // namespace uwaga
