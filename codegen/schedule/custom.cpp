#include <uwaga/codegen/schedule/custom.h>

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/elementwise.h>
#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>

namespace uwaga::schedule {
namespace {

void stored_buffers(const std::vector<kernel::Stmt>& statements, std::set<kernel::BufferId>& out) {
  for (const kernel::Stmt& s : statements) {
    if (kernel::stores(s.kind)) out.insert(s.buffer);
    stored_buffers(s.body, out);
    stored_buffers(s.otherwise, out);
  }
}

// A result of no elements may be stored nowhere: loops that never run are not written.
void check_stores(KernelCall& call) {
  std::set<kernel::BufferId> stored;
  std::vector<kernel::BufferId> results;
  for (int i = 0; i < call.results(); ++i) results.push_back(call.result(i).buffer());
  stored_buffers(call.builder().kernel().body, stored);
  for (int i = 0; i < call.results(); ++i)
    if (!stored.contains(results[static_cast<std::size_t>(i)]) && call.result(i).type().elements().constant() != std::int64_t{0})
      throw Error(fmt::format("result {} is stored nowhere", i));
}

// "kernel builder: mul of f32 and f64 ..." is an internal error elsewhere, and the user's mistake here.
std::string without_prefix(const std::string& what) {
  for (const std::string_view prefix : {"kernel builder: ", "kernel verifier: "})
    if (const std::size_t at = what.find(prefix); at != what.npos) {
      const std::size_t begin = at + prefix.size();
      return what.substr(begin, what.find("; please report", begin) - begin);
    }
  return what;
}

class HostRow final : public Row {
 public:
  HostRow(KernelCall& call, Inline& x, const RowAxes& axes, int lanes, At at)
      : Row(std::move(at), x.builder().cast(x.extent(product(axes.reduced)), call.dtype())), x_(x), axes_(axes), lanes_(lanes),
        n_(x.extent(product(axes.reduced))), dtype_(call.dtype()) {}

  void each(const std::function<void(const At&)>& body) override {
    vector_loop(x_, x_.builder().integer(0), n_, lanes_, [&](const Index& i, Ex mask) { body(place(i, mask)); });
  }

 private:
  // Cheap enough to be written out for each vector of the 64 lanes, as most terms are.
  static constexpr int kCost = 8;

  Ex reduce(Op op, std::optional<DType> dtype, const Term& term) override {
    return reduce_row(x_, n_, lanes_, kCost, {row_reduction(x_.builder(), op, dtype.value_or(dtype_))},
                      [&](const Index& i, Ex mask) { return std::vector<Ex>{term(place(i, mask))}; })[0];
  }
  At place(const Index& i, Ex mask) {
    At at = mask ? at_.masked(mask) : at_;
    set_flat(x_, at, axes_.reduced, i);
    return at;
  }

  Inline& x_;
  const RowAxes& axes_;
  const int lanes_;
  const Ex n_;
  const DType dtype_;
};

class HostCall final : public KernelCall {
 public:
  HostCall(Inline& x, NodeId call, const HostTarget& target) : KernelCall(x, call), target_(target) {}

  void each_element(const std::function<void(const At&)>& body) override { schedule::each_element(x_, target_, {call_, 0}, body); }
  void each_row(const Axes& over, const std::function<void(Row&)>& body) override {
    const RowAxes axes = row_axes(x_, widest(names_of(over)), names_of(over));
    const Extent length = product(axes.reduced);
    const int lanes = lanes_for(x_.graph(), x_.cluster(), target_, length);
    row_tasks(x_, axes.kept, length, zero_env(builder(), axes.space), [&](const IndexEnv& at) {
      HostRow row(*this, x_, axes, lanes, at);
      body(row);
    });
  }
  bool on_gpu() const override { return false; }
  int lanes() const override { return std::max(1, target_.vector_bytes / static_cast<int>(size_of(dtype()))); }

 private:
  const HostTarget& target_;
};

}  // namespace

Reduction row_reduction(KernelBuilder& b, Op op, DType d) {
  return {{}, op, d, op == Op::max ? kernel::lowest(b, d) : is_float(d) ? b.real(0, d) : b.integer(0, d)};
}

RowAxes row_axes(Inline& x, Value widest, const AxisNames& over) {
  const GraphData& g = x.graph();
  RowAxes out;
  out.space = g.type(widest);
  for (const std::string& axis : order_of(g, x.layouts(), widest))
    if (std::find(over.begin(), over.end(), axis) == over.end() && !(out.space.extent(axis) == Extent(1)))
      out.kept.push_back({{axis}, out.space.extent(axis)});
  out.reduced = collapse(g, x.cluster(), x.layouts(), out.space, over);
  return out;
}

Schedule write_custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CustomKernels& kernels, const MakeCall& make) {
  const GraphData& g = graph.data();
  check_internal(cluster.nodes.size() == 1 && g.node(cluster.nodes[0]).op == Op::call, "a custom cluster that is not one call");
  const NodeId id = cluster.nodes[0];
  const Node& node = g.node(id);
  const auto& attributes = node.as<CallAttrs>();
  const CustomKernel* custom = kernels.of(attributes);
  check_internal(custom != nullptr, "a marked call without a kernel");
  Cluster whole = cluster;
  whole.outputs.clear();
  for (std::uint32_t i = 0; i < node.types.size(); ++i) whole.outputs.push_back({id, i});

  Schedule out;
  ScheduledKernel& scheduled = out.kernels.emplace_back();
  try {
    KernelBuilder b("custom");
    Inline x(b, graph, whole, layouts, scheduled);
    const std::unique_ptr<KernelCall> call = make(x, id);
    custom->write(*call);
    check_stores(*call);
    scheduled.kernel = b.finish();
    kernel::verify(scheduled.kernel);
  } catch (const std::exception& e) {
    throw Error(fmt::format("{}: the kernel of composite '{}': {}", g.provenance().brief(node.provenance), attributes.composite->name,
                            without_prefix(e.what())));
  }
  for (Value& v : scheduled.buffers) {
    if (v.node != id || std::find(cluster.outputs.begin(), cluster.outputs.end(), v) != cluster.outputs.end()) continue;
    const Type& t = g.type(v);
    v = {kTemporary, static_cast<std::uint32_t>(out.temporaries.size())};
    out.temporaries.push_back({t.dtype, t.elements()});
  }
  return out;
}

Schedule custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const CustomKernels& kernels) {
  return write_custom(graph, cluster, layouts, kernels,
                      [&](Inline& x, NodeId call) { return std::make_unique<HostCall>(x, call, target); });
}

}  // namespace uwaga::schedule
