#include <fmt/format.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/structural_hash.h>

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace uwaga {
namespace {

// One walk over a graph and the graphs inside; each of those is hashed once, however many nodes share it.
class GraphHasher {
 public:
  std::vector<Hash128> nodes(const GraphData& g, InputsBy inputs) {
    std::vector<Hash128> out;
    out.reserve(g.nodes().size());
    std::vector<std::uint64_t> position;
    if (inputs == InputsBy::position) {
      position.resize(g.nodes().size());
      for (std::size_t i = 0; i < g.inputs().size(); ++i) position[g.inputs()[i]] = i;
    }
    for (const Node& n : g.nodes()) {
      Hasher h;
      if (n.op == Op::input && inputs == InputsBy::position) {
        h.bytes(name(n.op)).word(position[out.size()]);
        add(h, n.as<InputAttrs>().type);
      } else {
        h = node(n.op, n.attributes);
      }
      h.word(n.operands.size());
      for (Value v : n.operands) h.hash(out[v.node]).word(v.output);
      out.push_back(h.finish());
    }
    return out;
  }

  Hash128 graph(const GraphData& g, InputsBy inputs) {
    const std::vector<Hash128> node = nodes(g, inputs);
    const auto value = [&](Value v) { return Hasher().hash(node[v.node]).word(v.output).finish(); };
    Hasher h;
    std::vector<Hash128> border;
    for (NodeId id : g.inputs()) border.push_back(node[id]);
    add_border(h, border, inputs);
    border.clear();
    for (const Output& o : g.outputs()) {
      Hasher one;
      if (inputs == InputsBy::name) one.bytes(o.name);
      border.push_back(one.hash(value(o.value)).finish());
    }
    add_border(h, border, inputs);
    border.clear();
    for (const Update& u : g.updates()) border.push_back(Hasher().bytes(u.path).hash(value(u.value)).finish());
    add_border(h, border, InputsBy::name);
    h.word(g.bounds().size());
    for (const auto& [symbol, limit] : g.bounds()) h.bytes(symbol).word(static_cast<std::uint64_t>(limit));
    return h.finish();
  }

  // Op and attributes taken in.
  Hasher node(Op op, const SharedAttributes& attributes) {
    return attributes.hashed(op, [&] {
      Hasher h;
      h.bytes(name(op));
      add(h, attributes.get());
      return h;
    });
  }

  void add(Hasher& h, const Attributes& attributes) {
    for_each_field(attributes, [&](const char*, const auto& value) { add(h, value); });
  }
  static void add(Hasher& h, const Type& t) {
    h.bytes(name(t.dtype));
    add(h, t.dims);
  }

 private:
  static void add_border(Hasher& h, std::vector<Hash128>& hashes, InputsBy order) {
    if (order == InputsBy::name) std::sort(hashes.begin(), hashes.end());
    h.word(hashes.size());
    for (const Hash128& i : hashes) h.hash(i);
  }

  static void add(Hasher& h, const std::string& s) { h.bytes(s); }
  static void add(Hasher& h, bool b) { h.word(b ? 1 : 0); }
  static void add(Hasher& h, std::int64_t i) { h.word(static_cast<std::uint64_t>(i)); }
  static void add(Hasher& h, double d) { h.word(std::bit_cast<std::uint64_t>(d)); }
  static void add(Hasher& h, DType d) { h.bytes(name(d)); }
  static void add(Hasher& h, const Literal& v) {
    h.word(v.is_integer() ? 1 : 0);
    if (v.is_integer()) add(h, v.as_integer());
    else add(h, v.as_double());
  }
  static void add(Hasher& h, const Extent& e) {
    if (const auto c = e.constant()) {
      if (*c == 0) h.word(0);
      else h.word(1).word(static_cast<std::uint64_t>(*c)).word(0);
      return;
    }
    h.word(e.polynomial()->size());
    for (const Extent::Term& t : *e.polynomial()) {
      h.word(static_cast<std::uint64_t>(t.coefficient)).word(t.symbols.size());
      for (const std::string& s : t.symbols) h.bytes(s);
    }
  }
  static void add(Hasher& h, const Dim& d) {
    h.bytes(d.axis);
    add(h, d.extent);
  }
  static void add(Hasher& h, const CompositeRef& c) {
    h.bytes(c ? c->name : "").word(c ? static_cast<std::uint64_t>(c->version) : 0);
  }
  static void add(Hasher& h, const Dims& dims) {
    h.word(dims.size());
    for (const Dim& d : dims) add(h, d);
  }
  template <typename T>
  static void add(Hasher& h, const std::vector<T>& list) {
    h.word(list.size());
    for (const T& i : list) add(h, i);
  }
  void add(Hasher& h, const Graph& g) {
    if (!g) {
      h.word(0);
      return;
    }
    const auto known = known_.find(&g.data());
    const Hash128 hash = known != known_.end() ? known->second : graph(g.data(), InputsBy::position);
    known_[&g.data()] = hash;
    h.hash(hash);
  }
  void add(Hasher& h, const Options& options) {
    h.word(options.size());
    for (const auto& [key, value] : options) {
      h.bytes(key).word(value.index());
      std::visit([&](const auto& v) { add(h, v); }, value);
    }
  }

  std::unordered_map<const GraphData*, Hash128> known_;
};

}  // namespace

std::vector<Hash128> node_hashes(const Graph& graph, InputsBy inputs) {
  return GraphHasher().nodes(graph.data(), inputs);
}
Hash128 structural_hash(const Graph& graph, InputsBy inputs) { return GraphHasher().graph(graph.data(), inputs); }
Hash128 structural_hash(const Attributes& attributes) {
  Hasher h;
  GraphHasher().add(h, attributes);
  return h.word(attributes.index()).finish();
}
Hash128 structural_hash(Op op, const SharedAttributes& attributes) { return GraphHasher().node(op, attributes).finish(); }
Hash128 structural_hash(const Type& type) {
  Hasher h;
  GraphHasher::add(h, type);
  return h.finish();
}

bool same_structure(const Graph& a, const Graph& b) { return structural_hash(a) == structural_hash(b); }

}  // namespace uwaga
