// Kernel IR: what a schedule writes and both emitters print.
//
// A kernel is a grid of independent tasks. A task runs statements over scalars and short vectors; loops, mutable variables
// and buffers are explicit, and every decision about vectors, tiles, layouts and threads has been taken: an emitter adds
// none. There are no loop-transform passes.
//
//   for each task of grid (g0 < n0, g1 < n1):        CPU: a contiguous range of tasks a thread; GPU: a block a task
//     let v = load b0[ramp(i, 1, 8)] : f32x8
//     store b1[ramp(i, 1, 8)] = add(v, splat(s0))
//
// Expressions are immutable and shared (equal expressions are one id, within one kernel). Arithmetic is the graph's: an
// Op means here exactly what it means there, on each lane, and is rounded once. bf16 and f16 exist only in memory: they
// are loaded, cast to f32, computed, cast back and stored; only dot_pairs and tile_dot multiply them as they are, two an i32.
// There is no implicit conversion, contraction or reordering.
// Transcendental functions are expanded into polynomials of fma and bit operations (math.h) before emission, so that
// every target gives the same bits.
//
// An expression is evaluated where a statement uses it; `let` fixes a value. So an emitter may keep the value of an
// expression only while nothing it reads (a mutable variable, a buffer) can have changed.
//
// Names, source lines and parameters' names never enter a kernel: statements and expressions carry an ordinal (the
// position of their op in the cluster), which a Program maps back to model lines.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/dtype.h>
#include <uwaga/ir/op.h>

namespace uwaga::kernel {

using ExprId = std::uint32_t;
using VarId = std::uint32_t;
using BufferId = std::uint32_t;
using Ordinal = std::uint16_t;
inline constexpr ExprId kNone = ~ExprId{0};

// A scalar (lanes = 1) or a vector. Indices and extents are i64 scalars; comparisons give boolean lanes.
struct VType {
  DType dtype = DType::i64;
  int lanes = 1;
  friend auto operator<=>(const VType&, const VType&) = default;
};

enum class ExprKind : std::uint8_t {
  integer,    // constant: `integer`, of an integer dtype or boolean
  real,       // constant: `real`, of f32 or f64
  argument,   // scalar argument number `index`, given at launch
  variable,   // value of variable `index`: a loop's, a let, or a mutable one
  arithmetic, // `op` on args: unary, binary, select, cast (to type.dtype), bitcast; argmax and the like are not expressions.
              // div and rem with `integer` 1 are of indices: where their value matters, neither operand is negative
  fma,        // args[0] * args[1] + args[2], rounded once
  load,       // buffer `index` at element args[0] (i64; a vector of indices, often a ramp), lanes where args[1] (if given) is
              // false read nothing and are 0
  load_pair,  // i32, a scalar or lanes of neighbouring pairs from args[0] (a scalar): the bits of an element (low half) and the next
              // one (high half) of buffer `index`, of bf16
  pairs,      // i32 lanes that hold two bf16 each, for dot_pairs: f32 lanes rounded, denormals as 0. `integer` 0: lane i of args[0]
              // is the low half of lane i, that of args[1] the high half; 1: those of args[0] and then args[1], neighbours together
  dot_pairs,  // f32 lanes, of i32 lanes that hold two bf16 each: args[2] + the product of the high halves, + that of the low
              // ones, each added by one fma; denormals of operands and results count as 0. On the host only, where it is an
              // instruction (HostTarget::bf16_dot), with as many lanes as a vector has
  ramp,       // args[0], args[0] + args[1], ...: i64 lanes; args[1] is a scalar
  splat,      // args[0] in every lane
  lanes,      // lanes [integer, integer + type.lanes) of args[0]
  concat,     // args[0] followed by args[1]: twice the lanes
  interleave, // of blocks of `integer` lanes those numbered `index`, `index` + 2, ...: of args[0] and args[1] by turns
  bit_and, bit_or, bit_xor,  // integers
  shift_left, shift_right,   // by args[1] (same type, in range); shift_right is logical
  mul_high,   // high half of the unsigned product, i32 (for random bits)
  any,        // boolean scalar: is any lane of args[0] true
};

constexpr bool reads_memory(ExprKind k) { return k == ExprKind::load || k == ExprKind::load_pair; }

struct Expr {
  ExprKind kind = ExprKind::integer;
  Op op = Op::add;
  VType type;
  std::uint32_t index = 0;
  std::int64_t integer = 0;
  double real = 0;
  std::vector<ExprId> args;
  Ordinal ordinal = 0;
};

// Where lane `lane` of an interleave comes from: which operand, and which of its lanes.
inline std::pair<std::size_t, std::size_t> interleaved(const Expr& e, std::size_t lane) {
  const auto block = static_cast<std::size_t>(e.integer);
  return {lane / block % 2, lane / (2 * block) * 2 * block + e.index * block + lane % block};
}

enum class StmtKind : std::uint8_t {
  let,      // variable `var` = value, never assigned again
  declare,  // mutable variable `var` = value
  assign,   // `var` = value
  store,    // buffer[index] = value, where mask
  loop,     // var from begin while var < end, += step; body
  branch,   // if condition (boolean scalar): body, else: otherwise
  prefetch, // the bytes of buffer[index] (scalar, in range or not) will be read soon, from cache `step` (1 or 2): changes nothing but speed
  barrier,  // all threads of a task (GPU)
  // On the host only, where there are tile registers (HostTarget::amx): kTiles of kTileRows x kTileColumns words, by number, each
  // undefined at a task's begin. A tile's rows lie `value` (i64 scalar) elements apart in memory, from buffer[index] (scalar).
  tile_zero,   // tile `var` = 0
  tile_load,   // tile `var` = rows of buffer, of f32 or i32, or of pairs of bf16
  tile_dot,    // tile `var` of f32 += tiles[0] x tiles[1], of i32 that hold two bf16 each: entry (m, n) gets the sum of the products
               // of low halves over the columns of row m and the rows of column n, + that of high halves, each one fma chain from 0;
               // denormals of operands and results count as 0
  tile_store,  // rows of buffer, of f32 = tile `var`
  // On the host only: statements that kernels have in common, for a function of their own that is compiled once for all of them
  // (routine.h). The first `step` statements of the body are lets, its parameters, whose values are of outside; what follows reads
  // no other variable and no argument of outside, computes only what is an instruction or a few, and does not fail.
  routine,
  fail,     // if condition (scalar or any lane): set the program's error word to `ordinal` with `value` (i64) as the index
};

inline constexpr int kTiles = 8, kTileRows = 16, kTileColumns = 16;

constexpr bool is_tile(StmtKind k) { return k >= StmtKind::tile_zero && k <= StmtKind::tile_store; }
constexpr bool stores(StmtKind k) { return k == StmtKind::store || k == StmtKind::tile_store; }

struct Stmt {
  StmtKind kind = StmtKind::let;
  std::array<std::uint8_t, 2> tiles{};  // tile_dot
  // store: past the caches where a target can. Of neighbouring lanes without a mask, the first a multiple of them.
  // tile_load: the first cache need not keep the rows.
  bool streams = false;
  Ordinal ordinal = 0;
  std::uint32_t var = 0;      // let, declare, assign, loop; tile_...: the tile's number
  BufferId buffer = 0;        // store, prefetch, tile_load, tile_store
  ExprId value = kNone;  // let, declare, assign, store, fail, tile_load, tile_store
  ExprId index = kNone;  // store: i64 lanes; prefetch, tile_load, tile_store: i64
  ExprId condition = kNone;  // branch, fail; store: optional mask, boolean lanes
  ExprId begin = ~ExprId{0}, end = kNone;  // loop: i64 scalars
  std::int64_t step = 1;              // loop: > 0; routine: how many parameters; prefetch: which cache
  std::vector<Stmt> body, otherwise;
};

enum class Space : std::uint8_t {
  global,   // an argument: memory planned by the program
  scratch,  // private to a task and not initialised. CPU: from the worker's arena; GPU: local memory
  shared,   // GPU: shared by the threads of a task
};

struct Buffer {
  Space space = Space::global;
  DType dtype = DType::f32;
  bool written = false;       // global: the kernel stores to it
  ExprId elements = kNone;    // scratch, shared: how many; arguments and constants only
  std::int64_t alignment = 64;  // bytes, of the base address
};

struct Variable {
  VType type;
};

struct Kernel {
  std::vector<Expr> exprs;
  std::vector<Variable> variables;
  std::vector<Buffer> buffers;      // the global ones come first, in argument order
  std::vector<DType> arguments;     // scalars, passed as 64 bits each
  std::vector<VarId> grid;          // one i64 variable a dimension of the grid, the first the slowest
  std::vector<ExprId> grid_extents; // of arguments and constants only
  int threads = 1;                  // GPU: threads a task; the variable `thread` is then defined
  VarId thread = 0;
  std::vector<Stmt> body;
  bool routine = false;             // is called by kernels, with pointers to its buffers and its arguments; it has no grid
  std::string kind;                 // "loop", "contraction", ...: for people; not hashed

  const Expr& expr(ExprId id) const { return exprs[id]; }
  int global_buffers() const;
};

// How compiled host code is called: a range of tasks of the grid (row-major), by one worker.
struct HostArguments {
  void* const* buffers;            // the global ones
  const std::uint64_t* arguments;  // each scalar's bits in the low bytes
  void* scratch;                   // this worker's arena, 64-byte aligned
  std::uint64_t* error;            // 0, or the first failure: ordinal + 1 in the low 16 bits, index above
};
using HostFunction = void (*)(const HostArguments* arguments, std::int64_t begin, std::int64_t end);

}  // namespace uwaga::kernel
