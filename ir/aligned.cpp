#include <fmt/format.h>
#include <sys/mman.h>
#include <uwaga/ir/aligned.h>
#include <uwaga/ir/error.h>

#include <cstdlib>
#include <limits>
#include <utility>

namespace uwaga {

AlignedBuffer::AlignedBuffer(std::size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  const std::size_t whole = bytes / kHugePage * kHugePage;
  const std::size_t alignment = whole > 0 ? kHugePage : kAlignment;
  if (bytes <= std::numeric_limits<std::ptrdiff_t>::max() - alignment) {
    // std::aligned_alloc wants a multiple of the alignment, which would round a little more than a huge page up to two.
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, bytes) == 0) data_ = static_cast<std::byte*>(memory);
#if defined(MADV_HUGEPAGE)
    // What is left over after whole huge pages takes small ones, so that memory stays what was asked for.
    if (data_ && whole > 0) madvise(data_, whole, MADV_HUGEPAGE);
#endif
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
