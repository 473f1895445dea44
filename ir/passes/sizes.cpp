#include <uwaga/ir/passes/sizes.h>

#include <unordered_map>

#include <uwaga/ir/fields.h>
#include <uwaga/ir/rewrite.h>

namespace uwaga {
namespace {

class Binder {
 public:
  explicit Binder(const Sizes& sizes) {
    for (const auto& [symbol, size] : sizes) values_.emplace(symbol, Extent(size));
  }

  Graph graph(const Graph& from) {
    if (const auto it = known_.find(&from.data()); it != known_.end()) return it->second;
    return known_[&from.data()] = rewrite(from, [&](Rewriter& r, NodeId id) {
      const Node& n = r.from().node(id);
      ValueList operands;
      for (Value v : n.operands) operands.push_back(r.now(v));
      Attributes attributes = n.attributes;
      for_each_field(attributes, [&]<typename Member>(const char*, Member& value) {
        if constexpr (std::is_same_v<Member, Extent>) value = value.substitute(values_);
        else if constexpr (std::is_same_v<Member, Dims>) bind(value);
        else if constexpr (std::is_same_v<Member, Type>) bind(value.dims);
      });
      if (has_graphs(n.op))
        for_each_graph(attributes, [&](Graph& inside) {
          if (inside) inside = graph(inside);
        });
      r.copy(id, std::move(attributes), std::move(operands));
      return true;
    });
  }

 private:
  void bind(Dims& dims) const {
    if (dims.empty()) return;
    for (Dim& d : dims.edit()) d.extent = d.extent.substitute(values_);
  }

  std::map<std::string, Extent, std::less<>> values_;
  std::unordered_map<const GraphData*, Graph> known_;
};

}  // namespace

Graph with_sizes(const Graph& graph, const Sizes& sizes) { return sizes.empty() ? graph : Binder(sizes).graph(graph); }

}  // namespace uwaga
