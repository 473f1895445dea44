// Sums of tiles that attention gives out: gradients of captured tensors.
//
// What has elements for queries and for keys is added up where it lies. Of all others the kernel leaves parts in temporaries, and a
// kernel of its own adds up those that share an element: so tasks may divide what is summed over. For each batch entry there are
//   of a sum over queries and keys   one part a block of queries
//   of one that keeps either         a part for each query or key
//   of one into a table              a part for each place
//
// Order: what is summed over queries keeps query i in lane i mod 64, the lanes are joined by the fixed tree: of a total and of a key's
// part block by block, of a place's part once, at the end of its entry. Keys and blocks of queries are added in order, then batch
// entries.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/attention_flat.h>
#include <uwaga/codegen/schedule/attention_form.h>
#include <uwaga/codegen/schedule/attention_live.h>

namespace uwaga::schedule {

// A place among the batch entries of `space`, row-major over `axes`.
kernel::Ex flat_index(kernel::Inline& x, const Type& space, const AxisNames& axes, const kernel::IndexEnv& at);

// A loop over all indices along some axes.
void each_index(kernel::Inline& x, const kernel::IndexEnv& env, const Type& t, const AxisNames& axes,
                const std::function<void(const kernel::IndexEnv&)>& body);

// Adds to a schedule what follows its kernels of attention: the temporaries of its sums, after those that are there, in the order of
// `form`, and the kernels that add them up.
void add_up_sums(Schedule& schedule, const FlatAttention& flat, const AttentionForm& form);

// Sums on the host, for the kernel that computes their tiles.
class TileSums {
 public:
  TileSums(kernel::Inline& x, const AttentionForm& form, LiveKeys& live, int lanes, std::int64_t tile_rows);

  void add_scratch();
  // What stands in scratch query by query, in lanes: where the pass over a block's keys leaves a sum of them; of a table all places.
  kernel::BufferId lanes(const TileSum& s) const { return lanes_of_.at(s.node); }

  // What is added up over the blocks of queries of a batch entry: before the first, and after the last.
  void clear_entry(const kernel::IndexEnv& entry);
  void end_entry(const kernel::IndexEnv& entry);
  // What is added up in place, before the first entry: all elements that belong to the task.
  void clear_results(const kernel::IndexEnv& task, const AxisNames& task_axes);
  // The sums of block number `block`; `tile` tells where a tile lies, [key][64 queries].
  void add(const kernel::IndexEnv& entry, kernel::Ex block, const std::function<kernel::BufferId(Value)>& tile);

 private:
  using Ex = kernel::Ex;
  using IndexEnv = kernel::IndexEnv;
  struct Part {
    kernel::BufferId buffer;
    Ex first;
  };

  Part part(const TileSum& s, const IndexEnv& entry);
  void add_total(const TileSum& s, const IndexEnv& entry, Ex block);
  void keep_queries(const TileSum& s, const IndexEnv& entry);
  void add_to_keys(const TileSum& s, const IndexEnv& entry, kernel::BufferId tile);
  void add_to_places(const TileSum& s, const IndexEnv& entry, kernel::BufferId tile);
  void add_in_place(const TileSum& s, const IndexEnv& entry, kernel::BufferId tile);
  // Key after key, with the queries of the block whose elements the tile has there.
  void each_key(const std::function<void(Ex key, const Range& seeing)>& body);
  // The sum of 64 lanes, of which those from `begin` to `end` count.
  Ex sum_of_lanes(kernel::BufferId buffer, Ex first, const std::optional<Range>& count = std::nullopt);

  kernel::KernelBuilder& b_;
  kernel::Inline& x_;
  const AttentionForm& f_;
  LiveKeys& live_;
  const int width_;  // lanes of a vector
  const std::int64_t tile_rows_;
  std::map<NodeId, kernel::BufferId> lanes_of_;
};

}  // namespace uwaga::schedule
