#include <uwaga/codegen/schedule/contraction.h>

#include <algorithm>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

using namespace kernel;
using namespace schedule;

// Terms of one fma chain; part of the meaning of a sum (contracts, section 3).
constexpr std::int64_t kBlock = 512;
// Rows and columns of C that one task computes, about. They bound its scratch and set how often operands are packed again.
constexpr std::int64_t kTaskRows = 240, kTaskColumns = 64;

// Writes one kernel.
class Contraction {
 public:
  Contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target)
      : g_(graph.data()), cluster_(cluster), layouts_(layouts), roles_(find_roles(g_, cluster, layouts)),
        x_(b_, graph, cluster, layouts, out_) {
    const Node& n = g_.node(roles_.node);
    dtype_ = computing(n.types[0].dtype);
    const DType operand = computing(g_.type(roles_.a).dtype);
    if (operand == DType::f32) dtype_ = DType::f32;
    lanes_ = std::max(1, target.vector_bytes / static_cast<int>(size_of(dtype_)));
    const bool wide = target.registers >= 32;
    tile_rows_ = wide ? 12 : 6;
    tile_vectors_ = 2;
    const Type& t = n.types[0];
    const Type &a = g_.type(roles_.a), &b = g_.type(roles_.b);
    rows_ = product(a, roles_.rows);
    columns_ = product(b, roles_.columns);
    terms_ = product(a, roles_.over);
    batch_ = product(t, roles_.batch);
    if (const auto c = rows_.constant()) tile_rows_ = static_cast<int>(std::clamp<std::int64_t>(*c, 1, tile_rows_));
    if (const auto c = columns_.constant(); c && *c <= lanes_) tile_vectors_ = 1;
    task_rows_ = kTaskRows / tile_rows_ * tile_rows_;
    if (const auto c = rows_.constant()) task_rows_ = std::min(task_rows_, (*c + tile_rows_ - 1) / tile_rows_ * tile_rows_);
    panel_ = static_cast<std::int64_t>(tile_vectors_) * lanes_;
    task_columns_ = std::max(kTaskColumns / panel_, std::int64_t{1}) * panel_;
    if (const auto c = columns_.constant()) task_columns_ = std::min(task_columns_, (*c + panel_ - 1) / panel_ * panel_);
    block_ = kBlock;
    if (const auto c = terms_.constant()) block_ = std::clamp<std::int64_t>(*c, 1, kBlock);
  }

  Schedule write() {
    b_.at(roles_.ordinal);
    const Ex m = x_.extent(rows_), n = x_.extent(columns_), k = x_.extent(terms_);
    const Ex entry = b_.grid(x_.extent(batch_));
    const Ex row_block = b_.grid((m + (task_rows_ - 1)) / task_rows_);
    const Ex column_block = b_.grid((n + (task_columns_ - 1)) / task_columns_);
    panels_b_ = b_.scratch(dtype_, b_.integer(task_columns_ * block_));
    tile_c_ = b_.scratch(dtype_, b_.integer(task_rows_ * task_columns_));
    plan_a();
    spread(base_env_, roles_.batch, g_.node(roles_.node).types[0], Index::scalar(entry));
    m_ = m;
    n_ = n;
    row0_ = b_.let(row_block * task_rows_);
    row_end_ = b_.let(min(m, row0_ + task_rows_));
    column0_ = b_.let(column_block * task_columns_);

    const bool one_block = terms_.constant() && *terms_.constant() <= kBlock;
    const Ex blocks = one_block ? b_.integer(1) : max((k + (kBlock - 1)) / kBlock, b_.integer(1));
    x_.loop(b_.integer(0), blocks, 1, [&](Ex block) {
      b_.at(roles_.ordinal);
      const Ex k0 = b_.let(block * kBlock);
      const Ex count = b_.let(min(k - k0, b_.integer(kBlock)));
      pack_b(k0, count);
      const Ex first = one_block ? b_.integer(1, DType::boolean) : equal(block, b_.integer(0));
      if (packs_a_) {
        x_.loop(row0_, row_end_, group_rows_, [&](Ex group) {
          pack_a(group, k0, count);
          x_.loop(group, min(group + group_rows_, row_end_), tile_rows_, [&](Ex row) { tiles(row, group, k0, count, first); });
        });
      } else {
        x_.loop(row0_, row_end_, tile_rows_, [&](Ex row) { tiles(row, row, k0, count, first); });
      }
    });
    epilogue();
    Schedule s;
    out_.kernel = b_.finish();
    for (NodeId id : cluster_.nodes) out_.origins.push_back(g_.node(id).provenance);
    s.kernels.push_back(std::move(out_));
    return s;
  }

 private:
  void spread(IndexEnv& env, const AxisNames& axes, const Type& type, Index flat) { spread_flat(x_, env, axes, type, flat); }

  Ex mac(Ex a, Ex b, Ex sum) { return is_float(dtype_) ? b_.fma(a, b, sum) : sum + a * b; }
  Ex zero() { return is_float(dtype_) ? b_.real(0, dtype_) : b_.integer(0, dtype_); }
  Ex operand(Value v, const IndexEnv& env) {
    const Ex value = x_.value(v, env);
    return value.type().dtype == dtype_ ? value : b_.cast(value, dtype_);
  }

  AxisNames order_of(Value stored) const {
    const auto it = layouts_.find(stored);
    return it != layouts_.end() ? it->second.order : g_.type(stored).axes();
  }
  Extent stride_of(Value stored, const std::string& axis) const {
    const AxisNames order = order_of(stored);
    Extent s = 1;
    for (std::size_t i = order.size(); i-- > 0 && order[i] != axis;) s = s * g_.type(stored).extent(order[i]);
    return s;
  }

  // A is read in place where its terms lie one after the other; else it is packed, a group of rows at a time.
  void plan_a() {
    group_rows_ = tile_rows_;
    if (const auto d = stored_operand(x_, roles_.a)) {
      bool in_place = true;
      Extent stride = 1;
      for (std::size_t i = roles_.over.size(); i-- > 0;) {
        if (!(stride_of(d->stored, d->names.at(roles_.over[i])) == stride)) in_place = false;
        stride = stride * g_.type(roles_.a).extent(roles_.over[i]);
      }
      if (in_place) {
        direct_a_ = d;
        return;
      }
      const AxisNames order = order_of(d->stored);
      along_rows_ = !order.empty() && !roles_.rows.empty() && d->names.at(roles_.rows.back()) == order.back();
    }
    packs_a_ = true;
    if (along_rows_) {
      while (group_rows_ % lanes_ != 0) group_rows_ += tile_rows_;
      if (group_rows_ > task_rows_) group_rows_ = (task_rows_ + lanes_ - 1) / lanes_ * lanes_;
      group_rows_ = std::max<std::int64_t>(group_rows_, lanes_);
      // Tiles never leave their group.
      group_pitch_ = (group_rows_ + lanes_ - 1) / lanes_ * lanes_;
      group_rows_ = group_rows_ / tile_rows_ * tile_rows_;
      packed_a_ = b_.scratch(dtype_, b_.integer(group_pitch_ * block_));
    } else {
      packed_a_ = b_.scratch(dtype_, b_.integer(group_rows_ * block_));
    }
  }

  void pack_a(Ex group, Ex k0, Ex count) {
    if (along_rows_) {
      x_.loop(b_.integer(0), count, 1, [&](Ex term) {
        IndexEnv env = base_env_;
        spread(env, roles_.over, g_.type(roles_.a), Index::scalar(k0 + term));
        for (std::int64_t i = 0; i < group_pitch_; i += lanes_) {
          const Ex first = group + i;
          IndexEnv at = env.masked(b_.ramp(first, lanes_) < b_.splat(m_, lanes_));
          spread(at, roles_.rows, g_.type(roles_.a), Index::ramp(first, lanes_));
          b_.store(packed_a_, b_.ramp(term * group_pitch_ + i, lanes_), b_.splat(operand(roles_.a, at), lanes_));
        }
      });
      return;
    }
    x_.loop(b_.integer(0), b_.integer(group_rows_), 1, [&](Ex row) {
      IndexEnv env = base_env_;
      spread(env, roles_.rows, g_.type(roles_.a), Index::scalar(b_.let(min(group + row, m_ - 1))));
      x_.loop(b_.integer(0), count, lanes_, [&](Ex term) {
        IndexEnv at = env.masked(b_.ramp(k0 + term, lanes_) < b_.splat(k0 + count, lanes_));
        spread(at, roles_.over, g_.type(roles_.a), Index::ramp(k0 + term, lanes_, lanes_));
        const Ex value = b_.splat(operand(roles_.a, at), lanes_);
        b_.store(packed_a_, b_.ramp(row * block_ + term, lanes_), value, b_.ramp(term, lanes_) < b_.splat(count, lanes_));
      });
    });
  }

  void pack_b(Ex k0, Ex count) {
    x_.loop(b_.integer(0), b_.integer(task_columns_ / panel_), 1, [&](Ex panel) {
      const Ex column = b_.let(column0_ + panel * panel_);
      x_.loop(b_.integer(0), count, 1, [&](Ex term) {
        IndexEnv env = base_env_;
        spread(env, roles_.over, g_.type(roles_.b), Index::scalar(k0 + term));
        for (int v = 0; v < tile_vectors_; ++v) {
          const Ex first = column + static_cast<std::int64_t>(v) * lanes_;
          IndexEnv at = whole_columns() ? env : env.masked(b_.ramp(first, lanes_) < b_.splat(n_, lanes_));
          spread(at, roles_.columns, g_.type(roles_.b), Index::ramp(first, lanes_, lanes_));
          b_.store(panels_b_, b_.ramp((panel * block_ + term) * panel_ + static_cast<std::int64_t>(v) * lanes_, lanes_),
                   b_.splat(operand(roles_.b, at), lanes_));
        }
      });
    });
  }

  // Are all columns of all tasks real ones?
  bool whole_columns() const {
    const auto c = columns_.constant();
    return c && *c % task_columns_ == 0;
  }

  // The register tiles of tile_rows_ rows from `row`, over all panels of the task.
  void tiles(Ex row, Ex group, Ex k0, Ex count, Ex first_block) {
    b_.at(roles_.ordinal);
    std::vector<Ex> starts;
    for (int r = 0; r < tile_rows_; ++r) {
      if (packs_a_) {
        starts.push_back(b_.let(along_rows_ ? row - group + r : (row - group + r) * block_));
        continue;
      }
      IndexEnv env = base_env_;
      spread(env, roles_.rows, g_.type(roles_.a), Index::scalar(b_.let(min(row + r, m_ - 1))));
      IndexEnv stored;
      for (const auto& [mine, theirs] : direct_a_->names)
        stored.axes[theirs] = contains(roles_.over, mine) ? Index::scalar(b_.integer(0), 0) : env.at(mine);
      starts.push_back(b_.let(lanes_of(x_.address(direct_a_->stored, stored)) + k0));
    }
    const BufferId a = packs_a_ ? packed_a_ : x_.buffer(direct_a_->stored, false);
    const std::int64_t step = packs_a_ && along_rows_ ? group_pitch_ : 1;
    x_.loop(b_.integer(0), b_.integer(task_columns_ / panel_), 1, [&](Ex panel) {
      std::vector<Ex> sums;
      for (int i = 0; i < tile_rows_ * tile_vectors_; ++i) sums.push_back(b_.variable(b_.splat(zero(), lanes_)));
      b_.loop(b_.integer(0), count, 1, [&](Ex term) {
        std::vector<Ex> columns;
        for (int v = 0; v < tile_vectors_; ++v)
          columns.push_back(b_.let(b_.load(panels_b_, b_.ramp((panel * block_ + term) * panel_ + static_cast<std::int64_t>(v) * lanes_, lanes_))));
        for (int r = 0; r < tile_rows_; ++r) {
          Ex value = b_.load(a, starts[static_cast<std::size_t>(r)] + term * step);
          if (value.type().dtype != dtype_) value = b_.cast(value, dtype_);
          value = b_.let(b_.splat(value, lanes_));
          for (int v = 0; v < tile_vectors_; ++v) {
            const Ex sum = sums[static_cast<std::size_t>(r * tile_vectors_ + v)];
            b_.assign(sum, mac(value, columns[static_cast<std::size_t>(v)], sum));
          }
        }
      });
      const auto at = [&](int r, int v) {
        return b_.ramp((row - row0_ + r) * task_columns_ + panel * panel_ + static_cast<std::int64_t>(v) * lanes_, lanes_);
      };
      const auto store_all = [&](bool add) {
        for (int r = 0; r < tile_rows_; ++r)
          for (int v = 0; v < tile_vectors_; ++v) {
            const Ex sum = sums[static_cast<std::size_t>(r * tile_vectors_ + v)];
            b_.store(tile_c_, at(r, v), add ? b_.load(tile_c_, at(r, v)) + sum : sum);
          }
      };
      b_.branch(first_block, [&] { store_all(false); }, [&] { store_all(true); });
    });
  }

  void epilogue() {
    Ex current;
    x_.define({roles_.node, 0}, [&](const IndexEnv&) { return current; });
    const Type& t = g_.node(roles_.node).types[0];
    x_.loop(row0_, row_end_, 1, [&](Ex row) {
      const Ex columns = min(n_ - column0_, b_.integer(task_columns_));
      const auto vector = [&](Ex column, bool masked) {
        IndexEnv at = base_env_;
        spread(at, roles_.rows, t, Index::scalar(row));
        spread(at, roles_.columns, t, Index::ramp(column0_ + column, lanes_, lanes_));
        if (masked) at = at.masked(b_.ramp(column, lanes_) < b_.splat(columns, lanes_));
        b_.at(roles_.ordinal);
        Ex sum = b_.let(b_.load(tile_c_, b_.ramp((row - row0_) * task_columns_ + column, lanes_)));
        current = x_.rounded(sum, t.dtype);
        const auto envs = epilogue_envs(x_, roles_.node, at);
        for (Value v : cluster_.outputs) x_.store(v, envs.at(v), x_.value(v, envs.at(v)));
      };
      const auto c = columns_.constant();
      if (c && *c % lanes_ == 0) {
        x_.loop(b_.integer(0), columns, lanes_, [&](Ex column) { vector(column, false); });
        return;
      }
      const Ex whole = b_.let(columns / lanes_ * lanes_);
      x_.loop(b_.integer(0), whole, lanes_, [&](Ex column) { vector(column, false); });
      x_.branch(whole < columns, [&] { vector(whole, true); });
    });
  }

  const GraphData& g_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  Roles roles_;
  KernelBuilder b_{"contraction"};
  ScheduledKernel out_;
  Inline x_;
  DType dtype_ = DType::f32;
  int lanes_ = 8, tile_rows_ = 6, tile_vectors_ = 2;
  Extent rows_, columns_, terms_, batch_;
  std::int64_t task_rows_ = 0, task_columns_ = 0, panel_ = 0, block_ = kBlock;
  std::int64_t group_rows_ = 0, group_pitch_ = 0;
  bool packs_a_ = false, along_rows_ = false;
  std::optional<StoredOperand> direct_a_;
  BufferId panels_b_ = 0, tile_c_ = 0, packed_a_ = 0;
  IndexEnv base_env_;
  Ex m_, n_, row0_, row_end_, column0_;
};

}  // namespace

Schedule schedule_contraction(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  return Contraction(graph, cluster, layouts, target).write();
}

}  // namespace uwaga
