#include <uwaga/runtime/program.h>

#include <fmt/format.h>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/nearest.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/program/internal/program_impl.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {

const Array& Outputs::operator[](const std::string& name) const {
  if (const auto it = find(name); it != end()) return it->second;
  std::vector<std::string> names;
  for (const auto& [known, array] : *this) names.push_back(known);
  throw Error(fmt::format("the run gave no '{}'{}", name, nearest_names(name, names)));
}
Array& Outputs::operator[](const std::string& name) { return const_cast<Array&>(std::as_const(*this)[name]); }

Outputs Program::run(const Arrays& inputs, const Sizes& sizes) { return Outputs(impl_->run(inputs, sizes)); }
std::vector<LaunchProfile> Program::profile(const Arrays& inputs, const Sizes& sizes) { return impl_->profile(inputs, sizes); }
std::int64_t Program::peak_bytes(const Sizes& sizes) const { return impl_->peak_bytes(sizes); }
const CompileReport& Program::report() const { return impl_->report; }
const Graph& Program::graph() const { return impl_->graph(); }
std::int64_t Program::parallel_launches() const { return impl_->parallel_launches(); }
std::int64_t Program::kernels_compiled_in_run() const { return impl_->kernels_compiled_in_run(); }

namespace {

// Training that draws the same numbers in every step is nobody's intention.
void check_draws(const GraphData& g) {
  if (g.draws().empty()) return;
  bool trains = false;
  for (const Update& u : g.updates()) {
    if (u.path == "step") return;
    const auto slot = g.parameters().find(u.path);
    trains = trains || (slot != g.parameters().end() && g.node(slot->second).as<ParameterAttrs>().trainable);
  }
  const auto& [path, where] = *g.draws().begin();
  if (trains)
    throw Error(fmt::format("{}: the random numbers '{}' follow the slot 'step', and the graph updates parameters but not that: every run would "
                            "draw the same; add update(g.step(), g.step() + 1)", g.provenance().brief(where), path));
}

#if defined(UWAGA_WITH_LLVM) || defined(UWAGA_WITH_CUDA)
Program compiled(const Graph& graph, std::unique_ptr<Backend> backend, State& state, CustomKernels kernels) {
  backend->use(std::move(kernels));
  return Program(compiled_program(graph, std::move(backend), state.shared()));
}
#endif

}  // namespace

Program compile(const Graph& graph, const Target& target, State& state, const ProgramOptions& options) {
  if (!graph || (graph->outputs().empty() && graph->updates().empty())) throw Error("there is nothing to compile: the graph has no output and no update; watch(\"name\") makes a tensor an output");
  check_draws(graph.data());
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
