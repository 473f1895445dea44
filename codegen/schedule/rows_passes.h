// The passes over one row of a cluster that reduces along rows.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include <uwaga/codegen/schedule/reduce.h>
#include <uwaga/codegen/schedule/stages.h>

namespace uwaga::schedule {

// A pass for every stage: a stage ends where its reductions are known. Values that a later pass wants again are kept in a buffer of
// one row where computing them again costs more.
class RowPasses {
 public:
  RowPasses(Inline& x, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, const Stages& stages);

  const Extent& length() const { return length_; }  // of a row
  // Where pass `pass` has an element (a vector of them), `also` does something with what is known there.
  using Also = std::function<void(int pass, const IndexEnv& at, const Index& along)>;
  // All of the row at `env`, an index for each axis. Every pass but the first fetches some of what the row at `next`, which need
  // not be there, reads and writes: the first has to wait for what it reads, the others compute.
  void run(const IndexEnv& env, const std::optional<IndexEnv>& next, const Also& also = {});

 private:
  void all_passes(const IndexEnv& env, const std::optional<IndexEnv>& next, const Also& also);
  void keep(int pass);
  void fetch_ahead(int pass, IndexEnv next, const Index& along);

  Inline& x_;
  KernelBuilder& b_;
  const GraphData& g_;
  const Cluster& cluster_;
  const Stages& s_;
  const std::vector<LoopAxis> axes_;
  const Extent length_;
  const int lanes_;
  const std::set<std::string> inner_;
  std::vector<Value> kept_, streams_;
  std::map<Value, kernel::BufferId> buffers_;  // of those that are not stored anyway
  Index along_;                                // where the pass is
};

}  // namespace uwaga::schedule
