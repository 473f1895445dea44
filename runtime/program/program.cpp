#include <uwaga/runtime/program.h>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/program/internal/program_impl.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {

Arrays Program::run(const Arrays& inputs, const Sizes& sizes) { return impl_->run(inputs, sizes); }
std::vector<LaunchProfile> Program::profile(const Arrays& inputs, const Sizes& sizes) { return impl_->profile(inputs, sizes); }
std::int64_t Program::peak_bytes(const Sizes& sizes) const { return impl_->peak_bytes(sizes); }
const CompileReport& Program::report() const { return impl_->report; }
const Graph& Program::graph() const { return impl_->graph(); }
std::int64_t Program::parallel_launches() const { return impl_->parallel_launches(); }
std::int64_t Program::kernels_compiled_in_run() const { return impl_->kernels_compiled_in_run(); }

namespace {

#if defined(UWAGA_WITH_LLVM) || defined(UWAGA_WITH_CUDA)
Program compiled(const Graph& graph, std::unique_ptr<Backend> backend, State& state, CustomKernels kernels) {
  backend->use(std::move(kernels));
  return Program(compiled_program(graph, std::move(backend), state.shared()));
}
#endif

}  // namespace

Program compile(const Graph& graph, const Target& target, State& state, const ProgramOptions& options) {
  if (!graph || (graph->outputs().empty() && graph->updates().empty())) throw Error("there is nothing to compile: the graph has no output and no update; watch(\"name\") makes a tensor an output");
  CustomKernels kernels(options.kernels);
  kernels.check_against(graph);
  state.data().declare(graph);
  dump_if_asked(graph, target, options);
  switch (target.kind()) {
    case Target::Kind::interpreter: return Program(interpreter_program(graph, state.shared()));
    case Target::Kind::host:
#ifdef UWAGA_WITH_LLVM
      return compiled(graph, host_backend(state.data().threads(target.threads())), state, std::move(kernels));
#else
      throw Error("this build has no CPU backend (it was built without LLVM); use Target::interpreter()");
#endif
    case Target::Kind::cuda:
#ifdef UWAGA_WITH_CUDA
      return compiled(graph, cuda_backend(target.device()), state, std::move(kernels));
#else
      throw Error("this build has no CUDA backend; use Target::host()");
#endif
    case Target::Kind::emulated:
#ifdef UWAGA_WITH_CUDA
      return compiled(graph, emulated_backend(target.seed()), state, std::move(kernels));
#else
      throw Error("this build has no CUDA backend, so there are no CUDA kernels to emulate");
#endif
  }
  throw InternalError("a target of no kind");
}

Program compile(Tensor output, const Target& target, State& state, const std::string& name) { return compile(std::move(output), target, state, ProgramOptions(), name); }

Program compile(Tensor output, const Target& target, State& state, const ProgramOptions& options, const std::string& name) {
  auto copy = std::make_shared<GraphData>(output.data());
  Graph graph(copy);
  if (!copy->output(name)) copy->add_output(name, output.value());
  return compile(graph, target, state, options);
}

}  // namespace uwaga
