// What a host program executes: steps over storages.
//
// A storage is one stored value: an input, a slot, an output of the run, a block of the arena, a table of constants, or, in a
// body of scan or cond, memory its parent hands in. Steps that write slots come after all that can fail, so that a run which
// fails has changed nothing.
#pragma once

#include <memory>
#include <variant>
#include <vector>

#include <uwaga/codegen/schedule.h>
#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/compiled/internal/memory_plan.h>

namespace uwaga {

struct Storage {
  enum class Kind : std::uint8_t { input, slot, output, arena, constant };
  Kind kind = Kind::arena;
  int index = 0;       // of the input, the slot, the output, the arena block, or the constant
  Value value;         // kTemporary: a kernel's temporary, or a loop's own memory
  DType dtype = DType::f32;
  Extent elements;
  std::int64_t parts = 1;  // that `elements` are divided by: see Temporary
};

struct Executable;

struct Launch {
  int kernel = 0;  // of the program's distinct kernels
  std::vector<int> buffers;  // storages
  std::vector<Binding> arguments;
  int cluster = 0;
  std::vector<NodeId> nodes;  // by ordinal: what it computes of the graph
  int together = 1;  // it and launches behind it that run at once; theirs is 1
};

struct Copy {
  int from = 0, to = 0;
  Extent offset;  // in `to`, in elements
  std::int64_t pieces = 1, pitch = 0;  // of equal length, each so many elements behind the one before in `to`
};

// One scan: the body runs once an index, its inputs and outputs pointed at carries, slices and constants.
struct ScanRun {
  std::shared_ptr<Executable> body;
  Extent length;
  bool reverse = false;
  std::vector<int> initial, last;             // carries, before and after: storages
  std::vector<std::array<int, 2>> turns;      // and in between, by parity
  std::vector<int> slices, constants, stacks;
  int index = 0;                              // storage of the i64 index
  int arena = 0;                              // storage of the body's own arena
};

struct CondRun {
  int condition = 0;
  std::array<std::shared_ptr<Executable>, 2> bodies;  // else, then
  std::vector<int> inputs, outputs;
  int arena = 0;
};

using Step = std::variant<Launch, Copy, ScanRun, CondRun>;

struct Executable {
  Graph graph;
  Clustering clustering;
  Layouts layouts;
  std::vector<Storage> storages;
  std::vector<Step> steps;
  std::vector<Lifetime> blocks;     // of the arena
  std::vector<std::string> slots;   // paths, by slot index
  std::vector<Array> constants;     // tables of the program, by constant index
  std::size_t first_commit = ~std::size_t{0};  // steps from here on write slots, and cannot fail
};

// Kernels of a program, each once.
class KernelSet {
 public:
  int add(kernel::Kernel kernel);
  const std::vector<kernel::Kernel>& kernels() const { return kernels_; }
  const std::vector<std::string>& code_hashes() const { return code_hashes_; }

 private:
  std::vector<kernel::Kernel> kernels_;
  std::vector<std::string> code_hashes_;
  std::map<std::string, int> known_;
};

class Backend;
// `is_body`: inputs and outputs are handed in by a parent, and there are no slots. `in_place` false: every update is copied into
// its slot after all kernels have run.
std::shared_ptr<Executable> build_executable(const Graph& graph, const Backend& backend, KernelSet& kernels, bool is_body,
                                             double* fuse_milliseconds, double* schedule_milliseconds, bool in_place = true);

}  // namespace uwaga
