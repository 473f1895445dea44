// Loops over axes: which axes one index can walk, how rows divide into tasks, how a vector walks an axis.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include <uwaga/codegen/lower/inline.h>

namespace uwaga::schedule {

using kernel::Ex;
using kernel::Index;
using kernel::IndexEnv;
using kernel::Inline;
using kernel::KernelBuilder;

inline std::int64_t parts(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }
inline std::int64_t round_up(std::int64_t n, std::int64_t step) { return parts(n, step) * step; }

// Elements a task computes at least: below this the start of a task shows.
inline constexpr std::int64_t kTaskElements = 16384;

// Adjacent axes that one index walks: every stored value that has one of them has all, lying in one piece.
struct LoopAxis {
  AxisNames axes;  // the last the fastest
  Extent extent = 1;
};

// Axes whose indices some node of the cluster uses as numbers or maps.
std::set<std::string> touched_axes(const GraphData& graph, const Cluster& cluster);
// `order` as few indices, the last the fastest. Axes of one element are left out: see `unit_env`.
std::vector<LoopAxis> collapse(const GraphData& graph, const Cluster& cluster, const Layouts& layouts, const Type& space,
                               const AxisNames& order);
// The same, told what is stored in which order (as `stored_axes` gives it) and which axes are mapped.
std::vector<LoopAxis> join_neighbours(const Type& space, const AxisNames& order, const std::set<std::string>& touched,
                                      const std::vector<AxisNames>& stored);
// A value's axes as it lies, without those of one element, which keep no others apart; kGap, an axis of no one, where it is not dense.
AxisNames stored_axes(const GraphData& graph, const Layouts& layouts, Value v);
inline constexpr const char* kGap = "";
// Index 0 along every axis of `space`.
IndexEnv zero_env(KernelBuilder& b, const Type& space);
// Sets the index of a collapsed axis.
void set_index(IndexEnv& env, const LoopAxis& axis, const Index& index, KernelBuilder& b);
// Sets the indices of several from one flat index, row-major.
void set_flat(Inline& x, IndexEnv& env, const std::vector<LoopAxis>& axes, Index flat);

Extent product(const std::vector<LoopAxis>& axes);

// How a value lies in memory: its axes, the last the fastest.
AxisNames order_of(const GraphData& graph, const Layouts& layouts, Value v);

// Does something computed for each element take so long that a processor does not look far enough ahead to find the next vector
// meanwhile? Then two are computed at a time.
bool has_long_chains(const GraphData& graph, const std::vector<NodeId>& nodes, const HostTarget& target);
// Lanes of a vector, or of two, of the cluster's widest computing dtype; not more than the axis has elements, as a power of two.
int lanes_for(const GraphData& graph, const Cluster& cluster, const HostTarget& target, const Extent& axis);

// Calls body for each vector of [begin, end): whole ones in a loop, then at most one under a mask. `begin` is a multiple of
// `lanes`.
using VectorBody = std::function<void(const Index& i, Ex mask)>;
void vector_loop(Inline& x, Ex begin, Ex end, int lanes, const VectorBody& body);

// Writes `body`, which walks a flat index over `axes` in vectors: where the last of several is not known to be whole vectors, once
// for sizes with which it is, whose vectors lie in one piece each, and once for all others.
void in_whole_vectors(Inline& x, const std::vector<LoopAxis>& axes, int lanes, const std::function<void()>& body);

// Computes now what the loops over `inner` (axes) use and do not change: values over other axes read by nodes over these.
// `known` says whether a value can be computed already.
void hoist_rows(Inline& x, const IndexEnv& env, const Type& space, const std::set<std::string>& inner,
                const std::function<bool(Value)>& known);

// One row after another of a task: rows [task * per, ...) below `rows`; `per` rows make kTaskElements of `row` elements.
void row_tasks(Inline& x, const std::vector<LoopAxis>& rows, const Extent& row, IndexEnv env,
               const std::function<void(const IndexEnv&)>& body);

}  // namespace uwaga::schedule
