#include <uwaga/runtime/compiled/internal/passes.h>

#include <cstdlib>

#include <uwaga/ir/error.h>
#include <uwaga/ir/passes/passes.h>

namespace uwaga {

std::vector<Pass> lowering_passes() {
  return {{"expand", [](const Graph& g) { return expand(g); }},
          {"strip", strip},
          {"simplify", simplify},
          {"fold", fold},
          {"cse", cse},
          {"dce", dce},
          {"order-structures", order_structures}};
}

Graph lower_for_kernels(const Graph& graph) {
  const std::vector<Pass> passes = lowering_passes();
  PassOptions options;
  if (const char* off = std::getenv("UWAGA_PASSES")) options.off = parse_pass_switches(off, passes);
  for (const char* needed : {"expand", "strip", "order-structures"})
    if (options.off.count(needed)) throw Error(std::string("UWAGA_PASSES: '") + needed + "' cannot be switched off: kernels are written from its result");
  return run_passes(graph, passes, options);
}

}  // namespace uwaga
