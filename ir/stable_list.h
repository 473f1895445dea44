// StableList: grows at its end, and references to its elements stay good; std::deque with chunks that double in size, so
// that a body of five nodes is one small allocation and a graph of 100,000 a few large ones.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <iterator>
#include <memory>
#include <new>
#include <utility>

namespace uwaga {

template <typename T>
class StableList {
 public:
  StableList() = default;
  StableList(const StableList& other) {
    for (const T& item : other) push_back(item);
  }
  StableList& operator=(const StableList&) = delete;
  ~StableList() {
    for (std::size_t i = 0; i < size_; ++i) std::destroy_at(&(*this)[i]);
    for (std::size_t c = 0; c < kChunks; ++c)
      if (chunks_[c]) std::allocator<T>().deallocate(chunks_[c], chunk_size(c));
  }

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T& operator[](std::size_t i) { return *at(i); }
  const T& operator[](std::size_t i) const { return *at(i); }
  const T& back() const { return *at(size_ - 1); }
  void push_back(T item) {
    const std::size_t c = chunk_of(size_);
    if (!chunks_[c]) chunks_[c] = std::allocator<T>().allocate(chunk_size(c));
    new (at(size_)) T(std::move(item));
    ++size_;
  }

  class const_iterator {
   public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using reference = const T&;
    using pointer = const T*;
    using iterator_category = std::forward_iterator_tag;
    const_iterator() = default;
    const_iterator(const StableList* list, std::size_t i) : list_(list), i_(i) {}
    const T& operator*() const { return (*list_)[i_]; }
    const T* operator->() const { return &(*list_)[i_]; }
    const_iterator& operator++() {
      ++i_;
      return *this;
    }
    const_iterator operator++(int) { return {list_, i_++}; }
    friend bool operator==(const const_iterator&, const const_iterator&) = default;

   private:
    const StableList* list_ = nullptr;
    std::size_t i_ = 0;
  };
  const_iterator begin() const { return {this, 0}; }
  const_iterator end() const { return {this, size_}; }

 private:
  static constexpr std::size_t kFirst = 8, kChunks = 40;

  // Chunk c holds kFirst << c elements, from kFirst * (2^c - 1) on.
  static constexpr std::size_t chunk_of(std::size_t i) { return static_cast<std::size_t>(std::bit_width(i / kFirst + 1)) - 1; }
  static constexpr std::size_t chunk_size(std::size_t c) { return kFirst << c; }
  T* at(std::size_t i) const {
    const std::size_t c = chunk_of(i);
    return chunks_[c] + (i - kFirst * ((std::size_t{1} << c) - 1));
  }

  std::size_t size_ = 0;
  std::array<T*, kChunks> chunks_ = {};
};

}  // namespace uwaga
