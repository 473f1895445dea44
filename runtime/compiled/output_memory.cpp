#include <uwaga/runtime/compiled/internal/output_memory.h>

#include <algorithm>
#include <mutex>
#include <utility>
#include <vector>

#include <uwaga/ir/aligned.h>

namespace uwaga {

struct OutputMemory::Shelf {
  std::mutex mutex;
  std::vector<AlignedBuffer> blocks;  // the one let go of longest ago first
  std::size_t most = 0;
};

OutputMemory::OutputMemory(std::size_t outputs) : shelf_(std::make_shared<Shelf>()) { shelf_->most = outputs; }

std::shared_ptr<std::byte> OutputMemory::take(std::size_t bytes) {
  // At least one byte, so that an empty array still has an address.
  const std::size_t size = std::max<std::size_t>(bytes, 1);
  AlignedBuffer block;
  {
    const std::lock_guard lock(shelf_->mutex);
    std::vector<AlignedBuffer>& blocks = shelf_->blocks;
    auto found = std::find_if(blocks.begin(), blocks.end(), [&](const AlignedBuffer& b) { return b.size() == size; });
    // Of other sizes than before: one of those makes room.
    const bool fits = found != blocks.end();
    if (!fits) found = blocks.begin();
    if (found != blocks.end()) {
      if (fits) block = std::move(*found);
      blocks.erase(found);
    }
  }
  if (block.size() == 0) block = AlignedBuffer(size);
  std::byte* memory = block.data();
  const auto give_back = [shelf = std::weak_ptr(shelf_), kept = std::make_shared<AlignedBuffer>(std::move(block))](std::byte*) {
    const std::shared_ptr<Shelf> open = shelf.lock();
    if (!open) return;
    const std::lock_guard lock(open->mutex);
    if (open->blocks.size() < open->most) open->blocks.push_back(std::move(*kept));
  };
  return {memory, give_back};
}

}  // namespace uwaga
