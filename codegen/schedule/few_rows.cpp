#include <uwaga/codegen/schedule/few_rows.h>

#include <algorithm>
#include <array>
#include <functional>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/internal/dot_blocks.h>

namespace uwaga {
namespace {

using namespace kernel;
using namespace schedule;

// Tasks, at least, where Tuning::few_rows_bytes allows.
constexpr std::int64_t kTasks = 4;
// Bytes of a term that a task reads, at least, where threads would be left without a task.
constexpr std::int64_t kLeastPieceBytes = 256;

// Are both operands bf16, on a target that multiplies such in tiles? One row would leave a tile next to empty: it is multiplied in pairs, as
// the tile would count.
bool counts_as_tiles(const GraphData& g, const Roles& roles, DType sums, const HostTarget& target) {
  return multiplied_in_pairs(g, roles, sums, target) && target.amx && target.bf16_dot && lanes_of_sums(target, sums) == kTileColumns;
}
// Terms of a tile.
constexpr std::int64_t kTileSteps = 2 * kTileColumns;

// Rows whose sums, two vectors each, leave registers for what is multiplied. In pairs each costs what a tile of sixteen does.
std::int64_t most_rows(const HostTarget& target, bool tiles) { return tiles ? 1 : target.registers >= 32 ? 8 : 4; }

// Of kManyTerms, or nobody knows how many, and so few columns at most, tasks divide the terms wherever they lie.
constexpr std::int64_t kFewColumnsBytes = 256;

// Elements that are widened are fetched ahead: what each line then takes to compute keeps a processor from seeing enough of the next
// ones by itself. So are others, where Tuning::stream_ahead_bytes says that it sees too little anyway. Line after line, where all of a
// term is the task's, which alone reaches what memory gives: so many terms ahead. Else by groups of terms.
constexpr std::int64_t kTermsAhead = 4, kGroupsAhead = 2;

// Columns whose terms are turned over at a time, those of a task, at most, so that threads end at the same time, and the bytes of them
// that stay in a first cache.
constexpr std::int64_t kSquareColumns = 16, kSquaresTask = 256, kPanelBytes = 32768;

class FewRows {
 public:
  FewRows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, bool in_blocks)
      : in_blocks_(in_blocks), g_(graph.data()), layouts_(layouts), roles_(find_roles(g_, cluster, layouts)),
        x_(b_, graph, cluster, layouts, out_), axes_(collapse_roles(x_, roles_)), dtype_(sums_in(g_, roles_)),
        lanes_(lanes_of_sums(target, dtype_)), threads_(target.threads), whole_term_bytes_(target.tuning.whole_row_bytes),
        tiles_(counts_as_tiles(g_, roles_, dtype_, target)) {
    const Type &a = g_.type(roles_.a), &b = g_.type(roles_.b);
    rows_ = *product(a, roles_.rows).constant();
    columns_ = product(b, roles_.columns);
    terms_ = product(a, roles_.over);
    stored_b_ = leading_operand(x_, roles_.b);
    const AxisNames order = stored_b_ ? order_of(g_, layouts_, stored_b_->stored) : AxisNames();
    across_ = !order.empty() && !roles_.over.empty() && stored_b_->names.at(roles_.over.back()) == order.back();
    line_ = static_cast<std::int64_t>(64 / size_of(stored_b_ ? g_.type(stored_b_->stored).dtype : dtype_));
    // Of a term, a line of memory; of columns, what keeps multiply-adds apart that wait for each other, and few as rows of memory.
    vectors_ = across_ ? std::max<std::int64_t>(1, kSquareColumns / lanes_) : std::max<std::int64_t>(1, line_ / lanes_);
    panel_ = vectors_ * lanes_;
    fetches_ = widens() || target.tuning.stream_ahead_bytes > 0;
    terms_at_once_ = rows_ > 2 ? 4 : rows_ == 1 && divides_terms() && widens() ? 2 : 8;
    const std::int64_t least = target.tuning.few_rows_bytes * line_ / 64, most = 2 * least;
    task_columns_ = least;
    if (const auto c = columns_.constant()) task_columns_ = std::min(std::clamp((*c + (kTasks - 1)) / kTasks, least, most), (*c + 1) / 2);
    task_columns_ = std::max(round_up(task_columns_, panel_), panel_);
    if (across_) {
      find_lines();
      task_columns_ = std::min(task_columns_, round_up(kSquaresTask, panel_));
    }
    if (in_blocks) task_columns_ = round_up(*columns_.constant(), panel_);
    give_each_thread_a_task(target.threads);
  }

  // Do tasks divide the terms, each reading its own in one piece? As the processor has it, and where columns are too few for all threads,
  // as those of a small weight's gradient.
  bool divides_terms() const {
    const auto c = columns_.constant(), k = terms_.constant();
    if (!c || !stored_b_ || tiles_) return false;
    if (k.value_or(kManyTerms) >= kManyTerms && *c * static_cast<std::int64_t>(size_of(dtype_)) <= kFewColumnsBytes) return true;
    if (across_ || !k || *k <= kBlock) return false;
    const std::int64_t most = rows_ == 1 && widens() ? 2 * whole_term_bytes_ : whole_term_bytes_;
    const std::int64_t bytes = *c * static_cast<std::int64_t>(size_of(g_.type(stored_b_->stored).dtype));
    return bytes <= most || bytes < threads_ * kLeastPieceBytes;
  }

  ScheduledKernel write() {
    b_.at(roles_.ordinal);
    n_ = x_.extent(columns_);
    k_ = x_.extent(terms_);
    const Ex entry = b_.grid(x_.extent(product(g_.node(roles_.node).types[0], roles_.batch)));
    entry_ = entry;
    const Ex block = in_blocks_ ? b_.grid(block_count()) : Ex();
    const Ex task = b_.grid((n_ + (task_columns_ - 1)) / task_columns_);
    plan_a();
    if (!across_) {
      sums_ = b_.scratch(dtype_, b_.integer(rows_ * task_columns_));
      if (!one_block() && !tiles_ && !in_blocks_) totals_ = b_.scratch(dtype_, b_.integer(rows_ * task_columns_));
    }
    for (Value v : {roles_.a, roles_.b})
      for (const Dim& d : g_.type(v).dims) env_.axes[d.axis] = Index::scalar(b_.integer(0));
    set_flat(x_, env_, axes_.batch, Index::scalar(entry));
    const Ex k0 = block ? b_.let(block * kBlock) : b_.integer(0), last = block ? b_.let(min(k0 + kBlock, k_)) : k_;
    read_a(k0, last);
    const Ex first = b_.let(task * task_columns_), end = b_.let(min(first + task_columns_, n_));
    if (in_blocks_) sum_block(block, k0, last, first, end);
    else if (across_) x_.loop(first, end, panel_, [&](Ex column) { tiles_ ? squares_of_tiles(column) : squares(column); });
    else if (tiles_) vectors_of_tiles(first, end);
    else vectors(first, end);
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  void give_each_thread_a_task(int threads) {
    const auto columns = columns_.constant(), entries = product(g_.node(roles_.node).types[0], roles_.batch).constant();
    if (!columns || !entries || *columns < 1) return;
    const std::int64_t shares = in_blocks_ ? parts(terms_.constant().value_or(kManyTerms), kBlock) : 1;
    const std::int64_t others = std::max<std::int64_t>(1, *entries * shares);
    if (others * parts(*columns, task_columns_) >= threads) return;
    const std::int64_t least = across_ ? 1 : kLeastPieceBytes * line_ / 64;
    const std::int64_t piece = std::max(parts(*columns, parts(threads, others)), least);
    task_columns_ = std::min(task_columns_, round_up(piece, panel_));
  }
  Ex mac(Ex a, Ex b, Ex sum) { return is_float(dtype_) ? b_.fma(a, b, sum) : sum + a * b; }
  Ex zero() { return is_float(dtype_) ? b_.real(0, dtype_) : b_.integer(0, dtype_); }
  Ex operand(Value v, const IndexEnv& env) {
    const Ex value = x_.value(v, env);
    return value.type().dtype == dtype_ ? value : b_.cast(value, dtype_);
  }
  bool whole_panels() const {
    const auto c = columns_.constant();
    return c && *c % panel_ == 0;
  }
  bool one_block() const {
    const auto c = terms_.constant();
    return c && *c <= kBlock;
  }

  // B's own bytes, where nothing but a widening from bf16 is between: two terms of these are turned over as one.
  void find_lines() {
    Value from = roles_.b;
    if (const Node& n = g_.node(from.node); x_.computes(from.node) && n.op == Op::cast) from = n.operands[0];
    pairs_ = dtype_ == DType::f32 && g_.type(from).dtype == DType::bf16;
    if (pairs_ || from == roles_.b) lines_ = operand_in_line(x_, from, roles_.over, pairs_ ? DType::bf16 : dtype_);
    pairs_ = pairs_ && lines_;
  }

  // ---- A: in place where its terms lie at equal distances, else copied by every task, as much as it needs
  void plan_a() {
    if (tiles_) {
      copied_ = b_.scratch(DType::i32, (k_ + (kTileSteps - 1)) / kTileSteps * (kTileSteps * rows_));
      return;
    }
    in_place_ = operand_in_line(x_, roles_.a, roles_.over, dtype_);
    if (in_place_) return;
    if (const auto d = stored_operand(x_, roles_.a); d && axes_.over.size() == 1 && g_.type(d->stored).dtype == dtype_) {
      in_place_ = d;
      term_step_ = x_.stride(d->stored, d->names.at(axes_.over[0].axes.back()));
      return;
    }
    copied_ = b_.scratch(dtype_, (in_blocks_ ? b_.integer(kBlock) : k_) * rows_);
  }
  // Of the terms from k0 on.
  void read_a(Ex k0, Ex end) {
    if (tiles_) return copy_words();
    for (std::int64_t r = 0; r < rows_; ++r) {
      IndexEnv row = env_;
      set_flat(x_, row, axes_.rows, Index::scalar(b_.integer(r)));
      if (in_place_) {
        starts_.push_back(first_term_of(x_, *in_place_, roles_.over, row));
        continue;
      }
      const Ex room = b_.let((in_blocks_ ? b_.integer(kBlock) : k_) * r);
      starts_.push_back(b_.let(room - k0));
      const auto copy = [&](Ex term, bool masked) {
        IndexEnv at = row;
        const Ex there = b_.ramp(term, lanes_) < b_.splat(end, lanes_);
        if (masked) at = at.masked(there);
        set_flat(x_, at, axes_.over, Index::ramp(term, lanes_, lanes_));
        b_.store(copied_, b_.ramp(starts_.back() + term, lanes_), b_.splat(operand(roles_.a, at), lanes_), masked ? there : Ex());
      };
      const Ex whole = b_.let(k0 + (end - k0) / lanes_ * lanes_);
      x_.loop(k0, whole, lanes_, [&](Ex term) { copy(term, false); });
      if (const auto c = terms_.constant(); !c || *c % lanes_ != 0) x_.branch(whole < end, [&] { copy(whole, true); });
    }
  }
  Ex a(std::int64_t row, Ex term) {
    const BufferId from = in_place_ ? x_.buffer(in_place_->stored, false) : copied_;
    return b_.let(b_.splat(b_.load(from, starts_[static_cast<std::size_t>(row)] + (in_place_ && term_step_ ? term * term_step_ : term)), lanes_));
  }

  // ---- as tiles count: of every 32 terms the even ones are one chain, the odd ones another, both from 0, and what they sum to is added
  // to the sum. A word is a term and a 0, whose product with a -0 leaves every sum as it is.
  void copy_words() {
    const Ex room = b_.let((k_ + (kTileSteps - 1)) / kTileSteps * kTileSteps);
    for (std::int64_t r = 0; r < rows_; ++r) {
      IndexEnv row = env_;
      set_flat(x_, row, axes_.rows, Index::scalar(b_.integer(r)));
      starts_.push_back(b_.let(room * r));
      x_.loop(b_.integer(0), room, lanes_, [&](Ex term) {
        const Ex there = b_.ramp(term, lanes_) < b_.splat(k_, lanes_);
        IndexEnv at = row.masked(there);
        set_flat(x_, at, axes_.over, Index::ramp(term, lanes_, lanes_));
        const Ex word = pair_with_zero(b_, b_.select(there, b_.splat(x_.value(roles_.a, at), lanes_), zeros()));
        b_.store(copied_, b_.ramp(starts_.back() + term, lanes_), b_.bits(ExprKind::bit_or, word, words(-2147483648LL)));
      });
    }
  }
  Ex zeros() { return b_.splat(b_.real(0), lanes_); }
  Ex words(std::int64_t value) { return b_.splat(b_.integer(value, DType::i32), lanes_); }
  Ex flushed(Ex x) {
    const Ex sign = b_.bitcast(b_.bits(ExprKind::bit_and, b_.bitcast(x, DType::i32), words(-2147483648LL)), DType::f32);
    return b_.select(b_.apply(Op::abs, {x}) < b_.splat(b_.real(0x1p-126), lanes_), sign, x);
  }
  // Sums, for each of `vectors` of columns those of every row, with what 32 terms add: `word` is B's at one of them.
  using WordAt = std::function<Ex(std::int64_t term, std::int64_t vector)>;
  std::vector<Ex> with_tile(Ex term, const std::vector<Ex>& sums, std::int64_t vectors, const WordAt& word) {
    std::vector<std::array<Ex, 2>> chains(sums.size(), {zeros(), zeros()});
    for (std::int64_t t = 0; t < kTileSteps; ++t)
      for (std::int64_t v = 0; v < vectors; ++v) {
        const Ex b = word(t, v);
        for (std::int64_t r = 0; r < rows_; ++r) {
          Ex& chain = chains[static_cast<std::size_t>(v * rows_ + r)][static_cast<std::size_t>(t % 2)];
          chain = b_.let(b_.dot_pairs(b_.splat(b_.load(copied_, starts_[static_cast<std::size_t>(r)] + (term + t)), lanes_), b, chain));
        }
      }
    std::vector<Ex> out;
    for (std::size_t i = 0; i < sums.size(); ++i) out.push_back(b_.let(flushed(sums[i] + flushed(chains[i][0] + chains[i][1]))));
    return out;
  }
  void each_tile(const std::function<void(Ex term, bool past)>& body) {
    const Ex whole = b_.let(k_ / kTileSteps * kTileSteps);
    x_.loop(b_.integer(0), whole, kTileSteps, [&](Ex term) { body(term, false); });
    if (!terms_divide(kTileSteps)) x_.branch(whole < k_, [&] { body(whole, true); });
  }
  void vectors_of_tiles(Ex first, Ex end) {
    const Ex count = b_.let(end - first);
    fill(sums_, zeros());
    each_tile([&](Ex term, bool past) {
      each_column(count, [&](Ex c, std::int64_t n, bool masked) {
        if (!masked) fetch_ahead(term, kTileSteps, first, c);
        std::vector<Ex> sums;
        for (std::int64_t i = 0; i < n * rows_; ++i) sums.push_back(b_.let(b_.load(sums_, own(c + i / rows_ * lanes_, i % rows_))));
        sums = with_tile(term, sums, n, [&](std::int64_t t, std::int64_t v) {
          const Ex from = first + c + v * lanes_, there = b_.ramp(from, lanes_) < b_.splat(n_, lanes_);
          IndexEnv at = masked ? env_.masked(there) : env_;
          set_flat(x_, at, axes_.over, Index::scalar(past ? b_.let(min(term + t, k_ - 1)) : term + t));
          set_flat(x_, at, axes_.columns, Index::ramp(from, lanes_, lanes_));
          const Ex word = pair_with_zero(b_, b_.splat(x_.value(roles_.b, at), lanes_));
          return past ? b_.select(b_.splat(term + t < k_, lanes_), word, words(0)) : word;
        });
        for (std::int64_t i = 0; i < n * rows_; ++i) b_.store(sums_, own(c + i / rows_ * lanes_, i % rows_), sums[static_cast<std::size_t>(i)]);
      });
    });
    each_column(count, [&](Ex c, std::int64_t n, bool masked) {
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t v = 0; v < n; ++v) finish(r, first + c + v * lanes_, masked, b_.let(b_.load(sums_, own(c + v * lanes_, r))));
    });
  }
  void squares_of_tiles(Ex column) {
    b_.at(roles_.ordinal);
    std::vector<Ex> sums;
    for (std::int64_t r = 0; r < rows_; ++r) sums.push_back(b_.variable(zeros()));
    const std::vector<Ex> starts = starts_of_columns(column);
    each_tile([&](Ex term, bool past) {
      if (!past) fetch_panel(term, kTileSteps, column + panel_);
      const auto terms_of = [&](std::int64_t c, Ex from) {
        const Ex there = b_.ramp(from, lanes_) < b_.splat(k_, lanes_);
        IndexEnv at = past ? env_.masked(there) : env_;
        set_flat(x_, at, axes_.columns, Index::scalar(clamped(column + c)));
        set_flat(x_, at, axes_.over, Index::ramp(from, lanes_, lanes_));
        const Ex value = b_.splat(x_.value(roles_.b, at), lanes_);
        return past ? b_.select(there, value, zeros()) : value;
      };
      std::vector<Ex> square;
      for (std::int64_t c = 0; c < lanes_; ++c) {
        if (lines_ && !past) square.push_back(b_.let(b_.load_pair(x_.buffer(lines_->stored, false), starts[static_cast<std::size_t>(c)] + term, lanes_)));
        else square.push_back(b_.let(b_.pairs(terms_of(c, term), terms_of(c, term + lanes_), true)));
      }
      b_.at(roles_.ordinal);
      turn_over(b_, square);
      std::vector<Ex> now;
      for (const Ex& sum : sums) now.push_back(b_.let(sum));
      now = with_tile(term, now, 1, [&](std::int64_t t, std::int64_t) {
        const Ex pair = square[static_cast<std::size_t>(t / 2)];
        return t % 2 == 0 ? b_.bits(ExprKind::bit_and, pair, words(65535)) : b_.bits(ExprKind::shift_right, pair, words(16));
      });
      for (std::size_t r = 0; r < sums.size(); ++r) b_.assign(sums[r], now[r]);
    });
    for (std::int64_t r = 0; r < rows_; ++r) finish(r, column, !whole_panels(), sums[static_cast<std::size_t>(r)]);
  }

  // What a block of terms is added to, the first one too: -0, which leaves every number as it is.
  Ex nothing() { return b_.splat(is_float(dtype_) ? b_.real(-0.0, dtype_) : zero(), lanes_); }
  void blocks(const std::function<void(Ex k0, Ex end)>& body) {
    x_.loop(b_.integer(0), block_count(), 1, [&](Ex number) {
      b_.at(roles_.ordinal);
      const Ex k0 = b_.let(number * kBlock);
      body(k0, b_.let(min(k0 + kBlock, k_)));
    });
  }
  bool whole_terms() const { return in_blocks_ && task_columns_ >= *columns_.constant(); }
  bool widens() const { return stored_b_ && size_of(g_.type(stored_b_->stored).dtype) < size_of(dtype_); }
  bool terms_divide(std::int64_t n) const {
    const auto c = terms_.constant();
    return c && *c % n == 0;
  }

  // ---- B whose columns lie one after the other: sums of all the task's columns, a few terms at a time
  // body(which of the columns, how many vectors, masked)
  void each_column(Ex count, const std::function<void(Ex, std::int64_t, bool)>& body) {
    const Ex whole = whole_panels() ? count : b_.let(count / panel_ * panel_);
    x_.loop(b_.integer(0), whole, panel_, [&](Ex c) { body(c, vectors_, false); });
    if (!whole_panels()) x_.loop(whole, count, lanes_, [&](Ex c) { body(c, 1, true); });
  }
  void fill(BufferId to, Ex value) {
    x_.loop(b_.integer(0), b_.integer(rows_ * task_columns_), lanes_, [&](Ex i) { b_.store(to, b_.ramp(i, lanes_), value); });
  }
  // Of the task's own sums.
  Ex own(Ex column, std::int64_t row) { return b_.ramp(column + row * task_columns_, lanes_); }

  // What the terms from k0 to last sum to, of `count` columns from `first`.
  void add_block(Ex first, Ex count, Ex k0, Ex last) {
    fill(sums_, b_.splat(zero(), lanes_));
    const auto add = [&](Ex term, std::int64_t terms) {
      std::vector<Ex> values;
      for (std::int64_t t = 0; t < terms; ++t)
        for (std::int64_t r = 0; r < rows_; ++r) values.push_back(a(r, term + t));
      each_column(count, [&](Ex c, std::int64_t n, bool masked) {
        if (fetches_ && !masked) fetch_ahead(term, terms, first, c);
        for (std::int64_t v = 0; v < n; ++v) {
          std::vector<Ex> sums;
          for (std::int64_t r = 0; r < rows_; ++r) sums.push_back(b_.load(sums_, own(c + v * lanes_, r)));
          for (std::int64_t t = 0; t < terms; ++t) {
            const Ex column = b_at(term + t, first + c + v * lanes_, masked);
            for (std::int64_t r = 0; r < rows_; ++r) {
              Ex& sum = sums[static_cast<std::size_t>(r)];
              sum = b_.let(mac(values[static_cast<std::size_t>(t * rows_ + r)], column, sum));
            }
          }
          for (std::int64_t r = 0; r < rows_; ++r) b_.store(sums_, own(c + v * lanes_, r), sums[static_cast<std::size_t>(r)]);
        }
      });
    };
    const Ex whole = b_.let(k0 + (last - k0) / terms_at_once_ * terms_at_once_);
    x_.loop(k0, whole, terms_at_once_, [&](Ex term) { add(term, terms_at_once_); });
    if (!terms_divide(terms_at_once_)) x_.loop(whole, last, 1, [&](Ex term) { add(term, 1); });
  }

  // While columns `c` of a group of terms are computed.
  void fetch_ahead(Ex term, std::int64_t terms, Ex first, Ex c) {
    for (std::int64_t t = 0; t < terms; ++t) {
      if (whole_terms()) fetch_line(term + std::max(kTermsAhead, terms), c * terms + t * panel_, 1);
      else fetch_line(term + (kGroupsAhead * terms + t), first + c, 2);
    }
  }

  void vectors(Ex first, Ex end) {
    const Ex count = b_.let(end - first);
    if (!one_block()) fill(totals_, nothing());
    blocks([&](Ex k0, Ex last) {
      add_block(first, count, k0, last);
      if (one_block()) return;
      x_.loop(b_.integer(0), b_.integer(rows_ * task_columns_), lanes_, [&](Ex i) {
        const Ex at = b_.ramp(i, lanes_);
        b_.store(totals_, at, b_.load(totals_, at) + b_.load(sums_, at));
      });
    });
    each_column(count, [&](Ex c, std::int64_t n, bool masked) {
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t v = 0; v < n; ++v)
          finish(r, first + c + v * lanes_, masked, b_.let(b_.load(one_block() ? sums_ : totals_, own(c + v * lanes_, r))));
    });
  }

  // ---- blocks of terms, by tasks of their own
  Ex block_count() { return DotBlocks(x_, roles_).count(); }
  Ex partial(Ex block, std::int64_t row, Ex column) { return b_.ramp(DotBlocks(x_, roles_).place(block, entry_, b_.integer(row), column), lanes_); }
  Ex real_columns(Ex column) { return b_.ramp(column, lanes_) < b_.splat(n_, lanes_); }
  void sum_block(Ex block, Ex k0, Ex last, Ex first, Ex end) {
    const Ex count = b_.let(end - first);
    const BufferId to = x_.temporary(dtype_, 0, true);
    if (across_) {
      x_.loop(first, end, panel_, [&](Ex column) {
        const std::vector<Ex> sums = block_of_squares(column, k0, last);
        for (std::int64_t r = 0; r < rows_; ++r)
          for (std::int64_t v = 0; v < vectors_; ++v) {
            const Ex at = b_.let(column + v * lanes_);
            b_.store(to, partial(block, r, at), sums[static_cast<std::size_t>(r * vectors_ + v)], whole_panels() ? Ex() : real_columns(at));
          }
      });
      return;
    }
    add_block(first, count, k0, last);
    each_column(count, [&](Ex c, std::int64_t n, bool masked) {
      for (std::int64_t r = 0; r < rows_; ++r)
        for (std::int64_t v = 0; v < n; ++v) {
          const Ex own_column = c + v * lanes_, column = b_.let(first + own_column);
          b_.store(to, partial(block, r, column), b_.load(sums_, own(own_column, r)), masked ? real_columns(column) : Ex());
        }
    });
  }
  // What is B's at a term and a vector of columns.
  Ex b_at(Ex term, Ex first, bool masked) {
    IndexEnv at = masked ? env_.masked(b_.ramp(first, lanes_) < b_.splat(n_, lanes_)) : env_;
    set_flat(x_, at, axes_.over, Index::scalar(term));
    set_flat(x_, at, axes_.columns, Index::ramp(first, lanes_, lanes_));
    return b_.let(b_.splat(operand(roles_.b, at), lanes_));
  }

  // ---- B whose terms lie one after the other: squares of `vectors_` vectors of columns, sums in registers
  void squares(Ex column) {
    b_.at(roles_.ordinal);
    const auto sums = static_cast<std::size_t>(rows_ * vectors_);
    std::vector<Ex> totals, block;
    for (std::size_t i = 0; i < sums && !one_block(); ++i) totals.push_back(b_.variable(nothing()));
    blocks([&](Ex k0, Ex end) {
      block = block_of_squares(column, k0, end);
      for (std::size_t i = 0; i < totals.size(); ++i) b_.assign(totals[i], totals[i] + block[i]);
    });
    for (std::int64_t r = 0; r < rows_; ++r)
      for (std::int64_t v = 0; v < vectors_; ++v)
        finish(r, column + v * lanes_, !whole_panels(), (one_block() ? block : totals)[static_cast<std::size_t>(r * vectors_ + v)]);
  }
  // Where the columns' terms begin, where they are read as they lie.
  std::vector<Ex> starts_of_columns(Ex column) {
    std::vector<Ex> starts;
    for (std::int64_t c = 0; c < panel_ && lines_; ++c) {
      IndexEnv at = env_;
      set_flat(x_, at, axes_.columns, Index::scalar(clamped(column + c)));
      starts.push_back(first_term_of(x_, *lines_, roles_.over, at));
    }
    return starts;
  }
  std::vector<Ex> block_of_squares(Ex column, Ex k0, Ex end) {
    std::vector<Ex> sums;
    for (std::int64_t i = 0; i < rows_ * vectors_; ++i) sums.push_back(b_.variable(b_.splat(zero(), lanes_)));
    add_squares(column, k0, end, sums);
    return sums;
  }
  void add_squares(Ex column, Ex k0, Ex end, const std::vector<Ex>& sums) {
    const std::vector<Ex> starts = starts_of_columns(column);
    // Row `c` of a square of terms from `term`: i32 of two bf16 each where `pairs_`.
    const auto row = [&](Ex term, std::int64_t c) {
      if (lines_) {
        const BufferId from = x_.buffer(lines_->stored, false);
        const Ex first = starts[static_cast<std::size_t>(c)] + term;
        return pairs_ ? b_.load_pair(from, first, lanes_) : b_.load(from, b_.ramp(first, lanes_));
      }
      IndexEnv at = env_;
      set_flat(x_, at, axes_.columns, Index::scalar(clamped(column + c)));
      set_flat(x_, at, axes_.over, Index::ramp(term, lanes_, lanes_));
      return b_.splat(operand(roles_.b, at), lanes_);
    };
    const std::int64_t per_row = pairs_ ? 2 : 1, step = per_row * lanes_;
    const Ex whole = b_.let(k0 + (end - k0) / step * step);
    x_.loop(k0, whole, step, [&](Ex term) {
      fetch_panel(term, step, column + panel_);
      std::vector<std::vector<Ex>> squares;
      for (std::int64_t v = 0; v < vectors_; ++v) {
        std::vector<Ex>& square = squares.emplace_back();
        for (std::int64_t c = 0; c < lanes_; ++c) square.push_back(b_.let(row(term, v * lanes_ + c)));
        turn_over(b_, square);
      }
      for (std::int64_t t = 0; t < step; ++t)
        add_term(term + t, sums, [&](std::int64_t v) {
          const Ex terms = squares[static_cast<std::size_t>(v)][static_cast<std::size_t>(t / per_row)];
          if (!pairs_) return terms;
          const Ex bits = t % 2 == 0 ? b_.bits(ExprKind::shift_left, terms, b_.splat(b_.integer(16, DType::i32), lanes_))
                                     : b_.bits(ExprKind::bit_and, terms, b_.splat(b_.integer(-65536, DType::i32), lanes_));
          return b_.let(b_.bitcast(bits, DType::f32));
        });
    });
    if (!terms_divide(step))
      x_.loop(whole, end, 1, [&](Ex term) { add_term(term, sums, [&](std::int64_t v) { return b_at(term, column + v * lanes_, !whole_panels()); }); });
  }
  // While `step` terms from `term` on are computed: as much of the columns from `column` on. (The processor does not see so many rows
  // coming.) Line after line, as memory is fastest, where the first cache holds them all, else the same terms.
  void fetch_panel(Ex term, std::int64_t step, Ex column) {
    const auto terms = terms_.constant();
    const bool holds = terms && *terms * panel_ * 64 <= kPanelBytes * line_;
    // Of lines longer than a step, every step fetches those of other columns.
    const std::int64_t turns = std::max<std::int64_t>(1, line_ / step);
    const Ex first = holds || turns == 1 ? column : b_.let(column + term / step % turns * (panel_ / turns));
    for (std::int64_t i = 0; i < step * panel_; i += line_) {
      if (holds) fetch_line(term * panel_ + i, column, 1);
      else fetch_line(term + i % step, first + i / std::max(step, line_), 1);
    }
  }
  void add_term(Ex term, const std::vector<Ex>& sums, const std::function<Ex(std::int64_t)>& columns) {
    std::vector<Ex> column;
    for (std::int64_t v = 0; v < vectors_; ++v) column.push_back(columns(v));
    for (std::int64_t r = 0; r < rows_; ++r) {
      const Ex value = a(r, term);
      for (std::int64_t v = 0; v < vectors_; ++v) {
        const Ex sum = sums[static_cast<std::size_t>(r * vectors_ + v)];
        b_.assign(sum, mac(value, column[static_cast<std::size_t>(v)], sum));
      }
    }
  }
  Ex clamped(Ex column) { return b_.let(whole_panels() ? column : min(column, n_ - 1)); }

  // The line of B at a term and a column, one beyond the last standing for those of the next, comes into a cache.
  void fetch_line(Ex term, Ex column, int cache) {
    if (!stored_b_) return;
    IndexEnv env = env_;
    set_flat(x_, env, axes_.over, Index::scalar(term));
    set_flat(x_, env, axes_.columns, Index::scalar(column));
    b_.prefetch(x_.buffer(stored_b_->stored, false), element_of(x_, *stored_b_, env), cache);
  }

  // Everything after the dot, for a vector of columns of a row.
  void finish(std::int64_t row, Ex column, bool masked, Ex sum) {
    IndexEnv at = masked ? env_.masked(b_.ramp(column, lanes_) < b_.splat(n_, lanes_)) : env_;
    set_flat(x_, at, axes_.rows, Index::scalar(b_.integer(row)));
    set_flat(x_, at, axes_.columns, Index::ramp(column, lanes_, lanes_));
    b_.at(roles_.ordinal);
    finish_dot(x_, roles_.node, at, sum);
  }

  const bool in_blocks_;  // does this kernel's task sum up a block of the terms alone?
  const GraphData& g_;
  const Layouts& layouts_;
  Roles roles_;
  KernelBuilder b_{"contraction"};
  ScheduledKernel out_;
  Inline x_;
  RoleAxes axes_;
  DType dtype_;
  int lanes_;
  std::int64_t threads_, whole_term_bytes_;
  bool tiles_;
  std::int64_t rows_ = 1, vectors_ = 1, panel_ = 0, task_columns_ = 0, terms_at_once_ = 8, line_ = 1;
  Extent columns_, terms_;
  bool across_ = false, pairs_ = false, fetches_ = false;
  std::optional<StoredOperand> in_place_, stored_b_, lines_;
  BufferId copied_ = 0, sums_ = 0, totals_ = 0;
  std::vector<Ex> starts_;  // of A's rows
  Ex term_step_;            // in place: from one term to the next, where they do not lie one after the other
  IndexEnv env_;
  Ex n_, k_, entry_;
};

}  // namespace

bool has_few_rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Roles roles = find_roles(g, cluster, layouts);
  const auto rows = product(g.type(roles.a), roles.rows).constant();
  const DType dtype = sums_in(g, roles);
  const bool tiles = counts_as_tiles(g, roles, dtype, target), few = rows && *rows >= 1 && *rows <= most_rows(target, tiles);
  if (!few || product(g.type(roles.b), roles.columns) == Extent(1)) return false;
  return lanes_of_sums(target, dtype) > 1 && (tiles || !multiplied_in_pairs(g, roles, dtype, target));
}

Schedule schedule_few_rows(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const auto kernel = [&](bool in_blocks) { return FewRows(graph, cluster, layouts, target, in_blocks); };
  FewRows whole = kernel(false);
  if (whole.divides_terms()) return in_blocks(graph, cluster, layouts, target, kernel(true).write());
  Schedule s;
  s.kernels.push_back(whole.write());
  return s;
}

}  // namespace uwaga
