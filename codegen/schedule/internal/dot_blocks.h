// A dot whose tasks divide its terms: what they sum up of each block of kBlock terms, and the kernel that adds the blocks up.
//
// A sum is its blocks' sums added in order (contracts, section 3), so those wait in a temporary, of a block those of all results: entries
// of the batch, rows, columns, the last the fastest. No bit depends on how many tasks there were.
#pragma once

#include <uwaga/codegen/lower/inline.h>
#include <uwaga/codegen/schedule/dot_roles.h>

namespace uwaga::schedule {

// Where nobody knows how many terms there are, tasks are chosen for so many.
inline constexpr std::int64_t kManyTerms = 8192;

class DotBlocks {
 public:
  // In the kernel that `x` writes: the temporary is its only one.
  DotBlocks(kernel::Inline& x, const Roles& roles);

  kernel::Ex count() { return count_; }  // one at least
  // Of one block: entry, row and column are flat, and scalars.
  kernel::Ex place(kernel::Ex block, kernel::Ex entry, kernel::Ex row, kernel::Ex column) {
    return ((block * entries_ + entry) * rows_ + row) * columns_ + column;
  }

 private:
  kernel::Ex count_, entries_, rows_, columns_;
};

// The kernel that sums the blocks up, the temporary between, and a kernel that adds them up and does all that comes after the dot.
Schedule in_blocks(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target, ScheduledKernel sums);

}  // namespace uwaga::schedule
