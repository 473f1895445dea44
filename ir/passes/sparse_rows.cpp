// Few rows of a large table: the gradient of an embedding is zero but for the tokens of a step.
//
//   scatter_add(0, indices, updates, vocab)  ->  gather(rows, row_of, vocab.row)
//
//   met    [vocab] i32   how often an index points to it
//   row_of [vocab] i32   the row that it has: 0, where none points to it, or 1, 2, ...
//   rows   [row feature] row 0 is zero; the others are the sums of their updates, in index order as before
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/passes/rules.h>

#include <cmath>

namespace uwaga {
namespace {

// A table that caches hold anyway is filled faster than it is pointed to; short rows are pointed to as dearly as they are read.
constexpr std::int64_t kLeastElements = 1 << 20, kLeastFeatures = 16;
// Of known numbers: so many times as large a table as there are updates.
constexpr std::int64_t kTimesUpdates = 4;

// The number of updates: no row is beyond it, nor below 0, and both are said for those who read the graph (in_range.h).
Value last_row(const Site& s, const Extent& n, const Type& like) {
  const std::string axis = "count";
  const Value all = s.emit(Op::iota, IotaAttrs{Type{DType::i32, {{axis, n + 1}}}}, {});
  const Value last = s.emit(Op::sum, ReduceAttrs{{axis}}, {s.emit(Op::slice, SliceAttrs{axis, n, n + 1, 1}, {all})});
  return s.emit(Op::broadcast, BroadcastAttrs{like.dims}, {last});
}

std::optional<Value> rows_of_zeros(const Site& s) {
  const std::string& axis = s.as<AxisAttrs>().axis;
  const Type table = s.type(s.operands[0]), indices = s.type(s.operands[1]);
  const Extent n = indices.elements();
  const auto places = table.extent(axis).constant(), features = table.without({axis}).elements().constant();
  if (!places || !features || *features < kLeastFeatures || *places * *features < kLeastElements) return {};
  if (n.constant() && (*n.constant() < 1 || *n.constant() > *places / kTimesUpdates)) return {};
  for (const Dim& d : indices.dims)
    if (table.has(d.axis)) return {};
  const auto base = s.number(s.operands[0]);
  if (!base || base->as_double() != 0 || std::signbit(base->as_double())) return {};

  const auto number = [&](std::int64_t value, const Type& type) { return s.full(Literal(value), type.with_dtype(DType::i32)); };
  const Type by_place{DType::i32, {{axis, table.extent(axis)}}};
  const Value none = number(0, by_place);
  const Value met = s.emit(Op::scatter_add, AxisAttrs{axis}, {none, s.operands[1], number(1, indices)});
  const Value points = s.emit(Op::lt, NoAttrs{}, {none, met});
  const Value counted = s.emit(Op::cumsum, CumsumAttrs{axis, false}, {s.emit(Op::cast, CastAttrs{DType::i32}, {points})});
  const Value chosen = s.emit(Op::select, NoAttrs{}, {points, counted, none});
  const Value row_of = s.emit(Op::max, NoAttrs{}, {s.emit(Op::min, NoAttrs{}, {chosen, last_row(s, n, by_place)}), none});

  std::string row = axis + ".row";
  while (table.has(row) || indices.has(row)) row += "s";
  Type kept{table.dtype, {{row, n + 1}}};
  for (const Dim& d : table.dims)
    if (d.axis != axis) kept.dims.push_back(d);
  const Value to = s.emit(Op::gather, AxisAttrs{axis}, {row_of, s.operands[1]});
  const Value rows = s.emit(Op::scatter_add, AxisAttrs{row}, {s.full(*base, kept), to, s.operands[2]});
  return s.ordered(s.emit(Op::gather, AxisAttrs{row}, {rows, row_of}), table);
}

constexpr Rule kRules[] = {{"rows of zeros", Op::scatter_add, rows_of_zeros}};

}  // namespace

Graph sparse_rows(const Graph& graph) { return apply_rules(graph, kRules); }

}  // namespace uwaga
