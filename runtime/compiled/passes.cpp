#include <uwaga/runtime/compiled/internal/passes.h>

#include <algorithm>
#include <cstdlib>

#include <uwaga/codegen/attention.h>
#include <uwaga/codegen/whole_calls.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/passes/passes.h>

namespace uwaga {

std::vector<Pass> lowering_passes(LoweringRules rules, std::vector<std::string>* refused, const CustomKernels& custom) {
  const auto expand_rest = [rules, refused, custom](const Graph& g) {
    const WholeCalls whole = find_whole_calls(g);
    const AttentionClaims claims = find_attention(g, rules.attention);
    if (refused)
      for (const auto& [where, why] : claims.refused)  // a scope that is used twice has calls of one line
        if (std::string told = g->provenance().brief(where) + ": " + why; std::find(refused->begin(), refused->end(), told) == refused->end())
          refused->push_back(std::move(told));
    const auto keeps = [&](const CallAttrs& call) { return custom.of(call) || whole.keeps(call) || claims.keeps(call); };
    const Graph expanded = expand(g, keeps, strip);
    return custom.empty() ? expanded : custom.mark(expanded);
  };
  return {{"expand", expand_rest},
          {"strip", strip},
          {"simplify", simplify},
          {"sparse-rows", [rules](const Graph& g) { return rules.sparse_rows ? sparse_rows(g) : g; }},
          {"fold", fold},
          {"cse", cse},
          {"dce", dce},
          {"order-structures", order_structures}};
}

Graph lower_for_kernels(const Graph& graph, LoweringRules rules, std::vector<std::string>* refused, const CustomKernels& custom) {
  const std::vector<Pass> passes = lowering_passes(rules, refused, custom);
  PassOptions options;
  if (const char* off = std::getenv("UWAGA_PASSES")) options.off = parse_pass_switches(off, passes);
  for (const char* needed : {"expand", "strip", "order-structures"})
    if (options.off.count(needed)) throw Error(std::string("UWAGA_PASSES: '") + needed + "' cannot be switched off: kernels are written from its result");
  return run_passes(graph, passes, options);
}

}  // namespace uwaga
