// SmallList: a vector that keeps its first few elements in place, for lists that are nearly always short.
//
//   SmallList<Value, 3> operands{a, b};
//
// A graph has one such list of operands and one of types a node, and passes write every node anew. Converts from and to
// std::vector by copying. Growing moves the elements: references into a list do not survive a push_back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace uwaga {

template <typename T, std::uint32_t N>
class SmallList {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  SmallList() = default;
  SmallList(std::initializer_list<T> list) { assign(list.begin(), list.end()); }
  SmallList(const std::vector<T>& list) { assign(list.begin(), list.end()); }  // NOLINT: the same elements
  template <std::input_iterator I>
  SmallList(I first, I last) { assign(first, last); }
  SmallList(const SmallList& other) { assign(other.begin(), other.end()); }
  SmallList(SmallList&& other) noexcept { take(other); }
  SmallList& operator=(const SmallList& other) {
    if (this != &other) assign(other.begin(), other.end());
    return *this;
  }
  SmallList& operator=(SmallList&& other) noexcept {
    if (this == &other) return *this;
    release();
    take(other);
    return *this;
  }
  ~SmallList() { release(); }

  operator std::vector<T>() const { return {begin(), end()}; }  // NOLINT

  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* data() { return capacity_ > N ? heap_ : reinterpret_cast<T*>(place_); }
  const T* data() const { return capacity_ > N ? heap_ : reinterpret_cast<const T*>(place_); }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }
  T& front() { return *begin(); }
  const T& front() const { return *begin(); }
  T& back() { return end()[-1]; }
  const T& back() const { return end()[-1]; }

  void reserve(std::size_t count) {
    if (count <= capacity_) return;
    T* const larger = std::allocator<T>().allocate(count);
    std::uninitialized_move(begin(), end(), larger);
    const std::uint32_t size = size_;
    release();
    heap_ = larger, capacity_ = static_cast<std::uint32_t>(count), size_ = size;
  }
  void push_back(T value) {
    if (size_ == capacity_) reserve(2 * std::size_t{capacity_});
    new (end()) T(std::move(value));
    ++size_;
  }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }

  friend bool operator==(const SmallList& a, const SmallList& b) {
    if (a.size_ != b.size_) return false;
    for (std::size_t i = 0; i < a.size_; ++i)
      if (!(a[i] == b[i])) return false;
    return true;
  }

 private:
  template <typename I>
  void assign(I first, I last) {
    clear();
    reserve(static_cast<std::size_t>(std::distance(first, last)));
    size_ = static_cast<std::uint32_t>(std::uninitialized_copy(first, last, begin()) - begin());
  }
  // `other` becomes empty; this one owns nothing before.
  void take(SmallList& other) noexcept {
    if (other.capacity_ > N) {
      heap_ = other.heap_, capacity_ = other.capacity_, size_ = other.size_;
      other.capacity_ = N, other.size_ = 0;
      return;
    }
    std::uninitialized_move(other.begin(), other.end(), reinterpret_cast<T*>(place_));
    size_ = other.size_;
    other.clear();
  }
  void release() {
    std::destroy(begin(), end());
    if (capacity_ > N) std::allocator<T>().deallocate(heap_, capacity_);
    capacity_ = N, size_ = 0;
  }

  std::uint32_t size_ = 0, capacity_ = N;
  union {
    alignas(T) std::byte place_[N * sizeof(T)];
    T* heap_;
  };
};

}  // namespace uwaga
