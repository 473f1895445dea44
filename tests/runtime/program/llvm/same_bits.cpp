// The bits of a training run are those of the program: no thread count, cache, pass or instruction set changes them.
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <uwaga/runtime/host/cpu.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// An empty folder for kernels, removed afterwards.
struct CacheFolder {
  std::filesystem::path path;
  explicit CacheFolder(const std::string& name)
      : path(std::filesystem::temp_directory_path() / ("uwaga-bits-" + name + "-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
  }
  ~CacheFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

void trains_to_the_same_bits(const std::string& name, const Graph& step) {
  const CacheFolder folder(name);
  const Environment cache("UWAGA_CACHE", folder.path.string());
  const SmallRun cold = train_small(step, Target::host(1));
  CHECK(std::all_of(cold.losses.begin(), cold.losses.end(), [](float l) { return std::isfinite(l); }));
  CHECK(cold.report.kernels_from_cache == 0);
  CHECK(cold.report.kernels_compiled == cold.report.kernels);

  const SmallRun warm = train_small(step, Target::host(1));
  CHECK(warm.report.kernels_from_cache == warm.report.kernels);
  CHECK(warm.digest == cold.digest);
  bool routine_missed = false;  // a file that no kernel is: what kernels call is compiled again where it alone is gone
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path)) {
    if (routine_missed || !entry.is_regular_file()) continue;
    std::filesystem::remove(entry.path());
    const SmallRun again = train_small(step, Target::host(1));
    CHECK(again.digest == cold.digest);
    routine_missed = again.report.kernels_compiled == 0;
  }
  CHECK(routine_missed);
  {
    const Environment off("UWAGA_CACHE", "off");
    const SmallRun uncached = train_small(step, Target::host(2));
    CHECK(uncached.report.kernels_from_cache == 0);
    CHECK(uncached.digest == cold.digest);
  }
  for (int threads : {2, 3, 8}) {
    INFO(threads << " threads");
    CHECK(train_small(step, Target::host(threads)).digest == cold.digest);
    const Environment shares("UWAGA_SHARES", "fixed");  // else kernels this small are done before a second thread comes
    const SmallRun run = train_small(step, Target::host(threads));
    CHECK(run.digest == cold.digest);
    CHECK(run.parallel_launches > 0);
  }
  for (const char* off : {"-simplify", "-fold", "-cse", "-dce", "-simplify,-fold,-cse,-dce"}) {
    INFO("UWAGA_PASSES=" << off);
    const Environment passes("UWAGA_PASSES", off);
    CHECK(train_small(step, Target::host(2)).digest == cold.digest);
  }
}

void trains_to_the_same_bits_on(const Graph& step, const char* level) {
  const std::string machine = train_small(step, Target::host(1)).digest;
  const Environment cpu("UWAGA_CPU", level);
  CHECK(train_small(step, Target::host(2)).digest == machine);
}

// Within what ulps of transcendental functions do to sums of a few thousand terms.
void trains_as_the_interpreter_does(const Graph& step) {
  State state;
  compile(step, Target::host(1), state);
  state.initialise(3);
  const Arrays start = all_slots(state);
  const SmallRun host = train_small(step, Target::host(2), 2, start);
  const SmallRun oracle = train_small(step, Target::interpreter(), 2, start);
  for (std::size_t i = 0; i < host.losses.size(); ++i) CHECK(host.losses[i] == Approx(oracle.losses[i]).epsilon(2e-6));
  for (const auto& [path, value] : oracle.slots) {
    if (path.rfind("optimiser.first.", 0) != 0) continue;  // AdamW's moments follow the gradient; its step only the sign
    INFO(path);
    const std::vector<double> want = value.to_doubles(), got = host.slots.at(path).to_doubles();
    double largest = 0, off = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      largest = std::max(largest, std::abs(want[i]));
      off = std::max(off, std::abs(want[i] - got[i]));
    }
    CHECK(off <= 2e-4 * largest + 1e-8);
  }
}

}  // namespace

TEST_CASE("a small GPT-2 with dropout trains to the same bits on any threads, cache and passes") {
  trains_to_the_same_bits("gpt2", small_gpt2_step());
}
TEST_CASE("a small LLaMA trains to the same bits on any threads, cache and passes") {
  trains_to_the_same_bits("llama", small_llama_step());
}
TEST_CASE("a small GPT-2 trains to the same bits with AVX2 alone") {
  if (!detect_cpu().avx2) {
    WARN("skipped: this machine has no AVX2");
    return;
  }
  trains_to_the_same_bits_on(small_gpt2_step(), "avx2");
}
TEST_CASE("a small LLaMA trains to the same bits with AVX2 alone") {
  if (!detect_cpu().avx2) {
    WARN("skipped: this machine has no AVX2");
    return;
  }
  trains_to_the_same_bits_on(small_llama_step(), "avx2");
}
TEST_CASE("a small GPT-2 trains to the same bits on the baseline of the instruction set") {
  trains_to_the_same_bits_on(small_gpt2_step(), "baseline");
}
TEST_CASE("a small LLaMA trains to the same bits on the baseline of the instruction set") {
  trains_to_the_same_bits_on(small_llama_step(), "baseline");
}
TEST_CASE("a small GPT-2 trains on compiled kernels as on the interpreter") { trains_as_the_interpreter_does(small_gpt2_step()); }
TEST_CASE("a small LLaMA trains on compiled kernels as on the interpreter") { trains_as_the_interpreter_does(small_llama_step()); }

TEST_CASE("a deeper model needs no further kernels") {
  const auto kernels = [](std::int64_t layers) {
    Graph g;
    const Gpt2 c{.layers = layers, .heads = 2, .width = 16, .vocab = 37, .positions = 20};
    const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
    State state;
    return compile(train_step(cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words()), AdamW{}), Target::host(1), state)
        .report()
        .kernels;
  };
  // The norm adds its parameters' sums in a chain, whose pieces differ while there are few of them. Which gradient of an attention's
  // inputs is the last to be added is a matter of hashes, so some depths do without one of two kernels.
  const int twelve = kernels(12);
  CHECK(kernels(18) <= twelve);
  CHECK(kernels(24) <= twelve);
}

TEST_CASE("kernels and what they call have names for perf where that is asked for") {
  const Environment perf("UWAGA_PERF", "map");
  const std::string path = "/tmp/perf-" + std::to_string(::getpid()) + ".map";
  std::filesystem::remove(path);
  const SmallRun run = train_small(small_gpt2_step(), Target::host(1));
  std::ifstream map(path);
  int kernels = 0, routines = 0;
  for (std::string line; std::getline(map, line);) {
    std::istringstream words(line);
    std::uintptr_t address = 0;
    std::size_t size = 0;
    std::string name;
    words >> std::hex >> address >> size >> name;
    CHECK((address != 0 && size != 0));
    kernels += name.starts_with("k0");
    routines += name.starts_with("routine_");
  }
  CHECK(kernels >= run.report.kernels);  // and those that initialise the state
  CHECK(routines > 0);
  std::filesystem::remove(path);
}
