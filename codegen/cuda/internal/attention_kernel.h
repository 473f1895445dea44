// What the kernels of attention share: a block of threads over a tile of 64 queries by some keys.
//
// Tiles lie in shared memory as [key][64 queries]. Elements of a tile are computed by all threads, each for one query and every
// fourth key; products by a grid of 16 x 16 threads, elements 16 apart.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/codegen/lower/rows.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_passes.h>
#include <uwaga/codegen/schedule/attention_tile_sums.h>
#include <uwaga/codegen/schedule/dot_roles.h>

namespace uwaga::cuda {

using kernel::BufferId;
using kernel::Ex;
using kernel::Index;
using kernel::IndexEnv;
using kernel::Inline;
using kernel::KernelBuilder;
using kernel::lowest;
using schedule::AttentionForm;
using schedule::AttentionPasses;
using schedule::FlatAttention;
using schedule::TileDot;

// Part of the order of sums: queries and keys of a block.
inline constexpr std::int64_t kQueries = 64, kKeys = 128;
inline constexpr std::int64_t kThreads = 256, kSide = 16, kRows = kQueries / kSide;
inline constexpr std::int64_t kTerms = 16;  // of a product in shared memory at a time

class AttentionKernel {
 protected:
  AttentionKernel(const std::string& kind, const FlatAttention& flat, const AttentionForm& form);
  AttentionKernel(const AttentionKernel&) = delete;
  AttentionKernel& operator=(const AttentionKernel&) = delete;

  // Chooses the size of a tile and takes shared memory: scores that `values` are made of, as many tiles for `most` of them as fit,
  // operands, and `row_buffers` rows that the kernel takes with rows().
  void take_memory(const std::vector<Value>& values, std::size_t most, std::size_t row_buffers);
  void begin_threads();
  // What is written from here on is no op's (schedule::kAlgorithm). Where an op of the body is computed, its statements carry it.
  void algorithm() { b_.at(schedule::kAlgorithm); }
  BufferId rows() { return b_.shared(DType::f32, b_.integer(kQueries)); }
  BufferId tile(std::size_t i) const { return tiles_[i]; }

  void spread(IndexEnv& env, const AxisNames& axes, Ex flat);
  Ex flat_entry(const IndexEnv& at) { return schedule::flat_index(x_, f_.space, f_.batch, at); }
  std::int64_t features_of(Value v, const std::string& axis) const { return *g_.type(v).extent(axis).constant(); }
  std::uint32_t row_temporary(NodeId reduction) const;

  void set_queries(Ex block);
  // Blocks of keys that the mask does not rule out for these queries; then one box.
  void key_blocks(const std::function<void(Ex begin, Ex end)>& body);
  void where_possible(Ex k0, Ex end, const std::function<void()>& body);

  std::vector<const TileDot*> dots_of(const std::vector<Value>& values) const;
  // The scores of keys [k0, k0 + keys_a_tile_), into their tile.
  void dot(const TileDot& d, Ex k0);
  // Values without the key's axis that the elements of `values` use: computed once a row.
  void hoist_rows(const std::vector<Value>& values);
  // Computes values into tile(0), tile(1), ..., as many at a time as there are tiles; calls body for each lot.
  void in_tiles(const std::vector<Value>& values, Ex k0, const std::function<void(std::size_t first, std::size_t count)>& body);

  // operands_[first of the pair] = second, for flat in [0, count) by all threads.
  void fill(std::int64_t count, const std::function<std::pair<Ex, Ex>(Ex flat)>& element);
  void multiply_add(const std::vector<Ex>& sums, const std::vector<Ex>& left, const std::vector<Ex>& right);
  // left[i] = tile[left_at + high_ + 16 i], right[j] = operands_[right_at + low_ + 16 j].
  void multiply_add(const std::vector<Ex>& sums, std::int64_t rows, std::int64_t columns, BufferId tile, Ex left_at, Ex right_at);

  const GraphData& g_;
  const AttentionForm& f_;
  const AttentionPasses p_;
  KernelBuilder b_;
  ScheduledKernel out_;
  Inline x_;
  std::int64_t keys_a_tile_ = 0;
  IndexEnv env_;  // batch indices
  Ex thread_, low_, high_;           // the thread; thread % 16, thread / 16
  Ex row_, group_;                   // thread % 64, thread / 64
  Ex keys_, queries_, q0_, count_, query_;  // count_ queries from q0_; query_: this thread's, clamped
  BufferId operands_ = 0;

 private:
  void may(Ex begin, Ex end, const std::function<void()>& body);
  void elements(const std::vector<Value>& values, Ex k0);

  std::map<NodeId, BufferId> scores_;
  std::vector<BufferId> tiles_;
  Ex key_in_tile_;
};

}  // namespace uwaga::cuda
