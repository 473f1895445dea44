// A block of memory for tensors: aligned to a cache line (and so to every vector), on huge pages where it is big.
//
//   AlignedBuffer arena(bytes);
//   float* x = reinterpret_cast<float*>(arena.data());
//
// The contents are undefined. Blocks of kHugePage and more start on a huge page and ask the kernel for as many as fit
// (advice only: without them everything works, with more TLB misses). Throws SystemError where there is no memory.
#pragma once

#include <cstddef>
#include <span>

namespace uwaga {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 64;
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;

  AlignedBuffer() = default;
  explicit AlignedBuffer(std::size_t bytes);
  ~AlignedBuffer();
  AlignedBuffer(AlignedBuffer&& other) noexcept;
  AlignedBuffer& operator=(AlignedBuffer&& other) noexcept;

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {data_, size_}; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  std::byte* data_ = nullptr;  // Null where size_ is 0.
  std::size_t size_ = 0;
};

}  // namespace uwaga
