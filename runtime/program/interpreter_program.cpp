// Programs on the interpreter: the oracle behind the same interface.
#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/interpreter/interpret.h>
#include <uwaga/runtime/program/internal/program_impl.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {
namespace {

class InterpreterProgram final : public ProgramImpl {
 public:
  InterpreterProgram(const Graph& graph, std::shared_ptr<StateData> state) : graph_(graph), state_(std::move(state)) {
    report.nodes = graph_->size();
  }

  Arrays run(const Arrays& inputs, const Sizes& sizes) override {
    const StateData::Lock lock(*state_);
    Arrays parameters;
    for (const auto& [path, node] : graph_->parameters()) parameters.emplace(path, state_->filled(path).at_home());
    Results results = interpret(graph_, inputs, parameters, Mode::typed, {.observe = {}, .refuse_nan = false, .sizes = sizes});
    for (auto& [path, value] : results.updates) {
      Slot& slot = state_->slot(path);
      const Array own = value.reordered(slot.type.axes());
      slot.set(Array::from_bytes(own.dtype(), own.dims(), {own.data(), own.bytes()}));
    }
    return std::move(results.outputs);
  }

  std::int64_t peak_bytes(const Sizes&) const override { return 0; }
  const Graph& graph() const override { return graph_; }

 private:
  Graph graph_;
  std::shared_ptr<StateData> state_;
};

}  // namespace

std::shared_ptr<ProgramImpl> interpreter_program(const Graph& graph, std::shared_ptr<StateData> state) {
  return std::make_shared<InterpreterProgram>(graph, std::move(state));
}

}  // namespace uwaga
