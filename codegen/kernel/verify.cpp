#include <string>
#include <vector>

#include <fmt/format.h>

#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/kernel/verify.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

constexpr VType kIndex{DType::i64, 1}, kTruth{DType::boolean, 1};

bool computes(DType d) { return d != DType::bf16 && d != DType::f16; }

class Verifier {
 public:
  explicit Verifier(const Kernel& k) : k_(k), defined_(k.variables.size(), false), once_(k.variables.size(), false),
                                       assignable_(k.variables.size(), false), sizes_(k.exprs.size(), false) {}

  void run() {
    for (ExprId id = 0; id < k_.exprs.size(); ++id) {
      at_ = fmt::format("expression {}", id);
      expression(id);
    }
    at_ = "the border";
    border();
    block(k_.body);
  }

 private:
  void want(bool holds, const char* what) const {
    if (!holds) throw InternalError(fmt::format("kernel verifier: {}: {}, in a kernel of kind {}", at_, what, k_.kind));
  }
  VType type(ExprId id) const { return k_.exprs[id].type; }

  void expression(ExprId id) {
    const Expr& e = k_.exprs[id];
    want(e.type.lanes >= 1, "it has no lanes");
    for (ExprId arg : e.args) want(arg < id, "an operand comes after its user");
    const std::size_t n = e.args.size();
    const auto arg = [&](std::size_t i) { return type(e.args[i]); };
    const auto count = [&](std::size_t wanted) { want(n == wanted, "a wrong count of operands"); };
    sizes_[id] = e.kind == ExprKind::integer || e.kind == ExprKind::argument || e.kind == ExprKind::arithmetic;
    for (ExprId a : e.args) sizes_[id] = sizes_[id] && sizes_[a];
    switch (e.kind) {
      case ExprKind::integer: want(n == 0 && !is_float(e.type.dtype), "an integer constant is not of an integer dtype"); break;
      case ExprKind::real: want(n == 0 && is_float(e.type.dtype) && computes(e.type.dtype), "a real constant is not f32 or f64"); break;
      case ExprKind::argument:
        want(e.index < k_.arguments.size() && e.type == VType{k_.arguments[e.index], 1}, "no such argument");
        break;
      case ExprKind::variable:
        want(e.index < k_.variables.size() && e.type == k_.variables[e.index].type, "no such variable, or of another type");
        break;
      case ExprKind::arithmetic: arithmetic(e); break;
      case ExprKind::fma:
        count(3);
        want(is_float(e.type.dtype) && computes(e.type.dtype), "fma is for f32 and f64");
        for (std::size_t i = 0; i < 3; ++i) want(arg(i) == e.type, "operands of two types");
        break;
      case ExprKind::load:
        want(n == 1 || n == 2, "a wrong count of operands");
        want(e.index < k_.buffers.size() && e.type.dtype == k_.buffers[e.index].dtype, "no such buffer, or of another dtype");
        want(arg(0) == VType{DType::i64, e.type.lanes}, "an index is not i64, or of another width");
        want(n == 1 || arg(1) == VType{DType::boolean, e.type.lanes}, "a mask is not boolean, or of another width");
        break;
      case ExprKind::load_pair:
        count(1);
        want(e.index < k_.buffers.size() && k_.buffers[e.index].dtype == DType::bf16 && e.type.dtype == DType::i32,
             "a load of a pair of no bf16 buffer");
        want(arg(0) == kIndex, "an index is not i64");
        break;
      case ExprKind::pairs:
        count(2);
        want(e.type.dtype == DType::i32 && arg(0) == VType{DType::f32, e.type.lanes} && arg(1) == arg(0) &&
                 (e.integer == 0 || (e.integer == 1 && e.type.lanes % 2 == 0)),
             "pairs of other types");
        break;
      case ExprKind::dot_pairs:
        count(3);
        want(e.type.dtype == DType::f32 && arg(0) == VType{DType::i32, e.type.lanes} && arg(1) == arg(0) && arg(2) == e.type,
             "dot_pairs of other types");
        break;
      case ExprKind::ramp:
        count(2);
        want(arg(0) == kIndex && arg(1) == kIndex && e.type.dtype == DType::i64, "a ramp is not of i64");
        break;
      case ExprKind::splat:
        count(1);
        want(arg(0) == VType{e.type.dtype, 1}, "a splat of no scalar, or of another dtype");
        break;
      case ExprKind::lanes:
        count(1);
        want(arg(0).dtype == e.type.dtype && e.integer >= 0 && e.integer + e.type.lanes <= arg(0).lanes, "lanes out of range");
        break;
      case ExprKind::concat:
        count(2);
        want(arg(0) == arg(1) && e.type == VType{arg(0).dtype, 2 * arg(0).lanes}, "a concat of two types");
        break;
      case ExprKind::interleave:
        count(2);
        want(arg(0) == e.type && arg(1) == e.type, "an interleave of other types");
        want(e.integer >= 1 && (e.integer & (e.integer - 1)) == 0 && e.type.lanes % (2 * e.integer) == 0 && e.index <= 1,
             "an interleave of blocks that do not divide the lanes");
        break;
      case ExprKind::any:
        count(1);
        want(arg(0).dtype == DType::boolean && e.type == kTruth, "any is not of booleans");
        break;
      default:
        count(2);
        want(is_integer(e.type.dtype) && arg(0) == e.type && arg(1) == e.type, "an operation on bits of other than two equal integers");
        want(e.kind != ExprKind::mul_high || e.type.dtype == DType::i32, "mul_high is for i32");
    }
  }

  void arithmetic(const Expr& e) const {
    const std::size_t n = e.args.size();
    for (ExprId a : e.args) want(type(a).lanes == e.type.lanes, "operands of two widths");
    if (e.op == Op::cast || e.op == Op::bitcast) {
      want(n == 1, "a wrong count of operands");
      want(e.op == Op::cast || size_of(type(e.args[0]).dtype) == size_of(e.type.dtype), "a bitcast between two sizes");
      return;
    }
    if (e.op == Op::select) {
      want(n == 3 && type(e.args[0]).dtype == DType::boolean && type(e.args[1]) == e.type && type(e.args[2]) == e.type,
           "a select that does not fit");
      return;
    }
    want((is_unary(e.op) && n == 1) || (is_binary(e.op) && n == 2), "no arithmetic op, or a wrong count of operands");
    const DType d = type(e.args[0]).dtype;
    want(computes(d), "arithmetic on a dtype that exists only in memory");
    for (ExprId a : e.args) want(type(a).dtype == d, "operands of two dtypes");
    const bool logical = e.op == Op::logical_not || e.op == Op::logical_and || e.op == Op::logical_or;
    want(!logical || d == DType::boolean, "a logical op on other than booleans");
    want(logical || d != DType::boolean || e.op == Op::eq, "arithmetic on booleans");
    want(e.type.dtype == (e.op == Op::eq || e.op == Op::lt ? DType::boolean : d), "a result of another dtype");
  }

  void size(ExprId id) const {
    want(id < k_.exprs.size() && type(id) == kIndex && sizes_[id], "a size is not an i64 of arguments and constants");
  }

  void border() {
    want(k_.grid.size() == k_.grid_extents.size(), "grid variables and extents differ in number");
    for (ExprId e : k_.grid_extents) size(e);
    for (VarId v : k_.grid) define(v, false, kIndex);
    want(k_.threads >= 1, "no threads");
    if (k_.threads > 1) define(k_.thread, false, kIndex);
    bool others = false;
    for (const Buffer& buffer : k_.buffers) {
      const bool global = buffer.space == Space::global;
      want(!global || !others, "a global buffer comes after others");
      others = others || !global;
      if (!global) size(buffer.elements);
    }
  }

  void define(VarId v, bool assignable, VType t) {
    want(v < k_.variables.size() && k_.variables[v].type == t, "no such variable, or of another type");
    want(!once_[v], "a variable is defined twice");
    once_[v] = defined_[v] = true;
    assignable_[v] = assignable;
    scope_.push_back(v);
  }

  // All variables that the expression reads are defined here.
  void use(ExprId id) {
    want(id < k_.exprs.size(), "no such expression");
    std::vector<ExprId> open{id};
    std::vector<bool> seen(id + 1);
    while (!open.empty()) {
      const ExprId at = open.back();
      open.pop_back();
      if (seen[at]) continue;
      seen[at] = true;
      const Expr& e = k_.exprs[at];
      want(!in_routine_ || (e.kind != ExprKind::argument && !(e.kind == ExprKind::arithmetic && is_expanded(e.op, e.type.dtype))),
           "a routine reads an argument of outside, or computes what is no instruction");
      if (e.kind == ExprKind::variable && !defined_[e.index])
        throw InternalError(fmt::format("kernel verifier: {} reads variable {}, which is not defined there, in a kernel of kind {}", at_,
                                        e.index, k_.kind));
      open.insert(open.end(), e.args.begin(), e.args.end());
    }
  }

  void block(const std::vector<Stmt>& statements) {
    const std::size_t outer = scope_.size();
    for (const Stmt& s : statements) statement(s);
    for (; scope_.size() > outer; scope_.pop_back()) defined_[scope_.back()] = false;
  }

  void statement(const Stmt& s) {
    at_ = fmt::format("statement {}", number_++);
    for (ExprId id : {s.value, s.index, s.condition, s.begin, s.end})
      if (id != kNone) use(id);
    switch (s.kind) {
      case StmtKind::let:
      case StmtKind::declare:
        want(s.value != kNone, "no value");
        define(s.var, s.kind == StmtKind::declare, type(s.value));
        break;
      case StmtKind::assign:
        want(s.var < k_.variables.size() && defined_[s.var] && assignable_[s.var], "an assignment to no mutable variable");
        want(s.value != kNone && type(s.value) == k_.variables[s.var].type, "an assignment of another type");
        break;
      case StmtKind::store: {
        want(s.buffer < k_.buffers.size() && k_.buffers[s.buffer].written, "a store to no output");
        want(s.index != kNone && s.value != kNone && type(s.index).dtype == DType::i64, "a store without an i64 index");
        const int lanes = type(s.index).lanes;
        want(type(s.value) == VType{k_.buffers[s.buffer].dtype, lanes}, "a store of another type");
        want(s.condition == kNone || type(s.condition) == VType{DType::boolean, lanes}, "a mask is not boolean, or of another width");
        const bool whole = s.condition == kNone && k_.expr(s.index).kind == ExprKind::ramp;
        want(!s.streams || (whole && !in_routine_), "a masked or scattered store that streams, or one in a routine");
        break;
      }
      case StmtKind::loop: {
        want(s.begin != kNone && s.end != kNone && type(s.begin) == kIndex && type(s.end) == kIndex && s.step > 0,
             "a loop that does not count i64 upwards");
        define(s.var, false, kIndex);
        block(s.body);
        defined_[s.var] = false;
        break;
      }
      case StmtKind::branch:
        want(s.condition != kNone && type(s.condition) == kTruth, "a branch on no boolean scalar");
        block(s.body);
        block(s.otherwise);
        break;
      case StmtKind::routine: routine(s); break;
      case StmtKind::prefetch:
        want(s.buffer < k_.buffers.size() && s.index != kNone && type(s.index) == kIndex && (s.step == 1 || s.step == 2),
             "a prefetch of no element, or into no cache");
        break;
      case StmtKind::barrier: want(k_.threads > 1, "a barrier without threads"); break;
      case StmtKind::tile_zero:
      case StmtKind::tile_load:
      case StmtKind::tile_dot:
      case StmtKind::tile_store: tile(s); break;
      case StmtKind::fail:
        want(!in_routine_, "a routine fails");
        want(s.condition != kNone && s.value != kNone && type(s.condition).dtype == DType::boolean, "fail without a condition");
        want(type(s.value) == VType{DType::i64, type(s.condition).lanes}, "fail with an index that does not fit");
        break;
    }
  }

  void routine(const Stmt& s) {
    want(k_.threads == 1 && !in_routine_, "a routine on other than the host, or inside of another");
    want(s.step >= 0 && s.step <= static_cast<std::int64_t>(s.body.size()), "a routine with fewer statements than parameters");
    const auto first = s.body.begin() + static_cast<std::ptrdiff_t>(s.step);
    for (auto let = s.body.begin(); let != first; ++let) {
      want(let->kind == StmtKind::let && let->value != kNone, "a parameter of a routine is no let");
      use(let->value);
      want(type(let->value).lanes == 1, "a parameter of a routine is no scalar");
    }
    std::vector<bool> outside(defined_.size());
    outside.swap(defined_);
    const std::size_t scope = scope_.size();
    for (auto let = s.body.begin(); let != first; ++let) define(let->var, false, type(let->value));
    in_routine_ = true;
    for (auto inner = first; inner != s.body.end(); ++inner) statement(*inner);
    in_routine_ = false;
    defined_.swap(outside);
    scope_.resize(scope);
  }

  void tile(const Stmt& s) const {
    want(!in_routine_, "tiles in a routine");
    want(s.var < kTiles && s.tiles[0] < kTiles && s.tiles[1] < kTiles, "a tile of a number that no tile has");
    want(k_.threads == 1, "tiles on other than the host");
    if (s.kind == StmtKind::tile_dot) want(s.var != s.tiles[0] && s.var != s.tiles[1] && s.tiles[0] != s.tiles[1], "a product of a tile with itself");
    if (s.kind != StmtKind::tile_load && s.kind != StmtKind::tile_store) return;
    want(s.buffer < k_.buffers.size() && s.index != kNone && s.value != kNone && type(s.index) == kIndex && type(s.value) == kIndex,
         "a tile of no elements");
    const Buffer& b = k_.buffers[s.buffer];
    if (s.kind == StmtKind::tile_store) want(b.written && b.dtype == DType::f32, "a tile stored to no output of f32");
    else want(b.dtype == DType::f32 || b.dtype == DType::i32 || b.dtype == DType::bf16, "a tile of words of another dtype");
  }

  const Kernel& k_;
  std::vector<bool> defined_, once_, assignable_;  // by variable
  std::vector<bool> sizes_;                        // by expression: of arguments and constants only
  std::vector<VarId> scope_;
  std::string at_;
  int number_ = 0;
  bool in_routine_ = false;
};

}  // namespace

void verify(const Kernel& kernel) { Verifier(kernel).run(); }

}  // namespace uwaga::kernel
