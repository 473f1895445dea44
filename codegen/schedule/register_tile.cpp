#include <uwaga/codegen/schedule/register_tile.h>

#include <algorithm>
#include <cstddef>

#include <uwaga/codegen/schedule/dot_roles.h>

namespace uwaga::schedule {
namespace {

using namespace kernel;

class Writer {
 public:
  Writer(KernelBuilder& b, const RegisterTile& tile) : b_(b), t_(tile) {}

  void write(const TilePlace& p) {
    const Ex none = is_float(t_.dtype) ? b_.real(0, t_.dtype) : b_.integer(0, t_.dtype);
    for (int i = 0; i < t_.rows * t_.vectors; ++i) sums_.push_back(b_.variable(b_.splat(none, t_.lanes)));
    const Ex whole = t_.whole_turns ? p.steps : b_.let(p.steps / kStepsATurn * kStepsATurn);
    b_.loop(b_.integer(0), whole, kStepsATurn, [&](Ex step) {
      fetch(p, step);
      for (std::int64_t i = 0; i < kStepsATurn; ++i) add(p, step + i, false);
    });
    if (!t_.whole_turns) b_.loop(whole, p.steps, 1, [&](Ex step) { add(p, step, false); });
    if (t_.half_step) b_.branch(p.steps * 2 < p.terms, [&] { add(p, p.steps, true); });
    if (p.before) b_.branch(p.before < 1, [&] { put_away(p, false); }, [&] { put_away(p, true); });
    else put_away(p, t_.adds);
  }

 private:
  std::size_t index(int r, int v) const { return static_cast<std::size_t>(r * t_.vectors + v); }

  void put_away(const TilePlace& p, bool adds) {
    for (int r = 0; r < t_.rows; ++r)
      for (int v = 0; v < t_.vectors; ++v) {
        const Ex at = b_.ramp(p.c + p.c_pitch * r + std::int64_t{v} * t_.lanes, t_.lanes), sum = sums_[index(r, v)];
        b_.store(t_.c, at, adds ? b_.load(t_.c, at) + sum : sum);
      }
  }

  Ex row_of_a(const TilePlace& p, int r) { return t_.a_pitch > 0 ? p.a[0] + r * t_.a_pitch : p.a[static_cast<std::size_t>(r)]; }

  // `half`: a row read in place has one term left of a pair.
  void add(const TilePlace& p, Ex step, bool half) {
    std::vector<Ex> columns;
    for (int v = 0; v < t_.vectors; ++v)
      columns.push_back(b_.let(b_.load(t_.b, b_.ramp(p.b + (step * t_.b_step + std::int64_t{v} * t_.lanes), t_.lanes))));
    if (t_.packs_ahead > 0) pack(p, step, columns);
    for (int r = 0; r < t_.rows; ++r) {
      const Ex at = row_of_a(p, r) + step * p.a_step;
      Ex value = t_.pairs_in_line && !half ? b_.load_pair(t_.a, at) : b_.load(t_.a, at);
      if (half) value = pair_with_zero(b_, value);
      if (!t_.pairs && value.type().dtype != t_.dtype) value = b_.cast(value, t_.dtype);
      value = b_.let(b_.splat(value, t_.lanes));
      for (int v = 0; v < t_.vectors; ++v) {
        const Ex sum = sums_[index(r, v)], column = columns[static_cast<std::size_t>(v)];
        if (t_.pairs) b_.assign(sum, b_.dot_pairs(value, column, sum));
        else b_.assign(sum, is_float(t_.dtype) ? b_.fma(value, column, sum) : sum + value * column);
      }
    }
  }

  void fetch(const TilePlace& p, Ex step) {
    const TileFetch& f = t_.fetch;
    for (std::int64_t i = 0; i < f.a_turn; ++i) {
      const Ex line = b_.let(p.line + (step + i * kStepsATurn / f.a_turn) * p.lines_a_step / kLineParts), piece = b_.let(line / f.piece);
      b_.prefetch(f.buffer, p.pieces + (piece * p.piece_pitch + (line - piece * f.piece) * f.line));
    }
  }

  void pack(const TilePlace& p, Ex step, const std::vector<Ex>& columns) {
    const std::int64_t width = std::int64_t{t_.vectors} * t_.lanes, line = 64 / static_cast<std::int64_t>(size_of(t_.dtype));
    for (std::int64_t i = 0; i < width; i += line) b_.prefetch(t_.b, p.b + ((step + t_.packs_ahead) * t_.b_step + i));
    for (int v = 0; v < t_.vectors; ++v)
      b_.store(t_.packed, b_.ramp(p.packed + (step * width + std::int64_t{v} * t_.lanes), t_.lanes), columns[static_cast<std::size_t>(v)]);
  }

  KernelBuilder& b_;
  const RegisterTile& t_;
  std::vector<Ex> sums_;
};

}  // namespace

void multiply(KernelBuilder& b, const RegisterTile& tile, const TilePlace& place) {
  if (!tile.shared) return Writer(b, tile).write(place);
  std::vector<Ex> given = place.a;
  given.insert(given.end(), {place.b, place.c, place.c_pitch, place.steps});
  // What it counts by is part of its code where it is known.
  const bool known_step = constant_of(place.a_step) != nullptr;
  if (!known_step) given.push_back(place.a_step);
  if (tile.half_step) given.push_back(place.terms);
  if (tile.packs_ahead > 0) given.push_back(place.packed);
  if (tile.fetch.a_turn > 0) given.insert(given.end(), {place.pieces, place.piece_pitch, place.line, place.lines_a_step});
  if (place.before) given.push_back(place.before);
  b.routine(given, [&](const std::vector<Ex>& parameters) {
    auto next = parameters.begin();
    TilePlace inside{{next, next + static_cast<std::ptrdiff_t>(place.a.size())}, place.a_step, {}, {}, {}, {}};
    next += static_cast<std::ptrdiff_t>(place.a.size());
    for (Ex* field : {&inside.b, &inside.c, &inside.c_pitch, &inside.steps}) *field = *next++;
    if (!known_step) inside.a_step = *next++;
    if (tile.half_step) inside.terms = *next++;
    if (tile.packs_ahead > 0) inside.packed = *next++;
    if (tile.fetch.a_turn > 0)
      for (Ex* field : {&inside.pieces, &inside.piece_pitch, &inside.line, &inside.lines_a_step}) *field = *next++;
    if (place.before) inside.before = *next++;
    Writer(b, tile).write(inside);
  });
}

void multiply_tiles(KernelBuilder& b, const TileOperand& rows, const TileOperand& columns, const TilesOfSums& c, Ex words, int down, int across,
                    bool streams) {
  constexpr int kRows = 4, kColumns = 6;  // the first tile of each
  const auto sums = [&](const auto& act) {
    for (int i = 0; i < down; ++i)
      for (int j = 0; j < across; ++j) act(i * across + j, c.begin + c.pitch * (i * kTileRows) + j * kTileColumns);
  };
  const auto from_zero = [&] { sums([&](int tile, Ex) { b.tile_zero(tile); }); };
  const auto onto = [&] { sums([&](int tile, Ex at) { b.tile_load(tile, c.buffer, at, c.pitch); }); };
  if (c.before) b.branch(c.before < 1, from_zero, onto);
  else if (c.adds) onto();
  else from_zero();
  // A tile is set to zero as soon as it is not wanted: a processor keeps no register for a tile of zeros, and one that shares its core
  // with another thread has few more than the eight. Without, a tile there waits for the products that read the last one, and a step
  // takes 1.7 times as long; where the core is not shared it takes the same.
  b.loop(b.integer(0), words, kTileColumns, [&](Ex word) {
    for (int j = 0; j < across; ++j) {
      b.tile_load(kColumns + j, columns.buffer, columns.begin + word * columns.pitch + j * kTileColumns, columns.pitch, streams);
      for (int i = 0; i < down; ++i) {
        if (j == 0) b.tile_load(kRows + i, rows.buffer, rows.begin + word * rows.step + rows.pitch * (i * kTileRows), rows.pitch);
        b.tile_dot(i * across + j, kRows + i, kColumns + j);
        if (j == across - 1) b.tile_zero(kRows + i);
      }
      b.tile_zero(kColumns + j);
    }
  });
  sums([&](int tile, Ex at) { b.tile_store(c.buffer, at, c.pitch, tile); });
}

}  // namespace uwaga::schedule
