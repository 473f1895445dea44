#include <uwaga/ir/attributes.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/by_value.h>
#include <uwaga/runtime/compiled/internal/in_place.h>
#include <uwaga/runtime/compiled/internal/together.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>
#include <set>
#include <span>

#include <uwaga/codegen/fuse/cluster_order.h>
#include <uwaga/codegen/fuse/written.h>
#include <uwaga/codegen/kernel/hash.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/on_threads.h>

namespace uwaga {

int KernelSet::add(kernel::Kernel kernel) {
  const std::string hash = kernel::hash(kernel).str();
  const auto [it, fresh] = known_.try_emplace(hash, static_cast<int>(kernels_.size()));
  if (fresh) {
    code_hashes_.push_back(kernel::code_hash(kernel).str());
    kernels_.push_back(std::move(kernel));
  }
  return it->second;
}

namespace {

constexpr int kNone = -1;
constexpr NodeId kNoSlot = ~NodeId{0};

class ExecutableBuilder {
 public:
  ExecutableBuilder(const Graph& graph, const Backend& backend, KernelSet& kernels, bool is_body, double* fuse_ms, double* schedule_ms)
      : backend_(backend), kernels_(kernels), is_body_(is_body), fuse_ms_(fuse_ms), schedule_ms_(schedule_ms),
        out_(std::make_shared<Executable>()), of_value_(graph.data(), kNone), in_place_(graph.data(), kNone), uses_(graph.data(), 0) {
    out_->graph = graph;
    auto slot = g().parameters().begin();
    for (const Update& u : g().updates()) {
      if (slot == g().parameters().end() || slot->first != u.path) slot = g().parameters().find(u.path);
      check_internal(slot != g().parameters().end(), "an update of no slot");
      updates_.push_back({slot++->second, written_by(g(), u)});
    }
  }

  std::shared_ptr<Executable> build(bool in_place = true) {
    const auto start = std::chrono::steady_clock::now();
    out_->clustering = fuse_unexplained(out_->graph, backend_.fuse_rules());
    out_->layouts = choose_layouts(out_->graph, out_->clustering);
    keep_written_order();
    // (Where a NaN is looked for, in all that is stored, nothing may lie between rows.)
    if (backend_.row_bytes() > 0 && in_place) align_rows(out_->graph, out_->clustering, backend_.row_bytes(), out_->layouts);
    *fuse_ms_ += since(start);

    add_border();
    count_uses();
    if (in_place) {
      write_in_place();
      find_appended();
    } else {
      in_order_.order.resize(out_->clustering.clusters.size());
      std::iota(in_order_.order.begin(), in_order_.order.end(), 0);
    }
    make_plans();
    for (int i : in_order_.order) add_cluster(i);
    add_commits();
    bring_together(out_->steps, 0, out_->first_commit, kernels_.kernels());
    bring_together(out_->steps, out_->first_commit, out_->steps.size(), kernels_.kernels());
    find_lifetimes();
    return out_;
  }

 private:
  const GraphData& g() const { return out_->graph.data(); }

  static double since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  // What a structure reads or writes lies as its type writes it, as choose_layouts has it for what crosses the border.
  void keep_written_order() {
    const auto keep = [&](Value v) { out_->layouts[v] = Layout{g().type(v).axes()}; };
    for (const Cluster& c : out_->clustering.clusters)
      if (c.kind == ClusterKind::structure) {
        for (Value v : c.inputs) keep(v);
        for (Value v : c.outputs) keep(v);
      }
  }

  int add_storage(Storage::Kind kind, int index, Value value, DType dtype, Extent elements, std::int64_t parts = 1) {
    const int id = static_cast<int>(out_->storages.size());
    if (kind == Storage::Kind::arena) {
      index = static_cast<int>(out_->blocks.size());
      out_->blocks.push_back({elements * Extent(static_cast<std::int64_t>(size_of(dtype))), 1 << 30, -1, parts});
    }
    out_->storages.push_back({kind, index, value, dtype, std::move(elements), parts});
    return id;
  }
  int add_value(Storage::Kind kind, int index, Value v) {
    const auto layout = out_->layouts.find(v);
    const bool as_laid = kind == Storage::Kind::arena && layout != out_->layouts.end();
    return of_value_[v] = add_storage(kind, index, v, g().type(v).dtype, as_laid ? elements_in_memory(g().type(v), layout->second) : g().type(v).elements());
  }
  int temporary(DType dtype, Extent elements, std::int64_t parts = 1) {
    return add_storage(Storage::Kind::arena, 0, {kTemporary, 0}, dtype, std::move(elements), parts);
  }

  void add_border() {
    for (std::size_t i = 0; i < g().inputs().size(); ++i)
      add_value(Storage::Kind::input, static_cast<int>(i), {g().inputs()[i], 0});
    for (const auto& [path, id] : g().parameters()) {
      check_internal(!is_body_, "a parameter inside a body");
      add_value(Storage::Kind::slot, static_cast<int>(out_->slots.size()), {id, 0});
      out_->slots.push_back(path);
    }
    for (NodeId id = 0; id < g().nodes().size(); ++id) {
      const Node& n = g().node(id);
      if (n.op != Op::constant || n.as<ConstantAttrs>().values.size() < 2) continue;
      add_value(Storage::Kind::constant, static_cast<int>(out_->constants.size()), {id, 0});
      out_->constants.push_back(table_of(n.as<ConstantAttrs>()));
    }
    for (std::size_t i = 0; i < g().outputs().size(); ++i) {
      const Value v = g().outputs()[i].value;
      if (is_stored(v)) {
        const int to = add_storage(Storage::Kind::output, static_cast<int>(i), v, g().type(v).dtype, g().type(v).elements());
        copies_.push_back({v, to});
      } else {
        add_value(Storage::Kind::output, static_cast<int>(i), v);
      }
    }
  }

  void write_in_place() {
    in_order_ = find_in_place(g(), out_->clustering.clusters, updates_);
    ByValue<NodeId> slots(g(), kNoSlot);  // by update
    for (const SlotUpdate& u : updates_)
      if (!u.written.first_row) slots[u.written.value] = u.slot;
    for (const std::set<int>* clusters : {&in_order_.last, &in_order_.products})
      for (int i : *clusters)
        for (Value v : out_->clustering.clusters[static_cast<std::size_t>(i)].outputs)
          if (slots[v] != kNoSlot) in_place_[v] = of_value_[{slots[v], 0}];
  }

  // What a slot holds of the past with new rows behind it, concat({slice(slot, 0, n), rows}), is the slot itself once the rows
  // are in it, where an update appends just these. They are written there as soon as they are known, if nothing can fail from
  // then on and nothing else reads the slot; no one concatenates.
  void find_appended() {
    const auto& clusters = out_->clustering.clusters;
    int last_failing = kNone;
    for (std::size_t i = 0; i < clusters.size(); ++i)
      if (clusters[i].kind == ClusterKind::structure || may_fail(g(), clusters[i])) last_failing = static_cast<int>(i);
    for (std::size_t u = 0; u < updates_.size(); ++u) {
      if (!updates_[u].written.first_row) continue;
      const Value slot{updates_[u].slot, 0};
      int reader = kNone, readers = 0;
      for (std::size_t i = 0; i < clusters.size(); ++i)
        if (std::find(clusters[i].inputs.begin(), clusters[i].inputs.end(), slot) != clusters[i].inputs.end()) {
          reader = static_cast<int>(i);
          ++readers;
        }
      if (readers != 1 || uses_[slot] != 1 || reader <= last_failing) continue;
      const Cluster& c = clusters[static_cast<std::size_t>(reader)];
      if (c.outputs.size() != 1 || is_stored(c.outputs[0]) || !is_appended(c.outputs[0], slot, updates_[u].written)) continue;
      const Type& type = g().type(slot);
      Layout layout{type.axes()};
      if (rows_of(type, updates_[u].written.axis).pieces != 1) {
        if (!reads_by_strides(c.outputs[0])) continue;
        layout.room = Layout::Room{updates_[u].written.axis, type.extent(updates_[u].written.axis)};
      }
      appended_[reader] = u;
      out_->layouts[c.outputs[0]] = std::move(layout);
    }
  }
  bool is_appended(Value v, Value slot, const Written& written) const {
    const Node& n = g().node(v.node);
    const Type& type = g().type(slot);
    if (n.op != Op::concat || n.operands.size() != 2 || !(n.operands[1] == written.value)) return false;
    const Node& before = g().node(n.operands[0].node);
    if (before.op != Op::slice || !(before.operands[0] == slot) || n.types[0].axes() != type.axes()) return false;
    const auto& a = before.as<SliceAttrs>();
    return a.axis == written.axis && n.as<AxisAttrs>().axis == written.axis && a.step == 1 && a.start == Extent(0) && a.stop == *written.first_row;
  }

  // A slot, whose sizes are constant, as this many pieces, one after the other, of rows along an axis of this many elements.
  struct Rows {
    std::int64_t pieces = 1, elements = 1;
  };
  static Rows rows_of(const Type& type, const std::string& axis) {
    Rows rows;
    std::int64_t* factor = &rows.pieces;
    for (const Dim& d : type.dims)
      if (d.axis == axis) factor = &rows.elements;
      else *factor *= *d.extent.constant();
    return rows;
  }
  // Is it read by clusters alone that go by its strides, and by nothing that takes it as one piece?
  bool reads_by_strides(Value v) const {
    const auto& clusters = out_->clustering.clusters;
    return std::none_of(updates_.begin(), updates_.end(), [&](const SlotUpdate& u) { return u.written.value == v; }) &&
           std::all_of(clusters.begin(), clusters.end(), [&](const Cluster& c) {
             const bool by_strides = c.kind == ClusterKind::attention || c.kind == ClusterKind::contraction || c.kind == ClusterKind::loop;
             return by_strides || std::find(c.inputs.begin(), c.inputs.end(), v) == c.inputs.end();
           });
  }

  Copy append(std::size_t update) const {
    const Written& w = updates_[update].written;
    const Type& type = g().type({updates_[update].slot, 0});
    const Rows rows = rows_of(type, w.axis);
    return {storage_of(w.value), storage_of({updates_[update].slot, 0}), *w.first_row * Extent(rows.elements), rows.pieces,
            rows.elements * *type.extent(w.axis).constant()};
  }

  static Array table_of(const ConstantAttrs& a) {
    ArrayDims dims;
    for (const Dim& d : a.type.dims) dims.push_back({d.axis, d.extent.evaluate({})});
    Array table(a.type.dtype, std::move(dims));
    for (std::size_t i = 0; i < a.values.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (is_float(a.type.dtype)) table.set(at, a.values[i].as_double());
      else table.set_integer(at, a.values[i].as_integer());
    }
    return table;
  }

  int storage_of(Value v) const {
    check_internal(is_stored(v), "a cluster reads a value that nothing stores");
    return of_value_[v];
  }
  bool is_stored(Value v) const { return of_value_[v] != kNone; }

  // One for the clusters of each signature.
  void make_plans() {
    const auto start = std::chrono::steady_clock::now();
    ClusterOrder order(out_->graph, out_->layouts);
    auto& clusters = out_->clustering.clusters;
    std::vector<std::pair<const Cluster*, ClusterPlan*>> plans;
    for (std::size_t i = 0; i < clusters.size(); ++i) {
      signatures_.push_back(order.canonicalise(clusters[i]));
      if (clusters[i].kind == ClusterKind::structure || appended_.contains(static_cast<int>(i))) continue;
      const auto [known, fresh] = plans_.try_emplace(signatures_.back());
      if (!fresh) continue;
      if (clusters[i].kind == ClusterKind::custom) known->second = plan(clusters[i]);  // functions of the user's: one at a time
      else plans.emplace_back(&clusters[i], &known->second);
    }
    on_threads(plans.size(), backend_.workers(), [&] {
      return [&](std::size_t i) { *plans[i].second = plan(*plans[i].first); };
    });
    *schedule_ms_ += since(start);
  }

  void add_cluster(int index) {
    const Cluster& cluster = out_->clustering.clusters[static_cast<std::size_t>(index)];
    if (const auto it = appended_.find(index); it != appended_.end()) {
      out_->first_commit = std::min(out_->first_commit, out_->steps.size());
      out_->steps.push_back(append(it->second));
      of_value_[cluster.outputs[0]] = of_value_[{updates_[it->second].slot, 0}];
      return;
    }
    if (cluster.kind == ClusterKind::structure) {
      for (Value v : cluster.outputs)
        if (!is_stored(v)) add_value(Storage::Kind::arena, 0, v);
      add_structure(cluster);
      return;
    }
    const auto start = std::chrono::steady_clock::now();
    ClusterPlan& p = plans_.at(signatures_[static_cast<std::size_t>(index)]);
    // Where not only the last kernel writes results, it would read what another one wrote.
    const auto writes = [](const ClusterPlan::Call& call) {
      return std::any_of(call.buffers.begin(), call.buffers.end(), [](const auto& b) { return b.first == ClusterPlan::From::output; });
    };
    if (std::any_of(p.calls.begin(), std::prev(p.calls.end()), writes) && in_order_.last.erase(index) + in_order_.products.erase(index) > 0)
      for (Value v : cluster.outputs) in_place_[v] = kNone;
    const bool copies = !becomes_result(cluster, p);
    for (Value v : cluster.outputs) {
      if (in_place_[v] != kNone) of_value_[v] = in_place_[v];
      else if (!is_stored(v)) add_value(Storage::Kind::arena, 0, v);
    }
    std::vector<Step>& steps = in_order_.last.contains(index) ? commits_ : out_->steps;
    if (in_order_.products.contains(index)) out_->first_commit = std::min(out_->first_commit, steps.size());
    std::vector<int> temporaries;
    for (const Temporary& t : p.temporaries) temporaries.push_back(temporary(t.dtype, t.elements, t.parts));
    for (ClusterPlan::Call& call : std::span(p.calls).subspan(copies ? 0 : 1)) {
      if (call.kernel == kNone) call.kernel = kernels_.add(std::move(call.written));
      Launch launch;
      for (const auto& [from, which] : call.buffers)
        launch.buffers.push_back(from == ClusterPlan::From::temporary ? temporaries[which]
                                 : storage_of(from == ClusterPlan::From::input ? cluster.inputs[which] : cluster.outputs[which]));
      launch.kernel = call.kernel;
      launch.arguments = call.arguments;
      launch.cluster = index;
      launch.nodes = cluster.nodes;
      if (!call.nodes.empty()) {
        launch.nodes.clear();
        for (std::size_t position : call.nodes) {
          check_internal(position < cluster.nodes.size(), "a kernel computes no node of its cluster");
          launch.nodes.push_back(cluster.nodes[position]);
        }
      }
      steps.push_back(std::move(launch));
    }
    *schedule_ms_ += since(start);
  }

  // A cluster's schedule, buffers by their position among the cluster's inputs and outputs: what clusters of one signature
  // share.
  struct ClusterPlan {
    enum class From : std::uint8_t { input, output, temporary };
    struct Call {
      kernel::Kernel written;  // until the first launch
      int kernel = kNone;      // its number from then on: one that is never launched is never compiled
      std::vector<std::pair<From, std::size_t>> buffers;
      std::vector<Binding> arguments;
      std::vector<std::size_t> nodes;  // as ScheduledKernel::nodes
    };
    std::vector<Call> calls;
    std::vector<Temporary> temporaries;
    std::optional<std::size_t> copied;  // Schedule::copied, among the inputs
  };

  void count_uses() {
    for (const Cluster& c : out_->clustering.clusters)
      for (Value v : c.inputs) ++uses_[v];
    for (const Output& o : g().outputs()) ++uses_[o.value];
    for (const SlotUpdate& u : updates_) ++uses_[u.written.value];
  }

  // Gives what a cluster copies first to its result where nothing else wants it; the copy is then left out.
  bool becomes_result(const Cluster& cluster, const ClusterPlan& p) {
    if (!p.copied || cluster.outputs.size() != 1) return false;
    const Value from = cluster.inputs[*p.copied], to = cluster.outputs[0];
    if (uses_[from] != 1 || is_stored(to) || in_place_[to] != kNone || !is_stored(from)) return false;
    if (out_->storages[static_cast<std::size_t>(of_value_[from])].kind != Storage::Kind::arena) return false;
    of_value_[to] = of_value_[from];
    return true;
  }

  ClusterPlan plan(const Cluster& cluster) {
    Schedule schedule = backend_.schedule(out_->graph, cluster, out_->layouts);
    ClusterPlan p;
    p.temporaries = std::move(schedule.temporaries);
    if (schedule.copied)
      p.copied = static_cast<std::size_t>(std::find(cluster.inputs.begin(), cluster.inputs.end(), *schedule.copied) - cluster.inputs.begin());
    const auto position = [](const std::vector<Value>& list, Value v) {
      return static_cast<std::size_t>(std::find(list.begin(), list.end(), v) - list.begin());
    };
    for (ScheduledKernel& k : schedule.kernels) {
      ClusterPlan::Call call;
      for (Value v : k.buffers) {
        if (v.node == kTemporary) {
          call.buffers.emplace_back(ClusterPlan::From::temporary, v.output);
        } else if (const std::size_t in = position(cluster.inputs, v); in < cluster.inputs.size()) {
          call.buffers.emplace_back(ClusterPlan::From::input, in);
        } else {
          const std::size_t out = position(cluster.outputs, v);
          check_internal(out < cluster.outputs.size(), "a kernel's buffer is neither input nor output of its cluster");
          call.buffers.emplace_back(ClusterPlan::From::output, out);
        }
      }
      call.arguments = std::move(k.arguments);
      call.nodes = std::move(k.nodes);
      call.written = std::move(k.kernel);
      p.calls.push_back(std::move(call));
    }
    return p;
  }

  std::vector<int> storages_of(const ValueList& values, std::size_t first, std::size_t count) const {
    std::vector<int> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(storage_of(values[first + i]));
    return out;
  }

  // An output nothing stores (it is unused) gets memory all the same.
  int output_of(NodeId id, std::uint32_t output) {
    const Value v{id, output};
    return is_stored(v) ? of_value_[v] : add_value(Storage::Kind::arena, 0, v);
  }

  Extent body_arena(const Executable& body) const {
    // An upper bound that is an extent: blocks side by side, undivided. Bodies are small.
    Extent bytes = 64;
    for (const Lifetime& b : body.blocks) bytes = bytes + b.bytes + Extent(64);
    return bytes;
  }

  void add_structure(const Cluster& cluster) {
    const NodeId id = cluster.nodes.front();
    const Node& n = g().node(id);
    if (n.op == Op::cond) {
      const auto& a = n.as<CondAttrs>();
      CondRun step;
      step.condition = storage_of(n.operands[0]);
      step.bodies = {build_executable(a.else_body, backend_, kernels_, true, fuse_ms_, schedule_ms_),
                     build_executable(a.then_body, backend_, kernels_, true, fuse_ms_, schedule_ms_)};
      step.inputs = storages_of(n.operands, 1, n.operands.size() - 1);
      for (std::uint32_t i = 0; i < n.types.size(); ++i) step.outputs.push_back(output_of(id, i));
      step.arena = temporary(DType::u8, body_arena(*step.bodies[0]) + body_arena(*step.bodies[1]));
      out_->steps.push_back(std::move(step));
      return;
    }
    check_internal(n.op == Op::scan, "a structure that is neither scan nor cond");
    const auto& a = n.as<ScanAttrs>();
    const auto carries = static_cast<std::size_t>(a.carries), slices = static_cast<std::size_t>(a.slices);
    ScanRun step;
    step.body = build_executable(a.body, backend_, kernels_, true, fuse_ms_, schedule_ms_);
    step.length = a.length;
    step.reverse = a.reverse;
    step.initial = storages_of(n.operands, 0, carries);
    step.slices = storages_of(n.operands, carries, slices);
    step.constants = storages_of(n.operands, carries + slices, n.operands.size() - carries - slices);
    for (std::uint32_t i = 0; i < n.types.size(); ++i) (i < carries ? step.last : step.stacks).push_back(output_of(id, i));
    for (std::size_t i = 0; i < carries; ++i) {
      const Type& t = n.types[i];
      step.turns.push_back({temporary(t.dtype, t.elements()), temporary(t.dtype, t.elements())});
    }
    step.index = temporary(DType::i64, 1);
    step.arena = temporary(DType::u8, body_arena(*step.body));
    out_->steps.push_back(std::move(step));
  }

  void add_commits() {
    for (const auto& [value, to] : copies_) out_->steps.push_back(Copy{storage_of(value), to, {}});
    out_->first_commit = std::min(out_->first_commit, out_->steps.size());
    // Copies first: they may read slots that the kernels are about to overwrite.
    std::vector<Step> slot_copies;
    for (std::size_t i = 0; i < updates_.size(); ++i) {
      const Value written = updates_[i].written.value;
      const int from = storage_of(written), to = storage_of({updates_[i].slot, 0});
      if (from == to) continue;
      if (updates_[i].written.first_row) {
        const bool done = std::any_of(appended_.begin(), appended_.end(), [&](const auto& a) { return a.second == i; });
        if (!done) slot_copies.push_back(append(i));
        continue;
      }
      if (out_->storages[static_cast<std::size_t>(from)].kind == Storage::Kind::slot && in_place_[written] == kNone) {
        // A slot takes another slot's old value: it goes through the arena, so that no order of copies matters.
        const int through = temporary(g().type(written).dtype, g().type(written).elements());
        out_->steps.insert(out_->steps.begin() + static_cast<std::ptrdiff_t>(out_->first_commit++), Copy{from, through, {}});
        slot_copies.push_back(Copy{through, to, {}});
      } else {
        slot_copies.push_back(Copy{from, to, {}});
      }
    }
    out_->steps.insert(out_->steps.end(), commits_.begin(), commits_.end());
    out_->steps.insert(out_->steps.end(), slot_copies.begin(), slot_copies.end());
  }

  void touch(int storage, int step) {
    const Storage& s = out_->storages[static_cast<std::size_t>(storage)];
    if (s.kind != Storage::Kind::arena) return;
    Lifetime& life = out_->blocks[static_cast<std::size_t>(s.index)];
    life.first = std::min(life.first, step);
    life.last = std::max(life.last, step);
  }

  void find_lifetimes() {
    int first = 0, last = -1;  // of the launches that run at once
    for (std::size_t i = 0; i < out_->steps.size(); ++i) {
      const int at = static_cast<int>(i);
      const auto all = [&](const std::vector<int>& list) { for (int s : list) touch(s, at); };
      if (const auto* l = std::get_if<Launch>(&out_->steps[i])) {
        if (at > last) first = at, last = at + l->together - 1;
        for (int s : l->buffers) touch(s, first), touch(s, last);
      } else if (const auto* c = std::get_if<Copy>(&out_->steps[i])) {
        touch(c->from, at);
        touch(c->to, at);
      } else if (const auto* s = std::get_if<ScanRun>(&out_->steps[i])) {
        for (const auto* list : {&s->initial, &s->last, &s->slices, &s->constants, &s->stacks}) all(*list);
        for (const auto& pair : s->turns) all({pair[0], pair[1]});
        all({s->index, s->arena});
      } else {
        const auto& c2 = std::get<CondRun>(out_->steps[i]);
        all(c2.inputs);
        all(c2.outputs);
        all({c2.condition, c2.arena});
      }
    }
    for (Lifetime& b : out_->blocks)
      if (b.last < 0) b.first = b.last = 0;
  }

  const Backend& backend_;
  KernelSet& kernels_;
  bool is_body_;
  double *fuse_ms_, *schedule_ms_;
  std::shared_ptr<Executable> out_;
  std::map<Hash128, ClusterPlan> plans_;
  std::vector<Hash128> signatures_;  // by cluster
  ByValue<int> of_value_;  // storages
  ByValue<int> in_place_;  // of updates: the storage of the slot
  ByValue<int> uses_;      // clusters that read it, outputs and updates that are it
  std::vector<SlotUpdate> updates_;
  InPlace in_order_;
  std::map<int, std::size_t> appended_;  // by cluster: the update that writes the rows
  std::vector<std::pair<Value, int>> copies_;
  std::vector<Step> commits_;
};

}  // namespace

std::shared_ptr<Executable> build_executable(const Graph& graph, const Backend& backend, KernelSet& kernels, bool is_body,
                                             double* fuse_milliseconds, double* schedule_milliseconds, bool in_place) {
  return ExecutableBuilder(graph, backend, kernels, is_body, fuse_milliseconds, schedule_milliseconds).build(in_place);
}

}  // namespace uwaga
