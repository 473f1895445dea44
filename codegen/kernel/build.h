// Writing kernels: what schedules are written with.
//
//   KernelBuilder b("loop");
//   const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
//   const Ex n = b.argument(DType::i64);
//   const Ex row = b.grid(n);
//   b.loop(0, 64, 8, [&](Ex i) { b.store(y, b.ramp(row * 64 + i, 8), b.apply(Op::exp, {b.load(x, b.ramp(row * 64 + i, 8))})); });
//   Kernel k = b.finish();  // the builder is empty after this
//
// Integer arithmetic on constants folds, x+0 and x*1 vanish on integers, a loop that runs once is no loop, and equal
// expressions share one id (the ordinal is the first one's). Operators take operands of one type; a plain integer becomes a
// constant of the other operand's dtype, and a scalar beside a vector is splat. What does not fit together throws
// InternalError. finish() drops what is not used and puts the global buffers first: their BufferIds keep their order among
// themselves, and ids of scratch and shared buffers follow, so take ids of buffers from the kernel, not from the builder,
// after it.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>

namespace uwaga::kernel {

class KernelBuilder;

// An expression of a kernel being built.
struct Ex {
  KernelBuilder* builder = nullptr;
  ExprId id = kNone;

  Ex() = default;
  Ex(KernelBuilder* b, ExprId i) : builder(b), id(i) {}
  explicit operator bool() const { return id != kNone; }
  VType type() const;
};

class KernelBuilder {
 public:
  explicit KernelBuilder(std::string kind);
  KernelBuilder(const KernelBuilder&) = delete;
  KernelBuilder& operator=(const KernelBuilder&) = delete;

  // ---- the border
  BufferId input(DType dtype);
  BufferId output(DType dtype);  // may be read as well
  BufferId scratch(DType dtype, Ex elements);
  BufferId shared(DType dtype, Ex elements);
  Ex argument(DType dtype);
  Ex grid(Ex extent);    // a dimension of the grid and its variable
  Ex threads(int count); // GPU: the thread's index

  // ---- expressions
  Ex integer(std::int64_t value, DType dtype = DType::i64);
  Ex real(double value, DType dtype = DType::f32);
  Ex apply(Op op, std::initializer_list<Ex> args);
  // div or rem. i64 that is computed from no load is taken for an index: cheaper, and neither operand may be negative where
  // the value matters.
  Ex of_indices(Op op, Ex a, Ex b);
  Ex cast(Ex x, DType dtype);
  Ex bitcast(Ex x, DType dtype);
  Ex select(Ex condition, Ex yes, Ex no);
  Ex fma(Ex a, Ex b, Ex c);
  Ex load(BufferId buffer, Ex index, Ex mask = {});
  Ex load_pair(BufferId buffer, Ex index, int lanes = 1);  // two bf16 side by side, as an i32; `lanes` pairs
  Ex pairs(Ex a, Ex b, bool neighbours);        // of f32 lanes: a's with b's, or each with its neighbour
  Ex dot_pairs(Ex a, Ex b, Ex sum);             // of two bf16 a lane
  Ex ramp(Ex base, int lanes, Ex stride = {});  // stride 1 unless given
  Ex splat(Ex x, int lanes);
  Ex lanes(Ex x, int first, int count);
  Ex concat(Ex a, Ex b);
  // Of the vectors' blocks of `block` lanes the even ones (or, `odd`, the others), by turns: a's, b's, a's, ... A power of two,
  // half the lanes at most.
  Ex interleave(Ex a, Ex b, int block, bool odd);
  Ex bits(ExprKind kind, Ex a, Ex b);  // bit_and ... mul_high
  Ex any(Ex x);

  // ---- statements, appended where the builder stands
  Ex let(Ex value);           // computed once, here
  Ex variable(Ex value);      // mutable
  void assign(Ex variable, Ex value);
  void store(BufferId buffer, Ex index, Ex value, Ex mask = {});
  void stream(BufferId buffer, Ex index, Ex value);  // see Stmt::streams
  void loop(Ex begin, Ex end, std::int64_t step, const std::function<void(Ex)>& body);
  void branch(Ex condition, const std::function<void()>& then, const std::function<void()>& otherwise = {});
  // See StmtKind. The body is given the parameters: inside it they stand for `given`, and nothing else of outside may be read. Those
  // of i64 are taken for indices.
  void routine(const std::vector<Ex>& given, const std::function<void(const std::vector<Ex>&)>& body);
  void prefetch(BufferId buffer, Ex index, std::int64_t cache = 2);
  void barrier();
  // Tile registers: see StmtKind. Rows lie `pitch` elements apart from `index` on.
  void tile_zero(int tile);
  void tile_load(int tile, BufferId buffer, Ex index, Ex pitch, bool streams = false);
  void tile_dot(int sum, int a, int b);
  void tile_store(BufferId buffer, Ex index, Ex pitch, int tile);
  void fail(Ex condition, Ex index);

  // While `body` writes what a branch on it guards, the value of `x` is known to be a multiple of n.
  void with_multiple(Ex x, std::int64_t n, const std::function<void()>& body);
  bool is_multiple(Ex x, std::int64_t n) const;  // for certain

  // The op that what follows belongs to.
  void at(Ordinal ordinal) { ordinal_ = ordinal; }
  Ordinal ordinal() const { return ordinal_; }

  Kernel finish();
  const Kernel& kernel() const { return kernel_; }

 private:
  Ex add(Expr e);
  Ex arithmetic(Op op, Ex a, Ex b, bool of_indices);
  Ex read(VarId v);
  void own(Ex x) const;
  void widen(std::initializer_list<Ex*> operands);
  Ex mask_of(Ex mask, int lanes);
  Stmt& append(StmtKind kind);
  Stmt& append_tile(StmtKind kind, int tile);
  Stmt& append_tile(StmtKind kind, int tile, BufferId buffer, Ex index, Ex pitch);
  std::vector<Stmt> block(const std::function<void()>& body);
  VarId new_variable(VType type);
  Stmt& append_store(BufferId buffer, Ex index, Ex value, Ex mask);
  BufferId new_buffer(Space space, DType dtype, bool written, ExprId elements);

  Kernel kernel_;
  std::vector<std::vector<Stmt>*> blocks_;
  std::vector<bool> assignable_, holds_data_;  // by variable
  std::vector<bool> data_;                     // by expression: is a load or a mutable variable in it?
  bool has_thread_ = false;
  Ordinal ordinal_ = 0;
  std::unordered_multimap<std::uint64_t, ExprId> known_;  // by key_of
  std::vector<std::pair<ExprId, std::int64_t>> multiples_;  // see with_multiple
};

Ex operator+(Ex a, Ex b);
Ex operator-(Ex a, Ex b);
Ex operator*(Ex a, Ex b);
Ex operator/(Ex a, Ex b);  // i64: see `of_indices`
Ex operator%(Ex a, Ex b);
Ex operator<(Ex a, Ex b);
Ex operator&&(Ex a, Ex b);  // lanes, both evaluated; of expressions that may be empty, ask `bool(a) && bool(b)`
Ex operator||(Ex a, Ex b);
Ex logical_not(Ex a);  // no operator!: that asks whether an Ex is empty
Ex equal(Ex a, Ex b);
Ex min(Ex a, Ex b);
Ex max(Ex a, Ex b);
Ex operator+(Ex a, std::int64_t b);
Ex operator-(Ex a, std::int64_t b);
Ex operator*(Ex a, std::int64_t b);
Ex operator/(Ex a, std::int64_t b);
Ex operator%(Ex a, std::int64_t b);
Ex operator<(Ex a, std::int64_t b);

}  // namespace uwaga::kernel
