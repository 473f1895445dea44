// An executable with its sizes bound: what a run needs to know before its first launch.
//
// What depends on sizes is found once, when a program is compiled, and each extent is then evaluated once a binding: a decoder has
// new sizes with every token.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include <uwaga/runtime/compiled/internal/executable.h>

namespace uwaga {

// What a launch needs once sizes are known.
struct BoundLaunch {
  std::size_t first = 0, count = 0;  // of its arguments, among those of the executable
  std::int64_t tasks = 0;
};

struct BoundExecutable {
  Placement placement;
  std::vector<std::int64_t> bytes;       // by storage
  std::vector<BoundLaunch> launches;     // by step; empty for other steps
  std::vector<std::uint64_t> arguments;  // of all launches
  std::vector<std::int64_t> lengths;     // by step: of scans
  std::vector<std::int64_t> offsets;     // by step: of copies, in bytes
  std::map<std::size_t, std::vector<BoundExecutable>> bodies;  // by step
  std::int64_t scratch_bytes = 0;        // of one worker

  std::span<const std::uint64_t> arguments_of(const BoundLaunch& launch) const {
    return std::span(arguments).subspan(launch.first, launch.count);
  }
};

class Binder {
 public:
  // Of the executable and its bodies; both arguments must live as long as the binder does.
  Binder(const Executable& executable, const std::vector<kernel::Kernel>& kernels);

  // Throws Error where a size has no value, or is none that the graph can have (check_sizes).
  BoundExecutable bind(const Sizes& sizes) const;

 private:
  // Element `at` of what is bound is extent number `extent`, times `unit`.
  struct Open {
    std::size_t at = 0, extent = 0;
    std::int64_t unit = 1, parts = 1;
  };
  struct OpenArgument {
    std::size_t at = 0, extent = 0;
    DType dtype = DType::i64;
  };
  // The value of an extent that is constant; of another one a note in `open`.
  std::int64_t value_of(const Extent& extent, std::int64_t unit, std::size_t at, std::vector<Open>& open, std::int64_t parts = 1);
  std::size_t number_of(const Extent& extent);
  void add_launch(std::size_t step, const Launch& launch);
  void size_launch(std::size_t step, BoundExecutable& bound) const;

  const Executable& executable_;
  const std::vector<kernel::Kernel>& kernels_;
  BoundExecutable constant_;     // with all that no size decides
  std::map<Extent, std::size_t> extents_;  // the others, each once, and their numbers
  std::vector<NodeId> checked_;
  std::vector<Open> bytes_, lengths_, offsets_;
  std::vector<OpenArgument> arguments_;
  std::vector<std::size_t> launches_;  // steps whose tasks or scratch depend on an open argument
  bool moves_ = false;           // Does the memory plan depend on sizes?
  std::map<std::size_t, std::vector<Binder>> bodies_;  // by step
};

}  // namespace uwaga
