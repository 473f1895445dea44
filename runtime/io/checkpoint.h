// A checkpoint in a CheckpointDirectory (checkpoint_directory.h).
#pragma once

#include <cstdint>
#include <string>

namespace uwaga {

struct Checkpoint {
  std::int64_t sequence = 0;  // 1, 2, ... in the order of their commits.
  std::int64_t step = 0;
  std::string folder;
};

}  // namespace uwaga
