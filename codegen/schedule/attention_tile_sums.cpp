#include <uwaga/codegen/schedule/attention_tile_sums.h>

#include <algorithm>

#include <uwaga/codegen/kernel/sums.h>
#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/attention_sides.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/reduce.h>

namespace uwaga::schedule {

using namespace kernel;

namespace {

static_assert(kQueries == kSumLanes, "sums over queries join the lanes of one block of them");

bool is_in_place(const TileSum& s) { return s.keeps_query && s.keeps_key; }

// Parts of a batch entry: as memory is taken for them, and as they lie.
const Extent& axis_of_parts(const GraphData& g, const AttentionForm& f, const TileSum& s) {
  return s.places ? g.type({s.node, 0}).extent(s.axis) : f.space.extent(s.keeps_key ? f.key : f.query);
}
Temporary room_for_parts(const GraphData& g, const AttentionForm& f, const TileSum& s) {
  const Extent entries = product(f.space, f.batch), &n = axis_of_parts(g, f, s);
  return s.is_total() ? of_blocks(DType::f32, entries, n, kQueries) : Temporary{DType::f32, entries * n};
}
Ex parts_of_entry(Inline& x, const AttentionForm& f, const TileSum& s) {
  const Ex n = x.extent(axis_of_parts(x.graph(), f, s));
  return s.is_total() ? (n + (kQueries - 1)) / kQueries : n;
}

// Of the temporaries that sums have, which is this one's?
std::uint32_t number_of(const AttentionForm& f, const TileSum& sum) {
  std::uint32_t number = 0;
  for (const TileSum& s : f.sums) {
    if (s.node == sum.node) break;
    if (!is_in_place(s)) ++number;
  }
  return number;
}

// Elements of the result side by side: the entries that share one, in order, and of a total their blocks of queries.
ScheduledKernel adding_up(const FlatAttention& flat, const AttentionForm& f, const TileSum& s, std::uint32_t temporary) {
  ScheduledKernel out;
  KernelBuilder b("attention.sums");
  Inline x(b, flat.graph, flat.cluster, flat.layouts, out);
  x.at(s.node);
  const Type& t = flat.graph->type({s.node, 0});
  AxisNames rest;
  for (const std::string& axis : f.batch)
    if (!t.has(axis)) rest.push_back(axis);
  const Ex element = b.grid(x.extent(t.elements())), parts = b.let(parts_of_entry(x, f, s));
  IndexEnv env;
  spread_flat(x, env, t.axes(), t, Index::scalar(element));
  const Ex first = s.is_total() ? b.integer(0) : env.at(s.places ? s.axis : s.keeps_key ? f.key : f.query).base;
  const Ex sum = b.variable(b.real(0));
  const auto add = [&](Ex at) { b.assign(sum, sum + b.load(x.temporary(DType::f32, temporary, false), at)); };
  x.loop(b.integer(0), x.extent(product(f.space, rest)), 1, [&](Ex i) {
    IndexEnv at = env;
    spread_flat(x, at, rest, f.space, Index::scalar(i));
    const Ex entry = b.let(flat_index(x, f.space, f.batch, at) * parts);
    if (s.is_total()) x.loop(b.integer(0), parts, 1, [&](Ex block) { add(entry + block); });
    else add(entry + first);
  });
  x.store({s.node, 0}, env, sum);
  out.kernel = b.finish();
  return out;
}

}  // namespace

Ex flat_index(Inline& x, const Type& space, const AxisNames& axes, const IndexEnv& at) {
  Ex flat = x.builder().integer(0);
  for (const std::string& axis : axes) flat = flat * x.extent(space.extent(axis)) + at.at(axis).base;
  return flat;
}

void each_index(Inline& x, const IndexEnv& env, const Type& t, const AxisNames& axes, const std::function<void(const IndexEnv&)>& body) {
  x.loop(x.builder().integer(0), x.extent(product(t, axes)), 1, [&](Ex i) {
    IndexEnv at = env;
    spread_flat(x, at, axes, t, Index::scalar(i));
    for (const std::string& axis : axes) at.axes[axis].base = x.builder().let(at.axes[axis].base);
    body(at);
  });
}

void add_up_sums(Schedule& schedule, const FlatAttention& flat, const AttentionForm& f) {
  const auto before = static_cast<std::uint32_t>(schedule.temporaries.size());
  for (const TileSum& s : f.sums) {
    if (is_in_place(s)) continue;
    schedule.temporaries.push_back(room_for_parts(flat.graph.data(), f, s));
    schedule.kernels.push_back(flat.outside(adding_up(flat, f, s, before + number_of(f, s))));
  }
}

TileSums::TileSums(Inline& x, const AttentionForm& form, LiveKeys& live, int lanes, std::int64_t tile_rows)
    : b_(x.builder()), x_(x), f_(form), live_(live), width_(lanes), tile_rows_(tile_rows) {}

void TileSums::add_scratch() {
  for (const TileSum& s : f_.sums)
    if (s.is_of_lanes()) lanes_of_[s.node] = b_.scratch(DType::f32, b_.integer(kQueries));
    else if (s.places) lanes_of_[s.node] = b_.scratch(DType::f32, parts_of_entry(x_, f_, s) * kQueries);
}

TileSums::Part TileSums::part(const TileSum& s, const IndexEnv& entry) {
  const BufferId buffer = x_.temporary(DType::f32, number_of(f_, s), true);
  return {buffer, b_.let(flat_index(x_, f_.space, f_.batch, entry) * parts_of_entry(x_, f_, s))};
}

void TileSums::clear_entry(const IndexEnv& entry) {
  for (const TileSum& s : f_.sums) {
    if (s.is_of_lanes() || is_in_place(s)) continue;
    const Ex parts = parts_of_entry(x_, f_, s);
    if (s.places) {
      x_.loop(b_.integer(0), parts * kQueries, width_, [&](Ex i) { b_.store(lanes(s), b_.ramp(i, width_), b_.splat(b_.real(0), width_)); });
      continue;
    }
    const Part p = part(s, entry);
    x_.loop(b_.integer(0), parts, 1, [&](Ex i) { b_.store(p.buffer, p.first + i, b_.real(0)); });
  }
}

void TileSums::clear_results(const IndexEnv& task, const AxisNames& task_axes) {
  for (const TileSum& s : f_.sums) {
    if (!is_in_place(s)) continue;
    const Type& t = x_.graph().type({s.node, 0});
    AxisNames rest;
    for (const Dim& d : t.dims)
      if (d.axis != f_.key && std::find(task_axes.begin(), task_axes.end(), d.axis) == task_axes.end()) rest.push_back(d.axis);
    const Ex keys = x_.extent(t.extent(f_.key));
    each_index(x_, task, t, rest, [&](const IndexEnv& row) {
      x_.loop(b_.integer(0), keys, width_, [&](Ex key) {
        x_.store({s.node, 0}, row.with(f_.key, Index::ramp(key, width_, width_)).masked(b_.ramp(key, width_) < b_.splat(keys, width_)),
                 b_.splat(b_.real(0), width_));
      });
    });
  }
}

void TileSums::add(const IndexEnv& entry, Ex block, const std::function<BufferId(Value)>& tile) {
  for (const TileSum& s : f_.sums) {
    x_.at(s.node);
    if (s.is_total()) add_total(s, entry, block);
    else if (s.is_of_lanes()) keep_queries(s, entry);
    else if (s.places) add_to_places(s, entry, tile(s.tile));
    else if (s.keeps_query) add_in_place(s, entry, tile(s.tile));
    else add_to_keys(s, entry, tile(s.tile));
  }
}

Ex TileSums::sum_of_lanes(BufferId buffer, Ex first, const std::optional<Range>& count) {
  std::vector<Ex> vectors;
  for (std::int64_t lane = 0; lane < kQueries; lane += width_) {
    const Ex at = b_.ramp(b_.integer(lane), width_);
    Ex counts;
    if (count) counts = logical_not(at < b_.splat(count->begin, width_)) && at < b_.splat(count->end, width_);
    vectors.push_back(b_.let(b_.load(buffer, b_.ramp(first + lane, width_), counts)));
  }
  return sum_lanes_tree(b_, vectors);
}

void TileSums::add_total(const TileSum& s, const IndexEnv& entry, Ex block) {
  const Part p = part(s, entry);
  b_.store(p.buffer, p.first + block, sum_of_lanes(lanes(s), b_.integer(0), Range{b_.integer(0), live_.queries().count}));
}

void TileSums::keep_queries(const TileSum& s, const IndexEnv& entry) {
  const Part p = part(s, entry);
  x_.loop(b_.integer(0), live_.queries().count, width_, [&](Ex lane) {
    const Ex counts = b_.let(b_.ramp(lane, width_) < b_.splat(live_.queries().count, width_));
    b_.store(p.buffer, b_.ramp(p.first + live_.queries().first + lane, width_), b_.load(lanes(s), b_.ramp(lane, width_)), counts);
  });
}

void TileSums::each_key(const std::function<void(Ex key, const Range& seeing)>& body) {
  live_.key_blocks([&](Ex k0, Ex end) {
    x_.loop(k0, end, tile_rows_, [&](Ex row) {
      const Range seeing = live_.queries_that_see(k0, end, row);
      x_.loop(row, b_.let(min(row + tile_rows_, end)), 1, [&](Ex key) { body(key, seeing); });
    });
  });
}

void TileSums::add_to_keys(const TileSum& s, const IndexEnv& entry, BufferId tile) {
  const Part p = part(s, entry);
  each_key([&](Ex key, const Range& seeing) {
    const Ex sum = sum_of_lanes(tile, key * kQueries, seeing);
    b_.store(p.buffer, p.first + key, b_.load(p.buffer, p.first + key) + sum);
  });
}

void TileSums::add_to_places(const TileSum& s, const IndexEnv& entry, BufferId tile) {
  const Extent& places = x_.graph().type({s.node, 0}).extent(s.axis);
  const BufferId table = lanes(s);
  each_key([&](Ex key, const Range& seeing) {
    x_.loop(seeing.begin, seeing.end, width_, [&](Ex lane) {
      const Ex counts = b_.let(b_.ramp(lane, width_) < b_.splat(live_.queries().count, width_));
      const IndexEnv at = entry.with(f_.key, Index::scalar(key)).with(f_.query, Index::ramp(b_.let(live_.queries().first + lane), width_, width_)).masked(counts);
      const Ex pointed = b_.let(x_.value(*s.places, at));
      x_.at(s.node);
      const Ex place = b_.splat(lanes_of(checked_index(x_, pointed, places, at)), width_);
      const Ex to = b_.let(b_.select(counts, place, b_.splat(b_.integer(0), width_)) * b_.splat(b_.integer(kQueries), width_) + b_.ramp(lane, width_));
      const Ex more = b_.select(counts, b_.load(tile, b_.ramp(key * kQueries + lane, width_)), b_.splat(b_.real(0), width_));
      // An index into an axis of no elements has failed; there is nothing to add to.
      x_.branch(b_.integer(0) < x_.extent(places), [&] { b_.store(table, to, b_.load(table, to) + more); });
    });
  });
}

void TileSums::end_entry(const IndexEnv& entry) {
  for (const TileSum& s : f_.sums) {
    if (!s.places) continue;
    x_.at(s.node);
    const Part p = part(s, entry);
    x_.loop(b_.integer(0), parts_of_entry(x_, f_, s), 1, [&](Ex place) {
      b_.store(p.buffer, p.first + place, sum_of_lanes(lanes(s), place * kQueries));
    });
  }
}

void TileSums::add_in_place(const TileSum& s, const IndexEnv& entry, BufferId tile) {
  const auto add = [&](Ex query, Ex key, Ex mask, Ex values) {
    IndexEnv at = entry.with(f_.query, Index::scalar(b_.let(live_.queries().first + query))).with(f_.key, Index::ramp(key, width_));
    if (mask) at = at.masked(mask);
    x_.store({s.node, 0}, at, x_.load({s.node, 0}, at) + values);
  };
  const Ex whole = b_.let(live_.queries().count / width_ * width_), pitch = b_.integer(kQueries);
  live_.key_blocks([&](Ex k0, Ex end) {
    const auto some_keys = [&](Ex query, Ex key, Ex last) {
      const Ex mask = b_.let(b_.ramp(key, width_) < b_.splat(last, width_));
      add(query, key, mask, b_.load(tile, b_.ramp(key * kQueries + query, width_, pitch), mask));
    };
    x_.loop(b_.integer(0), whole, width_, [&](Ex query) {
      const Range keys = live_.of(k0, end, query);
      const Ex squares = b_.let(keys.begin + (keys.end - keys.begin) / width_ * width_);
      x_.loop(keys.begin, squares, width_, [&](Ex key) {
        turn_over(b_, width_, [&](std::int64_t j) { return b_.load(tile, b_.ramp((key + j) * kQueries + query, width_)); },
                  [&](std::int64_t j, Ex values) { add(query + j, key, {}, values); });
      });
      x_.branch(squares < keys.end, [&] {
        x_.loop(query, query + width_, 1, [&](Ex one) { some_keys(one, squares, keys.end); });
      });
    });
    x_.loop(whole, live_.queries().count, 1, [&](Ex query) {
      const Range keys = live_.of(k0, end, query);
      x_.loop(keys.begin, keys.end, width_, [&](Ex key) { some_keys(query, key, keys.end); });
    });
  });
}

}  // namespace uwaga::schedule
