#include <uwaga/ir/scope.h>

#include <fmt/format.h>

#include <algorithm>

#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

Scope::Scope(std::shared_ptr<GraphData> graph, ScopeId id, const char* function, bool loop)
    : graph_(std::move(graph)), id_(id), ticket_(graph_->next_ticket++) {
  graph_->active_scopes.push_back({id, function, loop, ticket_});
}

Scope::Scope(const Scope& other) : graph_(other.graph_), id_(other.id_), ticket_(graph_->next_ticket++) {
  auto& active = graph_->active_scopes;
  const auto it = std::find_if(active.begin(), active.end(), [&](const auto& a) { return a.ticket == other.ticket_; });
  check_internal(it != active.end(), "a scope outlived its record");
  GraphData::ActiveScope copy = *it;
  copy.ticket = ticket_;
  active.push_back(copy);
}

Scope::~Scope() {
  auto& active = graph_->active_scopes;
  active.erase(std::find_if(active.begin(), active.end(), [&](const auto& a) { return a.ticket == ticket_; }));
}

void Scope::use() const {
  auto& active = graph_->active_scopes;
  const auto it = std::find_if(active.begin(), active.end(), [&](const auto& a) { return a.ticket == ticket_; });
  std::rotate(it, it + 1, active.end());
}

const std::string& Scope::path() const { return graph_->provenance().path(id_); }

std::string Scope::path_of(const std::string& name) const { return path().empty() ? name : fmt::format("{}.{}", path(), name); }

ProvenanceId Scope::origin(std::source_location where) const {
  use();
  if (graph_->provenance_override) return *graph_->provenance_override;
  return graph_->provenance().single(where.file_name(), where.line(), id_);
}

Scope operator/(const Scope& scope, const ScopeName& name) {
  scope.use();
  const ScopeId id = scope.graph_->provenance().scope(scope.id_, name.name, name.where.file_name(), name.where.line());
  return Scope(scope.graph_, id, name.where.function_name(), false);
}

Layers Scope::layers(const std::string& name, int n, std::source_location where) const {
  if (n < 0) throw Error(fmt::format("{}: layers '{}' wants a count of 0 or more, not {}", graph_->provenance().brief(origin(where)), name, n));
  std::vector<Scope> out;
  out.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const ScopeId id = graph_->provenance().scope(id_, fmt::format("{}.{}", name, i), where.file_name(), where.line());
    out.push_back(Scope(graph_, id, where.function_name(), true));
  }
  return Layers(std::move(out));
}

Tensor Scope::slot(const std::string& name, const Axes& axes, const Initial& initial, DType dtype, bool trainable,
                   std::source_location where) const {
  const ProvenanceId origin = this->origin(where);
  const std::string path = path_of(name);
  const auto refuse = [&](const std::string& what) { return Error(fmt::format("{}: {}", graph_->provenance().brief(origin), what)); };
  Type type{dtype, {}};
  for (const Axis& a : axes) {
    if (type.has(a.name)) throw refuse(fmt::format("parameter '{}' has axis '{}' twice", path, a.name));
    if (!a.extent || !a.extent->constant()) throw refuse(fmt::format("parameter '{}' needs a size for axis '{}'", path, a.name));
    if (*a.extent->constant() < 0) throw refuse(fmt::format("parameter '{}' has {}={}", path, a.name, *a.extent->constant()));
    type.dims.push_back({a.name, *a.extent});
  }
  Graph graph(graph_);
  Graph start = empty_like(graph);
  ProvenanceGuard guard(start.data(), origin);
  start->add_output("value", initial.build(start, path, type).value());
  if (!same_type(start->type(start->outputs()[0].value), type))
    throw refuse(fmt::format("the first value of parameter '{}' is {} instead of {}", path,
                             start->type(start->outputs()[0].value).str(), type.str()));
  const NodeId id = graph_->add(Op::parameter, ParameterAttrs{path, std::move(type), trainable, start}, {}, origin);
  return {graph_, {id, 0}};
}

Tensor Scope::param(const std::string& name, const Axes& axes, const Initial& initial, DType dtype, std::source_location where) const {
  return slot(name, axes, initial, dtype, true, where);
}

Tensor Scope::state(const std::string& name, const Axes& axes, const Initial& initial, DType dtype, std::source_location where) const {
  return slot(name, axes, initial, dtype, false, where);
}

Tensor Scope::state(const std::string& name, const Tensor& like, const Initial& initial, std::source_location where) const {
  Axes axes;
  for (const Dim& d : like.type().dims) axes.emplace_back(d.axis, d.extent);
  return state(name, axes, initial, like.dtype(), where);
}

}  // namespace uwaga
