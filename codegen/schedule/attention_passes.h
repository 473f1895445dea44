// The passes over a tile of scores: what each computes, what is kept between them, and where.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include <uwaga/codegen/schedule/attention_form.h>

namespace uwaga::schedule {

struct AttentionPasses {
  int last = 0;                              // the pass that computes what leaves the tile
  std::vector<std::vector<NodeId>> reduced;  // by pass: reductions
  std::vector<std::vector<Value>> kept;      // by pass: values stored for later passes
  std::vector<Value> finals;                 // tiles that products and sums into tables or by key take, each once
  std::map<Value, int> slot;                 // of tile dots and kept values: which tile buffer
  std::map<Value, int> final_slot;           // of `finals`
  int slots = 0;
};

AttentionPasses plan_passes(const GraphData& graph, const AttentionForm& form);

// The values without the key's axis that the elements of a pass use, each once: what is computed once a row. `inside` says of
// which tiles the operands count: those that are computed there and not read back.
std::vector<Value> row_values_of_pass(const GraphData& graph, const AttentionForm& form, const AttentionPasses& passes, int pass,
                                      const std::function<bool(Value)>& inside);

}  // namespace uwaga::schedule
