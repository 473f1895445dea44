// What a target provides behind a Program.
#pragma once

#include <memory>

#include <uwaga/runtime/program.h>

namespace uwaga {

class ProgramImpl {
 public:
  virtual ~ProgramImpl() = default;
  virtual Arrays run(const Arrays& inputs, const Sizes& sizes) = 0;
  virtual std::vector<LaunchProfile> profile(const Arrays& inputs, const Sizes& sizes) { run(inputs, sizes); return {}; }
  virtual std::int64_t peak_bytes(const Sizes& sizes) const = 0;
  virtual std::int64_t parallel_launches() const { return 0; }
  virtual std::int64_t kernels_compiled_in_run() const { return 0; }
  virtual const Graph& graph() const = 0;

  CompileReport report;
};

std::shared_ptr<ProgramImpl> interpreter_program(const Graph& graph, std::shared_ptr<StateData> state);
class Backend;
std::shared_ptr<ProgramImpl> compiled_program(const Graph& graph, std::unique_ptr<Backend> backend, std::shared_ptr<StateData> state);

}  // namespace uwaga
