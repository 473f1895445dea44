// Groups: clusters while they grow, and the rules by which two may become one.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/reads.h>

namespace uwaga {

// Axes as a set: sorted by name.
using Space = Dims;
Space space_of(const Type& type);
// The spaces of many types, each list of dims sorted once: equal ones are then mostly one list, and told so at a glance.
class Spaces {
 public:
  const Space& of(const Type& type);

 private:
  std::unordered_map<const Dim*, std::pair<Dims, Space>> known_;  // by the list, which is kept
};
std::string str(const Space& space);

// How a reduction runs: along rows that lie in one piece, down columns, or over everything.
enum class Sweep : std::uint8_t { none, row, column, full };

struct Group {
  ClusterKind kind = ClusterKind::loop;
  Space space;                // what is iterated over: of a contraction, the axes of its result
  AxisNames over;             // what its reductions reduce, in the order of their terms
  Sweep sweep = Sweep::none;
  AxisNames columns;          // beside reductions along rows: what others reduce down the columns of the same space
  std::vector<NodeId> nodes;  // real ones
  Space rows() const;         // `space` without `over`
};

Group group_of(const GraphData& graph, NodeId id);
Group group_of(const GraphData& graph, NodeId id, Spaces& spaces);

// A reduction with a loop of its own, or a dot.
bool is_sum(const GraphData& graph, NodeId id);

// Why a value is stored, or two neighbours stay two: the rule that failed. What it was compared with is told beside it.
enum class Reason : std::uint8_t {
  output,              // of the program
  update,              // new value of a state slot
  own_kernel,          // scan, scatter_add, ...: an op with a kernel of its own
  two_contractions,
  costly_prologue,     // more operations on a contraction's operand than are worth doing again
  reduction_beside_contraction,
  other_elements,      // a contraction's result read by other axes or repeated
  left_epilogue,       // of an epilogue, computed where it is read from what is stored anyway
  scattered,           // read in another order or more than once
  mapped_reduction,    // indices are mapped after a reduction
  repeated,            // would be computed again for every repeat
  spaces,              // iteration spaces differ
  full_ends,           // a reduction over everything ends its kernel
  columns_end,         // a reduction down columns ends its kernel
  axes,                // reduction axes differ
  full_of_others,      // reductions over everything of different tensors
  mapped_border,       // stored for the program's border, so read from there
  mapped_readers,      // read by others in another order
  too_many,            // stored values for one pass
  cycle,               // another path leads from one to the other
};
inline constexpr int kReasons = static_cast<int>(Reason::cycle) + 1;
// The rule in words: Boundary::rule.
std::string_view words(Reason reason);

// Why two groups stay two.
struct Refusal {
  Reason reason;
  std::string numbers;
};

// Can `reader`, which holds a node that reads `read` from `from`, become one with it? The rules but for cycles and for what
// else reads the value. On success `joined` is the union (but for its nodes). `tell`: refusals have their numbers.
std::optional<Refusal> refuse(const GraphData& graph, const Reads& reads, const Group& from, const Read& read, const Group& reader,
                              Group& joined, bool tell);

// May the sums down columns that are all of `sums` be computed by the kernel of `rows`, which reduces along the rows of the same
// space? It keeps an accumulator for each element of a row, so a row's length must be known when it is compiled, and not be long.
bool sums_fit_beside(const GraphData& graph, const Group& sums, const Group& rows);

}  // namespace uwaga
