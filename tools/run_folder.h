// Folders of `uwaga train`: the one that a run writes, and those that are read.
//
//   RunFolder folder("runs/gpt", RunFolder::Found::refused);   // held until it goes
//   const Checkpoint newest = find_checkpoint("runs/gpt");     // or "runs/gpt/00000005-step-0000001000"
#pragma once

#include <uwaga/runtime/io/checkpoint.h>

#include <filesystem>
#include <string>

namespace uwaga {

// --out, for one run at a time: a lock file that the system lets go of when the process ends.
class RunFolder {
 public:
  // What becomes of a run that is there.
  enum class Found { refused, resumed, replaced };
  // Makes the folder. Throws Error where there is a run and it is refused, and where another process trains there; SystemError.
  RunFolder(const std::filesystem::path& path, Found found);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  // Removes the checkpoints that are there, if they are to be replaced.
  void make_room() const;

 private:
  std::filesystem::path path_;
  Found found_;
  int lock_;
};

// The newest checkpoint that verifies of a run's folder, or the folder as one checkpoint. Says on standard error which were
// passed over. Throws Error where there is none.
Checkpoint find_checkpoint(const std::filesystem::path& folder);

}  // namespace uwaga
