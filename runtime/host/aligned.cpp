#include <fmt/format.h>
#include <sys/mman.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/aligned.h>

#include <cstdlib>
#include <limits>
#include <utility>

namespace uwaga {

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const bool big = bytes >= kHugePage;
  const std::size_t alignment = big ? kHugePage : kAlignment;
  if (bytes <= std::numeric_limits<std::ptrdiff_t>::max() - alignment) {
    // aligned_alloc asks for a multiple of the alignment.
    const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
    data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded));
    if (data_ && big) madvise(data_, rounded, MADV_HUGEPAGE);
  }
  if (!data_) {
    throw SystemError(
        fmt::format("cannot allocate {} bytes ({:.1f} GiB) of memory", bytes, static_cast<double>(bytes) * 0x1p-30));
  }
}

AlignedBuffer::~AlignedBuffer() { std::free(data_); }

AlignedBuffer::AlignedBuffer(AlignedBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

AlignedBuffer& AlignedBuffer::operator=(AlignedBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace uwaga
