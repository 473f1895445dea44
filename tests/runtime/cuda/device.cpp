// Programs on a CUDA device, with an emulated one behind the driver's interface: what runs, and what is said when it does not.
#include <cstring>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/composites/losses.h>
#include <uwaga/ir/ops.h>
#include <uwaga/models/gpt2.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/cuda/compiler.h>
#include <uwaga/runtime/cuda/driver.h>
#include <uwaga/runtime/cuda/emulated_gpu.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/program/internal/program_impl.h>
#include <uwaga/runtime/program/internal/state_data.h>
#include <uwaga/runtime/state.h>

#include "tests/catch.h"
#include "tests/runtime/cuda/run_cuda.h"
#include "tests/runtime/program/llvm/small_models.h"

namespace uwaga::test {
namespace {

Program on(std::shared_ptr<CudaCalls> gpu, const Graph& graph, State& state, const std::string& where = "emulated") {
  state.data().declare(graph);
  return Program(compiled_program(graph, cuda_backend(0, std::move(gpu), std::make_shared<EmulatingCompiler>(), where), state.shared()));
}

// w <- w * x + 1, giving the old w.
Graph step_graph() {
  Graph g;
  const Axis n("n", 5);
  const Tensor x = g.input("x", f32, {n}), w = g.scope().param("w", {n}, zeros());
  g->add_output("old", w.value());
  g->add_update("w", (w * x + 1.0).value());
  return g;
}
Array five(std::vector<float> values) { return array({{"n", 5}}, values); }

// A GPU that counts, and on which one thing goes wrong.
struct Gpu : EmulatedGpu {
  using EmulatedGpu::EmulatedGpu;
  int devices = 1, start = 0, launches_left = -1, uploads = 0, downloads = 0;
  int init() override { return start; }
  int device_count(int* count) override { return *count = devices, kSuccess; }
  std::string error_text(int result) override { return result == 700 ? "an illegal memory access was encountered" : EmulatedGpu::error_text(result); }
  std::string error_name(int result) override { return result == 700 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : EmulatedGpu::error_name(result); }
  int launch(void* function, unsigned blocks, unsigned threads, void* stream, void** parameters) override {
    if (launches_left == 0) return 700;
    --launches_left;
    return EmulatedGpu::launch(function, blocks, threads, stream, parameters);
  }
  int copy_to_device(std::uint64_t to, const void* from, std::size_t bytes, void* stream) override {
    return ++uploads, EmulatedGpu::copy_to_device(to, from, bytes, stream);
  }
  int copy_to_host(void* to, std::uint64_t from, std::size_t bytes, void* stream) override {
    return ++downloads, EmulatedGpu::copy_to_host(to, from, bytes, stream);
  }
};

std::string message(const std::function<void()>& body) {
  try {
    body();
  } catch (const std::exception& e) {
    return e.what();
  }
  return "nothing was thrown";
}

}  // namespace

TEST_CASE("a slot stays on the device from run to run, and comes back when it is asked for") {
  const auto gpu = std::make_shared<Gpu>(1);
  State state;
  Program step = on(gpu, step_graph(), state);
  state.set("w", five({1, 2, 3, 4, 5}));
  const Arrays inputs{{"x", five({2, 2, 2, 2, 2})}};
  CHECK(step.run(inputs)["old"].at(4) == 5);
  const int uploads = gpu->uploads;
  CHECK(step.run(inputs)["old"].at(4) == 11);
  CHECK(gpu->uploads == uploads + 1);  // x alone
  CHECK(state.get("w").at(4) == 23);
  CHECK(state.get("w").at(0) == 7);
  CHECK(step.run(inputs)["old"].at(4) == 23);  // reading it did not move it
  state.set("w", five({0, 0, 0, 0, 0}));
  CHECK(step.run(inputs)["old"].at(4) == 0);
}

TEST_CASE("programs on one device share a state there; one elsewhere takes it along") {
  const auto first = std::make_shared<Gpu>(1), second = std::make_shared<Gpu>(2);
  State state;
  Program step = on(first, step_graph(), state), same = on(second, step_graph(), state), other = on(std::make_shared<Gpu>(3), step_graph(), state, "elsewhere");
  Program oracle = compile(step_graph(), Target::interpreter(), state);
  state.set("w", five({1, 1, 1, 1, 1}));
  const Arrays inputs{{"x", five({1, 1, 1, 1, 1})}};
  CHECK(step.run(inputs)["old"].at(0) == 1);
  const int downloads = first->downloads, uploads = second->uploads;
  CHECK(same.run(inputs)["old"].at(0) == 2);
  CHECK(first->downloads == downloads);
  CHECK(second->uploads == uploads + 1);
  CHECK(other.run(inputs)["old"].at(0) == 3);
  CHECK(oracle.run(inputs)["old"].at(0) == 4);
  CHECK(step.run(inputs)["old"].at(0) == 5);
}

TEST_CASE("a state outlives the program that left its values on a device") {
  State state;
  {
    Program step = on(std::make_shared<Gpu>(1), step_graph(), state);
    state.set("w", five({1, 2, 3, 4, 5}));
    step.run({{"x", five({0, 0, 0, 0, 3})}});
  }
  CHECK(state.get("w").at(4) == 16);
}

TEST_CASE("a CUDA program takes as much device memory as it says it will, and its slots") {
  const auto gpu = std::make_shared<Gpu>(1, std::size_t{1} << 30);
  std::size_t before = 0, after = 0, total = 0;
  const auto c = Gpt2{.layers = 1, .heads = 2, .width = 16, .vocab = 19, .positions = 16};
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()}), targets = g.input("targets", i32, {c.batch, c.time()});
  const Graph graph = train_step(cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words()), AdamW{});
  State state;
  Program step = on(gpu, graph, state);
  state.initialise(1, Target::interpreter());
  std::size_t slots = 0;
  for (const std::string& name : state.names()) slots += state.get(name).bytes();
  gpu->memory_info(&before, &total);  // error words and constants are there
  step.run(small_batch(2, 7, 0, 19));
  gpu->memory_info(&after, &total);
  std::int64_t constants = 0;
  for (const Node& n : step.graph()->nodes())
    if (n.op == Op::constant && n.as<ConstantAttrs>().values.size() > 1)
      constants += n.types[0].elements().evaluate({}) * static_cast<std::int64_t>(size_of(n.types[0].dtype));
  CHECK(static_cast<std::int64_t>(before - after) + constants == step.peak_bytes({{"batch", 2}, {"time", 7}}) + static_cast<std::int64_t>(slots));
}

TEST_CASE("kernels of a CUDA program come from the disk the second time") {
  const TemporaryFolder folder("uwaga-test-cubins");
  const Environment cache("UWAGA_CACHE", folder.path().string());
  State state;
  Program first = on(std::make_shared<Gpu>(1), step_graph(), state), second = on(std::make_shared<Gpu>(1), step_graph(), state);
  CHECK(first.report().kernels_compiled == first.report().kernels);
  CHECK(second.report().kernels_from_cache == second.report().kernels);
  CHECK(second.report().kernels_compiled == 0);
  CHECK(second.kernels_compiled_in_run() == 0);
}

TEST_CASE("a CUDA program profiles every launch and keeps its updates") {
  State state;
  Program step = on(std::make_shared<Gpu>(1), step_graph(), state);
  state.set("w", five({1, 2, 3, 4, 5}));
  const auto profile = step.profile({{"x", five({1, 1, 1, 1, 1})}});
  CHECK(static_cast<int>(profile.size()) == step.report().launches);
  for (const LaunchProfile& l : profile) CHECK(l.milliseconds > 0);
  CHECK(state.get("w").at(4) == 6);
}

TEST_CASE("an index out of range on a device is told as on the host, and nothing is committed") {
  Graph g;
  const Axis row("row"), word("word", 4);
  const Tensor ids = g.input("ids", i32, {row}), table = g.scope().param("table", {word}, zeros());
  g->add_output("picked", gather(table, ids, word).value());
  g->add_update("table", (table + 1.0).value());
  State state, reference;
  Program p = on(std::make_shared<Gpu>(1), g, state), oracle = compile(g, Target::interpreter(), reference);
  state.set("table", array({{"word", 4}}, std::vector<float>{1, 2, 3, 4}));
  reference.set("table", array({{"word", 4}}, std::vector<float>{1, 2, 3, 4}));
  const Arrays bad{{"ids", array({{"row", 3}}, std::vector<std::int32_t>{0, 9, 1})}};
  const std::string said = message([&] { p.run(bad); });
  CHECK_THAT(said, Contains("gather over 'word': index 9 is outside word=4"));
  CHECK(said == message([&] { oracle.run(bad); }));
  CHECK(state.get("table").at(0) == 1);
  CHECK(p.run({{"ids", array({{"row", 1}}, std::vector<std::int32_t>{3})}})["picked"].at(0) == 4);
  CHECK(state.get("table").at(0) == 2);
}

TEST_CASE("UWAGA_CHECK=nan stops a CUDA program at the line that makes one") {
  Graph g;
  const Tensor x = g.input("x", f32, {Axis("n", 5)});
  g->add_output("y", log(x).value());
  State state;
  const Environment check("UWAGA_CHECK", "nan");
  Program p = on(std::make_shared<Gpu>(1), g, state);
  CHECK_NOTHROW(p.run({{"x", five({1, 2, 3, 4, 5})}}));
  CHECK_THAT(message([&] { p.run({{"x", five({1, 2, -3, 4, 5})}}); }), Contains("log makes a NaN, at element 2 of f32[n=5]"));
}

TEST_CASE("a device that fails says so in one sentence") {
  State state;
  const auto compiled = [&](std::shared_ptr<CudaCalls> gpu) { return message([&] { on(std::move(gpu), step_graph(), state); }); };
  const auto none = std::make_shared<Gpu>(1);
  none->devices = 0;
  CHECK(compiled(none) == "no CUDA device: the driver finds none; use --device cpu or emulated");
  const auto broken = std::make_shared<Gpu>(1);
  broken->start = 2;
  CHECK(compiled(broken) == "no CUDA device: the driver does not start (out of memory); use --device cpu or emulated");
  // Room for the error words, not for a parameter.
  const auto full = std::make_shared<Gpu>(1, 40000);
  Graph big;
  const Axis many("many", 100000);
  const Tensor w = big.scope().param("w", {many}, zeros());
  big->add_update("w", (w + 1.0).value());
  State other;
  Program p = on(full, big, other);
  other.initialise(1, Target::interpreter());
  CHECK(message([&] { p.run({}); }) ==
        "emulated GPU has 7232 bytes free of 40000, and 400000 are needed for a parameter of type f32[many=100000]");
  CHECK(other.get("w").at(7) == 0);
  const auto lost = std::make_shared<Gpu>(1);
  Program q = on(lost, step_graph(), state);
  state.set("w", five({1, 2, 3, 4, 5}));
  lost->launches_left = 0;
  CHECK(message([&] { q.run({{"x", five({1, 1, 1, 1, 1})}}); }) ==
        "CUDA driver: cuLaunchKernel failed: an illegal memory access was encountered (CUDA_ERROR_ILLEGAL_ADDRESS, 700)");
  lost->launches_left = -1;
  CHECK(q.run({{"x", five({1, 1, 1, 1, 1})}})["old"].at(4) == 5);
}

TEST_CASE("a program for a GPU that is not there says in one sentence what is missing") {
  CHECK(message([] { Target::cuda(-1); }) == "CUDA devices are counted from 0; there is no device -1");
  CHECK(Target::cuda(1).str() == "cuda:1");
  State state;
  const std::string why = CudaDriver::why_not();
  if (why.empty()) CHECK_THAT(message([&] { compile(step_graph(), Target::cuda(99), state); }), Contains("there is no CUDA device 99"));
  else CHECK(message([&] { compile(step_graph(), Target::cuda(), state); }) == why);
}

}  // namespace uwaga::test
