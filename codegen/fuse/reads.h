// What a node reads once cheap producers are computed where they are used.
//
// Maps of indices, constants, iotas, random bits and short chains of arithmetic on one big tensor are not worth storing:
// every cluster that needs one computes it again. Such a node is called virtual. A node that is not virtual is real: it is
// a leaf, or it belongs to exactly one cluster. Virtual nodes leave only real values to be read, and how they are read.
#pragma once

#include <vector>

#include <uwaga/ir/graph.h>
#include <uwaga/ir/small_list.h>

namespace uwaga {

// How the elements of a value are read, from the strictest.
enum class Access : std::uint8_t {
  same,       // element for element, along the same axes
  broadcast,  // along the same axes, repeated over others
  mapped,     // each element once, by other names or another order of indices (rename, split, merge, reverse, slice)
  scattered,  // anything else: gathers, repeats after a mapping
};

struct Read {
  Value value;  // of a real node
  Access access = Access::same;
};

using ReadList = SmallList<Read, 3>;

class Reads {
 public:
  explicit Reads(const GraphData& graph);

  bool live(NodeId id) const { return live_[id]; }
  bool is_virtual(NodeId id) const { return virtual_[id]; }
  // Operations that computing one element of a node again would take, as far as the walk over cheap chains counts.
  int cost(NodeId id) const { return cost_[id]; }
  // What a node reads of real nodes, each value once with its loosest access.
  const ReadList& of(NodeId id) const { return reads_[id]; }

 private:
  void mark_live();
  void force_gathers();
  void mark_virtual();
  // Makes real what `v` maps, or `v` itself.
  void materialise(Value v);
  ReadList gather_reads(const Node& node) const;

  const GraphData& graph_;
  std::vector<bool> live_, virtual_, forced_;
  std::vector<int> cost_;
  std::vector<ReadList> reads_;
};

// Operations that a recomputed chain may take.
inline constexpr int kCheapChain = 8;
// The same on an operand of a contraction, which takes every element again for each block of rows or columns of its result: a
// norm's two factors there cost a training step of a LLaMA 3 %, its forward pass 6 %, and in memory next to nothing.
inline constexpr int kCheapPrologue = 1;

}  // namespace uwaga
