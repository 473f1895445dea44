#include <bit>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/internal/fold.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

void expect(bool holds, const auto& text) {
  if (!holds) throw InternalError("kernel builder: " + text());
}

std::string text(VType t) { return t.lanes == 1 ? std::string(name(t.dtype)) : fmt::format("{}x{}", name(t.dtype), t.lanes); }

constexpr VType kIndex{DType::i64, 1}, kCondition{DType::boolean, 1};

// What makes two expressions equal: all but the ordinal.
bool same(const Expr& a, const Expr& b) {
  return a.kind == b.kind && a.op == b.op && a.type == b.type && a.index == b.index && a.integer == b.integer &&
         std::bit_cast<std::uint64_t>(a.real) == std::bit_cast<std::uint64_t>(b.real) && a.args == b.args;
}
std::uint64_t key_of(const Expr& e) {
  std::uint64_t key = 0;
  const auto put = [&key](const auto& value) {
    key = (key ^ static_cast<std::uint64_t>(value)) * 0x9e3779b97f4a7c15u;
    key ^= key >> 32;
  };
  put(e.kind);
  put(e.op);
  put(e.type.dtype);
  put(e.type.lanes);
  put(e.index);
  put(e.integer);
  put(std::bit_cast<std::uint64_t>(e.real));
  for (ExprId arg : e.args) put(arg);
  return key;
}

// Is the op defined for operands of this dtype? bf16 and f16 are moved and cast, never computed with.
bool accepts(Op op, DType d) {
  const bool number = d == DType::f64 || d == DType::f32 || is_integer(d);
  switch (op) {
    case Op::logical_not:
    case Op::logical_and:
    case Op::logical_or: return d == DType::boolean;
    case Op::eq: return number || d == DType::boolean;
    case Op::neg: case Op::abs: case Op::floor:
    case Op::add: case Op::sub: case Op::mul: case Op::div: case Op::rem:
    case Op::max: case Op::min: case Op::lt: return number;
    case Op::pow: return d == DType::f64 || d == DType::f32;
    default: return is_unary(op) && (d == DType::f64 || d == DType::f32);
  }
}

}  // namespace

VType Ex::type() const {
  check_internal(builder != nullptr && id != kNone, "an empty expression of a kernel was used");
  return builder->kernel().exprs[id].type;
}

KernelBuilder::KernelBuilder(std::string kind) {
  kernel_.kind = std::move(kind);
  blocks_.push_back(&kernel_.body);
}

// ---- the border

BufferId KernelBuilder::new_buffer(Space space, DType dtype, bool written, ExprId elements) {
  Buffer buffer;
  buffer.space = space;
  buffer.dtype = dtype;
  buffer.written = written;
  buffer.elements = elements;
  kernel_.buffers.push_back(buffer);
  return static_cast<BufferId>(kernel_.buffers.size() - 1);
}

BufferId KernelBuilder::input(DType dtype) { return new_buffer(Space::global, dtype, false, kNone); }
BufferId KernelBuilder::output(DType dtype) { return new_buffer(Space::global, dtype, true, kNone); }

BufferId KernelBuilder::scratch(DType dtype, Ex elements) {
  own(elements);
  expect(elements.type() == kIndex, [&] { return "the size of a scratch buffer is " + text(elements.type()) + ", not i64"; });
  return new_buffer(Space::scratch, dtype, true, elements.id);
}

BufferId KernelBuilder::shared(DType dtype, Ex elements) {
  own(elements);
  expect(elements.type() == kIndex, [&] { return "the size of a shared buffer is " + text(elements.type()) + ", not i64"; });
  return new_buffer(Space::shared, dtype, true, elements.id);
}

Ex KernelBuilder::argument(DType dtype) {
  Expr e;
  e.kind = ExprKind::argument;
  e.type = {dtype, 1};
  e.index = static_cast<std::uint32_t>(kernel_.arguments.size());
  kernel_.arguments.push_back(dtype);
  return add(std::move(e));
}

Ex KernelBuilder::grid(Ex extent) {
  own(extent);
  expect(extent.type() == kIndex, [&] { return "the extent of a grid is " + text(extent.type()) + ", not i64"; });
  const VarId v = new_variable(kIndex);
  kernel_.grid.push_back(v);
  kernel_.grid_extents.push_back(extent.id);
  return read(v);
}

Ex KernelBuilder::threads(int count) {
  expect(count >= 1 && kernel_.threads == 1 && !has_thread_, [&] { return fmt::format("{} threads asked for, twice or below 1", count); });
  has_thread_ = true;
  kernel_.threads = count;
  kernel_.thread = new_variable(kIndex);
  return read(kernel_.thread);
}

// ---- expressions

Ex KernelBuilder::add(Expr e) {
  const std::uint64_t key = key_of(e);
  for (auto [at, end] = known_.equal_range(key); at != end; ++at)
    if (same(kernel_.exprs[at->second], e)) return {this, at->second};
  const auto id = static_cast<ExprId>(kernel_.exprs.size());
  known_.emplace(key, id);
  e.ordinal = ordinal_;
  data_.push_back(reads_memory(e.kind) || (e.kind == ExprKind::variable && holds_data_[e.index]) ||
                  std::any_of(e.args.begin(), e.args.end(), [&](ExprId arg) { return data_[arg]; }));
  kernel_.exprs.push_back(std::move(e));
  return {this, id};
}

void KernelBuilder::own(Ex x) const {
  expect(x.builder == this && x.id < kernel_.exprs.size(), [] { return std::string("an operand is empty or of another kernel"); });
}

Ex KernelBuilder::read(VarId v) {
  Expr e;
  e.kind = ExprKind::variable;
  e.type = kernel_.variables[v].type;
  e.index = v;
  return add(std::move(e));
}

Ex KernelBuilder::integer(std::int64_t value, DType dtype) {
  expect(!is_float(dtype), [&] { return fmt::format("the integer constant {} has dtype {}", value, name(dtype)); });
  Expr e;
  e.kind = ExprKind::integer;
  e.type = {dtype, 1};
  e.integer = fold::wrapped(value, dtype);
  return add(std::move(e));
}

Ex KernelBuilder::real(double value, DType dtype) {
  expect(dtype == DType::f32 || dtype == DType::f64, [&] { return fmt::format("the constant {} has dtype {}", value, name(dtype)); });
  Expr e;
  e.kind = ExprKind::real;
  e.type = {dtype, 1};
  e.real = round_to(dtype, value);
  return add(std::move(e));
}

// Operands of one width: scalars beside vectors are splat.
void KernelBuilder::widen(std::initializer_list<Ex*> operands) {
  int lanes = 1;
  for (Ex* x : operands) {
    own(*x);
    lanes = std::max(lanes, x->type().lanes);
  }
  for (Ex* x : operands) {
    if (x->type().lanes == 1) *x = splat(*x, lanes);
    expect(x->type().lanes == lanes, [&] { return fmt::format("operands have {} and {} lanes", x->type().lanes, lanes); });
  }
}

Ex KernelBuilder::apply(Op op, std::initializer_list<Ex> args) {
  if (op == Op::select) {
    expect(args.size() == 3, [&] { return fmt::format("select of {} operands", args.size()); });
    return select(args.begin()[0], args.begin()[1], args.begin()[2]);
  }
  expect((is_unary(op) && args.size() == 1) || (is_binary(op) && args.size() == 2),
         [&] { return fmt::format("{} of {} operands is no arithmetic", name(op), args.size()); });
  return arithmetic(op, args.begin()[0], args.size() == 2 ? args.begin()[1] : Ex{}, false);
}

Ex KernelBuilder::of_indices(Op op, Ex a, Ex b) { return arithmetic(op, a, b, true); }

Ex KernelBuilder::arithmetic(Op op, Ex a, Ex b, bool of_indices) {
  if (b) {
    widen({&a, &b});
  } else {
    own(a);
  }
  expect(!b || a.type() == b.type(),
         [&] { return fmt::format("{} of {} and {}: operands must have one type", name(op), text(a.type()), text(b.type())); });
  expect(accepts(op, a.type().dtype), [&] { return fmt::format("{} of {} is not defined", name(op), text(a.type())); });
  if (const Ex folded = fold::apply(*this, op, a, b)) return folded;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = op;
  e.type = op == Op::eq || op == Op::lt ? VType{DType::boolean, a.type().lanes} : a.type();
  e.args = {a.id};
  if (b) e.args.push_back(b.id);
  // What was loaded is the user's data, and may be negative.
  e.integer = of_indices && e.type.dtype == DType::i64 && !data_[a.id] && !data_[b.id] ? 1 : 0;
  return add(std::move(e));
}

Ex KernelBuilder::cast(Ex x, DType dtype) {
  own(x);
  if (x.type().dtype == dtype) return x;
  if (const Ex folded = fold::cast(*this, x, dtype)) return folded;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::cast;
  e.type = {dtype, x.type().lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::bitcast(Ex x, DType dtype) {
  own(x);
  if (x.type().dtype == dtype) return x;
  expect(size_of(dtype) == size_of(x.type().dtype) && dtype != DType::boolean && x.type().dtype != DType::boolean,
         [&] { return fmt::format("bitcast of {} to {}", text(x.type()), name(dtype)); });
  if (const Ex folded = fold::bitcast(*this, x, dtype)) return folded;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::bitcast;
  e.type = {dtype, x.type().lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::select(Ex condition, Ex yes, Ex no) {
  own(condition);
  if (const std::int64_t* c = fold::constant(condition)) {
    widen({&yes, &no});
    return *c ? yes : no;
  }
  widen({&condition, &yes, &no});
  expect(condition.type().dtype == DType::boolean && yes.type() == no.type(), [&] {
    return fmt::format("select by {} of {} and {}", text(condition.type()), text(yes.type()), text(no.type()));
  });
  if (yes.id == no.id) return yes;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::select;
  e.type = yes.type();
  e.args = {condition.id, yes.id, no.id};
  return add(std::move(e));
}

Ex KernelBuilder::fma(Ex a, Ex b, Ex c) {
  widen({&a, &b, &c});
  expect(a.type() == b.type() && b.type() == c.type() && (a.type().dtype == DType::f32 || a.type().dtype == DType::f64),
         [&] { return fmt::format("fma of {}, {} and {}", text(a.type()), text(b.type()), text(c.type())); });
  Expr e;
  e.kind = ExprKind::fma;
  e.type = a.type();
  e.args = {a.id, b.id, c.id};
  return add(std::move(e));
}

Ex KernelBuilder::load(BufferId buffer, Ex index, Ex mask) {
  own(index);
  expect(buffer < kernel_.buffers.size(), [&] { return fmt::format("load from buffer {} of {}", buffer, kernel_.buffers.size()); });
  expect(index.type().dtype == DType::i64, [&] { return "load at " + text(index.type()); });
  Expr e;
  e.kind = ExprKind::load;
  e.type = {kernel_.buffers[buffer].dtype, index.type().lanes};
  e.index = buffer;
  e.args = {index.id};
  if ((mask = mask_of(mask, index.type().lanes))) e.args.push_back(mask.id);
  return add(std::move(e));
}

Ex KernelBuilder::load_pair(BufferId buffer, Ex index, int lanes) {
  own(index);
  expect(buffer < kernel_.buffers.size() && kernel_.buffers[buffer].dtype == DType::bf16 && index.type() == kIndex,
         [&] { return fmt::format("a load of a pair of buffer {} at {}", buffer, text(index.type())); });
  Expr e;
  e.kind = ExprKind::load_pair;
  e.type = {DType::i32, lanes};
  e.index = buffer;
  e.args = {index.id};
  return add(std::move(e));
}

Ex KernelBuilder::pairs(Ex a, Ex b, bool neighbours) {
  own(a);
  own(b);
  const int lanes = a.type().lanes;
  expect(a.type() == VType{DType::f32, lanes} && b.type() == a.type() && (!neighbours || lanes % 2 == 0),
         [&] { return fmt::format("pairs of {} and {}", text(a.type()), text(b.type())); });
  Expr e;
  e.kind = ExprKind::pairs;
  e.type = {DType::i32, lanes};
  e.integer = neighbours ? 1 : 0;
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::dot_pairs(Ex a, Ex b, Ex sum) {
  own(a);
  own(b);
  own(sum);
  const int lanes = sum.type().lanes;
  expect(sum.type().dtype == DType::f32 && a.type() == VType{DType::i32, lanes} && b.type() == a.type(),
         [&] { return fmt::format("dot_pairs of {} and {} onto {}", text(a.type()), text(b.type()), text(sum.type())); });
  Expr e;
  e.kind = ExprKind::dot_pairs;
  e.type = sum.type();
  e.args = {a.id, b.id, sum.id};
  return add(std::move(e));
}

// The mask widened to the lanes; empty where it is true everywhere.
Ex KernelBuilder::mask_of(Ex mask, int lanes) {
  if (!mask) return {};
  own(mask);
  expect(mask.type().dtype == DType::boolean, [&] { return "a mask is " + text(mask.type()); });
  if (const std::int64_t* c = fold::constant(mask); c && *c) return {};
  if (mask.type().lanes == 1) mask = splat(mask, lanes);
  expect(mask.type().lanes == lanes, [&] { return fmt::format("a mask of {} lanes beside {}", mask.type().lanes, lanes); });
  return mask;
}

Ex KernelBuilder::ramp(Ex base, int lanes, Ex stride) {
  own(base);
  if (!stride) stride = integer(1);
  own(stride);
  expect(base.type() == kIndex && stride.type() == kIndex && lanes >= 1,
         [&] { return fmt::format("ramp of {} by {}, {} lanes", text(base.type()), text(stride.type()), lanes); });
  if (lanes == 1) return base;
  if (const std::int64_t* c = fold::constant(stride); c && *c == 0) return splat(base, lanes);
  Expr e;
  e.kind = ExprKind::ramp;
  e.type = {DType::i64, lanes};
  e.args = {base.id, stride.id};
  return add(std::move(e));
}

Ex KernelBuilder::splat(Ex x, int lanes) {
  own(x);
  if (x.type().lanes == lanes) return x;
  expect(x.type().lanes == 1 && lanes > 1, [&] { return fmt::format("splat of {} to {} lanes", text(x.type()), lanes); });
  Expr e;
  e.kind = ExprKind::splat;
  e.type = {x.type().dtype, lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::lanes(Ex x, int first, int count) {
  own(x);
  expect(first >= 0 && count >= 1 && first + count <= x.type().lanes,
         [&] { return fmt::format("lanes [{}, {}) of {}", first, first + count, text(x.type())); });
  if (count == x.type().lanes) return x;
  const Expr from = kernel_.exprs[x.id];
  if (from.kind == ExprKind::splat) return splat({this, from.args[0]}, count);
  if (from.kind == ExprKind::ramp) {
    const Ex base{this, from.args[0]}, stride{this, from.args[1]};
    return ramp(base + stride * first, count, stride);
  }
  if (from.kind == ExprKind::lanes) return lanes({this, from.args[0]}, static_cast<int>(from.integer) + first, count);
  Expr e;
  e.kind = ExprKind::lanes;
  e.type = {x.type().dtype, count};
  e.integer = first;
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::concat(Ex a, Ex b) {
  own(a);
  own(b);
  expect(a.type() == b.type(), [&] { return "concat of " + text(a.type()) + " and " + text(b.type()); });
  Expr e;
  e.kind = ExprKind::concat;
  e.type = {a.type().dtype, 2 * a.type().lanes};
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::interleave(Ex a, Ex b, int block, bool odd) {
  own(a);
  own(b);
  expect(a.type() == b.type() && block >= 1 && std::has_single_bit(static_cast<unsigned>(block)) && a.type().lanes % (2 * block) == 0,
         [&] { return fmt::format("interleave of {} and {} by {}", text(a.type()), text(b.type()), block); });
  Expr e;
  e.kind = ExprKind::interleave;
  e.type = a.type();
  e.integer = block;
  e.index = odd ? 1 : 0;
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::bits(ExprKind kind, Ex a, Ex b) {
  widen({&a, &b});
  expect(kind >= ExprKind::bit_and && kind <= ExprKind::mul_high, [] { return std::string("not an operation on bits"); });
  expect(a.type() == b.type() && is_integer(a.type().dtype) && (kind != ExprKind::mul_high || a.type().dtype == DType::i32),
         [&] { return "an operation on the bits of " + text(a.type()) + " and " + text(b.type()); });
  if (const Ex folded = fold::bits(*this, kind, a, b)) return folded;
  Expr e;
  e.kind = kind;
  e.type = a.type();
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::any(Ex x) {
  own(x);
  expect(x.type().dtype == DType::boolean, [&] { return "any of " + text(x.type()); });
  if (x.type().lanes == 1) return x;
  const Expr& from = kernel_.exprs[x.id];
  if (from.kind == ExprKind::splat) return {this, from.args[0]};
  Expr e;
  e.kind = ExprKind::any;
  e.type = kCondition;
  e.args = {x.id};
  return add(std::move(e));
}

// ---- statements

Stmt& KernelBuilder::append(StmtKind kind) {
  Stmt& s = blocks_.back()->emplace_back();
  s.kind = kind;
  s.ordinal = ordinal_;
  return s;
}

VarId KernelBuilder::new_variable(VType type) {
  kernel_.variables.push_back({type});
  assignable_.push_back(false);
  holds_data_.push_back(false);
  return static_cast<VarId>(kernel_.variables.size() - 1);
}

std::vector<Stmt> KernelBuilder::block(const std::function<void()>& body) {
  std::vector<Stmt> statements;
  blocks_.push_back(&statements);
  if (body) body();
  blocks_.pop_back();
  return statements;
}

Ex KernelBuilder::let(Ex value) {
  own(value);
  const Expr& e = kernel_.exprs[value.id];
  if (e.kind == ExprKind::integer || e.kind == ExprKind::real || e.kind == ExprKind::argument) return value;
  if (e.kind == ExprKind::variable && !assignable_[e.index]) return value;
  const VarId v = new_variable(value.type());
  Stmt& s = append(StmtKind::let);
  s.var = v;
  s.value = value.id;
  holds_data_[v] = data_[value.id];
  return read(v);
}

Ex KernelBuilder::variable(Ex value) {
  own(value);
  const VarId v = new_variable(value.type());
  assignable_[v] = true;
  holds_data_[v] = true;
  Stmt& s = append(StmtKind::declare);
  s.var = v;
  s.value = value.id;
  return read(v);
}

void KernelBuilder::assign(Ex variable, Ex value) {
  own(variable);
  own(value);
  const Expr to = kernel_.exprs[variable.id];
  expect(to.kind == ExprKind::variable && assignable_[to.index], [] { return std::string("what is assigned is no mutable variable"); });
  if (value.type().lanes == 1) value = splat(value, to.type.lanes);
  expect(value.type() == to.type, [&] { return "a variable of " + text(to.type) + " is assigned " + text(value.type()); });
  if (value.id == variable.id) return;
  Stmt& s = append(StmtKind::assign);
  s.var = to.index;
  s.value = value.id;
}

void KernelBuilder::store(BufferId buffer, Ex index, Ex value, Ex mask) {
  mask = mask_of(mask, index.type().lanes);
  const std::int64_t* known = mask ? fold::constant(mask) : nullptr;
  if (!known || *known != 0) append_store(buffer, index, value, mask);
}

void KernelBuilder::stream(BufferId buffer, Ex index, Ex value) { append_store(buffer, index, value, {}).streams = true; }

Stmt& KernelBuilder::append_store(BufferId buffer, Ex index, Ex value, Ex mask) {
  own(index);
  own(value);
  expect(buffer < kernel_.buffers.size(), [&] { return fmt::format("store to buffer {} of {}", buffer, kernel_.buffers.size()); });
  const Buffer& b = kernel_.buffers[buffer];
  expect(b.written, [&] { return fmt::format("store to buffer {}, which is an input", buffer); });
  expect(index.type().dtype == DType::i64, [&] { return "store at " + text(index.type()); });
  const int lanes = index.type().lanes;
  if (value.type().lanes == 1) value = splat(value, lanes);
  expect(value.type() == (VType{b.dtype, lanes}),
         [&] { return fmt::format("store of {} to {} elements of {}", text(value.type()), lanes, name(b.dtype)); });
  Stmt& s = append(StmtKind::store);
  s.buffer = buffer;
  s.index = index.id;
  s.value = value.id;
  s.condition = mask ? mask.id : kNone;
  return s;
}

void KernelBuilder::loop(Ex begin, Ex end, std::int64_t step, const std::function<void(Ex)>& body) {
  own(begin);
  own(end);
  expect(begin.type() == kIndex && end.type() == kIndex && step > 0,
         [&] { return fmt::format("a loop from {} to {} by {}", text(begin.type()), text(end.type()), step); });
  const std::int64_t *first = fold::constant(begin), *last = fold::constant(end);
  if (first && last) {
    if (*first >= *last) return;
    if (*last - *first <= step) return body(begin);  // once: no loop
  }
  const VarId v = new_variable(kIndex);
  holds_data_[v] = data_[begin.id];
  const Ordinal ordinal = ordinal_;
  std::vector<Stmt> statements = block([&] { body(read(v)); });
  Stmt& s = append(StmtKind::loop);
  s.ordinal = ordinal;
  s.var = v;
  s.begin = begin.id;
  s.end = end.id;
  s.step = step;
  s.body = std::move(statements);
}

void KernelBuilder::branch(Ex condition, const std::function<void()>& then, const std::function<void()>& otherwise) {
  own(condition);
  expect(condition.type() == kCondition, [&] { return "a branch on " + text(condition.type()); });
  if (const std::int64_t* c = fold::constant(condition)) {
    if (*c) {
      then();
    } else if (otherwise) {
      otherwise();
    }
    return;
  }
  const Ordinal ordinal = ordinal_;
  std::vector<Stmt> yes = block(then), no = block(otherwise);
  if (yes.empty() && no.empty()) return;
  Stmt& s = append(StmtKind::branch);
  s.ordinal = ordinal;
  s.condition = condition.id;
  s.body = std::move(yes);
  s.otherwise = std::move(no);
}

void KernelBuilder::prefetch(BufferId buffer, Ex index, std::int64_t cache) {
  own(index);
  expect(buffer < kernel_.buffers.size() && index.type() == kIndex, [&] { return fmt::format("a prefetch of buffer {} at {}", buffer, text(index.type())); });
  Stmt& s = append(StmtKind::prefetch);
  s.step = cache;
  s.buffer = buffer;
  s.index = index.id;
}

void KernelBuilder::barrier() { append(StmtKind::barrier); }

void KernelBuilder::fail(Ex condition, Ex index) {
  widen({&condition, &index});
  expect(condition.type().dtype == DType::boolean && index.type().dtype == DType::i64,
         [&] { return "fail if " + text(condition.type()) + " with " + text(index.type()); });
  if (const std::int64_t* c = fold::constant(condition); c && *c == 0) return;
  Stmt& s = append(StmtKind::fail);
  s.condition = condition.id;
  s.value = index.id;
}

Kernel KernelBuilder::finish() {
  expect(blocks_.size() == 1, [] { return std::string("finished inside a block"); });
  Kernel done = fold::canonical(kernel_);
  kernel_ = {};
  known_.clear();
  return done;
}

int Kernel::global_buffers() const {
  int n = 0;
  for (const Buffer& b : buffers) n += b.space == Space::global;
  return n;
}

}  // namespace uwaga::kernel
