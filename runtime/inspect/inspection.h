// Inspection: what a graph becomes on a target, every line of it with the model line it came from.
//
//   const Inspection seen(graph, Target::host());
//   for (const InspectedKernel& k : seen.kernels()) std::cout << k.name << " runs " << k.calls.size() << " times\n";
//   std::cout << seen.text(Stage::kernel, {.line = "models/gpt2.cpp:42"});
//
// Nothing is run, no state is touched and nothing is written. The kernels are those that `compile` makes for this target:
// machine code on the host, CUDA for an emulated GPU. Names are stable: a kernel's number is its place in the program, the
// words are its cluster's kind and the scope of the first call. One kernel may serve many places (equal layers); a line then
// shows the place of the first call, and the filter sees them all.
//
// Throws what `compile` throws, and Error for Target::interpreter() (it has no kernels) and for a stage that the target does
// not have: `llvm` and `asm` are the host's, `cuda` and `ptx` are the GPU's. `ptx` needs NVRTC: SystemError without it.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <uwaga/ir/extent.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/runtime/program_options.h>
#include <uwaga/runtime/target.h>

namespace uwaga {

enum class Stage : std::uint8_t { graph, fused, kernel, llvm, assembly, cuda, ptx };
inline constexpr Stage kStages[] = {Stage::graph, Stage::fused,    Stage::kernel, Stage::llvm,
                                    Stage::assembly, Stage::cuda, Stage::ptx};
// "graph", "fused", "kernel", "llvm", "asm", "cuda", "ptx".
std::string_view name(Stage);
// Also "clusters" for fused; nothing for another word.
std::optional<Stage> stage_named(std::string_view word);
// May a program of this target show the stage? The first three are everyone's.
bool has_stage(const Target& target, Stage stage);

// Where an op stands in the model.
struct ModelLine {
  std::string file;  // as the compiler gave it
  int line = 0;
  std::string scope;  // "h.3.attn.q"; empty for the root
  std::string role;   // "forward", "backward", "optimiser", "pass"
};

struct InspectedOp {
  std::string op;                // "dot"
  std::string brief;             // "gpt2.cpp:42 in h.3.attn.q"
  std::vector<ModelLine> lines;  // all of them; never empty
};

// A cluster that launches a kernel.
struct InspectedCall {
  std::vector<InspectedOp> ops;  // by ordinal
  std::size_t nodes = 0;         // the first of `ops` are the cluster's; those that follow are of the body of its attention
  std::size_t naming = 0;        // of `ops`: the one whose scope its kernel is named by
};

struct InspectedKernel {
  std::string name;  // "k017_contraction_attn_q"
  std::string kind;  // of its clusters: "loop", "contraction", ...
  std::vector<InspectedCall> calls;
};

struct InspectedBoundary {
  std::string value, from, to;  // "%7", "c3", "c5" or "border"
  std::string origin;           // of the value: "gpt2.cpp:42 in h.3"
  std::string rule, numbers;
};

// One line of generated code. `op`: position among the call's ops; -1 for a label, a header and the like.
struct InspectedLine {
  std::string text;
  int op = -1;
  bool instruction = false;
};

// Which kernels are shown. Empty fields let everything pass.
struct InspectFilter {
  std::string kernel = {};  // a part of the name; `*` stands for any letters
  std::string line = {};    // "models/gpt2.cpp:42": of an op, or of a scope around it; the path may be cut short on the left
};

class Inspection {
 public:
  Inspection(const Graph& graph, const Target& target, const ProgramOptions& options = {});
  ~Inspection();
  Inspection(Inspection&&) noexcept;
  Inspection& operator=(Inspection&&) noexcept;

  const Graph& written() const;   // as it was given
  const Graph& lowered() const;   // after all passes, what was fused
  const std::vector<InspectedKernel>& kernels() const;
  const std::vector<InspectedBoundary>& boundaries() const;
  // Calls of attention that run from their bodies, and why: "gpt2.cpp:42 in h.3.attn: f64, not f32".
  const std::vector<std::string>& refused_attention() const;
  bool shows(const InspectedKernel& kernel, const InspectFilter& filter) const;

  // kernel, llvm, assembly, cuda, ptx of one kernel.
  std::vector<InspectedLine> listing(Stage stage, std::size_t kernel) const;
  // The lines of a listing that should have an origin and have none. Always 0; tested.
  int without_origin(Stage stage, std::size_t kernel) const;
  // A kernel's listing as text, each line with its origin as a comment.
  std::string kernel_text(Stage stage, std::size_t kernel) const;
  // A whole stage; `graph` and `fused` too.
  std::string text(Stage stage, const InspectFilter& filter = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Writes the stages into a folder of its own under `folder`, named by what the graph is, and returns that folder: graph.txt,
// fused.txt, and one file a kernel, `k017_attn_q.ll`. Equal graphs give the same names and the same bytes, in any process, on
// any number of threads. A stage that the target does not have is shown by the kernels of the other one; without NVRTC
// `ptx` is a file that says so. Throws SystemError where a file cannot be written.
std::string dump(const Graph& graph, const Target& target, const std::set<Stage>& stages, const std::string& folder,
                 const ProgramOptions& options = {});
// UWAGA_DUMP="graph,llvm" as stages. Error for a word that is none.
std::set<Stage> parse_stages(std::string_view words);
// What UWAGA_DUMP and UWAGA_DUMP_DIR ask of a program that is compiled; nothing unless they are set.
void dump_if_asked(const Graph& graph, const Target& target, const ProgramOptions& options = {});

}  // namespace uwaga
