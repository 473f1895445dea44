// The functions behind the lowering table, one a family of ops.
#pragma once

#include <uwaga/codegen/lower/inline.h>

namespace uwaga::kernel {

#define UWAGA_LOWER_ROW(name) Ex name(Inline& x, const Node& node, std::uint32_t output, const IndexEnv& env)
// rows_elementwise.cpp
UWAGA_LOWER_ROW(lower_constant);
UWAGA_LOWER_ROW(lower_iota);
UWAGA_LOWER_ROW(lower_exact);    // elementwise, no rounding: neg, max, comparisons, ...
UWAGA_LOWER_ROW(lower_rounded);  // elementwise, rounded to the dtype
UWAGA_LOWER_ROW(lower_select);
UWAGA_LOWER_ROW(lower_cast);
UWAGA_LOWER_ROW(lower_bitcast);
UWAGA_LOWER_ROW(lower_identity);
UWAGA_LOWER_ROW(lower_sum);         // of few terms
UWAGA_LOWER_ROW(lower_reduce_max);  // of few terms
// rows_axes.cpp
UWAGA_LOWER_ROW(lower_split);
UWAGA_LOWER_ROW(lower_merge);
UWAGA_LOWER_ROW(lower_rename);
UWAGA_LOWER_ROW(lower_slice);
UWAGA_LOWER_ROW(lower_pad);
UWAGA_LOWER_ROW(lower_concat);
UWAGA_LOWER_ROW(lower_reverse);
UWAGA_LOWER_ROW(lower_gather);
UWAGA_LOWER_ROW(lower_scatter_add);  // one update a row
UWAGA_LOWER_ROW(lower_dynamic_slice);
UWAGA_LOWER_ROW(lower_dynamic_update);
// rows_random.cpp
UWAGA_LOWER_ROW(lower_random_bits);
#undef UWAGA_LOWER_ROW

// Number of terms of a sum or reduce_max whose extents are all static.
std::optional<std::int64_t> static_terms(const GraphData& graph, const Node& node);
// Does every row of the result get exactly one update?
bool one_update_a_row(const GraphData& graph, const Node& scatter_add);

// The least value of a dtype, -inf for floats: the maximum of nothing.
Ex lowest(KernelBuilder& b, DType d);

// An index of the graph (i32 or i64) as an i64 index into an axis of extent n: clamped, the run failed where it is out of
// range.
Index checked_index(Inline& x, Ex index, const Extent& n, const IndexEnv& env);

}  // namespace uwaga::kernel
