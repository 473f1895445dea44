// The writer of the host's contractions (contraction.h): what its files share.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/schedule/dot_roles.h>
#include <uwaga/codegen/schedule/internal/dot_blocks.h>
#include <uwaga/codegen/schedule/register_tile.h>

namespace uwaga::schedule {

// Narrow results get narrow tasks, for the threads: as wide as a block of A, once in the first cache, pays for its way there.
inline constexpr std::int64_t kNarrowColumns = 128, kNarrow = 1024;
// Tasks of each thread, where sizes allow: one that others hold up leaves its second to the rest; more would pack or read operands once
// more. And rows and columns of a task that is cut for them, at least.
inline constexpr std::int64_t kTasksAThread = 2, kLeastTaskRows = 48, kLeastTaskColumns = 64;
// Tasks of a product, at least, that are made wider.
inline constexpr std::int64_t kWideTasks = 8;
// Of so many columns three vectors of a tile may compute one more than two would: they are little faster.
inline constexpr std::int64_t kWorthThree = 256;
// Terms of a product, at least, whose innermost loops are routines: a call costs as much as a few steps.
inline constexpr std::int64_t kSharedTerms = 256;
// Terms of a product, at least, behind which what its epilogue takes is fetched.
inline constexpr std::int64_t kHidingTerms = 64;
// Terms that are summed in tile registers before the sums are put away, at most, bytes of B that are packed for them, and rows that
// one task then computes: a sum in tile registers goes on exactly where it was, so that blocks of them are no part of its meaning.
// Of more terms, or nobody knows how many, fewer are taken at once; of more, whose sums wait beside B, for fewer columns and rows.
inline constexpr std::int64_t kTileTerms = 2048, kOpenTileTerms = 1024, kTileBytes = 600 << 10, kTileTaskRows = 1536, kOpenTileTaskRows = 1024;
// Bytes of a row, at least, by which an epilogue's large streams are fetched ahead, whatever the processor fetches by itself: that one loses
// them while a tile is computed.
inline constexpr std::int64_t kRowsAheadBytes = 2048;
// Row tiles that are packed together from an A whose rows lie one after the other: a few cache lines of each term.
inline constexpr std::int64_t kGroupTiles = 8;

// Lines so many bytes apart share a set of every first cache, and 16 sets at most of a second one.
inline constexpr std::int64_t kSetsApart = 4096;

// Tasks divide the terms of a product that has fewer tasks than threads want, where what a block's sums weigh is at most so small a part of
// what it reads.
inline constexpr std::int64_t kBlockSumsPart = 8;

// Is it one for certain?
inline bool is_multiple(const Extent& e, std::int64_t of) { return e.divided_by(of).has_value(); }

// An operand is packed once for all tasks where at least so many of them would pack it, or turn its rows over, each for itself, and a
// shared cache takes what is packed. Of terms that nobody knows how many, so many are assumed.
inline constexpr std::int64_t kOnceTasks = 4, kTurnedTasks = 2, kOnceBytes = 16 << 20, kAssumedTerms = 512;

// The kernel that computes the products; one before it packs, where packs_once, what its tasks share.
enum class Part : std::uint8_t { packing, products };

// Writes one kernel. A step of its innermost loops is one term, or two where the target multiplies pairs of bf16: then both
// operands are packed as i32 that hold two terms each, and an odd last term is paired with a zero. Where it multiplies tiles of
// them, a tile has sixteen steps, and what a block lacks of whole tiles is zero in both.
class Contraction {
  using Ex = kernel::Ex;

 public:
  // Of the core of `whole`, whose sums the products' kernel takes along.
  Contraction(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target, Part part);
  // Does a task sum up one block of the terms alone?
  bool divides_terms() const { return divides_terms_; }
  // Is an operand packed by a kernel of its own?
  bool packs_once() const { return once_a_ || once_b_; }
  // Where it puts them: A, then B.
  std::vector<Temporary> temporaries() const;
  ScheduledKernel write();

 private:
  // As many sums as registers hold beside what is multiplied: 32 registers hold 8 x 3 vectors of them, 16 hold 4 x 3, where a
  // product needs none of its own, or 6 x 2. Three vectors load less a step; two waste less past the last column of few. More than 8
  // rows of two, which 32 registers would hold, gain nothing: 16 sums keep multiply-adds apart, and vectors of A hold whole tiles of 8.
  void choose_tile(const HostTarget& target);
  void choose_task(const HostTarget& target);
  void give_threads_tasks(int threads);
  // Is it small, and has fewer tasks than threads want?
  bool may_divide_terms(int threads) const;
  // Rows and columns of a task in tile registers: as packing each operand again costs least.
  void choose_tile_task(const HostTarget& target);
  // A as it lies, term by term, where that is how it is multiplied.
  std::optional<StoredOperand> a_in_line() const { return operand_in_line(x_, roles_.a, roles_.over, pairs_ ? DType::bf16 : dtype_); }
  // A bf16 A whose tiles lie in memory as they are loaded; the last one may hang over the edge.
  bool has_tiles_in_line();
  // From one term of it to the next, where one number says it; 0 where none does.
  std::int64_t step_of_terms(const StoredOperand& d);
  // A as it lies where the rows of a term are side by side: a step of a tile reads them from a line or two. Not where terms lie so far
  // apart that all of a block fall into the same few sets of a cache.
  std::optional<StoredOperand> a_beside();
  void spread(IndexEnv& env, const std::vector<LoopAxis>& axes, Index flat) { set_flat(x_, env, axes, flat); }
  DType packed() const { return pairs_ ? DType::i32 : dtype_; }
  Ex zero() { return is_float(dtype_) ? b_.real(0, dtype_) : b_.integer(0, dtype_); }
  Ex operand(Value v, const IndexEnv& env);
  // What step `step` of the block at k0 multiplies, as it is packed. `env` has all indices but those of the terms.
  // `whole`: it has both its terms for certain.
  Ex step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count, bool whole = false);
  // The same, and zero past the last of those that packed_steps counts.
  Ex filled_step_of(Value v, const IndexEnv& env, Ex k0, Ex step, Ex count, bool whole = false);
  // What `pack` writes, in tiles once more for a block of whole tiles of steps: nothing of it is masked then.
  void in_whole_steps(Ex count, const std::function<void()>& pack);
  // All steps of a block, those with both terms and then the one that lacks its second.
  void each_step(Ex count, const std::function<void(Ex step, bool whole)>& body);
  void plan_b();
  // May an operand be, of so many rows or columns?
  bool may_pack_once(const Extent& of) const;
  // Which operands are packed once: of a large weight's gradient, as a rule.
  void plan_once(const HostTarget& target);
  // A B whose columns lie side by side is packed by the first row of tiles, which reads it as it lies: the stores cost nothing beside
  // the products. Where the last panel is not whole, that one is packed before.
  void plan_b_as_it_lies();
  void plan_packed();
  void write_packing();
  void write_products();
  // Sums that are all there is to store, of whole tiles, go where they belong; what has an epilogue and what hangs over an edge
  // goes through tile_c_.
  void plan_c();
  // Is a row of tiles one of these?
  Ex stored_at_once(Ex row);
  // A is read in place where its terms lie one after the other; else it is packed, a group of rows at a time.
  void plan_a();
  void pack_a(Ex group, Ex k0, Ex count);
  // For tiles, of an A whose rows lie one after the other: squares of as many rows as steps, turned over in registers.
  void pack_a_across(Ex group, Ex k0, Ex count);
  // While the panels of a tile are computed, what pack_a reads next comes closer: the rows of the next tile, or after the last
  // those of the first in the next block.
  void fetch_rows(Ex row, Ex k0, Ex panel);
  Ex steps(Ex count) { return pairs_ ? (count + 1) / 2 : count; }
  // Those that are packed: of whole tiles.
  Ex packed_steps(Ex count);
  // Where a step of a panel begins, in the buffer of panels.
  Ex panel_at(Ex panel, Ex step) {
    if (once_b_) return ((first_panel_ + panel) * once_pitch_b_ + (first_step_ + step)) * panel_;
    return (panel * (open_pitch_ ? open_pitch_ : b_.integer(pitch_)) + step) * panel_;
  }
  // Where the steps of a tile of rows begin, in what pack_a makes.
  Ex packed_rows_at(Ex row, Ex group);
  // The same, as it is multiplied in tiles: those that were turned over lie one after the other.
  TileOperand packed_tiles(Ex row, Ex group) {
    const Ex begin = packed_rows_at(row, group);
    if (across_a_) return {packed_a_, begin, b_.integer(kernel::kTileColumns), tile_rows_};
    return {packed_a_, begin, b_.integer(pitch_a_)};
  }
  void choose_columns(Ex column_block);
  // Panels from `panel`; `length` columns of them, at most, are fetched before.
  void pack_b(Ex k0, Ex count, Ex panel, std::int64_t length);
  void multiply_and_pack(RegisterTile tile, TilePlace place, Ex column, Ex k0);
  void pack_ragged_b(Ex k0, Ex count);
  // Of an operand that is packed along `axes`: `length` elements from `first`, of the term that comes up a few steps later.
  void fetch_ahead(const std::optional<StoredOperand>& operand, const std::vector<LoopAxis>& axes, Ex first, std::int64_t length,
                   Ex k0, Ex step);
  // While a task's tiles are computed, what pack_b reads next, or what it made, comes closer, a share with each: the next block of these
  // columns, or after the last the first of the next columns.
  void plan_fetch_b(Ex k0, Ex count);
  std::int64_t fetched_a_turn(std::int64_t lines) const;
  // Of a B whose terms lie one after the other: squares of as many columns as steps, turned over in registers.
  void pack_b_across(Ex k0, Ex count);
  void pack_squares(Ex panel, Ex k0, Ex count);
  // Is every panel of B, but one past the last column, made of whole squares, as they are stored?
  bool has_plain_columns();
  Ex column_step() { return x_.stride(stored_b_->stored, stored_b_->names.at(roles_.columns.back())); }
  // A panel of such a B: a routine.
  void pack_columns(Ex panel, Ex k0, Ex count);
  // Are the terms of all blocks whole vectors of steps, or tiles of them?
  bool whole_vectors() const;
  // Are all columns of all tasks real ones?
  bool whole_columns() const;
  // While a tile's last block is computed, what its epilogue reads and writes comes closer, a panel's worth at a time.
  void prefetch_epilogue(Ex row, Ex column);
  // Of many large streams, as an optimiser's update has them, there is more than comes while a tile is computed, whose own loads would
  // wait for it: a vector's worth each comes closer while those of some rows before are read.
  void fetch_streams(Ex row, Ex column);
  // The register tiles of tile_rows_ rows from `row`, over all panels of the task. tile_c_ begins with row `first`. `last`: of
  // several blocks, is this one the last; there is only one where it is empty. `at_once`: see plan_c.
  void tiles(Ex row, Ex group, Ex first, Ex k0, Ex count, Ex last, Ex at_once);
  // Is it a tile of rows that are all there?
  Ex whole_tile(Ex row) { return row + tile_rows_ < m_ + 1; }
  // Everything after the dot, for the tile's rows from `begin`.
  void epilogue(Ex begin, Ex first);
  // Instead, where tasks divide the terms: the block's sums go to the temporary.
  void put_away(Ex begin, Ex first);
  // Sums over patches of what is stored: with the tile's rows from `row` patches may be there, and then the sums over those before them,
  // at a task's end over all that are left.
  void sum_stored(Ex row);
  void sum_patch(const PatchSum& sum, Ex row, Ex column);
  // Of what is not, where its elements are: a total for each column, of the terms down to where the patch ends; then those of its columns
  // are joined.
  Ex total_of(std::size_t sum, Ex column) { return column + static_cast<std::int64_t>(sum) * task_columns_; }
  void each_total(const std::function<void(std::size_t sum, Ex column)>& body);
  void begin_patches();
  void add_to_patches(Ex column, const IndexEnv& at, const std::map<Value, IndexEnv>& envs);
  void end_patches(Ex row);
  // Where the result of a row and a column lies, and the sum over its patch.
  IndexEnv in_patch(const PatchSum& sum, Ex row, Ex column);
  void store_patch(const PatchSum& sum, const IndexEnv& at, std::vector<Ex> lanes);

  const Part part_;
  const GraphData& g_;
  const std::vector<PatchSum>& sums_;
  const Cluster& cluster_;
  const Layouts& layouts_;
  Roles roles_;
  kernel::KernelBuilder b_{part_ == Part::packing ? "contraction.packing" : "contraction"};
  ScheduledKernel out_;
  Inline x_;
  RoleAxes axes_;
  DType dtype_ = DType::f32;
  int lanes_ = 8, epilogue_lanes_ = 8, tile_rows_ = 6, tile_vectors_ = 2;
  Extent rows_, columns_, terms_, batch_;
  std::int64_t unit_rows_ = 0;  // that a task has a multiple of: of tiles, of patches
  std::int64_t task_rows_ = 0, task_columns_ = 0, panel_ = 0, block_ = kBlock, pitch_ = kBlock;
  std::int64_t most_terms_ = kBlock;  // of a block
  std::int64_t steps_ahead_ = 0;
  std::vector<Value> streams_;  // large_streams
  std::int64_t rows_ahead_ = 0;  // that they are fetched
  std::int64_t group_rows_ = 0, tile_pitch_ = 0, pitch_a_ = 0, pitch_in_line_ = 0;
  std::int64_t a_step_ = 0, b_step_ = 0;  // of what is read as it lies, a term's rows or columns side by side: see step_of_terms
  bool packs_last_ = false;  // of an A that is read in place the tile that hangs over the edge
  bool packs_a_ = false, along_rows_ = false, across_a_ = false, across_b_ = false, pairs_ = false, tiles_ = false;
  std::int64_t per_step_ = 1;  // terms
  bool divides_terms_ = false;
  bool sums_along_ = false;  // in the epilogue, as not all of them are of what is stored
  std::optional<DotBlocks> blocks_;  // with divides_terms_, as is the next
  Ex block_of_task_;
  bool many_terms_ = false;  // worth the calls of routines
  bool whole_steps_ = true, turns_divide_ = false;  // for certain; whole tiles of steps, where they are multiplied in tiles
  std::optional<StoredOperand> direct_a_, stored_a_, stored_b_;
  bool once_a_ = false, once_b_ = false;  // packed by a kernel of its own
  Ex once_pitch_a_, once_pitch_b_;  // of a tile's rows in elements, of a panel in steps
  Ex first_panel_, first_step_;     // of the task, where B is packed once; of the block
  Ex pitch_c_;  // of rows of the result that are stored at once
  kernel::BufferId panels_b_ = 0, tile_c_ = 0, packed_a_ = 0, totals_ = 0;
  IndexEnv base_env_;
  Ex open_pitch_;  // of panels in tiles of as many terms as there are
  Ex entry_, m_, n_, k_, row0_, row_end_, column0_, panel_count_, whole_panels_;
  TileFetch fetch_b_;
  Ex next_b_, next_b_pitch_, lines_a_tile_, lines_a_step_;  // of plan_fetch_b: see TilePlace
};

}  // namespace uwaga::schedule
