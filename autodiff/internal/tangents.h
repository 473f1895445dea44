// Tangents of the values of a graph, as they are known so far, and the steps of a linearisation.
#pragma once

#include <uwaga/autodiff/internal/rules.h>

namespace uwaga::autodiff {

class Tangent {
 public:
  // For the values that the graph has now.
  explicit Tangent(const GraphPtr& graph);
  const Maybe& at(Value v) const;
  void add(Value v, const Maybe& tangent);

 private:
  std::vector<std::vector<Maybe>> values_;
};

std::vector<Maybe> tangents_of_operands(const Node& node, const Tangent& tangent);
// By the node's row; Error if it has no rule.
Maybe linearise_node(const Forward& f);
// Which inputs of a scan's body have tangents if these operands do: carries may become active on the way.
std::vector<bool> active_scan_inputs(const Node& node, const std::vector<bool>& operands);

}  // namespace uwaga::autodiff
