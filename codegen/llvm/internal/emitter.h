// Prints one kernel as an LLVM function `void NAME(const HostArguments*, i64 begin, i64 end)`, or a routine as one of its own
// signature. Routines that a kernel calls are declared, by their symbols.
//
// The kernel is vectorised and scheduled already, so no IR pass runs after this. What passes would have done is done
// here while printing, where the facts are at hand:
//   - SSA: a mutable variable is the value it has where we stand; a loop or a branch that assigns it gets a phi.
//   - Common subexpressions: equal expressions are one id, and an id's value is reused wherever its block dominates and
//     nothing it reads has changed since.
//   - Loop invariants: an expression that reads only immutable variables is printed in front of the outermost loop in
//     which they are defined. It never moves out of a branch, and nothing that loads ever moves.
//   - Addresses: what is fixed in a loop is one pointer in front of it; what grows with the loop's counter is the counter,
//     or a multiple of it that is counted along; the rest is a constant in the access.
//   - Ranges: what static extents say of an index, so that loops that must turn have no guard and whole tiles no mask.
//
// Split by concern: types.cpp (types, constants, casts), arithmetic.cpp (ops), values.cpp (placing and reusing
// expressions), ranges.cpp, memory.cpp, tiles.cpp, statements.cpp, routines.cpp, function.cpp (arguments, grid, scratch).
#pragma once

#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <uwaga/codegen/kernel/kernel.h>
#include <uwaga/codegen/llvm/compile.h>

namespace uwaga::kernel {

struct EmitterOptions {
  bool origins = false;      // every instruction's debug line is the ordinal of its op + 1, and values have names
  bool f16_convert = false;  // the target converts f16 in hardware (F16C, NEON)
  bool bf16_dot = false;     // the target multiplies pairs of bf16 (AVX512_BF16)
  bool amx = false;          // and tiles of them
  bool short_of_registers = false;  // 16 vectors, and operands in memory are vectors (AVX2)
  int vector_bytes = 32;
  std::string tune;                   // LLVM's name of the processor to schedule for; empty: the target's own
  std::span<const SourceLine> lines;  // with `origins`: the model's line by ordinal, in place of the ordinal
};

class Emitter {
 public:
  Emitter(const Kernel& kernel, llvm::Module& module, const EmitterOptions& options);

  // The function, named `name`. `tti` gives what the target can do for a function (masked loads, gathers).
  llvm::Function* emit(const std::string& name,
                       const std::function<llvm::TargetTransformInfo(const llvm::Function&)>& target_info);

 private:
  using Builder = llvm::IRBuilder<>;

  // ---- function.cpp
  void read_arguments();
  void read_scratch();
  void tasks();
  void describe(const std::string& name);  // the debug subprogram, where origins are wanted
  void end_description();
  llvm::DebugLoc location(Ordinal ordinal);

  // ---- routines.cpp
  llvm::FunctionType* signature(const Kernel& routine) const;
  void routine_body();
  void call(const Stmt& s);

  // ---- types.cpp
  llvm::Type* scalar(DType dtype) const;  // in a register: boolean is i1, bf16 and f16 are their 16 bits
  llvm::Type* stored(DType dtype) const;  // in memory: boolean is one byte
  llvm::Type* type(VType t) const;
  llvm::Type* lanes_of(llvm::Type* element, int lanes) const;
  llvm::Constant* integer(std::int64_t value, VType t) const;
  llvm::Constant* real(double value, VType t) const;
  llvm::Value* splat(llvm::Value* x, int lanes);
  llvm::Value* from_memory_where_short(llvm::Value* x);
  llvm::Value* cast(llvm::Value* x, VType from, VType to);
  llvm::Value* widen_f16(llvm::Value* bits, int lanes);
  llvm::Value* narrow_f16(llvm::Value* x, int lanes);
  llvm::Value* narrow_bf16(llvm::Value* x, int lanes);
  llvm::Value* float_to_integer(llvm::Value* x, VType from, VType to);

  // ---- arithmetic.cpp
  llvm::Value* arithmetic(const Expr& e, ExprId id);
  llvm::Value* unary(Op op, llvm::Value* x, VType t);
  llvm::Value* binary(Op op, llvm::Value* a, llvm::Value* b, VType t);
  llvm::Value* floor_division(Op op, llvm::Value* a, llvm::Value* b, VType t);
  llvm::Value* index_division(Op op, llvm::Value* a, llvm::Value* b);
  llvm::Value* less_than(const Expr& e, ExprId id);
  llvm::Value* pairs(llvm::Value* a, llvm::Value* b, int lanes, bool neighbours);
  llvm::Value* pairs_of_bf16(llvm::Value* a, llvm::Value* b, int lanes, bool neighbours);
  llvm::Value* dot_pairs(llvm::Value* a, llvm::Value* b, llvm::Value* sum, int lanes);

  // ---- values.cpp
  struct Cached {
    llvm::Value* value = nullptr;
    std::uint32_t depth = 0, serial = 0, epoch = 0;
    llvm::BasicBlock* block = nullptr;  // where set, the value serves in this block only
  };
  struct Region {
    std::uint32_t serial;
    bool arm;                           // of a branch: nothing moves out of it
    llvm::BasicBlock* hoist = nullptr;  // the block in front of the loop that is open inside this region
    // Of a loop's body.
    VarId counter = kNone;
    llvm::BasicBlock* header = nullptr;
    llvm::Value* begin = nullptr;
    std::map<std::int64_t, llvm::PHINode*> multiples;  // of the counter, by factor: they count along with it
  };
  void study();  // what every expression reads
  llvm::Value* value(ExprId id);
  llvm::Value* build(const Expr& e, ExprId id);
  bool valid(const Cached& c, ExprId id) const;
  bool fixed(ExprId id) const { return reads_[id].empty() && !loads_[id]; }  // once defined, the same for good
  std::uint32_t home(ExprId id);  // the depth at which all it reads is defined
  std::uint32_t floor_depth() const;
  // Runs `make` in the region where a value that reads `id` alone belongs, and remembers what it gives in `slot`.
  template <typename Make>
  llvm::Value* place(Cached& slot, ExprId id, const Make& make);
  // Runs `make` in the region of that depth.
  template <typename Make>
  llvm::Value* in_region(std::uint32_t depth, const Make& make);
  bool open(const Cached& c) const { return c.depth <= depth_ && regions_[c.depth].serial == c.serial; }
  void changed(std::uint32_t what) { last_changed_[what] = ++epoch_; }
  std::uint32_t buffer_key(BufferId b) const { return static_cast<std::uint32_t>(kernel_.variables.size()) + b; }

  // ---- ranges.cpp
  struct Range {  // both included; unless known, everything
    std::int64_t least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  };
  Range range(ExprId id);
  Range range_of(const Expr& e);

  // ---- memory.cpp
  struct Row {  // elements base + extra + offset + stride * lane
    ExprId base = kNone;
    std::vector<ExprId> extra;
    std::int64_t offset = 0, stride = 1;

    bool is_line() const { return stride == 1 || stride == -1; }  // one vector of memory, perhaps from its end
    Row forwards(int lanes) const { return stride == 1 ? *this : Row{base, extra, offset + stride * (lanes - 1), 1}; }
  };
  llvm::Value* turned(const Row& row, llvm::Value* lanes);  // between the order of a line in memory and that of its lanes
  std::optional<Row> as_row(ExprId index);
  std::optional<std::int64_t> constant(ExprId id);
  std::optional<ExprId> widened_bf16(ExprId id) const;       // what is bf16 behind an f32 that is only widened
  std::optional<ExprId> bits_of_bf16(const Expr& e);         // the same behind its bits, as a low half beside a 0
  // An index seen from the loop we stand in: sum(factor * term) + turns * counter + offset.
  using Terms = std::vector<std::pair<ExprId, std::int64_t>>;
  struct Affine {
    Terms terms;
    std::int64_t turns = 0, offset = 0;
  };
  void add(Affine& sum, ExprId id, std::int64_t factor);
  llvm::Value* sum_of_terms(BufferId buffer, Terms terms);
  llvm::Value* product(ExprId id, std::int64_t factor);
  llvm::Value* multiple(std::int64_t factor);
  llvm::Value* pointer(BufferId buffer, ExprId index);
  llvm::Value* pointer(BufferId buffer, const Row& row);
  llvm::Value* pointer(BufferId buffer, std::span<const ExprId> summands, std::int64_t offset);
  std::vector<llvm::Value*> lane_pointers(BufferId buffer, ExprId index, int lanes);
  llvm::Value* load(const Expr& e);
  llvm::Value* load_lanes(const Expr& e, llvm::Value* mask);
  void store(const Stmt& s);
  void store_lanes(const Stmt& s, llvm::Value* value, llvm::Value* mask, int lanes);
  llvm::Value* mark(llvm::LoadInst* load, BufferId buffer);
  llvm::Value* from_memory(llvm::Value* x, DType dtype);
  llvm::Value* to_memory(llvm::Value* x, DType dtype);
  llvm::Value* dump();  // a place of its own that lanes switched off may write to

  // ---- tiles.cpp
  void configure_tiles();
  void release_tiles();
  void settle_streams();  // before other threads are told
  void tile(const Stmt& s);

  // ---- statements.cpp
  void block(const std::vector<Stmt>& statements);
  void statement(const Stmt& s);
  void loop(const Stmt& s);
  void branch(const Stmt& s);
  void fail(const Stmt& s);
  llvm::Value* any(llvm::Value* condition);
  struct Changes {
    std::vector<VarId> variables;   // assigned, and declared outside
    std::vector<BufferId> buffers;  // stored to
  };
  Changes changes(const std::vector<Stmt>& statements) const;
  void collect(const std::vector<Stmt>& statements, std::vector<bool>& variables, std::vector<bool>& buffers) const;
  void enter(bool arm);
  void leave();
  llvm::BasicBlock* new_block(const char* name);
  void at(Ordinal ordinal);

  const Kernel& kernel_;
  llvm::Module& module_;
  llvm::LLVMContext& context_;
  EmitterOptions options_;
  Builder b_;
  std::optional<llvm::TargetTransformInfo> target_;
  llvm::Function* function_ = nullptr;

  std::vector<llvm::Value*> buffers_, arguments_, variables_;
  std::vector<std::uint32_t> variable_depth_;
  std::vector<bool> mutable_;  // variables that are assigned
  std::vector<ExprId> alias_;  // of lets that only name a mask: see statements.cpp
  std::vector<ExprId> let_;    // by variable: what a let named
  llvm::Value* error_ = nullptr;
  llvm::Value* scratch_ = nullptr;
  llvm::AllocaInst* dump_ = nullptr;
  bool tiled_ = false;  // are there tiles in the kernel
  bool streamed_ = false;  // was anything stored past the caches
  std::map<const llvm::Constant*, llvm::GlobalVariable*> in_memory_;

  std::vector<std::vector<std::uint32_t>> reads_;  // by expression: the variables and buffers in it that can change
  std::vector<bool> loads_;                        // by expression: is there a load in it
  std::vector<std::int32_t> home_;
  std::vector<bool> written_;  // by buffer
  std::vector<Cached> values_;
  std::map<ExprId, Cached> tails_;  // by mask: how many of its lanes are on
  std::map<std::pair<BufferId, Terms>, Cached> pointers_;
  std::map<std::pair<ExprId, std::int64_t>, Cached> products_;  // by factor
  using Moved = std::map<std::tuple<llvm::BasicBlock*, llvm::Value*, std::int64_t>, llvm::Value*>;
  Moved turned_;   // pointer + multiple of the counter
  Moved shifted_;  // pointer + constant
  std::vector<std::optional<Range>> ranges_;  // by expression
  std::vector<Range> counted_;                // by variable: of loops and the grid
  std::vector<Region> regions_;
  std::uint32_t depth_ = 0;  // the region we print in; less than the innermost one while hoisting
  std::uint32_t serials_ = 0, epoch_ = 0;
  std::vector<std::uint32_t> last_changed_;

  std::unique_ptr<llvm::DIBuilder> debug_;
  llvm::DISubprogram* subprogram_ = nullptr;
  std::vector<llvm::DebugLoc> locations_;
};

template <typename Make>
llvm::Value* Emitter::in_region(std::uint32_t depth, const Make& make) {
  if (depth >= depth_) return make();
  const Builder::InsertPointGuard guard(b_);
  const std::uint32_t here = std::exchange(depth_, depth);
  b_.SetInsertPoint(regions_[depth].hoist->getTerminator());
  llvm::Value* made = make();
  depth_ = here;
  return made;
}

template <typename Make>
llvm::Value* Emitter::place(Cached& slot, ExprId id, const Make& make) {
  if (valid(slot, id)) return slot.value;
  // A mask of lanes has no register of its own on many targets; carrying it between blocks costs more than making it.
  const bool mask =
      kernel_.exprs[id].type.dtype == DType::boolean && kernel_.exprs[id].type.lanes > 1 && &slot == &values_[id];
  const std::uint32_t depth = fixed(id) && !mask ? std::min(depth_, std::max(home(id), floor_depth())) : depth_;
  llvm::Value* made = in_region(depth, make);
  slot = {made, depth, regions_[depth].serial, epoch_,
          mask && !llvm::isa<llvm::Constant>(made) ? b_.GetInsertBlock() : nullptr};
  return made;
}

}  // namespace uwaga::kernel
