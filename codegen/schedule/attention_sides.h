// What the tiles of attention multiply, on the host: keys and values, queries and cotangents, in place or packed for a task.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/attention_form.h>
#include <uwaga/codegen/schedule/dot_roles.h>

namespace uwaga::schedule {

// Queries of a block. Part of the order of sums.
inline constexpr std::int64_t kQueries = 64;
// Keys of a step in tile registers, two tiles of them or one of words.
inline constexpr std::int64_t kTileKeys = 2 * kernel::kTileRows;

// Which two bf16 share a word where pairs are multiplied.
enum class Pairs : std::uint8_t {
  none,      // f32, one by one
  features,  // of a row, neighbours
  rows,      // of two keys or queries that follow one another, from an even one; what lacks its second is paired with a zero
};

// One row a key, or two: element (row, feature) lies at base + row * row_step + feature * feature_step. Packed for tile registers,
// pairs of rows lie side by side, a feature's one after the other, and what tiles of 32 keys lack past the last key is zero.
struct KeySide {
  Value value;
  std::string feature;
  Pairs pairs = Pairs::none;
  std::optional<StoredOperand> stored;  // of features in pairs: in bf16, one by one
  kernel::BufferId buffer = 0;
  kernel::Ex base, row_step, feature_step;
  kernel::Ex turned_pitch;  // of pairs of rows in tiles, from feature to feature
};

// Packed: [64 queries][features], [32][features] of pairs of rows; for tile dots [features][64 queries] too.
struct QuerySide {
  Value value;
  std::string feature;
  Pairs pairs = Pairs::none;
  kernel::BufferId rows = 0, columns = 0;
  bool across = false;
};

// Declares and packs them. First every side is asked for, then code is written.
class AttentionSides {
 public:
  // `in_tiles`: for tile registers, all in pairs.
  AttentionSides(kernel::KernelBuilder& b, kernel::Inline& x, const AttentionForm& form, int lanes, bool in_tiles);

  // `keys`: how many there are.
  KeySide& key(Value v, const std::string& feature, Pairs pairs, kernel::Ex keys);
  QuerySide& query(Value v, const std::string& feature, Pairs pairs, bool across);

  // Elements of a packed row.
  std::int64_t pitch(Value v, const std::string& feature, Pairs pairs) const;
  std::int64_t words(Value v, const std::string& feature, Pairs pairs) const;

  // At the batch entry of `env`. `each_block(rows)` calls rows(begin, end) of the keys to pack, from even ones.
  using Rows = std::function<void(kernel::Ex begin, kernel::Ex end)>;
  void pack_keys(const kernel::IndexEnv& env, const std::function<void(const Rows& rows)>& each_block);
  // `count` queries from q0; up to `width` what lies in columns is zero.
  void pack_queries(const kernel::IndexEnv& env, kernel::Ex q0, kernel::Ex count, kernel::Ex width);

 private:
  using Ex = kernel::Ex;
  using IndexEnv = kernel::IndexEnv;

  std::optional<StoredOperand> in_place(Value v, const std::string& feature, Pairs pairs) const;
  void fetch_row(Value v, const std::string& feature, const IndexEnv& env);
  void pack_row(Value v, const std::string& feature, Pairs pairs, const IndexEnv& env, kernel::BufferId to, Ex row);
  // The rows from begin, which is even, to end, two a row of `to`.
  void pack_pairs_of_rows(Value v, const std::string& feature, const std::function<IndexEnv(Ex row)>& at, Ex begin, Ex end, kernel::BufferId to);
  void pack_turned(const KeySide& k, const std::function<IndexEnv(Ex row)>& at, Ex begin, Ex end);
  void clear_rows(kernel::BufferId to, Ex begin, Ex end, std::int64_t pitch);
  void pack(const QuerySide& q, const IndexEnv& env, Ex q0, Ex count, Ex width);
  IndexEnv of_features(const IndexEnv& env, const std::string& feature, std::int64_t n, Ex first) const;
  Ex zeros() const;

  kernel::KernelBuilder& b_;
  kernel::Inline& x_;
  const AttentionForm& f_;
  const GraphData& g_;
  const int lanes_;
  const bool in_tiles_;
  std::vector<KeySide> keys_;
  std::vector<QuerySide> queries_;
};

}  // namespace uwaga::schedule
