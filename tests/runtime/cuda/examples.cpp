// Every CUDA kernel of every example: machine code for sm_80 and sm_90a, no spills, registers as recorded.
//
// The examples are compiled into this test with `compile` caught: what they give to it is what is lowered here. The record is
// examples.registers beside this file; UWAGA_APPROVE=1 writes it anew.
#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/kernel/print.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/codegen/write_kernel.h>
#include <uwaga/ir/passes/passes.h>
#include <uwaga/uwaga.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/cuda/nvrtc.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/io/file.h>

#include "tests/catch.h"
#include "tests/runtime/cuda/run_cuda.h"

namespace {

// What an example compiles; it ends with the last one.
struct Caught {
  std::vector<uwaga::Graph> graphs;
  std::vector<uwaga::CustomKernels> kernels;  // by graph
  std::size_t wanted = 0;
};
struct Enough {};
std::unique_ptr<Caught> caught;

uwaga::Program catch_compile(const uwaga::Graph& graph, const uwaga::Target&, uwaga::State& state, const uwaga::ProgramOptions& options = {}) {
  caught->graphs.push_back(graph);
  caught->kernels.emplace_back(options.kernels);
  if (caught->graphs.size() == caught->wanted) throw Enough();
  return uwaga::compile(graph, uwaga::Target::interpreter(), state);
}

}  // namespace

#define compile catch_compile
#define main example
namespace example_01 {
#include "examples/01_perceptron_and_xor.cpp"
}
namespace example_02 {
#include "examples/02_custom_op.cpp"
}
namespace example_03 {
#include "examples/03_gpt_from_nothing.cpp"
}
namespace example_04 {
#include "examples/04_attention_variant.cpp"
}
namespace example_05 {
#include "examples/05_reading_kernels.cpp"
}
#undef main
#undef compile

namespace uwaga::test {
namespace {

struct Example {
  const char* file;
  int (*run)();
};
constexpr Example kExamples[] = {{"01_perceptron_and_xor", example_01::example},
                                 {"02_custom_op", example_02::example},
                                 {"03_gpt_from_nothing", example_03::example},
                                 {"04_attention_variant", example_04::example},
                                 {"05_reading_kernels", example_05::example}};

Caught compiled_by(const Example& e) {
  const std::string text = read_file(std::string(UWAGA_SOURCE_DIR) + "/examples/" + e.file + ".cpp");
  caught = std::make_unique<Caught>();
  for (std::size_t at = text.find("= compile("); at != std::string::npos; at = text.find("= compile(", at + 1)) ++caught->wanted;
  REQUIRE(caught->wanted > 0);
  try {
    e.run();
    FAIL(e.file << " ended before it had compiled " << caught->wanted << " programs");
  } catch (const Enough&) {
  }
  return std::move(*caught);
}

// Most registers of a thread, by example and kind of kernel, for sm_80 and sm_90a.
using Table = std::map<std::string, std::array<int, 2>>;

const char* const kRecord = UWAGA_SOURCE_DIR "/tests/runtime/cuda/examples.registers";

Table recorded() {
  Table out;
  std::ifstream in(kRecord);
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string example, kind;
    std::array<int, 2> registers{};
    if (line.starts_with("#") || !(words >> example >> kind >> registers[0] >> registers[1])) continue;
    out[example + " " + kind] = registers;
  }
  return out;
}

void record(const Table& table) {
  std::string text = "# Most registers a thread: example, kind of kernel, sm_80, sm_90a. Spills: none. UWAGA_APPROVE=1 tests_runtime \"[examples]\"\n";
  for (const auto& [key, registers] : table) text += key + " " + std::to_string(registers[0]) + " " + std::to_string(registers[1]) + "\n";
  write_file(kRecord, text);
}

}  // namespace

TEST_CASE("every CUDA kernel of every example compiles without spills, in about as many registers as recorded", "[examples][slow]") {
  std::map<std::string, CudaGraphs> all;
  for (const Example& e : kExamples) {
    const Caught found = compiled_by(e);
    for (std::size_t i = 0; i < found.graphs.size(); ++i)
      all[e.file].add(lower_for_kernels(found.graphs[i], {AttentionKernels::sums_over_both}, nullptr, found.kernels[i]), true, found.kernels[i]);
  }
  if (const std::string why = Nvrtc::why_not(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  const Nvrtc nvrtc;
  constexpr const char* kArchitectures[] = {"sm_80", "sm_90a"};
  Table table;
  std::size_t count = 0;
  for (const auto& [example, graphs] : all) {
    const std::vector<kernel::NamedKernel> kernels = graphs.kernels();
    const std::string source = kernel::cuda_source(kernels);
    CHECK(source.find("#include") == std::string::npos);
    count += kernels.size();
    CudaBinary binaries[2];
    std::thread other([&] { binaries[1] = nvrtc.compile(source, {.architecture = kArchitectures[1], .ptx = false}); });
    binaries[0] = nvrtc.compile(source, {.architecture = kArchitectures[0], .ptx = false});
    other.join();
    for (std::size_t a = 0; a < 2; ++a) {
      const CudaBinary& b = binaries[a];
      REQUIRE(b.functions.size() == kernels.size());
      for (const std::string& w : b.warnings) CHECK(w == "");
      for (const CudaFunction& f : b.functions) {
        const auto k = std::find_if(kernels.begin(), kernels.end(), [&](const kernel::NamedKernel& n) { return n.name == f.name; });
        INFO(example << " " << k->kernel->kind << " on " << kArchitectures[a]);
        CHECK(f.spill_store_bytes + f.spill_load_bytes == 0);
        int& most = table[example + " " + k->kernel->kind][a];
        most = std::max(most, f.registers);
      }
    }
  }
  INFO(count << " kernels");
  if (std::getenv("UWAGA_APPROVE")) return record(table);
  // Another NVRTC counts a little differently; what grows beyond that has changed.
  constexpr int kTolerance = 16;
  const Table before = recorded();
  for (const auto& [key, registers] : table) {
    INFO(key << ": UWAGA_APPROVE=1 records anew");
    REQUIRE(before.contains(key));
    for (std::size_t a = 0; a < 2; ++a) CHECK(std::abs(registers[a] - before.at(key)[a]) <= kTolerance);
  }
}

}  // namespace uwaga::test
