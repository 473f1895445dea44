// Program: a compiled graph on a target, with the State its slots live in.
//
//   Program p = compile(graph, Target::host(), state);
//   Outputs out = p.run({{"tokens", tokens}, {"targets", targets}});
//   float loss = out["loss"].item<float>();
//
// `run` binds sizes from the inputs, runs, and commits the updates of the slots; if it throws (a missing input, sizes that
// disagree, an index out of range), the state is what it was. Nothing is ever compiled in `run`.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph_ref.h>
#include <uwaga/ir/tensor.h>
#include <uwaga/runtime/program_options.h>
#include <uwaga/runtime/state.h>
#include <uwaga/runtime/target.h>

namespace uwaga {

// Where the time of `compile` went, in milliseconds, and what came of it.
struct CompileReport {
  double graph = 0, fuse = 0, schedule = 0, emit = 0, link = 0, total = 0;
  int nodes = 0;             // of the graph that was fused
  int clusters = 0;
  int launches = 0;          // kernel calls of one run but those inside scans and conds
  int kernels = 0;           // distinct ones
  int kernels_from_cache = 0;
  int kernels_compiled = 0;  // the others
  // Calls of attention that run from their bodies because no kernel of the target computes them, and why:
  // "gpt.cpp:9 in h.3.attn: its scores are not elementwise over query x key".
  std::vector<std::string> refused_attention;
};

// One kernel call of a run, timed.
struct LaunchProfile {
  std::string kind;          // of the cluster: "loop", "contraction", ...
  std::string ops;           // of the cluster, in order: "dot add tanh"; a call by its composite's name
  std::string origin;        // of its last op: "gpt.cpp:9 in h.3.attn"
  int kernel = 0;            // which of the distinct kernels
  std::int64_t tasks = 0;
  double milliseconds = 0;
};

// What a run gives: arrays by name. Reading one that is not there is an Error with the nearest names.
class Outputs : public Arrays {
 public:
  Outputs() = default;
  explicit Outputs(Arrays arrays) : Arrays(std::move(arrays)) {}
  const Array& operator[](const std::string& name) const;
  Array& operator[](const std::string& name);
};

class ProgramImpl;

class Program {
 public:
  explicit Program(std::shared_ptr<ProgramImpl> impl) : impl_(std::move(impl)) {}

  // `sizes`: of symbols that no input's axis tells, such as `past` of a derived decode (autodiff/decode.h).
  Outputs run(const Arrays& inputs, const Sizes& sizes = {});

  // A run that times every kernel call, in order. Updates are committed as in any run.
  std::vector<LaunchProfile> profile(const Arrays& inputs, const Sizes& sizes = {});

  // Bytes of the arena, the outputs and the scratch when inputs have these sizes; slots are counted in the State. On a CUDA
  // target they are bytes of the device's memory, with the device's copies of the inputs and the program's tables of
  // constants; the host's arrays of inputs and outputs, and the compiled kernels, are not counted. 0 for the interpreter.
  std::int64_t peak_bytes(const Sizes& sizes) const;
  const CompileReport& report() const;
  // The graph as it was compiled, after all passes.
  const Graph& graph() const;
  // Kernel calls that used more than one thread, since the program was compiled.
  std::int64_t parallel_launches() const;
  // Kernels made by `run`s: always 0, counted where code is made.
  std::int64_t kernels_compiled_in_run() const;

  ProgramImpl& impl() const { return *impl_; }

 private:
  std::shared_ptr<ProgramImpl> impl_;
};

// Outputs are those of the graph. Errors: a slot that `state` has with another type, or a scalar state slot, such as an
// optimiser's rate, that it has starting at another number (a run would go on with that one); random numbers in a graph that
// updates parameters and not the slot `step`, which they follow; what the target refuses, with the line.
Program compile(const Graph& graph, const Target& target, State& state, const ProgramOptions& options = {});
// The graph of one tensor: its value is the output of that name.
Program compile(Tensor output, const Target& target, State& state, const std::string& name = "output");
Program compile(Tensor output, const Target& target, State& state, const ProgramOptions& options, const std::string& name = "output");

}  // namespace uwaga
