#include <uwaga/codegen/fuse/groups.h>

#include <algorithm>
#include <set>

#include <uwaga/codegen/lower/table.h>

namespace uwaga {

Space space_of(const Type& type) {
  const auto by_name = [](const Dim& a, const Dim& b) { return a.axis < b.axis; };
  if (std::is_sorted(type.dims.begin(), type.dims.end(), by_name)) return type.dims;
  std::vector<Dim> out = type.dims;
  std::sort(out.begin(), out.end(), by_name);
  return out;
}

std::string str(const Space& space) {
  const Type t{DType::f32, space};
  return t.str().substr(name(t.dtype).size());
}

Space Group::rows() const {
  return Type{DType::f32, space}.without(over).dims;
}

namespace {

Sweep sweep_of(const Type& operand, const AxisNames& over) {
  const auto reduced = [&](const std::string& axis) { return std::find(over.begin(), over.end(), axis) != over.end(); };
  if (std::all_of(operand.dims.begin(), operand.dims.end(), [&](const Dim& d) { return reduced(d.axis) || d.extent == Extent(1); }))
    return Sweep::full;
  for (std::size_t i = operand.dims.size(); i-- > 0;)
    if (!(operand.dims[i].extent == Extent(1))) return reduced(operand.dims[i].axis) ? Sweep::row : Sweep::column;
  return Sweep::full;
}

std::string list(const AxisNames& axes) { return "{" + join(axes) + "}"; }

// Joins a loop of elements with a loop that reduces, when the elements are of the reducing loop's space or of its rows.
bool levels_agree(const Space& elements, const Group& reducing) { return elements == reducing.space || elements == reducing.rows(); }

// Does each of two groups read something that the other reads as well?
bool share_an_operand(const Reads& reads, const Group& a, const Group& b) {
  std::set<Value> of_a;
  for (NodeId id : a.nodes)
    for (const Read& r : reads.of(id)) of_a.insert(r.value);
  for (NodeId id : b.nodes)
    for (const Read& r : reads.of(id))
      if (of_a.count(r.value)) return true;
  return false;
}

}  // namespace

Group group_of(const GraphData& graph, NodeId id) {
  using kernel::Lowering;
  const Node& n = graph.node(id);
  Group g;
  g.nodes = {id};
  g.space = space_of(n.types[0]);
  if (kernel::is_inlined(graph, n)) return g;
  switch (kernel::lower_row(n.op).how) {
    case Lowering::contraction: g.kind = ClusterKind::contraction; break;
    case Lowering::reduction: {
      const Type& operand = graph.type(n.operands[0]);
      g.space = space_of(operand);
      g.over = n.as<ReduceAttrs>().over;
      g.sweep = sweep_of(operand, g.over);
      break;
    }
    case Lowering::structure: g.kind = n.op == Op::call ? ClusterKind::attention : ClusterKind::structure; break;
    default: g.kind = ClusterKind::index;
  }
  return g;
}

std::optional<Refusal> refuse(const GraphData& graph, const Reads& reads, const Group& from, const Read& read, const Group& reader,
                              Group& joined, bool tell) {
  const auto no = [tell](const char* rule, const auto& numbers) { return Refusal{rule, tell ? numbers() : std::string()}; };
  const auto spaces = [](const Space& a, const Space& b) { return [&] { return str(a) + " against " + str(b); }; };
  const auto reduced = [](const Group& g) { return [&] { return "over " + list(g.over) + " of " + str(g.space); }; };
  const auto plain = [](const Group& g) { return g.kind == ClusterKind::loop || g.kind == ClusterKind::contraction; };
  if (!plain(from) || !plain(reader))
    return no("an op with a kernel of its own", [&] { return std::string(name((plain(from) ? reader : from).kind)); });
  joined = reader;
  const bool from_dot = from.kind == ClusterKind::contraction, reader_dot = reader.kind == ClusterKind::contraction;

  if (from_dot || reader_dot) {
    if (from_dot && reader_dot) return no("two contractions", [&] { return str(from.space) + " and " + str(reader.space); });
    const Group &dot = from_dot ? from : reader, &loop = from_dot ? reader : from;
    // What a contraction reads of its operands is its prologue, not its epilogue.
    for (NodeId id : dot.nodes)
      if (graph.node(id).op == Op::dot)
        for (const Read& r : reads.of(id))
          if (std::find(loop.nodes.begin(), loop.nodes.end(), r.value.node) != loop.nodes.end())
            return no("too costly for the prologue of a contraction", [] { return "more than " + std::to_string(kCheapPrologue) + " operations an element"; });
    if (loop.sweep != Sweep::none) return no("a reduction beside a contraction", reduced(loop));
    if (read.access != Access::same) return no("not the elements of the contraction's result", spaces(from.space, reader.space));
    if (dot.space != loop.space) return no("iteration spaces differ", spaces(dot.space, loop.space));
    joined.kind = ClusterKind::contraction;
    return std::nullopt;
  }

  if (read.access == Access::scattered) return no("read in another order or more than once", [&] { return str(from.space); });
  if (read.access == Access::mapped) {
    if (from.sweep != Sweep::none) return no("indices are mapped after a reduction", reduced(from));
    return std::nullopt;  // the reader computes what it reads: legal while nothing else wants the values
  }

  if (from.sweep == Sweep::none && reader.sweep == Sweep::none) {
    if (read.access == Access::broadcast) return no("would be computed again for every repeat", spaces(from.space, reader.space));
    if (from.space != reader.space) return no("iteration spaces differ", spaces(from.space, reader.space));
    return std::nullopt;
  }
  if (from.sweep == Sweep::none) {
    if (!levels_agree(from.space, reader)) return no("iteration spaces differ", spaces(from.space, reader.space));
    return std::nullopt;
  }
  if (reader.sweep == Sweep::none) {
    if (!levels_agree(reader.space, from)) return no("iteration spaces differ", spaces(from.space, reader.space));
    if (reader.space == from.space && read.access == Access::broadcast && from.sweep != Sweep::row)
      return no(from.sweep == Sweep::full ? "a reduction over everything ends its kernel" : "a reduction down columns ends its kernel",
                reduced(from));
  } else {
    if (from.over != reader.over) return no("reduction axes differ", [&] { return list(from.over) + " against " + list(reader.over); });
    if (from.space != reader.space) return no("iteration spaces differ", spaces(from.space, reader.space));
    // Sums over everything meet in a scalar, as the squares of all gradients do; one kernel of all of them would grow with
    // the depth of the model and read nothing fewer times.
    if (from.sweep == Sweep::full && !share_an_operand(reads, from, reader))
      return no("reductions over everything of different tensors", [&] { return str(from.space); });
    if (read.access == Access::broadcast && from.sweep != Sweep::row)
      return no("a reduction down columns ends its kernel", reduced(from));
  }
  joined.space = from.space;
  joined.over = from.over;
  joined.sweep = from.sweep;
  return std::nullopt;
}

}  // namespace uwaga
