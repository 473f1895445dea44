#include <fmt/format.h>
#include <uwaga/ir/detail/lexer.h>
#include <uwaga/ir/detail/text.h>
#include <uwaga/ir/error.h>
#include <uwaga/ir/fields.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/parse.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

namespace uwaga {
namespace {

using detail::Lexer;

constexpr int kDeepest = 64;                   // functions in functions
constexpr std::uint64_t kMostNodes = 1 << 24;  // every call written out
constexpr int kMostAxes = 32;                  // of a tensor
constexpr std::uint64_t kMostTerms = 4096;     // of a tensor's number of elements, as a polynomial

class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options)
      : lex_(text, options.file), options_(options), provenance_(std::make_shared<Provenance>()) {}

  Graph program() {
    for (lex_.skip_lines(); !lex_.at_end(); lex_.skip_lines()) {
      if (lex_.accept("scope"))
        scope();
      else if (lex_.accept("origin"))
        origin();
      else if (lex_.accept("func"))
        function();
      else
        break;
    }
    lex_.expect("graph");
    Function main = block();
    lex_.skip_lines();
    if (!lex_.at_end()) lex_.fail("expected the end of the text after the graph");
    return main.graph;
  }

 private:
  struct Function {
    Graph graph;
    int depth = 1;
    std::uint64_t nodes = 0;  // every call written out
  };
  // The values of the block being read.
  struct Block {
    Function function;
    std::map<std::string, NodeId, std::less<>> inputs, parameters;
    std::map<std::uint64_t, NodeId> numbered;
    GraphData& graph() { return function.graph.data(); }
  };

  // ---- tables of lines

  std::string file_name() { return lex_.quoted(); }
  std::uint32_t number(const char* what, std::uint64_t limit) {
    const std::int64_t i = lex_.integer();
    if (i < 0 || static_cast<std::uint64_t>(i) >= limit) lex_.fail(fmt::format("{} {} is out of range", what, i));
    return static_cast<std::uint32_t>(i);
  }
  void scope() {
    if (number("scope", UINT32_MAX) != scopes_.size()) lex_.fail(fmt::format("expected scope {}", scopes_.size()));
    lex_.expect("in");
    const ScopeId parent = scopes_[number("scope", scopes_.size())];
    const std::string name = lex_.word(), file = file_name();
    scopes_.push_back(provenance_->scope(parent, name, file, number("line", UINT32_MAX)));
    lex_.end_of_line();
  }
  void origin() {
    if (number("origin", UINT32_MAX) != origins_.size()) lex_.fail(fmt::format("expected origin {}", origins_.size()));
    const std::string file = file_name();
    const std::uint32_t line = number("line", UINT32_MAX);
    const Role role = parse_role(lex_.bare_word());
    lex_.expect("in");
    origins_.push_back(provenance_->single(file, line, scopes_[number("scope", scopes_.size())], role));
    lex_.end_of_line();
  }
  Role parse_role(std::string_view text) {
    if (const auto role = known_role(text)) return *role;
    lex_.fail(fmt::format("'{}' is no role: forward, backward, optimiser or pass", text));
  }
  static std::optional<Role> known_role(std::string_view text) {
    for (Role r : {Role::forward, Role::backward, Role::optimiser, Role::pass})
      if (name(r) == text) return r;
    return std::nullopt;
  }

  // "gpt.cpp:9 h.3.attn (backward)", as the printer writes it; any other comment is nothing.
  std::optional<ProvenanceId> from_comment(std::string_view text) {
    if (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    Role role = Role::forward;
    if (const std::size_t open = text.rfind(" ("); open != std::string_view::npos && text.back() == ')')
      if (const auto r = known_role(text.substr(open + 2, text.size() - open - 3))) {
        role = *r;
        text = text.substr(0, open);
      }
    for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
      std::uint32_t line = 0;
      const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), line);
      const auto after = static_cast<std::size_t>(end - text.data());
      if (error != std::errc() || (after < text.size() && text[after] != ' ')) continue;
      const std::string_view file = text.substr(0, colon), path = after < text.size() ? text.substr(after + 1) : "";
      const ScopeId scope = path.empty() ? 0 : provenance_->scope(0, path, file, line);
      return provenance_->single(file, line, scope, role);
    }
    return std::nullopt;
  }

  ProvenanceId node_provenance() {
    ProvenanceId set = 0;
    while (lex_.accept("#")) set = provenance_->unite(set, origins_[number("origin", origins_.size())]);
    const std::uint32_t line = lex_.line();
    const auto told = from_comment(lex_.end_of_line());
    if (set != 0) return set;
    return told ? *told : provenance_->single(lex_.file(), line, 0);
  }

  // ---- functions and blocks

  void function() {
    lex_.expect("&");
    const std::string called = lex_.bare_word();
    Function f = block();
    if (!functions_.try_emplace(called, std::move(f)).second)
      lex_.fail(fmt::format("function '&{}' is already defined", called));
  }

  Function block() {
    Block b;
    b.function.graph = Graph(std::make_shared<GraphData>(provenance_));
    lex_.expect("{");
    lex_.end_of_line();
    for (lex_.skip_lines(); !lex_.accept("}"); lex_.skip_lines()) {
      if (lex_.at_end()) lex_.fail("a graph has no end: expected '}'");
      if (lex_.peek() == '%' || lex_.peek() == '@')
        node(b);
      else
        border(b);
    }
    b.function.nodes += static_cast<std::uint64_t>(b.graph().size());
    return std::move(b.function);
  }

  void border(Block& b) {
    if (lex_.accept("bound")) {
      const std::string symbol = lex_.bare_word();
      guarded([&] { b.graph().bound(symbol, lex_.integer()); });
    } else if (lex_.accept("inputs")) {
      std::vector<NodeId> order;
      do order.push_back(value(b).node);
      while (lex_.accept(","));
      const auto& inputs = b.graph().inputs();
      std::vector<NodeId> given = order, own = inputs;
      std::sort(given.begin(), given.end());
      std::sort(own.begin(), own.end());
      if (given != own) lex_.fail("'inputs' wants every input once");
      b.graph().set_input_order(std::move(order));
    } else if (lex_.accept("output")) {
      std::string called = lex_.word();
      lex_.expect("=");
      const Value v = value(b);
      if (!outputs_.insert({&b.graph(), called}).second)
        lex_.fail(fmt::format("there is already an output '{}'", called));
      b.graph().add_output(std::move(called), v);
    } else if (lex_.accept("update")) {
      std::string path = lex_.word();
      lex_.expect("=");
      const Value v = value(b);
      const auto slot = b.parameters.find(path);
      if (slot == b.parameters.end()) lex_.fail(fmt::format("update of '{}', which is no parameter here", path));
      if (!same_type(b.graph().type(v), b.graph().node(slot->second).types[0]))
        lex_.fail(fmt::format("update of '{}' is {} instead of {}", path, b.graph().type(v).str(),
                              b.graph().node(slot->second).types[0].str()));
      if (!updates_.insert({&b.graph(), path}).second)
        lex_.fail(fmt::format("there is already an update of '{}'", path));
      b.graph().add_update(std::move(path), v);
    } else {
      lex_.fail("expected a node, 'bound', 'inputs', 'output', 'update' or '}'");
    }
    lex_.end_of_line();
  }

  Value value(Block& b) {
    lex_.skip_space();
    if (lex_.accept("@")) {
      const std::string path = lex_.word();
      const auto it = b.parameters.find(path);
      if (it == b.parameters.end()) lex_.fail(fmt::format("there is no parameter '@{}' above", path));
      return {it->second, 0};
    }
    lex_.expect("%");
    if (lex_.peek() >= '0' && lex_.peek() <= '9') {
      const std::int64_t i = lex_.integer();
      const auto it = b.numbered.find(static_cast<std::uint64_t>(i));
      if (it == b.numbered.end()) lex_.fail(fmt::format("there is no value '%{}' above", i));
      std::uint32_t output = 0;
      if (lex_.peek() == '.') {
        lex_.expect(".");
        output = number("output", UINT32_MAX);
      }
      if (output >= b.graph().node(it->second).types.size())
        lex_.fail(fmt::format("'%{}' has no output {}", i, output));
      return {it->second, output};
    }
    const std::string called = lex_.word();
    const auto it = b.inputs.find(called);
    if (it == b.inputs.end()) lex_.fail(fmt::format("there is no input '%{}' above", called));
    return {it->second, 0};
  }

  void node(Block& b) {
    // What is defined: exactly one of these.
    std::string called;
    std::uint64_t numbered = 0;
    char kind = 'n';
    if (lex_.accept("@")) {
      kind = 'p';
      called = lex_.word();
    } else {
      lex_.expect("%");
      if (lex_.peek() >= '0' && lex_.peek() <= '9') {
        numbered = static_cast<std::uint64_t>(lex_.integer());
      } else {
        kind = 'i';
        called = lex_.word();
      }
    }
    lex_.expect("=");
    const std::string op_name = lex_.bare_word();
    const auto op = parse_op(op_name);
    if (!op) lex_.fail(fmt::format("'{}' is no op", op_name));
    if ((*op == Op::input) != (kind == 'i') || (*op == Op::parameter) != (kind == 'p'))
      lex_.fail("an input is written %name, a parameter @path, any other node %number");

    std::vector<Value> operands;
    lex_.skip_space();
    if (lex_.peek() == '%' || lex_.peek() == '@') do
        operands.push_back(value(b));
      while (lex_.accept(","));

    Attributes attributes = default_attributes(*op);
    for_each_field(attributes, [&]<typename Member>(const char* field, Member& member) {
      if constexpr (std::is_same_v<Member, Type> || std::is_same_v<Member, DType>) {
        return;  // the type after the colon
      } else {
        if constexpr (std::is_same_v<Member, std::string>)
          if (kind != 'n') {
            member = called;
            return;
          }
        lex_.expect(field);
        read(b, member);
      }
    });
    lex_.expect(":");
    std::vector<Type> types;
    if (!at_line_end()) do
        types.push_back(lex_.type());
      while (lex_.accept(","));
    if (!types.empty())
      for_each_field(attributes, [&]<typename Member>(const char*, Member& member) {
        if constexpr (std::is_same_v<Member, Type>) member = types[0];
        if constexpr (std::is_same_v<Member, DType>) member = types[0].dtype;
      });
    for (const Type& t : types) check_size(t);

    const ProvenanceId provenance = node_provenance();
    NodeId id = 0;
    guarded([&] { id = b.graph().add(*op, std::move(attributes), std::move(operands), provenance); });
    const std::vector<Type>& inferred = b.graph().node(id).types;
    for (const Type& t : inferred) check_size(t);
    if (inferred != types)
      lex_.fail(fmt::format("{} gives {}, not {}", op_name, types_text(inferred), types_text(types)));
    if (kind == 'i')
      b.inputs.emplace(std::move(called), id);
    else if (kind == 'p')
      b.parameters.emplace(std::move(called), id);
    else if (!b.numbered.emplace(numbered, id).second)
      lex_.fail(fmt::format("'%{}' is already defined", numbered));
  }

  bool at_line_end() {
    lex_.skip_space();
    return lex_.peek() == '\n' || lex_.peek() == '/' || lex_.peek() == '#' || lex_.at_end();
  }

  static std::string types_text(const std::vector<Type>& types) {
    std::string out;
    for (const Type& t : types) out += (out.empty() ? "" : ", ") + t.str();
    return out.empty() ? "nothing" : out;
  }

  void check_size(const Type& t) {
    std::uint64_t terms = 1;
    for (const Dim& d : t.dims)
      terms = std::min(terms * std::max<std::uint64_t>(d.extent.terms().size(), 1), kMostTerms + 1);
    if (t.rank() > kMostAxes) lex_.fail(fmt::format("a tensor has {} axes; at most {} are read", t.rank(), kMostAxes));
    if (terms > kMostTerms) lex_.fail(fmt::format("a tensor's number of elements has more than {} terms", kMostTerms));
  }

  // An Error thrown by the graph gets the line of the text.
  template <typename F>
  void guarded(F f) {
    try {
      f();
    } catch (const Error& e) {
      const std::string prefix = fmt::format("{}:", lex_.file());
      if (std::string_view(e.what()).substr(0, prefix.size()) == prefix) throw;
      lex_.fail(e.what());
    }
  }

  // ---- attributes

  void read(Block&, std::string& s) { s = lex_.word(); }
  void read(Block&, bool& b) {
    if (lex_.accept("true"))
      b = true;
    else if (lex_.accept("false"))
      b = false;
    else
      lex_.fail("expected true or false");
  }
  void read(Block&, std::int64_t& i) { i = lex_.integer(); }
  void read(Block&, Extent& e) { e = lex_.extent(); }
  void read(Block&, AxisNames& names) { names = lex_.names(); }
  void read(Block&, Dims& dims) {
    dims = lex_.dims();
    check_size({DType::f32, dims});
  }
  void read(Block&, Literal& v) { v = lex_.literal(); }
  void read(Block&, std::vector<Literal>& values) {
    lex_.expect("[");
    while (!lex_.accept("]")) {
      if (!values.empty()) lex_.expect(",");
      values.push_back(lex_.literal());
    }
  }
  void read(Block&, CompositeRef& c) {
    std::string called = lex_.word();
    lex_.expect("@");
    const auto version = static_cast<int>(number("version", INT32_MAX));
    if (options_.composite) c = options_.composite(called, version);
    if (!c) c = plain_composite(std::move(called), version);
  }
  void read(Block& b, Graph& g) {
    lex_.expect("&");
    const std::string called = lex_.bare_word();
    const auto it = functions_.find(called);
    if (it == functions_.end()) lex_.fail(fmt::format("there is no function '&{}' above", called));
    b.function.depth = std::max(b.function.depth, it->second.depth + 1);
    b.function.nodes += it->second.nodes;
    if (b.function.depth > kDeepest) lex_.fail(fmt::format("functions are nested deeper than {}", kDeepest));
    if (b.function.nodes > kMostNodes)
      lex_.fail(fmt::format("written out, the graph has more than {} nodes", kMostNodes));
    g = it->second.graph;
  }
  void read(Block& b, Options& options) {
    lex_.expect("{");
    while (!lex_.accept("}")) {
      if (!options.empty()) lex_.expect(",");
      std::string key = lex_.word();
      if (!options.empty() && key <= options.back().first) lex_.fail("options are sorted, each once");
      lex_.expect(":");
      lex_.skip_space();
      OptionValue value;
      switch (lex_.peek()) {
        case '"':
          value = lex_.quoted();
          break;
        case '{':
          value = lex_.names();
          break;
        case '(':
          value = lex_.extent();
          break;
        case '&': {
          Graph g;
          read(b, g);
          value = g;
          break;
        }
        default: {
          const Literal v = lex_.literal();
          if (v.is_integer())
            value = v.as_integer();
          else
            value = v.as_double();
        }
      }
      options.emplace_back(std::move(key), std::move(value));
    }
  }

  // One composite of a name and version for the whole text, as identity is by reference elsewhere.
  CompositeRef plain_composite(std::string called, int version) {
    CompositeRef& known = composites_[{called, version}];
    if (!known) known = std::make_shared<Composite>(Composite{std::move(called), version, nullptr});
    return known;
  }

  Lexer lex_;
  const ParseOptions& options_;
  std::shared_ptr<Provenance> provenance_;
  std::vector<ScopeId> scopes_{0};
  std::vector<ProvenanceId> origins_;
  std::map<std::string, Function, std::less<>> functions_;
  std::map<std::pair<std::string, int>, CompositeRef> composites_;
  std::set<std::pair<const GraphData*, std::string>> outputs_, updates_;
};

}  // namespace

Graph parse(std::string_view text, const ParseOptions& options) { return Parser(text, options).program(); }

}  // namespace uwaga
