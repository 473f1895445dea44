#include <uwaga/codegen/schedule/inner_products.h>

#include <algorithm>
#include <functional>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/internal/dot_blocks.h>

namespace uwaga {
namespace {

using namespace kernel;
using namespace schedule;

class InnerProducts {
 public:
  InnerProducts(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target)
      : g_(graph.data()), layouts_(layouts), roles_(find_roles(g_, cluster, layouts)),
        x_(b_, graph, cluster, layouts, out_), axes_(collapse_roles(x_, roles_)), dtype_(sums_in(g_, roles_)),
        lanes_(lanes_of_sums(target, dtype_)), terms_(product(g_.type(roles_.a), roles_.over)),
        entries_(product(g_.node(roles_.node).types[0], roles_.batch)), rows_ahead_(target.tuning.rows_ahead) {
    side_by_side_ = lies_side_by_side(roles_.a) && lies_side_by_side(roles_.b);
    vectors_ = side_by_side_ ? std::max<std::int64_t>(1, kPieceBytes / (lanes_ * static_cast<std::int64_t>(size_of(dtype_)))) : 1;
  }

  bool one_block() const { return terms_.constant().value_or(kBlock + 1) <= kBlock; }

  ScheduledKernel write() {
    b_.at(roles_.ordinal);
    k_ = x_.extent(terms_);
    e_ = x_.extent(entries_);
    count_ = one_block() ? b_.integer(1) : DotBlocks(x_, roles_).count();
    for (Value v : {roles_.a, roles_.b})
      for (const Dim& d : g_.type(v).dims) env_.axes[d.axis] = Index::scalar(b_.integer(0));
    if (side_by_side_) write_neighbours();
    else write_chains();
    out_.kernel = b_.finish();
    return std::move(out_);
  }

 private:
  // Of each block's entries, a task: a few cache lines.
  static constexpr std::int64_t kPieceBytes = 256;

  bool lies_side_by_side(Value operand) const {
    const auto d = leading_operand(x_, operand);
    if (!d || roles_.batch.empty()) return false;
    const AxisNames order = stored_axes(g_, layouts_, d->stored);
    return !order.empty() && std::any_of(roles_.batch.begin(), roles_.batch.end(), [&](const std::string& axis) {
      const auto name = d->names.find(axis);
      return name != d->names.end() && name->second == order.back();
    });
  }
  Ex mac(Ex a, Ex b, Ex sum) { return is_float(dtype_) ? b_.fma(a, b, sum) : sum + a * b; }
  Ex number(double value) { return b_.splat(is_float(dtype_) ? b_.real(value, dtype_) : b_.integer(0, dtype_), lanes_); }
  Ex operand(Value v, const IndexEnv& env) {
    const Ex value = x_.value(v, env);
    return b_.splat(value.type().dtype == dtype_ ? value : b_.cast(value, dtype_), lanes_);
  }
  // Entries from `first` on.
  IndexEnv entries_at(Ex first) {
    IndexEnv at = env_.masked(b_.ramp(first, lanes_) < b_.splat(e_, lanes_));
    set_flat(x_, at, axes_.batch, Index::ramp(first, lanes_, lanes_));
    return at;
  }

  // Sums of a block: of the entries from `first` on, beside each other.
  void keep(Ex block, Ex first, Ex sums) {
    if (one_block()) return finish(first, sums);
    const Ex mask = b_.ramp(first, lanes_) < b_.splat(e_, lanes_);
    b_.store(x_.temporary(dtype_, 0, true), b_.ramp(block * e_ + first, lanes_), sums, mask);
  }
  void finish(Ex first, Ex sums) {
    const bool only = axes_.batch.empty();
    const IndexEnv at = only ? env_ : entries_at(first);
    b_.at(roles_.ordinal);
    finish_dot(x_, roles_.node, at, only ? b_.lanes(sums, 0, 1) : sums);
  }

  // ---- entries that lie one after the other
  void write_neighbours() {
    const Ex block = b_.grid(count_), width = b_.integer(vectors_ * lanes_);
    const Ex first = b_.let(b_.grid((e_ + (width - 1)) / width) * width);
    const Ex begin = b_.let(block * kBlock), end = b_.let(min(begin + kBlock, k_));
    std::vector<Ex> sums;
    for (std::int64_t v = 0; v < vectors_; ++v) sums.push_back(b_.variable(number(0)));
    const auto walk = [&](bool whole) {
      x_.loop(begin, end, 1, [&](Ex term) {
        fetch_ahead(term, first);
        for (std::int64_t v = 0; v < vectors_; ++v) {
          const Ex at = b_.let(first + v * lanes_);
          IndexEnv env = whole ? env_ : env_.masked(b_.ramp(at, lanes_) < b_.splat(e_, lanes_));
          set_flat(x_, env, axes_.batch, Index::ramp(at, lanes_, lanes_));
          set_flat(x_, env, axes_.over, Index::scalar(term));
          const Ex a = operand(roles_.a, env), b = operand(roles_.b, env);
          b_.at(roles_.ordinal);
          const Ex& sum = sums[static_cast<std::size_t>(v)];
          b_.assign(sum, mac(a, b, sum));
        }
      });
    };
    x_.branch(first + width < e_ + 1, [&] { walk(true); }, [&] { walk(false); });
    for (std::int64_t v = 0; v < vectors_; ++v) keep(block, b_.let(first + v * lanes_), sums[static_cast<std::size_t>(v)]);
  }
  // The same entries of a term that comes up later.
  void fetch_ahead(Ex term, Ex first) {
    if (axes_.over.size() != 1) return;
    IndexEnv env = env_;
    set_flat(x_, env, axes_.over, Index::scalar(term + rows_ahead_));
    set_flat(x_, env, axes_.batch, Index::scalar(first));
    for (Value v : {roles_.a, roles_.b})
      if (const auto d = leading_operand(x_, v)) fetch(x_, *d, env, vectors_ * lanes_);
  }

  // ---- terms that do. Chain c is block c / e of entry c % e.
  void write_chains() {
    const Ex chains = e_ * count_;
    const Ex groups = (chains + (lanes_ - 1)) / lanes_;
    // Of short chains several groups make a task.
    const Ex per = max(b_.integer(kTaskElements / lanes_) / max(min(k_, b_.integer(kBlock)), b_.integer(1)), b_.integer(1));
    const Ex first = b_.let(b_.grid((groups + (per - 1)) / per) * per);
    in_whole_vectors(x_, axes_.over, lanes_, [&] {
      x_.loop(first, b_.let(min(first + per, groups)), 1, [&](Ex group) { chains_from(b_.let(group * lanes_), chains); });
    });
  }

  struct Chain {
    IndexEnv env;  // of its entry
    Ex begin, terms;
  };
  void chains_from(Ex first, Ex chains) {
    b_.at(roles_.ordinal);
    std::vector<Chain> all;
    Ex entry = b_.let(one_block() ? first : first % e_), begin = b_.let(one_block() ? b_.integer(0) : first / e_ * kBlock);
    Ex least, most;
    for (int c = 0; c < lanes_; ++c) {
      Chain& here = all.emplace_back(Chain{env_, begin, b_.let(min(k_ - begin, b_.integer(kBlock)))});
      set_flat(x_, here.env, axes_.batch, Index::scalar(entry));
      least = c == 0 ? here.terms : b_.let(min(least, here.terms));
      most = c == 0 ? here.terms : b_.let(max(most, here.terms));
      // The next one; past the last chain that one again.
      const Ex more = first + (c + 1) < chains, same = entry + 1 < e_;
      begin = one_block() ? begin : b_.let(b_.select(more && logical_not(same), begin + kBlock, begin));
      entry = b_.let(b_.select(more, b_.select(same, entry + 1, b_.integer(0)), entry));
    }
    const Ex sums = b_.variable(number(0)), whole = b_.let(least / lanes_ * lanes_);
    x_.loop(b_.integer(0), whole, lanes_, [&](Ex term) { square(all, term, false, sums); });
    x_.loop(whole, most, lanes_, [&](Ex term) { square(all, term, true, sums); });
    if (one_block()) return finish(first, sums);
    b_.store(x_.temporary(dtype_, 0, true), b_.ramp(first, lanes_), sums, b_.ramp(first, lanes_) < b_.splat(chains, lanes_));
  }
  // As many terms of each chain as there are lanes. Past a chain's end a 0 times a -0 leaves every sum as it is.
  void square(const std::vector<Chain>& chains, Ex term, bool masked, Ex sums) {
    const auto turned = [&](Value v, double past) {
      std::vector<Ex> square;
      for (const Chain& c : chains) {
        const Ex there = b_.ramp(term, lanes_) < b_.splat(c.terms, lanes_);
        IndexEnv at = masked ? c.env.masked(there) : c.env;
        set_flat(x_, at, axes_.over, Index::ramp(c.begin + term, lanes_, lanes_));
        const Ex value = operand(v, at);
        square.push_back(b_.let(masked ? b_.select(there, value, number(past)) : value));
      }
      b_.at(roles_.ordinal);
      turn_over(b_, square);
      return square;
    };
    const std::vector<Ex> a = turned(roles_.a, 0), b = turned(roles_.b, -0.0);
    for (std::size_t t = 0; t < a.size(); ++t) b_.assign(sums, mac(a[t], b[t], sums));
  }

  const GraphData& g_;
  const Layouts& layouts_;
  Roles roles_;
  KernelBuilder b_{"contraction"};
  ScheduledKernel out_;
  Inline x_;
  RoleAxes axes_;
  DType dtype_;
  int lanes_;
  Extent terms_, entries_;
  std::int64_t rows_ahead_, vectors_ = 1;
  bool side_by_side_ = false;
  IndexEnv env_;
  Ex k_, e_, count_;  // terms, entries, blocks
};

}  // namespace

bool has_inner_products(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  const GraphData& g = graph.data();
  const Roles roles = find_roles(g, cluster, layouts);
  const auto one = [&](Value v, const AxisNames& axes) { return product(g.type(v), axes) == Extent(1); };
  return one(roles.a, roles.rows) && one(roles.b, roles.columns) && lanes_of_sums(target, sums_in(g, roles)) > 1;
}

Schedule schedule_inner_products(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target) {
  InnerProducts products(graph, cluster, layouts, target);
  if (!products.one_block()) return in_blocks(graph, cluster, layouts, target, products.write());
  Schedule s;
  s.kernels.push_back(products.write());
  return s;
}

}  // namespace uwaga
