// Passes: named steps from graph to graph, each of which can be switched off and replayed.
//
//   PassOptions options;
//   options.off = parse_pass_switches("-cse,-fold", passes);
//   Graph out = run_passes(graph, passes, options);
//
// Every pass preserves bits, keeps provenance (merged nodes take the union), and gives its argument back as it is if there
// is nothing to do on what it gave (running it twice is running it once). After each the verifier checks the result.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {

struct Pass {
  std::string name;
  std::function<Graph(const Graph&)> run;
};

struct PassOptions {
  std::set<std::string> off;      // names of passes that are skipped
  bool verify_everything = false; // otherwise what changed (verify.h)
  // Told every pass that ran, with the graph before and after; print both and the pass can be replayed.
  std::function<void(const Pass& pass, const Graph& before, const Graph& after)> observe;
};

// What the list switches off: "-cse,-fold". Anything else, and a name that no pass has, is an Error that lists the names.
std::set<std::string> parse_pass_switches(std::string_view text, const std::vector<Pass>& passes);

Graph run_passes(Graph graph, const std::vector<Pass>& passes, const PassOptions& options = {});

// simplify, fold, cse: what runs before and after differentiation, calls left whole.
std::vector<Pass> standard_passes();

}  // namespace uwaga
