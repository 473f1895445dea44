#include <uwaga/codegen/fuse/groups.h>

#include <algorithm>

#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/codegen/lower/table.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga {

Space space_of(const Type& type) {
  const auto by_name = [](const Dim& a, const Dim& b) { return a.axis < b.axis; };
  if (std::is_sorted(type.dims.begin(), type.dims.end(), by_name)) return type.dims;
  Space out = type.dims;
  std::sort(out.edit().begin(), out.edit().end(), by_name);
  return out;
}

const Space& Spaces::of(const Type& type) {
  const auto [it, fresh] = known_.try_emplace(type.dims.begin());
  if (fresh) it->second = {type.dims, space_of(type)};
  return it->second.second;
}

std::string str(const Space& space) {
  const Type t{DType::f32, space};
  return t.str().substr(name(t.dtype).size());
}

Space Group::rows() const {
  return Type{DType::f32, space}.without(over).dims;
}

namespace {

// Of a row that columns are summed beside, and of one that is all there is.
constexpr std::int64_t kLongestRow = 8192;

Sweep sweep_of(const Type& operand, const AxisNames& over) {
  const auto reduced = [&](const std::string& axis) { return std::find(over.begin(), over.end(), axis) != over.end(); };
  if (std::all_of(operand.dims.begin(), operand.dims.end(), [&](const Dim& d) { return reduced(d.axis) || d.extent == Extent(1); })) {
    // One position that is decoded is a row, and not everything: what comes after it may stay with it.
    const auto terms = operand.elements().constant();
    return over.size() < operand.dims.size() && terms && *terms > 1 && *terms <= kLongestRow ? Sweep::row : Sweep::full;
  }
  for (std::size_t i = operand.dims.size(); i-- > 0;)
    if (!(operand.dims[i].extent == Extent(1))) return reduced(operand.dims[i].axis) ? Sweep::row : Sweep::column;
  return Sweep::full;
}

std::string list(const AxisNames& axes) { return "{" + join(axes) + "}"; }

// Joins a loop of elements with a loop that reduces, when the elements are of the reducing loop's space or of its rows.
bool levels_agree(const Space& elements, const Group& reducing) { return elements == reducing.space || elements == reducing.rows(); }

// Does each of two groups read something that the other reads as well?
bool share_an_operand(const Reads& reads, const Group& a, const Group& b) {
  std::vector<Value> of_a;
  for (NodeId id : a.nodes)
    for (const Read& r : reads.of(id)) of_a.push_back(r.value);
  std::sort(of_a.begin(), of_a.end());
  for (NodeId id : b.nodes)
    for (const Read& r : reads.of(id))
      if (std::binary_search(of_a.begin(), of_a.end(), r.value)) return true;
  return false;
}

std::string ops_of(const GraphData& graph, const Group& g) {
  std::string out;
  for (NodeId id : g.nodes) out += (out.empty() ? "" : " ") + std::string(op_name(graph.node(id)));
  return out;
}

}  // namespace

std::string_view words(Reason reason) {
  constexpr std::string_view all[] = {"output of the program",
                                      "new value of a state slot",
                                      "an op with a kernel of its own",
                                      "two contractions",
                                      "too costly for the prologue of a contraction",
                                      "a reduction beside a contraction",
                                      "not the elements of the contraction's result",
                                      "computed where it is read, of what is stored anyway",
                                      "read in another order or more than once",
                                      "indices are mapped after a reduction",
                                      "would be computed again for every repeat",
                                      "iteration spaces differ",
                                      "a reduction over everything ends its kernel",
                                      "a reduction down columns ends its kernel",
                                      "reduction axes differ",
                                      "reductions over everything of different tensors",
                                      "stored for the program's border, so read from there",
                                      "read by others in another order",
                                      "too many stored values for one pass",
                                      "another path leads from one to the other"};
  static_assert(std::size(all) == kReasons);
  return all[static_cast<int>(reason)];
}

Group group_of(const GraphData& graph, NodeId id) {
  Spaces spaces;
  return group_of(graph, id, spaces);
}

Group group_of(const GraphData& graph, NodeId id, Spaces& spaces) {
  using kernel::Lowering;
  const Node& n = graph.node(id);
  Group g;
  g.nodes = {id};
  g.space = spaces.of(n.types[0]);
  if (n.op == Op::call && has_own_kernel(n.as<CallAttrs>())) {
    g.kind = ClusterKind::custom;
    return g;
  }
  if (kernel::is_inlined(graph, n)) return g;
  switch (kernel::lower_row(n.op).how) {
    case Lowering::contraction: g.kind = ClusterKind::contraction; break;
    case Lowering::reduction: {
      const Type& operand = graph.type(n.operands[0]);
      g.space = spaces.of(operand);
      g.over = n.as<ReduceAttrs>().over;
      g.sweep = sweep_of(operand, g.over);
      break;
    }
    case Lowering::structure: g.kind = n.op == Op::call ? ClusterKind::attention : ClusterKind::structure; break;
    default: g.kind = ClusterKind::index;
  }
  return g;
}

bool is_sum(const GraphData& graph, NodeId id) {
  using kernel::Lowering;
  const Node& n = graph.node(id);
  const Lowering how = kernel::lower_row(n.op).how;
  return (how == Lowering::reduction || how == Lowering::contraction) && !kernel::is_inlined(graph, n);
}

std::optional<Refusal> refuse(const GraphData& graph, const Reads& reads, const Group& from, const Read& read, const Group& reader,
                              Group& joined, bool tell) {
  const auto no = [tell](Reason reason, const auto& numbers) { return Refusal{reason, tell ? numbers() : std::string()}; };
  const auto both = [&] { return str(from.space) + " and " + str(reader.space); };
  const auto against = [&] { return str(from.space) + " against " + str(reader.space); };
  const auto reduced = [](const Group& g) { return [&g] { return "over " + list(g.over) + " of " + str(g.space); }; };
  const auto of_from = [&] { return str(from.space); };
  const auto plain = [](const Group& g) { return g.kind == ClusterKind::loop || g.kind == ClusterKind::contraction; };
  if (!plain(from) || !plain(reader))
    return no(Reason::own_kernel, [&] { return ops_of(graph, plain(from) ? reader : from); });
  const bool from_dot = from.kind == ClusterKind::contraction, reader_dot = reader.kind == ClusterKind::contraction;

  if (from_dot || reader_dot) {
    if (from_dot && reader_dot) return no(Reason::two_contractions, both);
    const Group &dot = from_dot ? from : reader, &loop = from_dot ? reader : from;
    // What a contraction reads of its operands is its prologue, not its epilogue.
    for (NodeId id : dot.nodes)
      if (graph.node(id).op == Op::dot)
        for (const Read& r : reads.of(id))
          if (std::find(loop.nodes.begin(), loop.nodes.end(), r.value.node) != loop.nodes.end())
            return no(Reason::costly_prologue, [&] {
              return std::to_string(reads.cost(r.value.node)) + " operations an element, at most " + std::to_string(kCheapPrologue);
            });
    if (loop.sweep != Sweep::none) return no(Reason::reduction_beside_contraction, reduced(loop));
    if (read.access != Access::same) return no(Reason::other_elements, against);
    check_internal(dot.space == loop.space, "the same elements of two iteration spaces");
    joined = reader;
    joined.kind = ClusterKind::contraction;
    return std::nullopt;
  }

  if (read.access == Access::scattered) return no(Reason::scattered, of_from);
  if (read.access == Access::mapped) {
    if (from.sweep != Sweep::none) return no(Reason::mapped_reduction, reduced(from));
    joined = reader;
    return std::nullopt;  // the reader computes what it reads: legal while nothing else wants the values
  }

  if (from.sweep == Sweep::none && reader.sweep == Sweep::none) {
    if (read.access == Access::broadcast) return no(Reason::repeated, against);
    if (from.space != reader.space) return no(Reason::spaces, against);
    joined = reader;
    return std::nullopt;
  }
  if (from.sweep == Sweep::none) {
    if (!levels_agree(from.space, reader)) return no(Reason::spaces, against);
    joined = reader;
    return std::nullopt;
  }
  if (reader.sweep == Sweep::none) {
    if (!levels_agree(reader.space, from)) return no(Reason::spaces, against);
    if (reader.space == from.space && read.access == Access::broadcast && from.sweep != Sweep::row)
      return no(from.sweep == Sweep::full ? Reason::full_ends : Reason::columns_end,
                reduced(from));
  } else {
    if (from.over != reader.over) return no(Reason::axes, [&] { return list(from.over) + " against " + list(reader.over); });
    if (from.space != reader.space) return no(Reason::spaces, against);
    // Sums over everything meet in a scalar, as the squares of all gradients do; one kernel of all of them would grow with
    // the depth of the model and read nothing fewer times.
    if (from.sweep == Sweep::full && !share_an_operand(reads, from, reader))
      return no(Reason::full_of_others, of_from);
    if (read.access == Access::broadcast && from.sweep != Sweep::row)
      return no(from.sweep == Sweep::full ? Reason::full_ends : Reason::columns_end, reduced(from));
  }
  joined = reader;
  joined.space = from.space;
  joined.over = from.over;
  joined.sweep = from.sweep;
  return std::nullopt;
}

bool sums_fit_beside(const GraphData& graph, const Group& sums, const Group& rows) {
  if (sums.kind != ClusterKind::loop || rows.kind != ClusterKind::loop || sums.sweep != Sweep::column || rows.sweep != Sweep::row) return false;
  if (sums.space != rows.space || (!rows.columns.empty() && rows.columns != sums.over)) return false;
  std::int64_t length = 1;
  for (const Dim& d : rows.space) {
    const bool in_row = std::find(rows.over.begin(), rows.over.end(), d.axis) != rows.over.end();
    const bool down = std::find(sums.over.begin(), sums.over.end(), d.axis) != sums.over.end();
    if (in_row == down) return false;
    if (down) continue;
    const auto extent = d.extent.constant();
    if (!extent) return false;
    length *= *extent;
  }
  // Nothing is computed of the sums, which are known when all rows are.
  return length <= kLongestRow && std::all_of(sums.nodes.begin(), sums.nodes.end(), [&](NodeId id) {
    const Node& n = graph.node(id);
    return kernel::lower_row(n.op).how == kernel::Lowering::reduction || space_of(n.types[0]) == sums.space;
  });
}

}  // namespace uwaga
