#include <uwaga/codegen/kernel/build.h>

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

void want(bool holds, const char* what) { if (!holds) throw InternalError(fmt::format("kernel builder: {}", what)); }

constexpr VType kIndex{DType::i64, 1};
constexpr VType kTruth{DType::boolean, 1};

bool is_comparison(Op op) { return op == Op::eq || op == Op::lt; }

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  const std::int64_t q = a / b;
  return q - ((a % b != 0) && ((a < 0) != (b < 0)));
}

}  // namespace

int Kernel::global_buffers() const {
  return static_cast<int>(std::count_if(buffers.begin(), buffers.end(), [](const Buffer& b) { return b.space == Space::global; }));
}

VType Ex::type() const { return builder->kernel().expr(id).type; }

KernelBuilder::KernelBuilder(std::string kind) {
  kernel_.kind = std::move(kind);
  blocks_.push_back(&kernel_.body);
}

BufferId KernelBuilder::input(DType dtype) {
  kernel_.buffers.push_back({Space::global, dtype, false, kNone, 64});
  return static_cast<BufferId>(kernel_.buffers.size() - 1);
}
BufferId KernelBuilder::output(DType dtype) {
  kernel_.buffers.push_back({Space::global, dtype, true, kNone, 64});
  return static_cast<BufferId>(kernel_.buffers.size() - 1);
}
BufferId KernelBuilder::scratch(DType dtype, Ex elements) {
  want(elements.type() == kIndex, "the size of a buffer is an i64");
  kernel_.buffers.push_back({Space::scratch, dtype, true, elements.id, 64});
  return static_cast<BufferId>(kernel_.buffers.size() - 1);
}
BufferId KernelBuilder::shared(DType dtype, Ex elements) {
  const BufferId id = scratch(dtype, elements);
  kernel_.buffers[id].space = Space::shared;
  return id;
}
Ex KernelBuilder::argument(DType dtype) {
  Expr e;
  e.kind = ExprKind::argument;
  e.type = {dtype, 1};
  e.index = static_cast<std::uint32_t>(kernel_.arguments.size());
  kernel_.arguments.push_back(dtype);
  return add(std::move(e));
}

VarId KernelBuilder::new_variable(VType type) {
  kernel_.variables.push_back({type});
  return static_cast<VarId>(kernel_.variables.size() - 1);
}

Ex KernelBuilder::grid(Ex extent) {
  want(extent.type() == kIndex, "a grid extent is an i64");
  const VarId v = new_variable(kIndex);
  kernel_.grid.push_back(v);
  kernel_.grid_extents.push_back(extent.id);
  Expr e;
  e.kind = ExprKind::variable;
  e.type = kIndex;
  e.index = v;
  return add(std::move(e));
}

Ex KernelBuilder::threads(int count) {
  want(count > 1 && kernel_.threads == 1, "threads are set once, to 2 or more");
  kernel_.threads = count;
  kernel_.thread = new_variable(kIndex);
  Expr e;
  e.kind = ExprKind::variable;
  e.type = kIndex;
  e.index = kernel_.thread;
  return add(std::move(e));
}

Ex KernelBuilder::add(Expr e) {
  e.ordinal = ordinal_;
  std::string key;
  const auto put = [&](std::uint64_t word) { key.append(reinterpret_cast<const char*>(&word), sizeof word); };
  put(static_cast<std::uint64_t>(e.kind) | static_cast<std::uint64_t>(e.op) << 8 | static_cast<std::uint64_t>(e.type.dtype) << 16 |
      static_cast<std::uint64_t>(e.type.lanes) << 32);
  put(e.index);
  put(static_cast<std::uint64_t>(e.integer));
  put(std::bit_cast<std::uint64_t>(e.real));
  for (ExprId a : e.args) put(a);
  const auto [it, fresh] = known_.try_emplace(std::move(key), static_cast<ExprId>(kernel_.exprs.size()));
  if (fresh) kernel_.exprs.push_back(std::move(e));
  return {this, it->second};
}

Ex KernelBuilder::integer(std::int64_t value, DType dtype) {
  want(!is_float(dtype), "an integer constant of a floating dtype");
  Expr e;
  e.kind = ExprKind::integer;
  e.type = {dtype, 1};
  e.integer = value;
  return add(std::move(e));
}

Ex KernelBuilder::real(double value, DType dtype) {
  want(dtype == DType::f32 || dtype == DType::f64, "a real constant is f32 or f64");
  Expr e;
  e.kind = ExprKind::real;
  e.type = {dtype, 1};
  e.real = round_to(dtype, value);
  return add(std::move(e));
}

namespace {

// Constants and identities on i64, the type of indices.
Ex fold(KernelBuilder& b, Op op, Ex x, Ex y) {
  if (!(x.type() == kIndex) || !(y.type() == kIndex)) return {};
  const Expr &ex = b.kernel().expr(x.id), &ey = b.kernel().expr(y.id);
  const bool cx = ex.kind == ExprKind::integer, cy = ey.kind == ExprKind::integer;
  const std::int64_t vx = ex.integer, vy = ey.integer;
  if (cx && cy) {
    std::int64_t r = 0;
    switch (op) {
      case Op::add: return __builtin_add_overflow(vx, vy, &r) ? Ex{} : b.integer(r);
      case Op::sub: return __builtin_sub_overflow(vx, vy, &r) ? Ex{} : b.integer(r);
      case Op::mul: return __builtin_mul_overflow(vx, vy, &r) ? Ex{} : b.integer(r);
      case Op::div: return b.integer(floor_div(vx, vy));
      case Op::rem: return b.integer(vy == 0 ? 0 : vx - floor_div(vx, vy) * vy);
      case Op::min: return b.integer(std::min(vx, vy));
      case Op::max: return b.integer(std::max(vx, vy));
      case Op::lt: return b.integer(vx < vy, DType::boolean);
      case Op::eq: return b.integer(vx == vy, DType::boolean);
      default: return {};
    }
  }
  switch (op) {
    case Op::add:
      if (cx && vx == 0) return y;
      if (cy && vy == 0) return x;
      break;
    case Op::sub:
      if (cy && vy == 0) return x;
      if (x.id == y.id) return b.integer(0);
      break;
    case Op::mul:
      if ((cx && vx == 0) || (cy && vy == 1)) return x;
      if ((cy && vy == 0) || (cx && vx == 1)) return y;
      break;
    case Op::div:
      if (cy && vy == 1) return x;
      break;
    case Op::rem:
      if (cy && vy == 1) return b.integer(0);
      break;
    case Op::min:
    case Op::max:
      if (x.id == y.id) return x;
      break;
    default: break;
  }
  return {};
}

}  // namespace

Ex KernelBuilder::apply(Op op, std::initializer_list<Ex> args) {
  want(is_elementwise(op) && op != Op::cast && op != Op::bitcast && op != Op::select, "apply takes a unary or a binary op");
  std::vector<Ex> in(args);
  int lanes = 1;
  for (const Ex& a : in) lanes = std::max(lanes, a.type().lanes);
  for (Ex& a : in) a = splat(a, lanes);
  for (const Ex& a : in) want(a.type() == in[0].type(), "operands of two types");
  want(in.size() == (is_unary(op) ? 1u : 2u), "a wrong count of operands");
  const VType type = in[0].type();
  want(type.dtype != DType::bf16 && type.dtype != DType::f16, "arithmetic on a dtype that exists only in memory");
  if (in.size() == 2)
    if (const Ex folded = fold(*this, op, in[0], in[1])) return folded;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = op;
  e.type = {is_comparison(op) ? DType::boolean : type.dtype, type.lanes};
  for (const Ex& a : in) e.args.push_back(a.id);
  return add(std::move(e));
}

Ex KernelBuilder::cast(Ex x, DType dtype) {
  if (x.type().dtype == dtype) return x;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::cast;
  e.type = {dtype, x.type().lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::bitcast(Ex x, DType dtype) {
  if (x.type().dtype == dtype) return x;
  want(size_of(x.type().dtype) == size_of(dtype), "bitcast between two sizes");
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::bitcast;
  e.type = {dtype, x.type().lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::select(Ex condition, Ex yes, Ex no) {
  const int lanes = std::max({condition.type().lanes, yes.type().lanes, no.type().lanes});
  condition = splat(condition, lanes);
  yes = splat(yes, lanes);
  no = splat(no, lanes);
  want(condition.type().dtype == DType::boolean && yes.type() == no.type(), "select on operands that do not fit");
  const Expr& c = kernel_.expr(condition.id);
  if (c.kind == ExprKind::integer) return c.integer ? yes : no;
  if (yes.id == no.id) return yes;
  Expr e;
  e.kind = ExprKind::arithmetic;
  e.op = Op::select;
  e.type = yes.type();
  e.args = {condition.id, yes.id, no.id};
  return add(std::move(e));
}

Ex KernelBuilder::fma(Ex a, Ex b, Ex c) {
  const int lanes = std::max({a.type().lanes, b.type().lanes, c.type().lanes});
  Expr e;
  e.kind = ExprKind::fma;
  for (Ex x : {splat(a, lanes), splat(b, lanes), splat(c, lanes)}) {
    want(x.type() == VType{DType::f32, lanes} || x.type() == VType{DType::f64, lanes}, "fma wants f32 or f64");
    if (!e.args.empty()) want(x.type() == e.type, "operands of two types");
    e.type = x.type();
    e.args.push_back(x.id);
  }
  return add(std::move(e));
}

Ex KernelBuilder::load(BufferId buffer, Ex index, Ex mask) {
  want(buffer < kernel_.buffers.size() && index.type().dtype == DType::i64, "a load wants a buffer and i64 indices");
  Expr e;
  e.kind = ExprKind::load;
  e.index = buffer;
  e.type = {kernel_.buffers[buffer].dtype, index.type().lanes};
  e.args = {index.id};
  if (mask) {
    mask = splat(mask, index.type().lanes);
    want(mask.type() == VType{DType::boolean, index.type().lanes}, "a mask is boolean, with the lanes of the index");
    e.args.push_back(mask.id);
  }
  return add(std::move(e));
}

Ex KernelBuilder::ramp(Ex base, int lanes, Ex stride) {
  want(base.type() == kIndex && lanes >= 1, "a ramp starts at an i64");
  if (lanes == 1) return base;
  if (stride.id == kNone) stride = integer(1);  // operator! on an Ex writes a logical_not
  Expr e;
  e.kind = ExprKind::ramp;
  e.type = {DType::i64, lanes};
  e.args = {base.id, stride.id};
  return add(std::move(e));
}

Ex KernelBuilder::splat(Ex x, int lanes) {
  if (x.type().lanes == lanes) return x;
  want(x.type().lanes == 1, "only a scalar is splat");
  Expr e;
  e.kind = ExprKind::splat;
  e.type = {x.type().dtype, lanes};
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::lanes(Ex x, int first, int count) {
  want(first >= 0 && count >= 1 && first + count <= x.type().lanes, "lanes out of range");
  if (count == x.type().lanes) return x;
  Expr e;
  e.kind = ExprKind::lanes;
  e.type = {x.type().dtype, count};
  e.integer = first;
  e.args = {x.id};
  return add(std::move(e));
}

Ex KernelBuilder::concat(Ex a, Ex b) {
  want(a.type() == b.type(), "concat of two types");
  Expr e;
  e.kind = ExprKind::concat;
  e.type = {a.type().dtype, a.type().lanes * 2};
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::bits(ExprKind kind, Ex a, Ex b) {
  want(kind >= ExprKind::bit_and && kind <= ExprKind::mul_high, "no bit operation");
  const int lanes = std::max(a.type().lanes, b.type().lanes);
  a = splat(a, lanes);
  b = splat(b, lanes);
  want(a.type() == b.type() && !is_float(a.type().dtype), "bit operations want two integers of one type");
  Expr e;
  e.kind = kind;
  e.type = a.type();
  e.args = {a.id, b.id};
  return add(std::move(e));
}

Ex KernelBuilder::any(Ex x) {
  want(x.type().dtype == DType::boolean, "any wants booleans");
  if (x.type().lanes == 1) return x;
  Expr e;
  e.kind = ExprKind::any;
  e.type = kTruth;
  e.args = {x.id};
  return add(std::move(e));
}

Stmt& KernelBuilder::append(StmtKind kind) {
  Stmt& s = blocks_.back()->emplace_back();
  s.kind = kind;
  s.ordinal = ordinal_;
  return s;
}

Ex KernelBuilder::let(Ex value) {
  const ExprKind kind = kernel_.expr(value.id).kind;
  if (kind == ExprKind::integer || kind == ExprKind::real || kind == ExprKind::argument) return value;
  const VarId v = new_variable(value.type());
  Stmt& s = append(StmtKind::let);
  s.var = v;
  s.value = value.id;
  Expr e;
  e.kind = ExprKind::variable;
  e.type = value.type();
  e.index = v;
  return add(std::move(e));
}

Ex KernelBuilder::variable(Ex value) {
  const VarId v = new_variable(value.type());
  Stmt& s = append(StmtKind::declare);
  s.var = v;
  s.value = value.id;
  Expr e;
  e.kind = ExprKind::variable;
  e.type = value.type();
  e.index = v;
  return add(std::move(e));
}

void KernelBuilder::assign(Ex variable, Ex value) {
  const Expr& v = kernel_.expr(variable.id);
  want(v.kind == ExprKind::variable, "only a variable is assigned");
  value = splat(value, variable.type().lanes);
  want(value.type() == variable.type(), "a variable keeps its type");
  const VarId var = v.index;
  Stmt& s = append(StmtKind::assign);
  s.var = var;
  s.value = value.id;
}

void KernelBuilder::store(BufferId buffer, Ex index, Ex value, Ex mask) {
  const int lanes = index.type().lanes;
  value = splat(value, lanes);
  want(buffer < kernel_.buffers.size() && kernel_.buffers[buffer].written, "a store wants an output or scratch");
  want(index.type().dtype == DType::i64 && value.type() == VType{kernel_.buffers[buffer].dtype, lanes}, "a store of another type");
  if (mask) mask = splat(mask, lanes);
  Stmt& s = append(StmtKind::store);
  s.buffer = buffer;
  s.index = index.id;
  s.value = value.id;
  if (mask) s.condition = mask.id;
}

void KernelBuilder::loop(Ex begin, Ex end, std::int64_t step, const std::function<void(Ex)>& body) {
  want(begin.type() == kIndex && end.type() == kIndex && step > 0, "a loop counts i64 upwards");
  const VarId v = new_variable(kIndex);
  Expr e;
  e.kind = ExprKind::variable;
  e.type = kIndex;
  e.index = v;
  const Ex var = add(std::move(e));
  std::vector<Stmt> inner;
  blocks_.push_back(&inner);
  body(var);
  blocks_.pop_back();
  Stmt& s = append(StmtKind::loop);
  s.var = v;
  s.begin = begin.id;
  s.end = end.id;
  s.step = step;
  s.body = std::move(inner);
}

void KernelBuilder::branch(Ex condition, const std::function<void()>& then, const std::function<void()>& otherwise) {
  want(condition.type() == kTruth, "a branch wants a boolean scalar");
  const auto block = [&](const std::function<void()>& write) {
    std::vector<Stmt> inner;
    if (!write) return inner;
    blocks_.push_back(&inner);
    write();
    blocks_.pop_back();
    return inner;
  };
  // A condition known now leaves one side only.
  if (const Expr& c = kernel_.expr(condition.id); c.kind == ExprKind::integer) {
    if (c.integer) then();
    else if (otherwise) otherwise();
    return;
  }
  std::vector<Stmt> yes = block(then), no = block(otherwise);
  Stmt& s = append(StmtKind::branch);
  s.condition = condition.id;
  s.body = std::move(yes);
  s.otherwise = std::move(no);
}

void KernelBuilder::barrier() { append(StmtKind::barrier); }

void KernelBuilder::fail(Ex condition, Ex index) {
  want(condition.type().dtype == DType::boolean && index.type().dtype == DType::i64, "fail wants a boolean and an i64");
  Stmt& s = append(StmtKind::fail);
  s.condition = condition.id;
  s.value = index.id;
}

namespace {
void renumber(std::vector<Stmt>& block, const std::vector<BufferId>& to) {
  for (Stmt& s : block) {
    if (s.kind == StmtKind::store) s.buffer = to[s.buffer];
    renumber(s.body, to);
    renumber(s.otherwise, to);
  }
}
}  // namespace

Kernel KernelBuilder::finish() {
  want(blocks_.size() == 1, "finish inside a block");
  // Global buffers come first, each group in the order it was made.
  std::vector<BufferId> to(kernel_.buffers.size());
  std::vector<Buffer> sorted;
  for (const bool global : {true, false})
    for (BufferId id = 0; id < kernel_.buffers.size(); ++id)
      if ((kernel_.buffers[id].space == Space::global) == global) {
        to[id] = static_cast<BufferId>(sorted.size());
        sorted.push_back(kernel_.buffers[id]);
      }
  kernel_.buffers = std::move(sorted);
  for (Expr& e : kernel_.exprs)
    if (e.kind == ExprKind::load) e.index = to[e.index];
  renumber(kernel_.body, to);
  return std::move(kernel_);
}

namespace {
Ex both(Op op, Ex a, Ex b) { return a.builder->apply(op, {a, b}); }
Ex index(Ex like, std::int64_t v) { return like.builder->integer(v, like.type().dtype); }
}  // namespace

Ex operator+(Ex a, Ex b) { return both(Op::add, a, b); }
Ex operator-(Ex a, Ex b) { return both(Op::sub, a, b); }
Ex operator*(Ex a, Ex b) { return both(Op::mul, a, b); }
Ex operator/(Ex a, Ex b) { return both(Op::div, a, b); }
Ex operator%(Ex a, Ex b) { return both(Op::rem, a, b); }
Ex operator<(Ex a, Ex b) { return both(Op::lt, a, b); }
Ex operator&&(Ex a, Ex b) { return both(Op::logical_and, a, b); }
Ex operator||(Ex a, Ex b) { return both(Op::logical_or, a, b); }
Ex operator!(Ex a) { return a.builder->apply(Op::logical_not, {a}); }
Ex equal(Ex a, Ex b) { return both(Op::eq, a, b); }
Ex min(Ex a, Ex b) { return both(Op::min, a, b); }
Ex max(Ex a, Ex b) { return both(Op::max, a, b); }
Ex operator+(Ex a, std::int64_t b) { return a + index(a, b); }
Ex operator-(Ex a, std::int64_t b) { return a - index(a, b); }
Ex operator*(Ex a, std::int64_t b) { return a * index(a, b); }
Ex operator/(Ex a, std::int64_t b) { return a / index(a, b); }
Ex operator%(Ex a, std::int64_t b) { return a % index(a, b); }
Ex operator<(Ex a, std::int64_t b) { return a < index(a, b); }

}  // namespace uwaga::kernel
