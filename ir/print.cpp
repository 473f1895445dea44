#include <fmt/format.h>
#include <uwaga/ir/canonical.h>
#include <uwaga/ir/detail/text.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/print.h>

#include <algorithm>
#include <map>
#include <unordered_map>

namespace uwaga {
namespace {

using detail::number;
using detail::quoted;
using detail::word;

std::string extent(const Extent& e) {
  const std::string s = e.str();
  return s.find(' ') == std::string::npos ? s : "(" + s + ")";
}

std::string list(const AxisNames& names) {
  std::string out = "{";
  for (const std::string& n : names) {
    if (out.size() > 1) out += ", ";
    out += word(n);
  }
  return out + "}";
}

// Origins and scopes of the exact form, numbered by first use and told by content, never by their number in a table.
class LineTables {
 public:
  std::string numbers(const Provenance& table, ProvenanceId set) {
    std::vector<std::string> texts;
    for (const Origin& o : table.origins(set))
      texts.push_back(fmt::format("{} {} {} in {}", quoted(o.file), o.line, name(o.role), scope(table, o.scope)));
    std::sort(texts.begin(), texts.end());
    std::string out;
    for (std::string& t : texts) {
      const auto [it, fresh] = origin_numbers_.try_emplace(t, origins_.size());
      if (fresh) origins_.push_back(std::move(t));
      out += fmt::format(" #{}", it->second);
    }
    return out;
  }
  std::string tables() const {
    std::string out;
    for (std::size_t i = 0; i < scopes_.size(); ++i) out += fmt::format("scope {} {}\n", i + 1, scopes_[i]);
    for (std::size_t i = 0; i < origins_.size(); ++i) out += fmt::format("origin {} {}\n", i, origins_[i]);
    return out;
  }

 private:
  std::size_t scope(const Provenance& table, ScopeId id) {
    if (id == 0) return 0;
    const auto& s = table.scope_entry(id);
    std::string text = fmt::format("in {} {} {} {}", scope(table, s.parent), word(s.name), quoted(s.file), s.line);
    const auto [it, fresh] = scope_numbers_.try_emplace(text, scopes_.size() + 1);
    if (fresh) scopes_.push_back(std::move(text));
    return it->second;
  }

  std::vector<std::string> scopes_, origins_;
  std::map<std::string, std::size_t> scope_numbers_, origin_numbers_;
};

class Printer {
 public:
  explicit Printer(PrintOptions options) : options_(options) {}

  std::string program(const Graph& graph) {
    const std::string body = "graph " + block(graph.data());
    return tables_.tables() + functions_ + body;
  }

  std::string line(const GraphData& g, NodeId id) {
    const Node& n = g.node(id);
    std::string out = fmt::format("{} = {}", print_value(g, {id, 0}), name(n.op));
    for (std::size_t i = 0; i < n.operands.size(); ++i) {
      out += i ? ", " : " ";
      out += print_value(g, n.operands[i]);
    }
    for_each_field(n.attributes, [&]<typename Member>(const char* field, const Member& value) {
      const bool implied = std::is_same_v<Member, Type> || std::is_same_v<Member, DType> ||
                           (std::is_same_v<Member, std::string> && (n.op == Op::input || n.op == Op::parameter));
      if (!implied) out += fmt::format(" {} {}", field, text(value));
    });
    for (std::size_t i = 0; i < n.types.size(); ++i) {
      out += i ? ", " : " : ";
      out += n.types[i].str();
    }
    if (options_.lines == Lines::exact) out += tables_.numbers(g.provenance(), n.provenance);
    if (options_.lines == Lines::brief) out += comment(g.provenance(), n.provenance);
    return out;
  }

 private:
  std::string block(const GraphData& g) {
    // Functions of the bodies come first, so that a function only names functions before it.
    std::string out = "{\n";
    for (const auto& [symbol, limit] : g.bounds()) out += fmt::format("  bound {} {}\n", symbol, limit);
    for (NodeId id = 0; id < g.nodes().size(); ++id) out += fmt::format("  {}\n", line(g, id));
    if (!std::is_sorted(g.inputs().begin(), g.inputs().end())) {
      out += "  inputs";
      for (std::size_t i = 0; i < g.inputs().size(); ++i) out += (i ? ", " : " ") + print_value(g, {g.inputs()[i], 0});
      out += '\n';
    }
    for (const Output& o : g.outputs()) out += fmt::format("  output {} = {}\n", word(o.name), print_value(g, o.value));
    for (const Update& u : g.updates()) out += fmt::format("  update {} = {}\n", word(u.path), print_value(g, u.value));
    return out + "}\n";
  }

  std::string function(const Graph& g) {
    if (!g) return "none";
    if (single_) return "&body";
    if (const auto known = names_.find(&g.data()); known != names_.end()) return known->second;
    std::string text = block(g.data());
    const auto [it, fresh] = by_text_.try_emplace(std::move(text), by_text_.size());
    const std::string called = fmt::format("&f{}", it->second);
    if (fresh) functions_ += fmt::format("func {} {}", called, it->first);
    return names_[&g.data()] = called;
  }

  // The origin that sorts first, by role, file, line and path.
  static std::string comment(const Provenance& table, ProvenanceId set) {
    const std::vector<Origin> origins = table.origins(set);
    if (origins.empty()) return "";
    const auto key = [&](const Origin& o) {
      return std::tuple(o.role, base_name(o.file), o.line, std::string_view(table.path(o.scope)));
    };
    const Origin& o = *std::min_element(origins.begin(), origins.end(),
                                        [&](const Origin& a, const Origin& b) { return key(a) < key(b); });
    std::string out = fmt::format("  // {}:{}", base_name(o.file), o.line);
    if (!table.path(o.scope).empty()) out += ' ' + table.path(o.scope);
    if (o.role != Role::forward) out += fmt::format(" ({})", name(o.role));
    for (char& c : out)
      if (static_cast<unsigned char>(c) < 0x20) c = '?';  // a comment is one line
    return out;
  }

  std::string text(const std::string& s) { return word(s); }
  std::string text(bool b) { return b ? "true" : "false"; }
  std::string text(std::int64_t i) { return fmt::format("{}", i); }
  std::string text(DType d) { return std::string(name(d)); }
  std::string text(const Type& t) { return t.str(); }
  std::string text(const Extent& e) { return extent(e); }
  std::string text(const AxisNames& names) { return list(names); }
  std::string text(const Graph& g) { return function(g); }
  std::string text(const CompositeRef& c) { return c ? fmt::format("{}@{}", word(c->name), c->version) : "none"; }
  std::string text(const Literal& v) {
    return v.is_integer() ? fmt::format("{}", v.as_integer()) : number(v.as_double());
  }
  std::string text(const std::vector<Literal>& values) {
    std::string out = "[";
    for (std::size_t i = 0; i < values.size(); ++i) out += (i ? ", " : "") + text(values[i]);
    return out + "]";
  }
  std::string text(const std::vector<Dim>& dims) {
    const std::string t = Type{DType::f32, dims}.str();
    return t.substr(t.find('['));
  }
  std::string text(const Options& options) {
    std::string out = "{";
    for (const auto& [key, value] : options) {
      if (out.size() > 1) out += ", ";
      out += word(key) + ": ";
      out += std::visit(
          [&]<typename T>(const T& v) -> std::string {
            if constexpr (std::is_same_v<T, std::string>)
              return quoted(v);
            else if constexpr (std::is_same_v<T, double>)
              return number(v);
            else if constexpr (std::is_same_v<T, Extent>)
              return "(" + v.str() + ")";
            else
              return text(v);
          },
          value);
    }
    return out + "}";
  }

  PrintOptions options_;
  LineTables tables_;
  std::string functions_;
  std::map<std::string, std::size_t> by_text_;
  std::unordered_map<const GraphData*, std::string> names_;

 public:
  bool single_ = false;  // one node only: its bodies stay unnamed
};

}  // namespace

std::string print_value(const GraphData& graph, Value value) {
  const Node& n = graph.node(value.node);
  if (n.op == Op::input) return "%" + word(n.as<InputAttrs>().name);
  if (n.op == Op::parameter) return "@" + word(n.as<ParameterAttrs>().path);
  return value.output == 0 ? fmt::format("%{}", value.node) : fmt::format("%{}.{}", value.node, value.output);
}

std::string print(const Graph& graph, const PrintOptions& options) {
  return Printer(options).program(options.canonical ? canonicalise(graph) : graph);
}

std::string print_node(const GraphData& graph, NodeId node, Lines lines) {
  Printer p({.lines = lines == Lines::exact ? Lines::brief : lines, .canonical = false});
  p.single_ = true;
  return p.line(graph, node);
}

}  // namespace uwaga
