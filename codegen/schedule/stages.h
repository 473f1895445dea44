// The stages of a cluster that reduces: what can be computed in which pass.
#pragma once

#include <map>
#include <vector>

#include <uwaga/codegen/schedule.h>

namespace uwaga::schedule {

struct Stages {
  Type space;                      // what is iterated over, as the reductions' operand writes it
  AxisNames over;                  // reduced, in the order of the terms
  std::vector<NodeId> reductions;  // in the graph's order
  AxisNames down;                  // beside reductions along rows: what others reduce down columns, in the order of the terms
  std::vector<NodeId> sums;        // these; nothing in the cluster reads them
  std::map<NodeId, int> stage;     // of each node: the first pass in which it can be computed; of a reduction: its pass
  int count = 0;                   // passes that reduce or that store elements
  std::vector<Value> elements, results;  // the cluster's outputs, without `sums`: over `space`, and over the axes kept

  bool has_reduced_axis(const Type& t) const;
  Extent kept() const { return space.without(over).elements(); }  // results of a reduction
  Extent terms() const { return space.without(space.without(over).axes()).elements(); }  // of each
  bool reduces_in(NodeId id, int pass) const;  // is it one of the pass's reductions?
  bool known_in(Value v, int pass) const;      // can it be computed before the elements of the pass?
};
Stages stages_of(const GraphData& graph, const Cluster& cluster);

// The axes kept, in the order in which the widest stored value has them.
AxisNames kept_order(const GraphData& graph, const Cluster& cluster, const Layouts& layouts, const Stages& stages);

// Operations an element of what a pass computes: its reductions' terms and its outputs.
int cost_of_pass(const GraphData& graph, const Cluster& cluster, const Stages& stages, int pass);

}  // namespace uwaga::schedule
