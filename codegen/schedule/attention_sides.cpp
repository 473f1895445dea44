#include <uwaga/codegen/schedule/attention_sides.h>

#include <algorithm>

#include <uwaga/codegen/schedule/attention_flat.h>

namespace uwaga::schedule {
namespace {

using namespace kernel;

// Rows by which what is packed is fetched ahead: those of a head lie apart.
constexpr std::int64_t kRowsAhead = 8;

DType word(Pairs pairs) { return pairs == Pairs::none ? DType::f32 : DType::i32; }

}  // namespace

AttentionSides::AttentionSides(KernelBuilder& b, Inline& x, const AttentionForm& form, int lanes, bool in_tiles)
    : b_(b), x_(x), f_(form), g_(x.graph()), lanes_(lanes), in_tiles_(in_tiles) {}

std::int64_t AttentionSides::words(Value v, const std::string& feature, Pairs pairs) const {
  return *g_.type(v).extent(feature).constant() / (pairs == Pairs::features ? 2 : 1);
}
std::int64_t AttentionSides::pitch(Value v, const std::string& feature, Pairs pairs) const {
  return (words(v, feature, pairs) + lanes_ - 1) / lanes_ * lanes_;
}
Ex AttentionSides::zeros() const { return b_.splat(b_.real(0), lanes_); }

// As it lies in memory, where it can be multiplied like this.
std::optional<StoredOperand> AttentionSides::in_place(Value v, const std::string& feature, Pairs pairs) const {
  if (pairs == Pairs::none) return stored_operand(x_, v);
  const Node& n = g_.node(v.node);
  const bool narrow = !in_tiles_ && pairs == Pairs::features && n.op == Op::cast && x_.computes(v.node);
  return narrow ? operand_in_line(x_, n.operands[0], {feature}, DType::bf16) : std::nullopt;
}

KeySide& AttentionSides::key(Value v, const std::string& feature, Pairs pairs, Ex keys) {
  for (KeySide& k : keys_)
    if (k.value == v && k.feature == feature && k.pairs == pairs) return k;
  KeySide k{v, feature, pairs, in_place(v, feature, pairs), 0, {}, {}, {}, {}};
  const Ex whole = (keys + (kTileKeys - 1)) / kTileKeys * kTileKeys;
  if (in_tiles_ && pairs == Pairs::rows) {
    // Of features a line more apart, a tile's do not all fall into the same few sets of a cache.
    k.turned_pitch = whole / 2 + kTileColumns;
    k.buffer = b_.scratch(DType::i32, k.turned_pitch * words(v, feature, pairs));
  } else if (!k.stored) {
    const Ex rows = in_tiles_ ? whole : pairs == Pairs::rows ? (keys + 1) / 2 : keys;
    k.buffer = b_.scratch(word(pairs), rows * pitch(v, feature, pairs));
  }
  return keys_.emplace_back(std::move(k));
}

QuerySide& AttentionSides::query(Value v, const std::string& feature, Pairs pairs, bool across) {
  auto it = std::find_if(queries_.begin(), queries_.end(),
                         [&](const QuerySide& q) { return q.value == v && q.feature == feature && q.pairs == pairs; });
  if (it == queries_.end()) {
    const std::int64_t rows = pairs == Pairs::rows ? kQueries / 2 : kQueries;
    it = queries_.insert(queries_.end(), QuerySide{v, feature, pairs, b_.scratch(word(pairs), b_.integer(rows * pitch(v, feature, pairs))), 0, false});
  }
  if (across && !it->across) {
    it->across = true;
    it->columns = b_.scratch(word(pairs), b_.integer(kQueries * words(v, feature, pairs)));
  }
  return *it;
}

void AttentionSides::pack_keys(const IndexEnv& env, const std::function<void(const Rows& rows)>& each_block) {
  bool packs = false;
  for (KeySide& k : keys_) {
    if (k.stored) {
      IndexEnv at;
      for (const auto& [mine, theirs] : k.stored->names)
        at.axes[theirs] = mine == f_.key || mine == k.feature ? Index::scalar(b_.integer(0), 0) : env.at(mine);
      k.buffer = x_.buffer(k.stored->stored, false);
      k.base = b_.let(lanes_of(x_.address(k.stored->stored, at)));
      k.row_step = x_.stride(k.stored->stored, k.stored->names.at(f_.key));
      k.feature_step = x_.stride(k.stored->stored, k.stored->names.at(k.feature));
      continue;
    }
    packs = true;
    k.base = b_.integer(0);
    k.row_step = b_.integer(k.turned_pitch ? 1 : pitch(k.value, k.feature, k.pairs));
    k.feature_step = k.turned_pitch ? k.turned_pitch : b_.integer(1);
  }
  if (!packs) return;
  each_block([&](Ex begin, Ex end) {
    for (const KeySide& k : keys_) {
      if (k.stored) continue;
      const auto at = [&](Ex row) { return env.with(f_.key, Index::scalar(row)); };
      if (k.turned_pitch) {
        pack_turned(k, at, begin, end);
        continue;
      }
      if (k.pairs == Pairs::rows) {
        pack_pairs_of_rows(k.value, k.feature, at, begin, end, k.buffer);
        continue;
      }
      x_.loop(begin, end, 1, [&](Ex row) {
        fetch_row(k.value, k.feature, at(row + kRowsAhead));
        pack_row(k.value, k.feature, k.pairs, at(row), k.buffer, row);
      });
      if (in_tiles_) clear_rows(k.buffer, end, (end + (kTileKeys - 1)) / kTileKeys * kTileKeys, pitch(k.value, k.feature, k.pairs));
    }
  });
}

void AttentionSides::fetch_row(Value v, const std::string& feature, const IndexEnv& env) {
  b_.at(kAlgorithm);
  if (const auto d = leading_operand(x_, v)) fetch(x_, *d, env.with(feature, Index::scalar(b_.integer(0))), words(v, feature, Pairs::none));
}

IndexEnv AttentionSides::of_features(const IndexEnv& env, const std::string& feature, std::int64_t n, Ex first) const {
  const IndexEnv at = env.with(feature, Index::ramp(first, lanes_, lanes_));
  return n % lanes_ == 0 ? at : at.masked(b_.ramp(first, lanes_) < b_.splat(b_.integer(n), lanes_));
}

void AttentionSides::pack_row(Value v, const std::string& feature, Pairs pairs, const IndexEnv& env, BufferId to, Ex row) {
  const std::int64_t n = words(v, feature, Pairs::none);
  if (pairs == Pairs::features) {
    x_.loop(b_.integer(0), b_.integer(n), 2 * std::int64_t{lanes_}, [&](Ex e) {
      const auto from = [&](Ex first) { return b_.splat(x_.value(v, env.with(feature, Index::ramp(first, lanes_, lanes_))), lanes_); };
      const Ex low = from(e), high = from(e + lanes_);
      b_.at(kAlgorithm);
      b_.store(to, b_.ramp(row * (n / 2) + e / 2, lanes_), b_.pairs(low, high, true));
    });
    return;
  }
  x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
    const IndexEnv at = of_features(env, feature, n, e);
    Ex value = b_.splat(x_.value(v, at), lanes_);
    if (at.mask) value = b_.select(at.mask, value, zeros());
    b_.store(to, b_.ramp(row * pitch(v, feature, pairs) + e, lanes_), value);
    b_.at(kAlgorithm);
  });
}

void AttentionSides::pack_pairs_of_rows(Value v, const std::string& feature, const std::function<IndexEnv(Ex row)>& at, Ex begin, Ex end, BufferId to) {
  const std::int64_t n = words(v, feature, Pairs::none);
  const auto pack = [&](Ex row, bool two) {
    fetch_row(v, feature, at(row + kRowsAhead));
    fetch_row(v, feature, at(row + (kRowsAhead + 1)));
    x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
      const auto from = [&](Ex r) {
        const IndexEnv here = of_features(at(r), feature, n, e);
        const Ex value = b_.splat(x_.value(v, here), lanes_);
        return here.mask ? b_.select(here.mask, value, zeros()) : value;
      };
      const Ex low = from(row), high = two ? from(row + 1) : zeros();
      b_.at(kAlgorithm);
      b_.store(to, b_.ramp(row / 2 * pitch(v, feature, Pairs::rows) + e, lanes_), b_.pairs(low, high, false));
    });
  };
  const Ex whole = b_.let(end - (end - begin) % 2);
  x_.loop(begin, whole, 2, [&](Ex row) { pack(row, true); });
  x_.branch(whole < end, [&] { pack(whole, false); });
}

// Squares of as many features as pairs of keys, turned over in registers.
void AttentionSides::pack_turned(const KeySide& k, const std::function<IndexEnv(Ex row)>& at, Ex begin, Ex end) {
  const std::int64_t n = words(k.value, k.feature, Pairs::none);
  const auto pack = [&](Ex row, bool whole) {
    const auto words_of = [&](Ex e, std::int64_t i) {
      const auto from = [&](Ex r) {
        const Ex there = b_.let(whole ? r : min(r, end - 1));
        const Ex value = b_.splat(x_.value(k.value, of_features(at(there), k.feature, n, e)), lanes_);
        b_.at(kAlgorithm);
        return whole ? value : b_.select(b_.splat(r < end, lanes_), value, zeros());
      };
      const Ex low = from(row + 2 * i);
      return b_.pairs(low, from(row + (2 * i + 1)), false);
    };
    x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
      turn_over(b_, lanes_, [&](std::int64_t i) { return words_of(e, i); },
                [&](std::int64_t i, Ex values) { b_.store(k.buffer, b_.ramp((e + i) * k.turned_pitch + row / 2, lanes_), values); });
    });
  };
  const Ex whole = b_.let(begin + (end - begin) / kTileKeys * kTileKeys);
  x_.loop(begin, whole, kTileKeys, [&](Ex row) { pack(row, true); });
  x_.branch(whole < end, [&] { pack(whole, false); });
}

void AttentionSides::clear_rows(BufferId to, Ex begin, Ex end, std::int64_t pitch) {
  b_.at(kAlgorithm);
  x_.loop(begin, end, 1, [&](Ex row) {
    x_.loop(b_.integer(0), b_.integer(pitch), lanes_, [&](Ex e) {
      b_.store(to, b_.ramp(row * pitch + e, lanes_), b_.splat(b_.integer(0, DType::i32), lanes_));
    });
  });
}

void AttentionSides::pack_queries(const IndexEnv& env, Ex q0, Ex count, Ex width) {
  for (const QuerySide& q : queries_) pack(q, env, q0, count, width);
}

void AttentionSides::pack(const QuerySide& q, const IndexEnv& env, Ex q0, Ex count, Ex width) {
  const auto at = [&](Ex i) { return env.with(f_.query, Index::scalar(b_.let(q0 + i))); };
  if (q.pairs == Pairs::rows) {
    pack_pairs_of_rows(q.value, q.feature, at, b_.integer(0), count, q.rows);
    if (in_tiles_) clear_rows(q.rows, (count + 1) / 2, b_.integer(kQueries / 2), pitch(q.value, q.feature, q.pairs));
    return;
  }
  const std::int64_t n = words(q.value, q.feature, q.pairs), row = pitch(q.value, q.feature, q.pairs);
  const Ex nothing = q.pairs == Pairs::none ? zeros() : b_.splat(b_.integer(0, DType::i32), lanes_);
  x_.loop(b_.integer(0), count, 1, [&](Ex i) {
    fetch_row(q.value, q.feature, at(i + kRowsAhead));
    pack_row(q.value, q.feature, q.pairs, at(i), q.rows, i);
  });
  x_.loop(count, width, 1, [&](Ex i) {
    x_.loop(b_.integer(0), b_.integer(row), lanes_, [&](Ex e) { b_.store(q.rows, b_.ramp(i * row + e, lanes_), nothing); });
  });
  if (!q.across) return;
  if (n % lanes_ == 0) {
    x_.loop(b_.integer(0), width, lanes_, [&](Ex v) {
      x_.loop(b_.integer(0), b_.integer(n), lanes_, [&](Ex e) {
        turn_over(b_, lanes_, [&](std::int64_t i) { return b_.load(q.rows, b_.ramp((v + i) * row + e, lanes_)); },
                  [&](std::int64_t i, Ex values) { b_.store(q.columns, b_.ramp((e + i) * kQueries + v, lanes_), values); });
      });
    });
    return;
  }
  x_.loop(b_.integer(0), b_.integer(n), 1, [&](Ex e) {
    x_.loop(b_.integer(0), width, lanes_, [&](Ex v) {
      b_.store(q.columns, b_.ramp(e * kQueries + v, lanes_), b_.load(q.rows, b_.ramp(v * row + e, lanes_, b_.integer(row))));
    });
  });
}

}  // namespace uwaga::schedule
