#include <uwaga/ir/scope.h>

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include <uwaga/ir/attributes.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

Scope::Scope(std::shared_ptr<GraphData> graph, ScopeId id, const char* function, bool loop)
    : graph_(std::move(graph)), id_(id), ticket_(graph_->next_ticket++) {
  graph_->active_scopes.push_back({id, function, loop, ticket_});
}

// What stands for the parameters of a scope and of those below it, over what did before.
struct Scope::Tie {
  std::map<std::string, Tensor> given = {};    // by their own paths
  std::shared_ptr<const Tie> before = nullptr;
  struct Other {
    std::string at, path;                      // under the first, what another scope has under the second
    std::shared_ptr<const Tie> tie;            // and what stands for that
  };
  std::optional<Other> other = std::nullopt;
};

// A tensor that is given, or the path to look for.
struct Scope::Found {
  std::optional<Tensor> given;
  std::string path;
  bool tied = false;
};

Scope::Scope(const Scope& other) : graph_(other.graph_), id_(other.id_), tie_(other.tie_) { enter(other); }

Scope::Scope(const Scope& other, std::shared_ptr<const Tie> tie) : Scope(other) { tie_ = std::move(tie); }

Scope& Scope::operator=(const Scope& other) {
  if (this == &other) return *this;
  leave();
  graph_ = other.graph_;
  id_ = other.id_;
  tie_ = other.tie_;
  enter(other);
  return *this;
}

void Scope::enter(const Scope& other) {
  ticket_ = graph_->next_ticket++;
  auto& active = graph_->active_scopes;
  const auto it = std::find_if(active.begin(), active.end(), [&](const auto& a) { return a.ticket == other.ticket_; });
  check_internal(it != active.end(), "a scope outlived its record");
  GraphData::ActiveScope copy = *it;
  copy.ticket = ticket_;
  active.push_back(copy);
}

Scope::~Scope() { leave(); }

void Scope::leave() {
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
  Scope below(scope.graph_, id, name.where.function_name(), false);
  below.tie_ = scope.tie_;
  return below;
}

Scope Scope::tied_to(const Scope& other) const {
  return {*this, std::make_shared<Tie>(Tie{.before = tie_, .other = Tie::Other{path(), other.path(), other.tie_}})};
}

Scope Scope::with(const std::map<std::string, Tensor>& values) const {
  auto tie = std::make_shared<Tie>(Tie{.before = tie_});
  for (const auto& [name, value] : values) tie->given.emplace(path_of(name), value);
  return {*this, std::move(tie)};
}

// What is given counts before any tie, the last first; then the last tie does.
Scope::Found Scope::resolve(const Tie* tie, const std::string& path) {
  const Tie* last = nullptr;
  for (const Tie* t = tie; t; t = t->before.get()) {
    if (const auto it = t->given.find(path); it != t->given.end()) return {it->second, path};
    if (t->other && !last) last = t;
  }
  if (!last) return {std::nullopt, path};
  const Tie::Other& other = *last->other;
  const std::string below = path.substr(other.at.empty() ? 0 : other.at.size() + 1);
  Found found = resolve(other.tie.get(), other.path.empty() ? below : fmt::format("{}.{}", other.path, below));
  found.tied = true;
  return found;
}

Layers Scope::layers(const std::string& name, int n, std::source_location where) const {
  if (n < 0) throw Error(fmt::format("{}: layers '{}' wants a count of 0 or more, not {}", graph_->provenance().brief(origin(where)), name, n));
  std::vector<Scope> out;
  out.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const ScopeId id = graph_->provenance().scope(id_, fmt::format("{}.{}", name, i), where.file_name(), where.line());
    out.push_back(Scope(graph_, id, where.function_name(), true));
    out.back().tie_ = tie_;
  }
  return Layers(std::move(out));
}

Tensor Scope::slot(const std::string& name, const Axes& axes, const Initial& initial, DType dtype, bool trainable,
                   std::source_location where) const {
  const ProvenanceId origin = this->origin(where);
  const auto [given, path, tied] = resolve(tie_.get(), path_of(name));
  const auto refuse = [&](const std::string& what) { return Error(fmt::format("{}: {}", graph_->provenance().brief(origin), what)); };
  Type type{dtype, {}};
  for (const Axis& a : axes) {
    if (type.has(a.name)) throw refuse(fmt::format("parameter '{}' has axis '{}' twice", path, a.name));
    if (!a.extent || !a.extent->constant()) throw refuse(fmt::format("parameter '{}' needs a size for axis '{}'", path, a.name));
    if (*a.extent->constant() < 0) throw refuse(fmt::format("parameter '{}' has {}={}", path, a.name, *a.extent->constant()));
    type.dims.push_back({a.name, *a.extent});
  }
  const auto same = [&, own = path_of(name)](const Tensor& there, const std::string& which) {
    if (same_type(there.type(), type)) return there;
    throw refuse(fmt::format("parameter '{}' is asked for as {}, and {} is {}", own, type.str(), which, there.type().str()));
  };
  if (given) return same(*given, "what is given for it");
  if (const auto it = graph_->parameters().find(path); tied && it != graph_->parameters().end()) {
    if (graph_->node(it->second).as<ParameterAttrs>().trainable != trainable)
      throw refuse(fmt::format("'{}' is asked for as a {}, and '{}' is a {}", path_of(name), trainable ? "parameter" : "state slot", path,
                               trainable ? "state slot" : "parameter"));
    return same({graph_, {it->second, 0}}, fmt::format("'{}'", path));
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
