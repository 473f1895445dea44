#include <uwaga/codegen/custom_kernel.h>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/map_bodies.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

// An option of the call: so it is printed with it, and a marked call is no other's equal.
const std::string kMark = "own_kernel";

std::string line_of(const CustomKernel& k) { return fmt::format("{}:{}", base_name(k.where.file_name()), k.where.line()); }
std::string called(const std::string& name, int version) {
  return version == 1 ? fmt::format("'{}'", name) : fmt::format("'{}' version {}", name, version);
}

// Composites called in a graph and in those inside it.
class Called {
 public:
  explicit Called(const Graph& graph) { visit(graph.data()); }
  std::set<std::pair<std::string, int>> composites;

 private:
  void visit(const GraphData& g) {
    if (!seen_.insert(&g).second) return;
    for (const Node& n : g.nodes()) {
      if (n.op == Op::call) composites.emplace(n.as<CallAttrs>().composite->name, n.as<CallAttrs>().composite->version);
      if (has_graphs(n.op)) for_each_graph(n.attributes, [&](const Graph& inner) { visit(inner.data()); });
    }
  }
  std::set<const GraphData*> seen_;
};

class Marker {
 public:
  explicit Marker(const CustomKernels& kernels) : kernels_(kernels) {}

  Graph graph(const Graph& from) {
    if (const auto it = known_.find(&from.data()); it != known_.end()) return it->second;
    bool changed = false;
    Graph out = rewrite(from, [&](Rewriter& r, NodeId id) {
      const Node& n = r.from().node(id);
      if (n.op == Op::call && kernels_.of(n.as<CallAttrs>())) {
        CallAttrs call = n.as<CallAttrs>();
        const auto at = std::lower_bound(call.options.begin(), call.options.end(), kMark, [](const auto& o, const std::string& m) { return o.first < m; });
        if (at != call.options.end() && at->first == kMark)
          throw Error(fmt::format("{}: composite '{}' has an option '{}', a name that is taken", r.from().provenance().brief(n.provenance),
                                  call.composite->name, kMark));
        call.options.insert(at, {kMark, std::int64_t{1}});
        copy(r, id, std::move(call));
        return changed = true;
      }
      if (n.op != Op::scan && n.op != Op::cond) return false;
      SharedAttributes now = map_bodies_(n.attributes, [&](const Graph& body) { return graph(body); });
      if (now.shares(n.attributes)) return false;
      copy(r, id, std::move(now));
      return changed = true;
    });
    if (!changed) out = from;
    return known_[&from.data()] = out;
  }

 private:
  static void copy(Rewriter& r, NodeId id, SharedAttributes attributes) {
    std::vector<Value> operands;
    for (Value v : r.from().node(id).operands) operands.push_back(r.now(v));
    r.copy(id, std::move(attributes), std::move(operands));
  }

  const CustomKernels& kernels_;
  std::map<const GraphData*, Graph> known_;
  MapBodies map_bodies_;
};

}  // namespace

CustomKernels::CustomKernels(std::vector<CustomKernel> kernels) : kernels_(std::move(kernels)) {
  for (std::size_t i = 0; i < kernels_.size(); ++i) {
    const CustomKernel& k = kernels_[i];
    if (!k.write) throw Error(fmt::format("{}: the kernel of composite {} is empty", line_of(k), called(k.composite, k.version)));
    for (std::size_t j = 0; j < i; ++j)
      if (kernels_[j].composite == k.composite && kernels_[j].version == k.version)
        throw Error(fmt::format("{}: composite {} has a kernel already, from {}", line_of(k), called(k.composite, k.version), line_of(kernels_[j])));
  }
}

const CustomKernel* CustomKernels::of(const CallAttrs& call) const {
  for (const CustomKernel& k : kernels_)
    if (k.composite == call.composite->name && k.version == call.composite->version) return &k;
  return nullptr;
}

void CustomKernels::check_against(const Graph& graph) const {
  if (kernels_.empty()) return;
  const Called there(graph);
  for (const CustomKernel& k : kernels_) {
    if (there.composites.contains({k.composite, k.version})) continue;
    std::string others;
    for (const auto& [name, version] : there.composites) others += (others.empty() ? "" : ", ") + called(name, version);
    throw Error(fmt::format("{}: a kernel is given for composite {}, and the graph calls {}", line_of(k), called(k.composite, k.version),
                            others.empty() ? "no composite at all" : "only " + others));
  }
}

Graph CustomKernels::mark(const Graph& graph) const { return kernels_.empty() ? graph : Marker(*this).graph(graph); }

bool has_own_kernel(const CallAttrs& call) {
  return std::any_of(call.options.begin(), call.options.end(), [](const auto& option) { return option.first == kMark; });
}

}  // namespace uwaga
