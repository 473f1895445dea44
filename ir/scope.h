// Scope: the name space of parameters and random keys, and the path errors and reports show.
//
//   Tensor w = s.param("weight", {model, hidden}, normal(0.02));
//   Tensor h = linear(s / "fc1", x, model, hidden);
//   for (const Scope& layer : s.layers("h", 12)) ...              // h.0, h.1, ...
//
// Parameter order, initial values and random numbers derive from paths. A second parameter on one path is an Error that
// names both lines; to use one again, pass the tensor, or tie a scope:
//
//   for (const Scope& layer : s.layers("h", 12)) x = block(layer.tied_to(s / "shared"), x);   // one block, twelve times
//   Tensor loss = net((s / "net").with(stepped), x);          // the same function at other weights
//
// While a function runs, what it builds belongs to the scope it was given: of all scopes alive the one last used, unless the
// function itself opened it for someone else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <source_location>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/provenance.h>
#include <uwaga/ir/tensor.h>

namespace uwaga {

// How a parameter starts: a function that writes the graph of its first value; see ir/initial.h for the usual ones.
struct Initial {
  using Build = std::function<Tensor(Graph& graph, const std::string& path, const Type& type)>;
  Build build;
};

// A name and the line it was written on.
struct ScopeName {
  std::string name;
  std::source_location where;
  ScopeName(const char* name, std::source_location where = std::source_location::current()) : name(name), where(where) {}  // NOLINT
  ScopeName(std::string name, std::source_location where = std::source_location::current())  // NOLINT
      : name(std::move(name)), where(where) {}
};

class Layers;

class Scope {
 public:
  Scope(std::shared_ptr<GraphData> graph, ScopeId id, const char* function, bool loop);
  Scope(const Scope& other);
  Scope& operator=(const Scope& other);
  ~Scope();

  // A trainable parameter. Every axis needs a static extent.
  Tensor param(const std::string& name, const Axes& axes, const Initial& initial, DType dtype = DType::f32,
               std::source_location where = std::source_location::current()) const;
  // A state slot that no optimiser touches (running statistics, counters).
  Tensor state(const std::string& name, const Axes& axes, const Initial& initial, DType dtype = DType::f32,
               std::source_location where = std::source_location::current()) const;

  // The same, of the axes and the dtype of another tensor: a moment of a parameter.
  Tensor state(const std::string& name, const Tensor& like, const Initial& initial,
               std::source_location where = std::source_location::current()) const;

  // The same place, whose parameters and slots are those of another, which may be tied or given values itself: under its path they
  // are declared when they are first asked for, and found from then on. Random numbers stay those of this scope. Error where one is
  // asked for with other axes or another dtype, or a slot as a parameter.
  Scope tied_to(const Scope& other) const;
  // The same place, where these tensors stand for the parameters and slots of these paths below it ("fc.weight"), however scopes below
  // are tied; others are what they were. Error where one is asked for with other axes or another dtype.
  Scope with(const std::map<std::string, Tensor>& values) const;

  // n scopes name.0 ... name.(n-1), for a plain loop.
  Layers layers(const std::string& name, int n, std::source_location where = std::source_location::current()) const;

  friend Scope operator/(const Scope& scope, const ScopeName& name);

  const std::string& path() const;
  // "path.name", or "name" at the root.
  std::string path_of(const std::string& name) const;
  Graph graph() const { return Graph(graph_); }
  // The provenance of something written at `where` on behalf of this scope.
  ProvenanceId origin(std::source_location where) const;

 private:
  friend class Layers;
  struct Tie;
  Scope(const Scope& other, std::shared_ptr<const Tie> tie);
  struct Found;
  static Found resolve(const Tie* tie, const std::string& path);
  void enter(const Scope& other);
  void leave();
  Tensor slot(const std::string& name, const Axes& axes, const Initial& initial, DType dtype, bool trainable,
              std::source_location where) const;
  void use() const;

  std::shared_ptr<GraphData> graph_;
  ScopeId id_;
  std::uint64_t ticket_;
  std::shared_ptr<const Tie> tie_;  // null: declares what it is asked for
};

// Scopes to loop over. What a turn builds belongs to the turn's scope, whether or not it passes that scope on.
class Layers {
 public:
  explicit Layers(std::vector<Scope> scopes) : scopes_(std::move(scopes)) {}

  class Iterator {
   public:
    explicit Iterator(std::vector<Scope>::const_iterator at) : at_(at) {}
    const Scope& operator*() const {
      at_->use();
      return *at_;
    }
    Iterator& operator++() {
      ++at_;
      return *this;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    std::vector<Scope>::const_iterator at_;
  };
  Iterator begin() const { return Iterator(scopes_.begin()); }
  Iterator end() const { return Iterator(scopes_.end()); }
  std::size_t size() const { return scopes_.size(); }
  const Scope& operator[](std::size_t i) const { return *Iterator(scopes_.begin() + static_cast<std::ptrdiff_t>(i)); }

 private:
  std::vector<Scope> scopes_;
};

}  // namespace uwaga
