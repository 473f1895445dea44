// 05: reading what was made of a model.
//
// Nothing is hidden: a program tells which ops it put into which kernel, why each value that is stored is stored, what
// the kernels do, and how long each took. This example compiles one block of a network and prints all of it.
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/uwaga.h>

#include <cstdio>
#include <string>

using namespace uwaga;

namespace {

const Axis row{"row"}, model{"model", 64}, hidden{"hidden", 128};

constexpr int kSumLine = __LINE__ + 4;  // where the residual is added

Tensor block(const Scope& s, const Tensor& x) {
  const Tensor h = mlp(s / "mlp", rms_norm(s / "norm", x, model), model, hidden, gelu_tanh);
  return x + h;
}

}  // namespace

int main() {
  Graph g;
  const Tensor x = g.input("x", f32, {row, model});
  block(g.scope() / "block", x).watch("y");

  State state;
  Program program = compile(g, Target::host(1), state);
  state.initialise(1);

  // Where the time of compiling went, and what came of it. A second run of this example finds its kernels on disk.
  const CompileReport& r = program.report();
  std::printf("compiled in %.1f ms: graph %.1f, fuse %.1f, schedule %.1f, emit %.1f, link %.1f\n", r.total, r.graph,
              r.fuse, r.schedule, r.emit, r.link);
  std::printf("%d nodes became %d clusters, %d kernel calls of %d distinct kernels, %d of them from the cache\n\n",
              r.nodes, r.clusters, r.launches, r.kernels, r.kernels_from_cache);

  // What became of it, without running it: Inspection has the kernels that `compile` made. `uwaga inspect` prints the same
  // for models by name, and UWAGA_DUMP writes it for any program.
  const Inspection seen(g, Target::host());
  for (const InspectedKernel& kernel : seen.kernels()) {
    std::printf("%s:", kernel.name.c_str());
    for (std::size_t i = 0; i < kernel.calls[0].nodes; ++i) std::printf(" %s", kernel.calls[0].ops[i].op.c_str());
    std::printf("\n");
  }
  std::printf("\n");

  // A value inside a kernel never touches memory; one that crosses says why it must.
  for (const InspectedBoundary& b : seen.boundaries())
    std::printf("%s of %s is stored: %s%s%s\n", b.value.c_str(), b.origin.c_str(), b.rule.c_str(),
                b.numbers.empty() ? "" : ", ", b.numbers.c_str());

  // The kernel of one line of the model, twice: in the language that both code generators print from, and as machine code. Every
  // line ends with the line of this file that asked for it.
  const std::string line = "05_reading_kernels.cpp:" + std::to_string(kSumLine);
  std::printf("\n%s\n", seen.text(Stage::kernel, {.line = line}).c_str());
  const std::string assembly = seen.text(Stage::assembly, {.line = line});
  std::printf("its assembly begins\n%s\n", assembly.substr(0, 1500).c_str());

  // The same graph for a GPU: CUDA C++, whether there is one or not.
  const std::string cuda = Inspection(g, Target::emulated()).text(Stage::cuda, {.line = line});
  std::printf("...\n\nits CUDA begins\n%s...\n\n", cuda.substr(0, 1500).c_str());
  int without = 0;
  for (std::size_t i = 0; i < seen.kernels().size(); ++i) without += seen.without_origin(Stage::assembly, i);
  std::printf("%d instructions of all kernels have no line of the model\n\n", without);

  // A run with a clock at every kernel call. The line is the model's, not the engine's.
  Array input(f32, {{"row", 256}, {"model", 64}});
  for (std::int64_t i = 0; i < input.elements(); ++i) input.set(i, static_cast<double>(i % 7) - 3);
  program.run({{"x", input}});  // the first run also maps the arena
  bool told = true;
  for (const LaunchProfile& launch : program.profile({{"x", input}})) {
    std::printf("%8.3f ms  %-12s %-28s %s\n", launch.milliseconds, launch.kind.c_str(), launch.origin.c_str(),
                launch.ops.c_str());
    told = told && launch.origin.find("05_reading_kernels.cpp:") == 0;
  }
  std::printf("peak memory of a run with 256 rows: %lld bytes\n",
              static_cast<long long>(program.peak_bytes({{"row", 256}})));
  return told && without == 0 && !assembly.empty() && !cuda.empty() ? 0 : 1;
}
