// The passes between a user's graph and fusion.
#pragma once

#include <string>
#include <vector>

#include <uwaga/codegen/attention.h>
#include <uwaga/codegen/custom_kernel.h>
#include <uwaga/ir/passes/pass.h>

namespace uwaga {

// What suits a target's kernels.
struct LoweringRules {
  AttentionKernels attention = AttentionKernels::none;
  bool sparse_rows = false;  // worth it where one thread counts along a vocabulary in no time: not on a GPU
};

// expand, strip, simplify, sparse-rows, fold, cse, dce, order-structures; all preserve bits. UWAGA_PASSES ("-cse,-fold") switches
// some off; expand, strip and order-structures are what kernels are written from and stay.
// Calls whose bodies are elementwise and whose results nothing reads stay whole (codegen/whole_calls.h).
// Calls that codegen/attention.h claims for the target's kernels stay whole too; those that do not are told in `refused`, each with
// its line and the reason. So do calls that `custom` has kernels for, marked.
std::vector<Pass> lowering_passes(LoweringRules rules = {}, std::vector<std::string>* refused = nullptr, const CustomKernels& custom = {});
Graph lower_for_kernels(const Graph& graph, LoweringRules rules = {}, std::vector<std::string>* refused = nullptr, const CustomKernels& custom = {});

// Slots and sliced tensors lie as they are written: this writes `order` wherever a scan or a cond meets another order.
Graph order_structures(const Graph& graph);

}  // namespace uwaga
