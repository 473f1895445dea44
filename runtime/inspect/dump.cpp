#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include <uwaga/ir/error.h>
#include <uwaga/ir/print.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>
#include <uwaga/runtime/text/quote.h>
#ifdef UWAGA_WITH_CUDA
#include <uwaga/runtime/cuda/nvrtc.h>
#endif

namespace uwaga {
namespace {

constexpr const char* kFolder = "uwaga-dump";

std::string_view ending(Stage stage) {
  switch (stage) {
    case Stage::kernel: return ".kernel.txt";
    case Stage::llvm: return ".ll";
    case Stage::assembly: return ".s";
    case Stage::cuda: return ".cu";
    case Stage::ptx: return ".ptx";
    default: return ".txt";
  }
}

// Why there is no PTX; empty where there is.
std::string no_ptx() {
#ifdef UWAGA_WITH_CUDA
  return Nvrtc::why_not();
#else
  return "this build has no CUDA backend";
#endif
}

}  // namespace

std::set<Stage> parse_stages(std::string_view words) {
  std::set<Stage> out;
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    const std::optional<Stage> stage = stage_named(word);
    if (!stage) throw Error(fmt::format("there is nothing {} to dump; known are graph, fused, kernel, llvm, asm, cuda and ptx", quote(word, 40)));
    out.insert(*stage);
  }
  return out;
}

std::string dump(const Graph& graph, const Target& target, const std::set<Stage>& stages, const std::string& folder, const ProgramOptions& options) {
  namespace fs = std::filesystem;
  // Lines are part of what is written, so they are part of the name.
  std::string what = print(graph) + target.str().substr(0, 4);
  for (const CustomKernel& k : options.kernels) what += fmt::format(" {} {}", k.composite, k.version);
  const fs::path to = fs::path(folder) / sha256(what).substr(0, 12);
  std::error_code failed;
  fs::create_directories(to, failed);
  if (failed) throw SystemError(fmt::format("cannot create {}: {}", to.string(), failed.message()));

  std::optional<Inspection> own, other;  // of this target; of the one that has the other machine's stages
  const bool host = target.kind() == Target::Kind::host;
  for (const Stage stage : stages) {
    if (stage == Stage::graph) {
      write_file(to / "graph.txt", print(graph));
      continue;
    }
    if (target.kind() == Target::Kind::interpreter) continue;  // a graph is all it has
    if (stage == Stage::ptx) {
      if (const std::string why = no_ptx(); !why.empty()) {
        write_file(to / "ptx.txt", why + "\n");
        continue;
      }
    }
    const bool mine = has_stage(target, stage);
    std::optional<Inspection>& seen = mine ? own : other;
    if (!seen) seen.emplace(graph, mine ? target : host ? Target::emulated() : Target::host(1), options);
    if (stage == Stage::fused) {
      write_file(to / "fused.txt", seen->text(stage));
      continue;
    }
    for (std::size_t i = 0; i < seen->kernels().size(); ++i)
      write_file(to / (seen->kernels()[i].name + std::string(ending(stage))), seen->kernel_text(stage, i));
  }
  return to.string();
}

void dump_if_asked(const Graph& graph, const Target& target, const ProgramOptions& options) {
  const char* stages = std::getenv("UWAGA_DUMP");
  if (!stages || !*stages) return;
  const char* folder = std::getenv("UWAGA_DUMP_DIR");
  dump(graph, target, parse_stages(stages), folder && *folder ? folder : kFolder, options);
}

}  // namespace uwaga
