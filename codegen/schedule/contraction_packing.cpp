// How a contraction packs its operands, and fetches what it packs next.
#include <uwaga/codegen/schedule/internal/contraction.h>

namespace uwaga::schedule {

using namespace kernel;

Ex Contraction::operand(Value v, const IndexEnv& env) {
  const Node& n = g_.node(v.node);
  const bool rounded_in_pairs = pairs_ && x_.computes(v.node) && n.op == Op::cast && g_.type(n.operands[0]).dtype == DType::f32;
  const Ex value = x_.value(rounded_in_pairs ? n.operands[0] : v, env);
  return value.type().dtype == dtype_ ? value : b_.cast(value, dtype_);
}

Ex Contraction::step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count, bool whole) {
  const auto term = [&](Ex number) {
    IndexEnv at = env;
    spread(at, axes_.over, Index::scalar(number));
    return b_.splat(operand(v, at), lanes_);
  };
  if (!pairs_) return term(k0 + step);
  const Ex first = k0 + step * 2;
  if (whole || whole_steps_) return b_.pairs(term(first), term(first + 1), false);
  const Ex second = b_.let(min(first + 1, k0 + (count - 1)));
  return b_.pairs(term(first), b_.select(b_.splat(first < second, lanes_), term(second), b_.splat(zero(), lanes_)), false);
}

void Contraction::each_step(Ex count, const std::function<void(Ex step, bool whole)>& body) {
  if (!pairs_ || tiles_ || whole_steps_) return x_.loop(b_.integer(0), packed_steps(count), 1, [&](Ex step) { body(step, false); });
  const Ex whole = b_.let(count / 2);
  x_.loop(b_.integer(0), whole, 1, [&](Ex step) { body(step, true); });
  x_.branch(whole * 2 < count, [&] { body(whole, false); });
}

void Contraction::plan_b() {
  stored_b_ = leading_operand(x_, roles_.b);
  const AxisNames order = stored_b_ ? order_of(g_, layouts_, stored_b_->stored) : AxisNames();
  across_b_ = lanes_ > 1 && !order.empty() && !roles_.over.empty() && stored_b_->names.at(roles_.over.back()) == order.back();
  const std::int64_t steps = block_ / per_step_;
  pitch_ = across_b_ ? round_up(steps, std::max<std::int64_t>(lanes_, 64 / static_cast<std::int64_t>(size_of(dtype_)))) : steps;
}

void Contraction::plan_a() {
  group_rows_ = tile_rows_;
  if (!tiles_ || has_tiles_in_line()) direct_a_ = a_in_line();
  if (!direct_a_) direct_a_ = a_beside();
  packs_last_ = tiles_ && direct_a_ && !is_multiple(rows_, tile_rows_);
  if (direct_a_ && !packs_last_) return;
  // Of rows a line more apart, a tile's do not all fall into the same few sets of a cache.
  pitch_a_ = block_ / per_step_ + (tiles_ ? kTileColumns : 0);
  if (const auto d = leading_operand(x_, roles_.a)) {
    const AxisNames order = order_of(g_, layouts_, d->stored);
    along_rows_ = !order.empty() && !roles_.rows.empty() && d->names.at(roles_.rows.back()) == order.back();
    stored_a_ = d;
  }
  packs_a_ = !direct_a_;
  across_a_ = tiles_ && along_rows_;
  along_rows_ = along_rows_ && !tiles_;
  if (along_rows_) {
    group_rows_ = std::min(kGroupTiles * tile_rows_, task_rows_);
    // A vector stored at a tile's last term reaches past it.
    tile_pitch_ = round_up(block_ / per_step_ * tile_rows_ + lanes_, tile_rows_ * lanes_);
  }
}

std::int64_t Contraction::step_of_terms(const StoredOperand& d) {
  if (axes_.over.size() != 1) return 0;
  const std::int64_t* step = constant_of(x_.stride(d.stored, d.names.at(axes_.over[0].axes.back())));
  return step ? *step : 0;
}

std::optional<StoredOperand> Contraction::a_beside() {
  if (pairs_ || lanes_ == 1 || axes_.rows.size() != 1) return std::nullopt;
  const auto a = operand_in_line(x_, roles_.a, roles_.rows, dtype_);
  const std::int64_t step = a ? step_of_terms(*a) : 0;
  if (step == 0 || step * static_cast<std::int64_t>(size_of(dtype_)) % kSetsApart == 0) return std::nullopt;
  a_step_ = step;
  return a;
}

bool Contraction::may_pack_once(const Extent& of) const {
  const auto c = of.constant();
  const std::int64_t bytes = terms_.constant().value_or(kAssumedTerms) / per_step_ * static_cast<std::int64_t>(size_of(packed()));
  return many_terms_ && roles_.batch.empty() && rows_.is_constant() && columns_.is_constant() && c && *c * bytes <= kOnceBytes;
}

void Contraction::plan_once(const HostTarget& target) {
  const auto across = [&](std::int64_t least) { return parts(*columns_.constant(), task_columns_) >= least; };
  if (tiles_) {
    once_a_ = across_a_ && may_pack_once(rows_) && across(kTurnedTasks);
    return;
  }
  const auto m = rows_.constant(), n = columns_.constant();
  if (divides_terms_ || !m || !n || *m * *n < target.tuning.once_results) return;
  once_a_ = packs_a_ && along_rows_ && may_pack_once(rows_) && across(kOnceTasks);
  once_b_ = may_pack_once(columns_) && parts(*m, task_rows_) >= kOnceTasks;
}

void Contraction::plan_b_as_it_lies() {
  if (pairs_ || lanes_ == 1 || once_b_ || axes_.columns.size() != 1) return;
  if (const auto b = operand_in_line(x_, roles_.b, roles_.columns, dtype_)) b_step_ = step_of_terms(*b);
}

std::vector<Temporary> Contraction::temporaries() const {
  // Of a step's `elements`: as many steps as terms, or, where they are pairs, half as many, and one that may lack its second.
  const auto all_steps = [&](std::int64_t elements) {
    return pairs_ && elements % 2 == 0 ? (terms_ + Extent(1)) * Extent(elements / 2) : (terms_ + Extent(1)) * Extent(elements);
  };
  std::vector<Temporary> out;
  const std::int64_t past = tiles_ ? kTileColumns * tile_rows_ : lanes_;
  if (once_a_) out.push_back({packed(), Extent(parts(*rows_.constant(), tile_rows_)) * (all_steps(tile_rows_) + Extent(past))});
  if (once_b_) out.push_back({packed(), Extent(parts(*columns_.constant(), panel_)) * (all_steps(panel_) + Extent(lanes_ * panel_))});
  return out;
}

void Contraction::plan_packed() {
  if (once_a_) once_pitch_a_ = b_.let(tiles_ ? packed_steps(k_) * tile_rows_ : steps(k_) * tile_rows_ + lanes_);
  if (once_b_) once_pitch_b_ = b_.let(across_b_ ? (steps(k_) + (lanes_ - 1)) / lanes_ * lanes_ : steps(k_));
}

void Contraction::write_packing() {
  const std::int64_t groups = once_a_ ? parts(*rows_.constant(), group_rows_) : 0;
  const std::int64_t across = once_b_ ? parts(*columns_.constant(), task_columns_) : 0;
  const Ex piece = b_.grid(b_.integer(groups + across));
  const Ex block = b_.grid((k_ + (most_terms_ - 1)) / most_terms_);
  plan_packed();
  const Ex k0 = b_.let(block * most_terms_), count = b_.let(min(k_ - k0, b_.integer(most_terms_)));
  first_step_ = b_.let(k0 / per_step_);
  const auto rows = [&] {
    row_end_ = m_;
    in_whole_steps(count, [&] { pack_a(b_.let(piece * group_rows_), k0, count); });
  };
  const auto columns = [&] {
    choose_columns(b_.let(piece - groups));
    pack_b(k0, count, b_.integer(0), task_columns_);
  };
  if (once_a_ && once_b_) x_.branch(piece < groups, rows, columns);
  else if (once_a_) rows();
  else columns();
}

Ex Contraction::packed_rows_at(Ex row, Ex group) {
  if (once_a_) return row / tile_rows_ * once_pitch_a_ + first_step_ * tile_rows_;
  return (row - group) * (along_rows_ ? tile_pitch_ / tile_rows_ : pitch_a_);
}

void Contraction::pack_a(Ex group, Ex k0, Ex count) {
  if (along_rows_) {
    // The rows of a tile side by side, one step after another. Whole vectors are stored: what they write past the tile's
    // rows is written over by the next step.
    const auto step_of_tile = [&](Ex step, bool whole, Ex row, Ex to, bool masked) {
      for (int v = 0; v < tile_rows_; v += lanes_) {
        IndexEnv at = masked ? base_env_.masked(b_.ramp(row + v, lanes_) < b_.splat(m_, lanes_)) : base_env_;
        spread(at, axes_.rows, Index::ramp(row + v, lanes_));
        // Behind a block's last step another task may have packed the next block.
        const Ex rows = once_a_ && v + lanes_ > tile_rows_ ? b_.ramp(b_.integer(v), lanes_) < b_.splat(b_.integer(tile_rows_), lanes_) : Ex();
        b_.store(packed_a_, b_.ramp(to + step * tile_rows_ + v, lanes_), step_of(roles_.a, at, k0, step, count, whole), rows);
      }
    };
    // A vector may hold the rows of several tiles.
    const std::int64_t tiles = group_rows_ / tile_rows_, at_once = lanes_ % tile_rows_ == 0 ? lanes_ / tile_rows_ : 1;
    const std::int64_t past = at_once > 1 ? round_up(group_rows_, lanes_) - group_rows_ : round_up(tile_rows_, lanes_) - tile_rows_;
    x_.branch(m_ < group + (group_rows_ + past),
              [&] {
                x_.loop(group, min(group + group_rows_, row_end_), tile_rows_, [&](Ex row) {
                  const Ex to = b_.let(packed_rows_at(row, group));
                  each_step(count, [&](Ex step, bool whole) { step_of_tile(step, whole, row, to, true); });
                });
              },
              [&] {
                const Ex begin = b_.let(packed_rows_at(group, group)), pitch = once_a_ ? once_pitch_a_ : b_.integer(tile_pitch_);
                each_step(count, [&](Ex step, bool whole) {
                  fetch_ahead(stored_a_, axes_.rows, group, group_rows_, k0, step);
                  if (at_once == 1) {
                    for (std::int64_t tile = 0; tile < tiles; ++tile)
                      step_of_tile(step, whole, group + tile * tile_rows_, begin + pitch * tile, false);
                    return;
                  }
                  for (std::int64_t tile = 0; tile < tiles; tile += at_once) {
                    IndexEnv at = base_env_;
                    spread(at, axes_.rows, Index::ramp(group + tile * tile_rows_, lanes_));
                    const Ex rows = b_.let(step_of(roles_.a, at, k0, step, count, whole));
                    for (std::int64_t i = 0; i < std::min(at_once, tiles - tile); ++i)
                      b_.store(packed_a_, b_.ramp(begin + (step * tile_rows_ + pitch * (tile + i)), tile_rows_),
                               b_.lanes(rows, static_cast<int>(i) * tile_rows_, tile_rows_));
                  }
                });
              });
    return;
  }
  if (across_a_) return pack_a_across(group, k0, count);
  x_.loop(b_.integer(0), b_.integer(group_rows_), 1, [&](Ex row) {
    IndexEnv env = base_env_;
    spread(env, axes_.rows, Index::scalar(b_.let(min(group + row, m_ - 1))));
    const auto vector = [&](Ex term, bool masked) {
      const auto terms_from = [&](Ex from) {
        IndexEnv at = masked ? env.masked(b_.ramp(k0 + from, lanes_) < b_.splat(k0 + count, lanes_)) : env;
        spread(at, axes_.over, Index::ramp(k0 + from, lanes_, lanes_));
        const Ex value = b_.splat(operand(roles_.a, at), lanes_);
        if (!masked || whole_steps_) return value;
        return b_.select(b_.ramp(from, lanes_) < b_.splat(count, lanes_), value, b_.splat(zero(), lanes_));
      };
      const Ex step = term / per_step_;
      const Ex value = pairs_ ? b_.pairs(terms_from(term), terms_from(term + lanes_), true) : terms_from(term);
      b_.store(packed_a_, b_.ramp(row * pitch_a_ + step, lanes_), value,
               masked && !tiles_ ? b_.ramp(step, lanes_) < b_.splat(steps(count), lanes_) : Ex());
    };
    const std::int64_t step = per_step_ * lanes_;
    const Ex whole = whole_vectors() ? count : b_.let(count / step * step);
    x_.loop(b_.integer(0), whole, step, [&](Ex term) { vector(term, false); });
    if (tiles_ && !whole_steps_) x_.loop(whole, packed_steps(count) * per_step_, step, [&](Ex term) { vector(term, true); });
    else if (!whole_vectors()) x_.branch(whole < count, [&] { vector(whole, true); });
  });
}

void Contraction::fetch_rows(Ex row, Ex k0, Ex panel) {
  if (!packs_a_ || along_rows_ || across_a_ || !stored_a_ || lanes_ == 1) return;
  const Ex more = row + tile_rows_ < row_end_;
  const Ex next = b_.let(b_.select(more, row + tile_rows_, row0_)), term = b_.let(b_.select(more, k0, k0 + most_terms_));
  const Ex share = (panel_count_ + (tile_rows_ - 1)) / panel_count_;
  x_.loop(b_.let(panel * share), b_.let(min((panel + 1) * share, b_.integer(tile_rows_))), 1, [&](Ex r) {
    IndexEnv env = base_env_;
    spread(env, axes_.rows, Index::scalar(b_.let(min(next + r, m_ - 1))));
    spread(env, axes_.over, Index::scalar(term));
    fetch(x_, *stored_a_, env, block_);
  });
}

void Contraction::pack_ragged_b(Ex k0, Ex count) {
  if (!is_multiple(columns_, panel_)) x_.branch(whole_panels_ < panel_count_, [&] { pack_b(k0, count, whole_panels_, panel_); });
}

void Contraction::pack_b(Ex k0, Ex count, Ex from, std::int64_t length) {
  if (across_b_) return pack_b_across(k0, count);
  // Whole rows of the task's columns, one step after another: each is read once and in one piece.
  each_step(count, [&](Ex step, bool whole) {
    fetch_ahead(stored_b_, axes_.columns, column0_ + from * panel_, length, k0, step);
    x_.loop(from, panel_count_, 1, [&](Ex panel) {
      const Ex column = b_.let(column0_ + panel * panel_);
      for (int v = 0; v < tile_vectors_; ++v) {
        const Ex first = column + static_cast<std::int64_t>(v) * lanes_;
        IndexEnv at = whole_columns() ? base_env_ : base_env_.masked(b_.ramp(first, lanes_) < b_.splat(n_, lanes_));
        spread(at, axes_.columns, Index::ramp(first, lanes_, lanes_));
        b_.store(panels_b_, b_.ramp(panel_at(panel, step) + static_cast<std::int64_t>(v) * lanes_, lanes_),
                 filled_step_of(roles_.b, at, k0, step, count, whole));
      }
    });
  });
}

void Contraction::fetch_ahead(const std::optional<StoredOperand>& operand, const std::vector<LoopAxis>& axes, Ex first, std::int64_t length,
                 Ex k0, Ex step) {
  if (!operand || lanes_ == 1 || axes_.over.size() != 1) return;
  for (std::int64_t t = 0; t < per_step_; ++t) {
    IndexEnv env = base_env_;
    spread(env, axes, Index::scalar(first));
    spread(env, axes_.over, Index::scalar(k0 + ((step + steps_ahead_) * per_step_ + t)));
    fetch(x_, *operand, env, length);
  }
}

void Contraction::plan_fetch_b(Ex k0, Ex count) {
  if (tiles_ || (!once_b_ && (!stored_b_ || lanes_ == 1 || axes_.columns.size() != 1 || axes_.over.size() != 1))) return;
  b_.at(roles_.ordinal);
  const Ex past = k0 + most_terms_, more = past < k_;
  const Ex term0 = b_.let(b_.select(more, past, b_.integer(0))), column0 = b_.let(b_.select(more, column0_, column0_ + task_columns_));
  std::int64_t pieces = task_columns_ / panel_;
  if (once_b_) {
    fetch_b_ = {.buffer = panels_b_, .line = 64 / static_cast<std::int64_t>(size_of(packed()))};
    fetch_b_.piece = parts(block_ / per_step_ * panel_, fetch_b_.line);
    next_b_ = b_.let((column0 / panel_ * once_pitch_b_ + term0 / per_step_) * panel_);
    next_b_pitch_ = b_.let(once_pitch_b_ * panel_);
  } else {
    const auto begin = [&](std::int64_t piece) {
      IndexEnv env = base_env_;
      spread(env, axes_.columns, Index::scalar(across_b_ ? column0 + piece : column0));
      spread(env, axes_.over, Index::scalar(across_b_ ? term0 : term0 + piece));
      return element_of(x_, *stored_b_, env);
    };
    fetch_b_ = {.buffer = x_.buffer(stored_b_->stored, false), .line = 64 / static_cast<std::int64_t>(size_of(g_.type(stored_b_->stored).dtype))};
    fetch_b_.piece = parts(across_b_ ? block_ : task_columns_, fetch_b_.line);
    pieces = across_b_ ? task_columns_ : block_;
    next_b_ = begin(0);
    next_b_pitch_ = b_.let(begin(1) - next_b_);
  }
  const std::int64_t lines = pieces * fetch_b_.piece;
  fetch_b_.a_turn = fetched_a_turn(lines);
  const Ex tiles = b_.let(max((row_end_ - row0_ + (tile_rows_ - 1)) / tile_rows_ * panel_count_, b_.integer(1)));
  lines_a_tile_ = b_.let((tiles + (lines - 1)) / tiles);
  lines_a_step_ = b_.let(lines_a_tile_ * kLineParts / max(steps(count), b_.integer(1)));
}

// As many as bring all of them while a block is computed, where it is known how many tiles it has; the last block may be a short one.
std::int64_t Contraction::fetched_a_turn(std::int64_t lines) const {
  constexpr std::int64_t kMost = 4, kOfUnknown = 2;
  if (!rows_.is_constant()) return kOfUnknown;
  const std::int64_t terms = terms_.constant().value_or(block_), last = std::max<std::int64_t>((terms - 1) % most_terms_ + 1, per_step_ * kStepsATurn);
  const std::int64_t tiles = std::max(parts(std::min(*rows_.constant(), task_rows_), tile_rows_) * (task_columns_ / panel_), std::int64_t{1});
  return std::clamp(parts(lines, tiles * (last / per_step_ / kStepsATurn)), std::int64_t{1}, kMost);
}

void Contraction::pack_b_across(Ex k0, Ex count) {
  const bool plain = has_plain_columns();
  x_.loop(b_.integer(0), panel_count_, 1, [&](Ex panel) {
    if (!plain) return pack_squares(panel, k0, count);
    const Ex whole = whole_columns() ? b_.integer(1, DType::boolean) : column0_ + (panel + 1) * panel_ < n_ + 1;
    x_.branch(whole, [&] { pack_columns(panel, k0, count); }, [&] { pack_squares(panel, k0, count); });
  });
}

void Contraction::pack_squares(Ex panel, Ex k0, Ex count) {
  x_.loop(b_.integer(0), tiles_ ? packed_steps(count) * per_step_ : count, per_step_ * lanes_, [&](Ex term) {
    x_.loop(b_.integer(0), b_.integer(panel_), lanes_, [&](Ex first) {
      const auto terms_of = [&](std::int64_t c) {
        const Ex column = column0_ + panel * panel_ + (first + c);
        IndexEnv env = base_env_;
        spread(env, axes_.columns, Index::scalar(b_.let(whole_columns() ? column : min(column, n_ - 1))));
        const auto row = [&](Ex from) {
          const Ex there = b_.ramp(from, lanes_) < b_.splat(count, lanes_);
          IndexEnv at = whole_vectors() ? env : env.masked(there);
          spread(at, axes_.over, Index::ramp(k0 + from, lanes_, lanes_));
          const Ex value = b_.splat(operand(roles_.b, at), lanes_);
          return whole_steps_ ? value : b_.select(there, value, b_.splat(zero(), lanes_));
        };
        return pairs_ ? b_.pairs(row(term), row(term + lanes_), true) : row(term);
      };
      const Ex step = term / per_step_;
      turn_over(b_, lanes_, terms_of,
                [&](std::int64_t i, Ex values) { b_.store(panels_b_, b_.ramp(panel_at(panel, step + i) + first, lanes_), values); });
    });
  });
}

bool Contraction::has_plain_columns() {
  if (pairs_ || !many_terms_ || !whole_vectors() || axes_.columns.size() != 1 || axes_.over.size() != 1) return false;
  return operand_in_line(x_, roles_.b, roles_.over, dtype_) && constant_of(column_step()) != nullptr;
}

void Contraction::pack_columns(Ex panel, Ex k0, Ex count) {
  IndexEnv env = base_env_;
  spread(env, axes_.columns, Index::scalar(b_.let(column0_ + panel * panel_)));
  const BufferId from = x_.buffer(stored_b_->stored, false);
  const Ex step = column_step();
  b_.routine({first_term_of(x_, *stored_b_, roles_.over, env) + k0, panel_at(panel, b_.integer(0)), count}, [&](const std::vector<Ex>& p) {
    // Along the terms first: a processor sees so many rows at once, and what comes next in each.
    b_.loop(b_.integer(0), b_.integer(panel_), lanes_, [&](Ex first) {
      b_.loop(b_.integer(0), p[2], lanes_, [&](Ex term) {
        turn_over(b_, lanes_, [&](std::int64_t c) { return b_.load(from, b_.ramp(p[0] + ((first + c) * step + term), lanes_)); },
                  [&](std::int64_t i, Ex values) { b_.store(panels_b_, b_.ramp(p[1] + ((term + i) * panel_ + first), lanes_), values); });
      });
    });
  });
}

}  // namespace uwaga::schedule
