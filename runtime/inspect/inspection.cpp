#include <uwaga/runtime/inspect/inspection.h>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/print.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/inspect/internal/impl.h>

namespace uwaga {
namespace {

// What any name may hold: file names on every system.
std::string plain(std::string_view words) {
  std::string out;
  for (const char c : words) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) out += c;
    else if (!out.empty() && out.back() != '_') out += '_';
  }
  while (!out.empty() && out.back() == '_') out.pop_back();
  return out;
}

// The scope's path without what numbers a layer: equal layers share their kernels.
std::string without_numbers(const std::string& path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('.', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part.find_first_not_of("0123456789") != std::string::npos) out += (out.empty() ? "" : ".") + part;
    at = end + 1;
  }
  return out;
}

constexpr std::size_t kLongestName = 48;

InspectedCall call_of(const Executable& e, const Launch& launch) {
  InspectedCall call;
  const Provenance& provenance = e.graph->provenance();
  const Cluster& cluster = e.clustering.clusters[static_cast<std::size_t>(launch.cluster)];
  const auto add_op = [&](const Node& n, ProvenanceId origin) {
    InspectedOp op;
    op.op = op_name(n);
    if (!provenance.empty(origin)) op.brief = provenance.brief(origin);
    const auto add = [&](const std::string& file, std::uint32_t line, const std::string& scope, Role role) {
      op.lines.push_back({file, static_cast<int>(line), scope, std::string(name(role))});
    };
    for (const Origin& o : provenance.origins(origin)) {
      add(o.file, o.line, provenance.path(o.scope), o.role);
      // The lines that opened the scopes around it are the model's lines for it too.
      for (ScopeId s = o.scope; s != 0; s = provenance.scope_entry(s).parent)
        add(provenance.scope_entry(s).file, provenance.scope_entry(s).line, provenance.scope_entry(s).path, o.role);
    }
    call.ops.push_back(std::move(op));
  };
  for (NodeId id : launch.nodes) add_op(e.graph->node(id), e.graph->node(id).provenance);
  call.nodes = call.ops.size();
  const auto naming = std::find(launch.nodes.begin(), launch.nodes.end(), naming_op(e.graph.data(), cluster));
  call.naming = static_cast<std::size_t>(naming - launch.nodes.begin()) - (naming == launch.nodes.end() ? 1 : 0);
  if (cluster.kind != ClusterKind::attention) return call;
  // Its kernels' ordinals go on with the ops of the call's body.
  const schedule::FlatAttention flat = schedule::flatten_attention(e.graph, cluster, e.layouts);
  for (std::size_t i = flat.outer_nodes; i < flat.origins.size(); ++i) add_op(*flat.body_node(i), flat.origins[i]);
  call.naming = call.ops.size() - 1;
  return call;
}

// The words of a kernel's name: its kind, and a scope of its first call.
std::string kernel_name(std::size_t number, const std::string& kind, const InspectedCall& call) {
  const std::string scope = call.ops.empty() || call.ops[call.naming].lines.empty() ? "" : call.ops[call.naming].lines.front().scope;
  std::string words = plain(kind + "_" + without_numbers(scope));
  if (words.size() > kLongestName) words.resize(kLongestName);
  return fmt::format("k{:03}_{}", number, words);
}

std::string cluster_name(int cluster, const std::string& prefix) {
  return cluster < 0 ? "border" : fmt::format("{}c{}", prefix, cluster);
}

std::unique_ptr<Backend> backend_of(const Target& target) {
  switch (target.kind()) {
    case Target::Kind::host:
#ifdef UWAGA_WITH_LLVM
      return host_backend(1);
#else
      throw Error("this build has no CPU backend (it was built without LLVM)");
#endif
    case Target::Kind::cuda:  // the emulated device runs the same kernels
    case Target::Kind::emulated:
#ifdef UWAGA_WITH_CUDA
      return emulated_backend(1);
#else
      throw Error("this build has no CUDA backend");
#endif
    case Target::Kind::interpreter:
      break;
  }
  throw Error("the interpreter has no kernels to inspect; ask for the host or for emulated CUDA");
}

bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (matches(pattern.substr(1), text.substr(i))) return true;
    return false;
  }
  return !text.empty() && text[0] == pattern[0] && matches(pattern.substr(1), text.substr(1));
}

}  // namespace

std::string_view name(Stage stage) {
  constexpr std::string_view names[] = {"graph", "fused", "kernel", "llvm", "asm", "cuda", "ptx"};
  return names[static_cast<int>(stage)];
}

std::optional<Stage> stage_named(std::string_view word) {
  if (word == "clusters") return Stage::fused;
  for (const Stage s : kStages)
    if (name(s) == word) return s;
  return std::nullopt;
}

bool has_stage(const Target& target, Stage stage) {
  if (target.kind() == Target::Kind::interpreter) return stage == Stage::graph;
  if (stage <= Stage::kernel) return true;
  const bool machine = stage == Stage::llvm || stage == Stage::assembly;
  return machine == (target.kind() == Target::Kind::host);
}

void each_executable(const Executable& main, const std::function<void(const Executable&, const std::string&)>& visit) {
  const std::function<void(const Executable&, const std::string&)> walk = [&](const Executable& e, const std::string& prefix) {
    visit(e, prefix);
    int bodies = 0;
    for (const Step& s : e.steps) {
      if (const auto* scan = std::get_if<ScanRun>(&s)) walk(*scan->body, fmt::format("{}scan{}.", prefix, bodies++));
      if (const auto* cond = std::get_if<CondRun>(&s)) {
        walk(*cond->bodies[1], fmt::format("{}then{}.", prefix, bodies));
        walk(*cond->bodies[0], fmt::format("{}else{}.", prefix, bodies++));
      }
    }
  };
  walk(main, "");
}

bool names_file(std::string_view asked, std::string_view file) {
  if (!file.ends_with(asked)) return false;
  return file.size() == asked.size() || file[file.size() - asked.size() - 1] == '/';
}

Inspection::Inspection(const Graph& graph, const Target& target, const ProgramOptions& options) : impl_(std::make_unique<Impl>()) {
  Impl& m = *impl_;
  m.target = target;
  m.written = graph;
  m.backend = backend_of(target);
  CustomKernels kernels(options.kernels);
  kernels.check_against(graph);
  m.backend->use(std::move(kernels));
  const Graph lowered = lower_for_kernels(graph, m.backend->lowering_rules(), &m.refused, m.backend->custom());
  KernelSet set;
  double ignored = 0;
  m.main = build_executable(lowered, *m.backend, set, false, &ignored, &ignored);
  m.compiled = set.kernels();
  m.kernels.resize(m.compiled.size());
  each_executable(*m.main, [&](const Executable& e, const std::string& prefix) {
    for (const Step& s : e.steps)
      if (const auto* launch = std::get_if<Launch>(&s)) {
        InspectedKernel& k = m.kernels[static_cast<std::size_t>(launch->kernel)];
        k.kind = name(e.clustering.clusters[static_cast<std::size_t>(launch->cluster)].kind);
        k.calls.push_back(call_of(e, *launch));
      }
    // The compiler does not ask why; told here, of the same clusters.
    for (const Boundary& b : fuse(e.graph, m.backend->fuse_rules()).boundaries) {
      const Node& n = e.graph->node(b.value.node);
      m.boundaries.push_back({print_value(e.graph.data(), b.value), cluster_name(b.from, prefix), cluster_name(b.to, prefix),
                              e.graph->provenance().brief(n.provenance), b.rule, b.numbers});
    }
  });
  for (std::size_t i = 0; i < m.kernels.size(); ++i) m.kernels[i].name = kernel_name(i, m.kernels[i].kind, m.kernels[i].calls.at(0));
}

Inspection::~Inspection() = default;
Inspection::Inspection(Inspection&&) noexcept = default;
Inspection& Inspection::operator=(Inspection&&) noexcept = default;

const Graph& Inspection::written() const { return impl_->written; }
const Graph& Inspection::lowered() const { return impl_->main->graph; }
const std::vector<InspectedKernel>& Inspection::kernels() const { return impl_->kernels; }
const std::vector<InspectedBoundary>& Inspection::boundaries() const { return impl_->boundaries; }
const std::vector<std::string>& Inspection::refused_attention() const { return impl_->refused; }

bool Inspection::shows(const InspectedKernel& kernel, const InspectFilter& filter) const {
  if (!filter.kernel.empty() && !matches("*" + filter.kernel + "*", kernel.name)) return false;
  if (filter.line.empty()) return true;
  const std::size_t colon = filter.line.rfind(':');
  int line = 0;
  const char* const end = filter.line.data() + filter.line.size();
  if (colon == std::string::npos || colon == 0 || std::from_chars(filter.line.data() + colon + 1, end, line).ptr != end)
    throw Error(fmt::format("'{}' is no line of a model; one is written models/gpt2.cpp:42", filter.line));
  const std::string_view file = std::string_view(filter.line).substr(0, colon);
  for (const InspectedCall& call : kernel.calls)
    for (const InspectedOp& op : call.ops)
      for (const ModelLine& at : op.lines)
        if (at.line == line && names_file(file, at.file)) return true;
  return false;
}

}  // namespace uwaga
