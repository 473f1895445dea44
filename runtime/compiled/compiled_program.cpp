// Compiled programs: steps over storages, one arena, kernels launched through the target's backend.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <map>
#include <optional>

#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/ir/aligned.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/interpreter/bind.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/bind.h>
#include <uwaga/runtime/compiled/internal/output_memory.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/compiled/internal/switch.h>
#include <uwaga/runtime/program/internal/program_impl.h>
#include <uwaga/runtime/program/internal/state_data.h>

namespace uwaga {
namespace {

class CompiledProgram final : public ProgramImpl {
 public:
  CompiledProgram(const Graph& graph, std::unique_ptr<Backend> backend, std::shared_ptr<StateData> state)
      : state_(std::move(state)), backend_(std::move(backend)) {
    const auto start = std::chrono::steady_clock::now();
    auto lap = [last = start]() mutable {
      const auto now = std::chrono::steady_clock::now();
      const double ms = std::chrono::duration<double, std::milli>(now - last).count();
      last = now;
      return ms;
    };
    const Graph lowered = lower_for_kernels(graph, backend_->lowering_rules(), &report.refused_attention, backend_->custom());
    report.graph = lap();
    KernelSet kernels;
    main_ = build_executable(lowered, *backend_, kernels, false, &report.fuse, &report.schedule, !refuse_nan_);
    lap();
    backend_->load(kernels, report);
    kernels_ = kernels.kernels();
    binder_.emplace(*main_, kernels_);
    for (const std::string& path : main_->slots) slots_.push_back(&state_->slot(path));
    upload_constants(*main_);
    compiled_before_ = backend_->kernels_compiled();
    output_memory_.emplace(main_->graph->outputs().size());
    report.nodes = lowered->size();
    report.clusters = static_cast<int>(main_->clustering.clusters.size());
    for (const Step& s : main_->steps) report.launches += std::holds_alternative<Launch>(s);
    report.total = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  Arrays run(const Arrays& given, const Sizes& sizes) override {
    const StateData::Lock lock(*state_);
    return run_locked(given, sizes);
  }

  std::vector<LaunchProfile> profile(const Arrays& inputs, const Sizes& sizes) override {
    const StateData::Lock lock(*state_);
    std::vector<LaunchProfile> launches;
    profile_ = &launches;
    try {
      run_locked(inputs, sizes);
    } catch (...) {
      profile_ = nullptr;
      throw;
    }
    profile_ = nullptr;
    return launches;
  }

  std::int64_t peak_bytes(const Sizes& sizes) const override {
    // Bound here, not looked up: another thread may be running.
    const BoundExecutable plan = binder_->bind(sizes);
    std::int64_t bytes = plan.placement.arena_bytes + plan.scratch_bytes * backend_->workers();
    if (backend_->memories()) return bytes + border_bytes(plan) + constant_bytes_;
    for (std::size_t i = 0; i < main_->storages.size(); ++i)
      if (main_->storages[i].kind == Storage::Kind::output) bytes += plan.bytes[i];
    return bytes;
  }

  std::int64_t parallel_launches() const override { return backend_->parallel_launches(); }
  std::int64_t kernels_compiled_in_run() const override { return backend_->kernels_compiled() - compiled_before_; }
  const Graph& graph() const override { return main_->graph; }

 private:
  // A launch that may have failed, and what its kernel said.
  struct Failure {
    const Executable* executable;
    const Launch* launch;
    std::uint64_t word = 0;
  };

  // Waits for what a run has started, whether it ends well or not: it works on the run's own arrays.
  struct Finish {
    Backend& backend;
    ~Finish() {
      try {
        backend.finish();
      } catch (...) {  // an error is on its way already
      }
    }
  };

  Arrays run_locked(const Arrays& given, const Sizes& sizes) {
    BoundInputs bound = bind_inputs(main_->graph, given, Floats::as_declared, sizes);
    BoundExecutable& plan = planned(bound.sizes);
    reserve(arena_, plan.placement.arena_bytes, "the values between the kernels of a program");
    backend_->reserve_scratch(plan.scratch_bytes);
    failures_.clear();
    sizes_ = &bound.sizes;

    Arrays outputs;
    std::vector<Array*> output_arrays;
    for (const Output& o : main_->graph->outputs()) {
      ArrayDims dims;
      const Type& t = main_->graph->type(o.value);
      for (const Dim& d : t.dims) dims.push_back({d.axis, d.extent.evaluate(bound.sizes)});
      const std::size_t bytes = static_cast<std::size_t>(checked_elements(dims, size_of(t.dtype))) * size_of(t.dtype);
      output_arrays.push_back(&(outputs[o.name] = Array::unwritten(t.dtype, std::move(dims), output_memory_->take(bytes))));
    }
    std::vector<void*> pointers = outer_pointers(plan);
    const Finish finish{*backend_};
    if (!backend_->memories()) {
      each_border([&](std::size_t i, const Storage& s) {
        const auto index = static_cast<std::size_t>(s.index);
        pointers[i] = s.kind == Storage::Kind::input ? const_cast<std::byte*>(bound.inputs[index].data()) : output_arrays[index]->mutable_data();
      });
      execute(*main_, plan, pointers, main_->first_commit);
      return outputs;
    }
    place_border(plan, pointers);
    each_border([&](std::size_t i, const Storage& s) {
      if (s.kind != Storage::Kind::input) return;
      const Array& from = bound.inputs[static_cast<std::size_t>(s.index)];
      backend_->upload(pointers[i], from.data(), from.bytes());
    });
    execute(*main_, plan, pointers, main_->first_commit);
    each_border([&](std::size_t i, const Storage& s) {
      if (s.kind != Storage::Kind::output) return;
      Array& to = *output_arrays[static_cast<std::size_t>(s.index)];
      backend_->download(to.mutable_data(), pointers[i], to.bytes());
    });
    backend_->finish();
    return outputs;
  }

  // Where the storages are that outlive a run or its steps.
  std::vector<void*> outer_pointers(const BoundExecutable& plan) {
    std::vector<void*> pointers(main_->storages.size(), nullptr);
    for (std::size_t i = 0; i < pointers.size(); ++i) {
      const Storage& s = main_->storages[i];
      const auto index = static_cast<std::size_t>(s.index);
      if (s.kind == Storage::Kind::slot) pointers[i] = slot_memory(index);
      if (s.kind == Storage::Kind::arena) pointers[i] = arena_.data + plan.placement.offsets[index];
      if (s.kind == Storage::Kind::constant) pointers[i] = constants_.at(main_.get())[index];
    }
    return pointers;
  }

  // ---- inputs and outputs, where the target has memory of its own: one block, taken anew when it is too small
  template <typename Body>
  void each_border(const Body& body) const {
    for (std::size_t i = 0; i < main_->storages.size(); ++i) {
      const Storage& s = main_->storages[i];
      if (s.kind == Storage::Kind::input || s.kind == Storage::Kind::output) body(i, s);
    }
  }
  static std::int64_t aligned(std::int64_t bytes) { return (bytes + 255) / 256 * 256; }
  std::int64_t border_bytes(const BoundExecutable& plan) const {
    std::int64_t bytes = 0;
    each_border([&](std::size_t i, const Storage&) { bytes += aligned(plan.bytes[i]); });
    return bytes;
  }
  void place_border(const BoundExecutable& plan, std::vector<void*>& pointers) {
    reserve(border_, border_bytes(plan), "the inputs and outputs of a program");
    std::int64_t offset = 0;
    each_border([&](std::size_t i, const Storage&) {
      pointers[i] = border_.data + offset;
      offset += aligned(plan.bytes[i]);
    });
  }

  // ---- memory: the host's, or the target's
  struct Block {
    AlignedBuffer host;
    std::shared_ptr<TargetMemory> away;
    std::byte* data = nullptr;
    std::int64_t bytes = 0;
  };
  void reserve(Block& block, std::int64_t bytes, const char* purpose) {
    if (block.bytes >= bytes) return;
    block = Block();  // given back first
    const auto size = static_cast<std::size_t>(bytes);
    if (TargetMemories* memories = backend_->memories()) {
      block.away = memories->allocate(size, purpose);
      block.data = static_cast<std::byte*>(block.away->address());
    } else {
      block.host = AlignedBuffer(size);
      block.data = block.host.data();
    }
    block.bytes = bytes;
  }

  // Tables of constants, of an executable and its bodies: on the target once and for all.
  void upload_constants(const Executable& e) {
    std::vector<void*>& at = constants_[&e];
    for (const Array& table : e.constants) {
      at.push_back(const_cast<std::byte*>(table.data()));
      TargetMemories* memories = backend_->memories();
      if (!memories || table.bytes() == 0) continue;
      constant_memory_.push_back(memories->allocate(table.bytes(), "a table of constants"));
      constant_memory_.back()->upload(table.data(), table.bytes());
      constant_bytes_ += static_cast<std::int64_t>(table.bytes());
      at.back() = constant_memory_.back()->address();
    }
    for (const Step& step : e.steps) {
      if (const auto* s = std::get_if<ScanRun>(&step)) upload_constants(*s->body);
      if (const auto* c = std::get_if<CondRun>(&step))
        for (const auto& body : c->bodies) upload_constants(*body);
    }
  }

  void* slot_memory(std::size_t index) {
    Slot& slot = slots_[index]->has_value ? *slots_[index] : state_->filled(main_->slots[index]);
    if (TargetMemories* memories = backend_->memories()) return slot.in(*memories);
    return slot.at_home().mutable_data();
  }

  BoundExecutable& planned(const Sizes& sizes) {
    const auto it = plans_.find(sizes);
    if (it != plans_.end()) return it->second;
    if (plans_.size() >= kPlansKept) plans_.clear();
    return plans_[sizes] = binder_->bind(sizes);
  }

  void execute(const Executable& e, const BoundExecutable& plan, std::vector<void*>& pointers, std::size_t check_before) {
    for (std::size_t i = 0; i < e.steps.size(); ++i) {
      if (i == check_before) check_error();
      if (const auto* l = std::get_if<Launch>(&e.steps[i])) {
        const std::size_t count = profile_ || refuse_nan_ ? 1 : static_cast<std::size_t>(l->together);
        const auto start = [&] { launch(e, i, count, plan, pointers); };
        if (profile_) {
          const double ms = backend_->timed(start);
          profile_->push_back(describe(e, *l, plan.launches[i].tasks, ms));
        } else {
          start();
        }
        if (refuse_nan_) check_nan(e, *l, plan, pointers);
        i += count - 1;
      } else if (const auto* c = std::get_if<Copy>(&e.steps[i])) {
        const auto from = static_cast<std::size_t>(c->from), to = static_cast<std::size_t>(c->to);
        const auto bytes = static_cast<std::size_t>(plan.bytes[from]), pieces = static_cast<std::size_t>(c->pieces);
        if (bytes == 0) continue;
        backend_->copy_pieces(static_cast<std::byte*>(pointers[to]) + plan.offsets[i], static_cast<std::size_t>(c->pitch) * size_of(e.storages[to].dtype),
                              pointers[from], bytes / pieces, pieces);
      } else if (const auto* s = std::get_if<ScanRun>(&e.steps[i])) {
        scan(*s, plan, i, pointers);
      } else {
        branch(std::get<CondRun>(e.steps[i]), plan, i, pointers);
      }
    }
    if (check_before == e.steps.size()) check_error();
  }

  // UWAGA_CHECK=nan: the first kernel call that stores a NaN is an Error with its model line. No update is in place then, so
  // that the slots are still what they were.
  void check_nan(const Executable& e, const Launch& l, const BoundExecutable& plan, const std::vector<void*>& pointers) const {
    const kernel::Kernel& k = kernels_[static_cast<std::size_t>(l.kernel)];
    for (std::size_t b = 0; b < l.buffers.size(); ++b) {
      const auto at = static_cast<std::size_t>(l.buffers[b]);
      const Storage& s = e.storages[at];
      if (!k.buffers[b].written || !is_float(s.dtype) || s.value.node == kTemporary) continue;
      Array stored(s.dtype, {{"element", plan.bytes[at] / static_cast<std::int64_t>(size_of(s.dtype))}});
      backend_->download(stored.mutable_data(), pointers[at], stored.bytes());
      backend_->finish();
      for (std::int64_t i = 0; i < stored.elements(); ++i)
        if (std::isnan(stored.at(i))) {
          const Node& n = e.graph->node(s.value.node);
          throw Error(fmt::format("{}: {} makes a NaN, at element {} of {}", e.graph->provenance().brief(n.provenance), op_name(n), i,
                                  e.graph->type(s.value).str()));
        }
    }
  }

  static LaunchProfile describe(const Executable& e, const Launch& l, std::int64_t tasks, double milliseconds) {
    const Cluster& c = e.clustering.clusters[static_cast<std::size_t>(l.cluster)];
    std::string ops;
    for (NodeId id : c.nodes) ops += fmt::format("{}{}", ops.empty() ? "" : " ", op_name(e.graph->node(id)));
    return {std::string(name(c.kind)), ops, e.graph->provenance().brief(e.graph->node(naming_op(e.graph.data(), c)).provenance), l.kernel, tasks,
            milliseconds};
  }

  // Steps that run at once, or one.
  void launch(const Executable& e, std::size_t first, std::size_t count, const BoundExecutable& plan, const std::vector<void*>& pointers) {
    buffers_.clear();
    launches_.clear();
    for (std::size_t i = first; i < first + count; ++i)
      for (int s : std::get<Launch>(e.steps[i]).buffers) buffers_.push_back(pointers[static_cast<std::size_t>(s)]);
    std::size_t at = 0;
    for (std::size_t i = first; i < first + count; ++i) {
      const Launch& l = std::get<Launch>(e.steps[i]);
      const BoundLaunch& bound = plan.launches[i];
      Failure& noted = failures_.emplace_back(Failure{&e, &l});
      launches_.push_back({static_cast<std::size_t>(l.kernel), std::span(buffers_).subspan(at, l.buffers.size()), plan.arguments_of(bound), bound.tasks, &noted.word});
      at += l.buffers.size();
    }
    backend_->launch_together(launches_);
    while (!backend_->memories() && !failures_.empty() && failures_.back().word == 0) failures_.pop_back();
  }

  // Points a body's storages at its parent's memory and its own part of the arena.
  std::vector<void*> body_pointers(const Executable& body, const BoundExecutable& plan, std::byte* arena,
                                   const std::vector<void*>& inputs, const std::vector<void*>& outputs) const {
    std::vector<void*> out(body.storages.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Storage& s = body.storages[i];
      const auto index = static_cast<std::size_t>(s.index);
      switch (s.kind) {
        case Storage::Kind::input: out[i] = inputs[index]; break;
        case Storage::Kind::output: out[i] = outputs[index]; break;
        case Storage::Kind::arena: out[i] = arena + plan.placement.offsets[index]; break;
        case Storage::Kind::constant: out[i] = constants_.at(&body)[index]; break;
        case Storage::Kind::slot: throw InternalError("a slot inside a body");
      }
    }
    return out;
  }

  void scan(const ScanRun& s, const BoundExecutable& plan, std::size_t step, const std::vector<void*>& pointers) {
    const auto at = [&](int storage) { return static_cast<std::byte*>(pointers[static_cast<std::size_t>(storage)]); };
    const auto bytes = [&](int storage) { return plan.bytes[static_cast<std::size_t>(storage)]; };
    const std::int64_t n = plan.lengths[step];
    const std::size_t carries = s.initial.size();
    if (n == 0) {
      for (std::size_t j = 0; j < carries; ++j) backend_->copy(at(s.last[j]), at(s.initial[j]), static_cast<std::size_t>(bytes(s.last[j])));
      return;
    }
    const BoundExecutable& body_plan = plan.bodies.at(step)[0];
    for (std::int64_t turn = 0; turn < n; ++turn) {
      const std::int64_t index = s.reverse ? n - 1 - turn : turn;
      std::vector<void*> inputs, outputs;
      for (std::size_t j = 0; j < carries; ++j) {
        inputs.push_back(turn == 0 ? at(s.initial[j]) : at(s.turns[j][static_cast<std::size_t>(turn % 2)]));
        outputs.push_back(turn == n - 1 ? at(s.last[j]) : at(s.turns[j][static_cast<std::size_t>((turn + 1) % 2)]));
      }
      for (int slice : s.slices) inputs.push_back(at(slice) + bytes(slice) / n * index);
      backend_->write_index(at(s.index), index);
      inputs.push_back(at(s.index));
      for (int c : s.constants) inputs.push_back(at(c));
      for (int stack : s.stacks) outputs.push_back(at(stack) + bytes(stack) / n * index);
      std::vector<void*> body = body_pointers(*s.body, body_plan, at(s.arena), inputs, outputs);
      execute(*s.body, body_plan, body, kNoCheck);
    }
  }

  void branch(const CondRun& c, const BoundExecutable& plan, std::size_t step, const std::vector<void*>& pointers) {
    const auto at = [&](int storage) { return pointers[static_cast<std::size_t>(storage)]; };
    std::uint8_t taken_word = 0;
    backend_->download(&taken_word, at(c.condition), 1);
    backend_->finish();
    const bool taken = taken_word != 0;
    std::vector<void*> inputs, outputs;
    for (int s : c.inputs) inputs.push_back(at(s));
    for (int s : c.outputs) outputs.push_back(at(s));
    const Executable& body = *c.bodies[taken];
    std::vector<void*> inner = body_pointers(body, plan.bodies.at(step)[taken], static_cast<std::byte*>(at(c.arena)), inputs, outputs);
    execute(body, plan.bodies.at(step)[taken], inner, kNoCheck);
  }

  // Throws what the first error word says that says anything: op, index, extent and model line. Later launches run on clamped
  // addresses and may fail too.
  void check_error() {
    if (failures_.empty()) return;
    backend_->finish();
    const auto failed = std::find_if(failures_.begin(), failures_.end(), [](const Failure& f) { return f.word != 0; });
    if (failed == failures_.end()) return failures_.clear();
    const auto [e, l, word] = *failed;
    const auto ordinal = static_cast<std::size_t>((word & 0xffff) - 1);
    const auto index = static_cast<std::int64_t>(word) >> 16;
    const Cluster& cluster = e->clustering.clusters[static_cast<std::size_t>(l->cluster)];
    const auto refuse = [&](const GraphData& g, ProvenanceId line, const Node& node) {
      throw Error(fmt::format("{}: {}", g.provenance().brief(line), describe_index(g, node, index)));
    };
    if (ordinal < l->nodes.size()) {
      const Node& node = e->graph->node(l->nodes[ordinal]);
      refuse(e->graph.data(), node.provenance, node);
    }
    check_internal(cluster.kind == ClusterKind::attention, "an error word of no op");
    const schedule::FlatAttention flat = schedule::flatten_attention(e->graph, cluster, e->layouts);
    const Node* node = flat.body_node(ordinal);
    check_internal(node != nullptr, "an error word of no op");
    refuse(flat.graph.data(), flat.origins[ordinal], *node);
  }

  // In the interpreter's words.
  std::string describe_index(const GraphData& g, const Node& node, std::int64_t index) const {
    const auto size = [&](std::size_t operand, const std::string& axis) {
      return g.type(node.operands[operand]).extent(axis).evaluate(*sizes_);
    };
    const auto part = [&](const std::string& axis, std::int64_t elements) {
      return fmt::format("{} over '{}': {} elements from index {} are outside {}={}", name(node.op), axis, elements, index, axis,
                         size(0, axis));
    };
    switch (node.op) {
      case Op::gather:
      case Op::scatter_add: {
        const std::string& axis = node.as<AxisAttrs>().axis;
        return fmt::format("{} over '{}': index {} is outside {}={}", name(node.op), axis, index, axis, size(0, axis));
      }
      case Op::dynamic_slice: {
        const auto& a = node.as<DynamicSliceAttrs>();
        return part(a.axis, a.size.evaluate(*sizes_));
      }
      case Op::dynamic_update: return part(node.as<AxisAttrs>().axis, size(1, node.as<AxisAttrs>().axis));
      case Op::call: return fmt::format("{}: its kernel refuses {}", op_name(node), index);
      default: throw InternalError(fmt::format("{} found index {} out of range", name(node.op), index));
    }
  }

  static constexpr std::size_t kPlansKept = 64;
  static constexpr std::size_t kNoCheck = static_cast<std::size_t>(-1);

  std::shared_ptr<StateData> state_;
  std::unique_ptr<Backend> backend_;
  std::shared_ptr<Executable> main_;
  std::vector<kernel::Kernel> kernels_;
  std::vector<Slot*> slots_;  // of the executable, which a state keeps where they are
  std::optional<Binder> binder_;
  std::optional<OutputMemory> output_memory_;
  std::map<Sizes, BoundExecutable> plans_;
  Block arena_, border_;
  std::map<const Executable*, std::vector<void*>> constants_;  // by table
  std::vector<std::shared_ptr<TargetMemory>> constant_memory_;
  std::int64_t constant_bytes_ = 0;
  std::vector<void*> buffers_;
  std::deque<Failure> failures_;  // of this run so far
  std::vector<Backend::KernelLaunch> launches_;  // that run at once
  std::int64_t compiled_before_ = 0;
  const Sizes* sizes_ = nullptr;  // of the run under way
  std::vector<LaunchProfile>* profile_ = nullptr;
  bool refuse_nan_ = is_switched_on("UWAGA_CHECK", "nan");
};

}  // namespace

std::shared_ptr<ProgramImpl> compiled_program(const Graph& graph, std::unique_ptr<Backend> backend, std::shared_ptr<StateData> state) {
  return std::make_shared<CompiledProgram>(graph, std::move(backend), std::move(state));
}

}  // namespace uwaga
