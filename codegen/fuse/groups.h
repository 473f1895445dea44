// Groups: clusters while they grow, and the rules by which two may become one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/fuse/reads.h>

namespace uwaga {

// Axes as a set: sorted by name.
using Space = Dims;
Space space_of(const Type& type);
std::string str(const Space& space);

// How a reduction runs: along rows that lie in one piece, down columns, or over everything.
enum class Sweep : std::uint8_t { none, row, column, full };

struct Group {
  ClusterKind kind = ClusterKind::loop;
  Space space;                // what is iterated over: of a contraction, the axes of its result
  AxisNames over;             // what its reductions reduce, in the order of their terms
  Sweep sweep = Sweep::none;
  std::vector<NodeId> nodes;  // real ones
  Space rows() const;         // `space` without `over`
};

Group group_of(const GraphData& graph, NodeId id);

// Why two groups stay two. The numbers are written only where somebody will read them.
struct Refusal {
  const char* rule;
  std::string numbers;
};

// Can `reader`, which holds a node that reads `read` from `from`, become one with it? The rules but for cycles and for what
// else reads the value. On success `joined` is the union (but for its nodes). `tell`: with the numbers.
std::optional<Refusal> refuse(const GraphData& graph, const Reads& reads, const Group& from, const Read& read, const Group& reader,
                              Group& joined, bool tell);

}  // namespace uwaga
