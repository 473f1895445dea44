// Which keys of a block a panel of queries sees, on the host.
//
// The keys from one end to another, in tiles of rows: outside the mask is false. What lies there is neither computed nor read, so
// that the mask's edge costs what is on its one side. Both ends only ever move on from panel to panel, so that the panels that see
// a tile of rows follow one another; where a mask would have it otherwise, all keys count as seen.
#pragma once

#include <cstdint>
#include <functional>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/attention_form.h>

namespace uwaga::schedule {

// `count` queries from `first`, of a block of kQueries; `width`: the same, up to whole panels.
struct QueryBlock {
  kernel::Ex first, count, width;
};
struct Range {
  kernel::Ex begin, end;
};

class LiveKeys {
 public:
  // Panels of `panel` queries, tiles of `tile_rows` keys.
  LiveKeys(kernel::Inline& x, const AttentionForm& form, std::int64_t panel, std::int64_t tile_rows);

  void add_scratch(kernel::Ex keys);
  // What follows is of this block.
  void begin(const QueryBlock& block) { queries_ = block; }
  const QueryBlock& queries() const { return queries_; }
  void find();

  // The blocks of keys that the mask does not rule out for these queries.
  void key_blocks(const std::function<void(kernel::Ex begin, kernel::Ex end)>& body);
  // Of the block of keys [k0, end), those that the panel of this lane sees.
  Range of(kernel::Ex k0, kernel::Ex end, kernel::Ex lane);
  // The queries of the block, from the first panel that sees a tile of rows to the last.
  Range queries_that_see(kernel::Ex k0, kernel::Ex end, kernel::Ex row);
  // Where the panel sees the tile of rows.
  void where(kernel::Ex k0, kernel::Ex end, kernel::Ex row, kernel::Ex lane, const std::function<void()>& body);

 private:
  using Ex = kernel::Ex;

  Ex at(Ex k0, Ex lane);
  void set(Ex k0, Ex panel, Ex from, Ex to);

  kernel::KernelBuilder& b_;
  kernel::Inline& x_;
  const AttentionForm& f_;
  const std::int64_t panel_, tile_rows_;
  Ex keys_;
  QueryBlock queries_;
  bool trims_ = false;
  kernel::BufferId from_ = 0, to_ = 0;  // i64, by block of keys and panel of queries
};

}  // namespace uwaga::schedule
