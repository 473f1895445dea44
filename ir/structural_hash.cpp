#include <fmt/format.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/structural_hash.h>

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace uwaga {
namespace {

// Bijective in x: nothing is lost by it.
constexpr std::uint64_t avalanche(std::uint64_t x) {
  x = (x ^ (x >> 32)) * 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 29)) * 0xd6e8feb86659fd93;
  return x ^ (x >> 32);
}

// One walk over a graph and the graphs inside; each of those is hashed once, however many nodes share it.
class GraphHasher {
 public:
  std::vector<Hash128> nodes(const GraphData& g, InputsBy inputs) {
    std::vector<Hash128> out;
    out.reserve(g.nodes().size());
    for (const Node& n : g.nodes()) {
      Hasher h;
      h.bytes(name(n.op));
      if (n.op == Op::input && inputs == InputsBy::position) {
        const auto& order = g.inputs();
        h.word(static_cast<std::uint64_t>(std::find(order.begin(), order.end(), out.size()) - order.begin()));
        add(h, n.as<InputAttrs>().type);
      } else {
        add(h, n.attributes);
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
    h.word(v.value.index());
    std::visit([&](auto number) { add(h, number); }, v.value);
  }
  static void add(Hasher& h, const Extent& e) {
    const Extent::Terms terms = e.terms();
    h.word(terms.size());
    for (const Extent::Term& t : terms) {
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

std::string Hash128::str() const { return fmt::format("{:016x}{:016x}", hi, lo); }

Hasher& Hasher::word(std::uint64_t w) {
  // Each lane is bijective in the word; the second also takes in the first, so that they stay independent.
  a_ = (a_ ^ w) * 0xa0761d6478bd642f;
  a_ ^= a_ >> 32;
  b_ = (b_ + std::rotl(w, 32) + a_) * 0xe7037ed1a0b428db;
  b_ ^= b_ >> 29;
  return *this;
}

Hasher& Hasher::bytes(std::string_view text) {
  word(text.size());
  for (std::size_t i = 0; i < text.size(); i += 8) {
    std::uint64_t w = 0;
    for (std::size_t j = 0; j < 8 && i + j < text.size(); ++j)
      w |= static_cast<std::uint64_t>(static_cast<unsigned char>(text[i + j])) << (8 * j);
    word(w);
  }
  return *this;
}

Hash128 Hasher::finish() const {
  const std::uint64_t hi = avalanche(a_ + std::rotl(b_, 23));
  return {hi, avalanche(b_ ^ hi)};
}

std::vector<Hash128> node_hashes(const Graph& graph, InputsBy inputs) {
  return GraphHasher().nodes(graph.data(), inputs);
}
Hash128 structural_hash(const Graph& graph, InputsBy inputs) { return GraphHasher().graph(graph.data(), inputs); }
Hash128 structural_hash(const Attributes& attributes) {
  Hasher h;
  GraphHasher().add(h, attributes);
  return h.word(attributes.index()).finish();
}
Hash128 structural_hash(const Type& type) {
  Hasher h;
  GraphHasher::add(h, type);
  return h.finish();
}

bool same_structure(const Graph& a, const Graph& b) { return structural_hash(a) == structural_hash(b); }

}  // namespace uwaga
