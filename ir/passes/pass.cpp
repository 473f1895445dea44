#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/passes/pass.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/ir/verify.h>

#include <algorithm>

namespace uwaga {

std::set<std::string> parse_pass_switches(std::string_view text, const std::vector<Pass>& passes) {
  std::set<std::string> known, off;
  for (const Pass& p : passes) known.insert(p.name);
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::string name(item.substr(item.empty() ? 0 : 1));
    if (item.empty() || item[0] != '-' || !known.count(name))
      throw Error(
          fmt::format("'{}' switches off no pass; write -name,-name with names of {}", item, fmt::join(known, ", ")));
    off.insert(name);
  }
  return off;
}

Graph run_passes(Graph graph, const std::vector<Pass>& passes, const PassOptions& options) {
  for (const Pass& p : passes) {
    if (options.off.count(p.name)) continue;
    Graph after = p.run(graph);
    if (options.verify_everything)
      verify(after, p.name);
    else
      verify_changes(graph, after, p.name);
    if (options.observe) options.observe(p, graph, after);
    graph = std::move(after);
  }
  return graph;
}

std::vector<Pass> standard_passes() {
  // Simplifying moves work below broadcasts, where folding finds constants, which leave identities to simplify.
  return {{"simplify", simplify}, {"fold", fold}, {"simplify", simplify}, {"cse", cse}};
}

}  // namespace uwaga
