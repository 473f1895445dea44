#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include <fmt/format.h>

#include <uwaga/codegen/kernel/internal/lane.h>
#include <uwaga/codegen/kernel/interpret.h>
#include <uwaga/codegen/kernel/launch.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {
namespace {

using lane::Bits;
using Lanes = std::vector<Bits>;
using Int = std::int64_t;

void expect(bool holds, const auto& text) {
  if (!holds) throw InternalError("kernel interpreter: " + text());
}

// Who touched an element.
struct Shadow {
  static constexpr Int kNobody = -1, kSeveral = -2;
  Int writer = kNobody, reader = kNobody;  // tasks
  Int write_epoch = kNobody, read_epoch = kNobody;  // the barrier interval of the last access within a task
  int write_thread = 0, read_thread = 0;
  bool set = false;
};

struct Memory {
  DType dtype = DType::f32;
  Space space = Space::global;
  std::byte* data = nullptr;
  Int elements = 0;
  std::vector<std::byte> own;
  std::vector<Shadow> shadow;
};

class Interpreter {
 public:
  Interpreter(const Kernel& k, std::span<const std::span<std::byte>> buffers, std::span<const std::uint64_t> arguments,
              std::uint64_t* error, const InterpretOptions& options)
      : k_(k), arguments_(arguments), error_(error), random_(options.order), shuffled_(options.order != 0) {
    expect(buffers.size() == static_cast<std::size_t>(k.global_buffers()),
           [&] { return fmt::format("{} buffers given to a kernel of {}", buffers.size(), k.global_buffers()); });
    expect(arguments.size() == k.arguments.size(),
           [&] { return fmt::format("{} arguments given to a kernel of {}", arguments.size(), k.arguments.size()); });
    memory_.resize(k.buffers.size());
    for (std::size_t i = 0; i < k.buffers.size(); ++i) {
      Memory& m = memory_[i];
      m.dtype = k.buffers[i].dtype;
      m.space = k.buffers[i].space;
      if (m.space != Space::global) continue;
      m.data = buffers[i].data();
      m.elements = static_cast<Int>(buffers[i].size() / size_of(m.dtype));
      m.shadow.resize(static_cast<std::size_t>(m.elements));
      const bool set = options.outputs_are_set || !k.buffers[i].written;
      for (Shadow& s : m.shadow) s.set = set;
    }
    values_.resize(k.exprs.size());
    stamps_.resize(k.exprs.size());
  }

  void run() {
    std::vector<Int> extents;
    for (ExprId e : k_.grid_extents) extents.push_back(evaluate(k_, e, arguments_));
    for (Int n : extents) expect(n >= 0, [&] { return fmt::format("a grid of extent {}", n); });
    const Int tasks = task_count(k_, arguments_);
    std::vector<Int> order(static_cast<std::size_t>(tasks));
    std::iota(order.begin(), order.end(), Int{0});
    shuffle(order);
    for (Int number : order) task(number, extents);
  }

 private:
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = random_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  template <typename T>
  void shuffle(std::vector<T>& v) {
    if (!shuffled_) return;
    for (std::size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[next() % i]);
  }

  void task(Int number, const std::vector<Int>& extents) {
    task_ = number;
    ++epoch_;
    tiles_.fill({});
    threads_.assign(static_cast<std::size_t>(k_.threads), {});
    private_.assign(static_cast<std::size_t>(k_.threads), {});
    for (std::size_t i = 0; i < memory_.size(); ++i) {
      if (k_.buffers[i].space != Space::shared) continue;
      allocate(memory_[i], i);
    }
    for (std::size_t t = 0; t < threads_.size(); ++t) {
      threads_[t].resize(k_.variables.size());
      Int rest = number;
      for (std::size_t g = extents.size(); g-- > 0;) {
        threads_[t][k_.grid[g]] = {static_cast<Bits>(rest % extents[g])};
        rest /= extents[g];
      }
      if (k_.threads > 1) threads_[t][k_.thread] = {static_cast<Bits>(t)};
      private_[t].resize(memory_.size());
      for (std::size_t i = 0; i < memory_.size(); ++i)
        if (k_.buffers[i].space == Space::scratch) {
          private_[t][i].dtype = memory_[i].dtype;
          private_[t][i].space = Space::scratch;
          allocate(private_[t][i], i);
        }
    }
    std::vector<int> all(threads_.size());
    std::iota(all.begin(), all.end(), 0);
    block(k_.body, all);
  }

  void allocate(Memory& m, std::size_t buffer) {
    m.elements = evaluate(k_, k_.buffers[buffer].elements, arguments_);
    expect(m.elements >= 0, [&] { return fmt::format("buffer {} has {} elements", buffer, m.elements); });
    m.own.assign(static_cast<std::size_t>(m.elements) * size_of(m.dtype), std::byte{0xa5});
    m.data = m.own.data();
    m.shadow.assign(static_cast<std::size_t>(m.elements), {});
  }

  Memory& memory(BufferId buffer) {
    return k_.buffers[buffer].space == Space::scratch ? private_[static_cast<std::size_t>(thread_)][buffer] : memory_[buffer];
  }

  std::byte* element(Memory& m, BufferId buffer, Int index, bool writes) {
    const char* what = writes ? "store to" : "load of";
    expect(index >= 0 && index < m.elements,
           [&] { return fmt::format("{} element {} of buffer {}, which has {}", what, index, buffer, m.elements); });
    Shadow& s = m.shadow[static_cast<std::size_t>(index)];
    expect(writes || s.set, [&] { return fmt::format("load of element {} of buffer {}, which was never written", index, buffer); });
    if (m.space == Space::global) {
      expect(s.writer == Shadow::kNobody || s.writer == task_, [&] {
        return fmt::format("{} element {} of buffer {} by task {}, which task {} writes", what, index, buffer, task_, s.writer);
      });
      expect(!writes || s.reader == Shadow::kNobody || s.reader == task_, [&] {
        return fmt::format("store to element {} of buffer {} by task {}, which another task reads", index, buffer, task_);
      });
    }
    if (m.space != Space::scratch && k_.threads > 1) {
      const bool after_write = s.write_epoch == epoch_ && s.write_thread != thread_;
      const bool after_read = writes && s.read_epoch == epoch_ && s.read_thread != thread_;
      expect(!after_write && !after_read, [&] {
        return fmt::format("{} element {} of buffer {} by thread {}, which thread {} {} with no barrier between", what, index, buffer,
                           thread_, after_write ? s.write_thread : s.read_thread, after_write ? "writes" : "reads");
      });
    }
    if (writes) {
      s.writer = task_;
      s.write_epoch = epoch_;
      s.write_thread = thread_;
      s.set = true;
    } else {
      s.reader = s.reader == Shadow::kNobody || s.reader == task_ ? task_ : Shadow::kSeveral;
      // Two readers: a writer is neither of them or one of them; remembering -1 makes it conflict with both.
      s.read_thread = s.read_epoch == epoch_ && s.read_thread != thread_ ? -1 : thread_;
      s.read_epoch = epoch_;
    }
    return m.data + static_cast<std::size_t>(index) * size_of(m.dtype);
  }

  // ---- expressions

  const Lanes& value(ExprId id) {
    if (stamps_[id] == stamp_) return values_[id];
    const Expr& e = k_.exprs[id];
    for (ExprId arg : e.args) (void)value(arg);
    Lanes& out = values_[id];
    out.assign(static_cast<std::size_t>(e.type.lanes), 0);
    compute(e, out);
    stamps_[id] = stamp_;
    return out;
  }

  void compute(const Expr& e, Lanes& out) {
    const auto arg = [&](std::size_t i) -> const Lanes& { return values_[e.args[i]]; };
    const auto each = [&](auto f) {
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = f(i);
    };
    switch (e.kind) {
      case ExprKind::integer: each([&](std::size_t) { return static_cast<Bits>(e.integer); }); break;
      case ExprKind::real: {
        const Bits bits = e.type.dtype == DType::f32 ? lane::of(static_cast<float>(e.real)) : lane::of(e.real);
        each([&](std::size_t) { return bits; });
        break;
      }
      case ExprKind::argument: {
        std::uint64_t word = arguments_[e.index];
        out[0] = lane::load(reinterpret_cast<const std::byte*>(&word), e.type.dtype);
        break;
      }
      case ExprKind::variable: {
        const Lanes& v = threads_[static_cast<std::size_t>(thread_)][e.index];
        expect(!v.empty(), [&] { return fmt::format("variable {} is read before it is set", e.index); });
        out = v;
        break;
      }
      case ExprKind::arithmetic: arithmetic(e, out); break;
      case ExprKind::fma:
        each([&](std::size_t i) {
          if (e.type.dtype == DType::f32)
            return lane::of(std::fma(lane::f32_of(arg(0)[i]), lane::f32_of(arg(1)[i]), lane::f32_of(arg(2)[i])));
          return lane::of(std::fma(lane::f64_of(arg(0)[i]), lane::f64_of(arg(1)[i]), lane::f64_of(arg(2)[i])));
        });
        break;
      case ExprKind::load: {
        Memory& m = memory(e.index);
        each([&](std::size_t i) {
          if (e.args.size() > 1 && !arg(1)[i]) return Bits{0};
          return lane::load(element(m, e.index, static_cast<Int>(arg(0)[i]), false), m.dtype);
        });
        break;
      }
      case ExprKind::load_pair: {
        Memory& m = memory(e.index);
        const auto half = [&](Int i) { return lane::load(element(m, e.index, static_cast<Int>(arg(0)[0]) + i, false), m.dtype); };
        each([&](std::size_t i) { return lane::bit_operation(ExprKind::bit_or, half(2 * static_cast<Int>(i)), half(2 * static_cast<Int>(i) + 1) << 16, DType::i32); });
        break;
      }
      case ExprKind::pairs:
        each([&](std::size_t i) {
          if (e.integer == 0) return lane::pair(arg(0)[i], arg(1)[i]);
          const std::size_t half = out.size() / 2;
          const Lanes& from = arg(i < half ? 0 : 1);
          return lane::pair(from[i % half * 2], from[i % half * 2 + 1]);
        });
        break;
      case ExprKind::dot_pairs: each([&](std::size_t i) { return lane::dot_pair(arg(0)[i], arg(1)[i], arg(2)[i]); }); break;
      case ExprKind::ramp: each([&](std::size_t i) { return arg(0)[0] + i * arg(1)[0]; }); break;
      case ExprKind::splat: each([&](std::size_t) { return arg(0)[0]; }); break;
      case ExprKind::lanes: each([&](std::size_t i) { return arg(0)[static_cast<std::size_t>(e.integer) + i]; }); break;
      case ExprKind::concat: each([&](std::size_t i) { return i < arg(0).size() ? arg(0)[i] : arg(1)[i - arg(0).size()]; }); break;
      case ExprKind::interleave:
        each([&](std::size_t i) { return arg(interleaved(e, i).first)[interleaved(e, i).second]; });
        break;
      case ExprKind::any: out[0] = std::any_of(arg(0).begin(), arg(0).end(), [](Bits b) { return b != 0; }); break;
      default: each([&](std::size_t i) { return lane::bit_operation(e.kind, arg(0)[i], arg(1)[i], e.type.dtype); });
    }
  }

  void arithmetic(const Expr& e, Lanes& out) {
    const auto arg = [&](std::size_t i) -> const Lanes& { return values_[e.args[i]]; };
    const DType d = k_.exprs[e.args[0]].type.dtype;
    for (std::size_t i = 0; i < out.size(); ++i) {
      switch (e.op) {
        case Op::select: out[i] = arg(0)[i] ? arg(1)[i] : arg(2)[i]; break;
        case Op::cast: out[i] = lane::cast(arg(0)[i], d, e.type.dtype); break;
        case Op::bitcast: out[i] = lane::bitcast(arg(0)[i], d, e.type.dtype); break;
        default:
          out[i] = e.args.size() == 1 ? lane::unary(e.op, arg(0)[i], d) : lane::binary(e.op, arg(0)[i], arg(1)[i], d);
      }
    }
  }

  Lanes fresh(ExprId id) {
    ++stamp_;
    return value(id);
  }
  Int scalar(ExprId id) { return static_cast<Int>(fresh(id)[0]); }

  // ---- statements, each for all threads that have come here

  void block(const std::vector<Stmt>& statements, const std::vector<int>& active) {
    for (const Stmt& s : statements) statement(s, active);
  }

  void statement(const Stmt& s, const std::vector<int>& active) {
    if (s.kind == StmtKind::barrier) {
      expect(active.size() == threads_.size(),
             [&] { return fmt::format("{} of {} threads came to a barrier", active.size(), threads_.size()); });
      ++epoch_;
      return;
    }
    std::vector<int> order = active;
    shuffle(order);
    if (s.kind == StmtKind::branch) {
      std::vector<int> yes, no;
      for (int t : order) {
        thread_ = t;
        (scalar(s.condition) ? yes : no).push_back(t);
      }
      if (!yes.empty()) block(s.body, yes);
      if (!no.empty()) block(s.otherwise, no);
      return;
    }
    if (s.kind == StmtKind::loop) return loop(s, order);
    if (s.kind == StmtKind::routine) return block(s.body, order);
    for (int t : order) {
      thread_ = t;
      simple(s);
    }
  }

  void loop(const Stmt& s, const std::vector<int>& active) {
    std::vector<Int> at(threads_.size()), end(threads_.size());
    for (int t : active) {
      thread_ = t;
      at[static_cast<std::size_t>(t)] = scalar(s.begin);
      end[static_cast<std::size_t>(t)] = scalar(s.end);
    }
    for (;;) {
      std::vector<int> inside;
      for (int t : active)
        if (at[static_cast<std::size_t>(t)] < end[static_cast<std::size_t>(t)]) inside.push_back(t);
      if (inside.empty()) return;
      for (int t : inside) variable(t, s.var) = {static_cast<Bits>(at[static_cast<std::size_t>(t)])};
      block(s.body, inside);
      for (int t : inside) at[static_cast<std::size_t>(t)] += s.step;
    }
  }

  Lanes& variable(int thread, VarId v) { return threads_[static_cast<std::size_t>(thread)][v]; }

  void simple(const Stmt& s) {
    ++stamp_;
    switch (s.kind) {
      case StmtKind::let:
      case StmtKind::declare:
      case StmtKind::assign: {
        const Lanes v = value(s.value);
        variable(thread_, s.var) = v;
        break;
      }
      case StmtKind::store: {
        Memory& m = memory(s.buffer);
        const Lanes &index = value(s.index), &what = value(s.value);
        const Lanes* mask = s.condition == kNone ? nullptr : &value(s.condition);
        expect(!s.streams || index[0] % index.size() == 0,
               [&] { return fmt::format("{} lanes stream from {} on, which is no multiple of them", index.size(), index[0]); });
        for (std::size_t i = 0; i < index.size(); ++i)
          if (!mask || (*mask)[i]) lane::store(element(m, s.buffer, static_cast<Int>(index[i]), true), what[i], m.dtype);
        break;
      }
      case StmtKind::prefetch: break;
      case StmtKind::tile_zero: tiles_[s.var].assign(kTileRows * kTileColumns, 0); break;
      case StmtKind::tile_load:
      case StmtKind::tile_store: move_tile(s); break;
      case StmtKind::tile_dot:
        for (int tile : {static_cast<int>(s.var), int{s.tiles[0]}, int{s.tiles[1]}}) set_tile(tile);
        for (std::size_t m = 0; m < kTileRows; ++m)
          for (std::size_t n = 0; n < kTileColumns; ++n) {
            Bits& sum = tiles_[s.var][m * kTileColumns + n];
            sum = lane::tile_dot(&tiles_[s.tiles[0]][m * kTileColumns], &tiles_[s.tiles[1]][n], sum);
          }
        break;
      case StmtKind::fail: {
        const Lanes &condition = value(s.condition), &index = value(s.value);
        for (std::size_t i = 0; i < condition.size() && *error_ == 0; ++i)
          if (condition[i]) *error_ = (index[std::min(i, index.size() - 1)] << 16) | (std::uint64_t{s.ordinal} + 1);
        break;
      }
      default: throw InternalError("kernel interpreter: no such statement");
    }
  }

  Lanes& set_tile(int tile) {
    Lanes& t = tiles_[static_cast<std::size_t>(tile)];
    expect(!t.empty(), [&] { return fmt::format("tile {} is read before it is set", tile); });
    return t;
  }

  void move_tile(const Stmt& s) {
    Memory& m = memory(s.buffer);
    const auto first = static_cast<Int>(value(s.index)[0]), pitch = static_cast<Int>(value(s.value)[0]);
    const bool stores = s.kind == StmtKind::tile_store;
    if (!stores) tiles_[s.var].resize(kTileRows * kTileColumns);
    Lanes& t = set_tile(static_cast<int>(s.var));
    const bool pairs = m.dtype == DType::bf16;
    for (std::size_t i = 0; i < t.size(); ++i) {
      const Int column = static_cast<Int>(i % kTileColumns) * (pairs ? 2 : 1);
      const Int at = first + static_cast<Int>(i / kTileColumns) * pitch + column;
      if (stores) lane::store(element(m, s.buffer, at, stores), t[i], m.dtype);
      else t[i] = lane::load(element(m, s.buffer, at, stores), m.dtype);
      if (pairs) t[i] |= lane::load(element(m, s.buffer, at + 1, stores), m.dtype) << 16;
    }
  }

  const Kernel& k_;
  std::span<const std::uint64_t> arguments_;
  std::uint64_t* error_;
  std::uint64_t random_;
  bool shuffled_;
  std::vector<Memory> memory_;
  std::vector<std::vector<Memory>> private_;     // by thread and buffer: scratch
  std::vector<std::vector<Lanes>> threads_;      // by thread and variable
  std::array<Lanes, kTiles> tiles_;              // empty: not set
  std::vector<Lanes> values_;                    // by expression, of the statement we are at
  std::vector<std::uint64_t> stamps_;
  std::uint64_t stamp_ = 0;
  Int task_ = 0, epoch_ = 0;
  int thread_ = 0;
};

}  // namespace

void interpret(const Kernel& kernel, std::span<const std::span<std::byte>> buffers, std::span<const std::uint64_t> arguments,
               std::uint64_t* error, const InterpretOptions& options) {
  Interpreter(kernel, buffers, arguments, error, options).run();
}

}  // namespace uwaga::kernel
