// A dot as a batch of matrix products, for the schedules of contractions on every target.
//
// C[m, n] = sum over k of A[m, k] * B[k, n]: m runs over the axes only one operand has, n over those only the other has, k over
// the contracted ones in the order the dot names them, and a batch over what both share. Which operand plays A is chosen
// so that n ends in the axis that is fastest in the result.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/loops.h>

namespace uwaga::schedule {

// Terms of one fma chain; part of the meaning of a sum (contracts, section 3).
inline constexpr std::int64_t kBlock = 512;
// Sums of a dtype in a vector. Of bytes no more than of words: squares of them that are turned over would take a compiler ten seconds.
int lanes_of_sums(const HostTarget& target, DType dtype);

struct Roles {
  NodeId node = 0;
  kernel::Ordinal ordinal = 0;
  Value a, b;                          // operands of the dot, possibly exchanged
  AxisNames batch, rows, columns, over;
};

// InternalError unless the cluster has exactly one dot.
Roles find_roles(const GraphData& graph, const Cluster& cluster, const Layouts& layouts);

// What its terms are summed in.
DType sums_in(const GraphData& graph, const Roles& roles);

bool contains(const AxisNames& names, const std::string& name);
Extent product(const Type& type, const AxisNames& axes);

// A flat index over `axes`, the last the fastest, as one index an axis.
void spread_flat(kernel::Inline& x, kernel::IndexEnv& env, const AxisNames& axes, const Type& type, kernel::Index flat);

// The stored value behind an operand, if it is nothing but that under other names; the names are mapped along.
struct StoredOperand {
  Value stored;
  std::map<std::string, std::string> names;  // operand's axis -> stored axis
};
std::optional<StoredOperand> stored_operand(const kernel::Inline& x, Value operand);
// The stored value that an operand is computed from element by element, the first over all its axes: as it lies, the operand
// is best read.
std::optional<StoredOperand> leading_operand(const kernel::Inline& x, Value operand);
// The stored value that an operand is read from in place: of this dtype, its terms one after the other in the order of `over`.
std::optional<StoredOperand> operand_in_line(const kernel::Inline& x, Value operand, const AxisNames& over, DType dtype);
// Where the operand's element of `env` is, and where the terms of that row begin.
kernel::Ex element_of(kernel::Inline& x, const StoredOperand& operand, const kernel::IndexEnv& env);
kernel::Ex first_term_of(kernel::Inline& x, const StoredOperand& operand, const AxisNames& over, const kernel::IndexEnv& env);
// The lines of `length` elements from where `env` points come closer.
void fetch(kernel::Inline& x, const StoredOperand& operand, const kernel::IndexEnv& env, std::int64_t length);

// The axes of each role as few indices: neighbours become one index where they lie in one piece in everything stored that
// has them, and nothing maps them.
struct RoleAxes {
  std::vector<LoopAxis> batch, rows, columns, over;
};
RoleAxes collapse_roles(const kernel::Inline& x, const Roles& roles);

// Makes the vectors of a square, whose rows they are, its columns.
void turn_over(kernel::KernelBuilder& b, std::vector<kernel::Ex>& square);
// The same from the `size` rows that row(i) makes to column(i, vector).
void turn_over(kernel::KernelBuilder& b, std::int64_t size, const std::function<kernel::Ex(std::int64_t)>& row,
               const std::function<void(std::int64_t, kernel::Ex)>& column);

// Are both operands bf16 that the target multiplies as they are, in pairs or in tiles of them?
bool multiplied_in_pairs(const GraphData& graph, const Roles& roles, DType sums, const HostTarget& target);

// A bf16 and 0, as an i32 for dot_pairs.
kernel::Ex pair_with_zero(kernel::KernelBuilder& b, kernel::Ex x);

// Where the values of the cluster after the dot lie, given where the dot's own does: axis ops walked forwards.
std::map<Value, kernel::IndexEnv> epilogue_envs(kernel::Inline& x, NodeId dot, const kernel::IndexEnv& at);

// Stores the cluster's outputs where the dot's result `at` has this sum, rounded to its dtype; where values lie then: epilogue_envs.
std::map<Value, kernel::IndexEnv> finish_dot(kernel::Inline& x, NodeId dot, const kernel::IndexEnv& at, kernel::Ex sum);

// What lies in memory as large as the dot's result and is read or written by the ops after it, at the indices that go with
// `envs`, which epilogue_envs gave.
struct Placed {
  Value stored;
  kernel::IndexEnv at;
};
std::vector<Placed> epilogue_streams(const kernel::Inline& x, NodeId dot, const std::map<Value, kernel::IndexEnv>& envs);

}  // namespace uwaga::schedule
