// A folder of checkpoints that survives kill -9, power cuts and full disks.
//
//   CheckpointDirectory checkpoints("runs/gpt");
//   checkpoints.commit(step, [&](const std::filesystem::path& folder) {
//     write_safetensors(folder / "state.safetensors", ...);
//   });
//   if (auto found = checkpoints.latest().checkpoint) resume(found->folder, found->step);
//
// `commit` lets the caller write plain files into a temporary folder, makes them durable, adds a manifest with the size
// and SHA-256 of each, and renames the folder into place: a checkpoint is there entirely or not at all. The two newest
// that verify are kept, and what lies between them. `latest` gives the newest whose manifest and files verify, and says
// why newer ones were passed over.
//
// One process commits at a time (a lock file; a second one gets SystemError); any number may read. Folders are named
// by a sequence number, then the step, so going back to an earlier step and committing it again is fine.
// A failing commit throws SystemError (or what the caller's function threw) and leaves the old checkpoints as they
// were.
#pragma once

#include <uwaga/runtime/io/checkpoint.h>
#include <uwaga/runtime/io/file_system.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace uwaga {

class CheckpointDirectory {
 public:
  static constexpr int kKept = 2;
  static constexpr int kFormatVersion = 1;

  // Makes the folder where it is missing. Throws SystemError.
  explicit CheckpointDirectory(std::filesystem::path path, const FileSystem& files = real_files());

  // `write` gets an empty folder and puts plain files into it, no folders; "manifest.json" is taken.
  // Throws Error for a negative step.
  Checkpoint commit(std::int64_t step, const std::function<void(const std::filesystem::path& folder)>& write);

  struct Latest {
    std::optional<Checkpoint> checkpoint;
    std::vector<std::string> rejected;  // One sentence for each newer checkpoint that did not verify.
  };
  Latest latest() const;

  // What is there by name, oldest first; nothing is verified.
  std::vector<Checkpoint> list() const;

  // Why the checkpoint cannot be used; nullopt where it verifies.
  static std::optional<std::string> defect(const Checkpoint& checkpoint);

 private:
  void remove_stale() const;
  void remove_old() const;

  std::filesystem::path path_;
  const FileSystem& files_;
};

}  // namespace uwaga
