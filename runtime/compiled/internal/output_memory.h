// Memory of a program's outputs: what a caller has let go of is taken again by the next run, which then touches no new pages.
//
//   OutputMemory memory;
//   std::shared_ptr<std::byte> logits = memory.take(bytes);  // undefined contents, the caller's alone
//
// No more is kept than one run's outputs, and nothing beyond the life of the program. Arrays may outlive it, and be let go of anywhere.
#pragma once

#include <cstddef>
#include <memory>

namespace uwaga {

class OutputMemory {
 public:
  // For so many outputs a run.
  explicit OutputMemory(std::size_t outputs);
  // Throws SystemError where there is no memory.
  std::shared_ptr<std::byte> take(std::size_t bytes);

 private:
  struct Shelf;
  std::shared_ptr<Shelf> shelf_;
};

}  // namespace uwaga
