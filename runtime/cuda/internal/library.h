// A shared library opened at run time.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace uwaga::cuda {

class Library {
 public:
  Library() = default;
  // The first of `names` that opens. None: `open` is false and `why` says what the loader said of the first.
  explicit Library(const std::vector<std::string>& names);
  ~Library();
  Library(Library&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)), name_(std::move(other.name_)), why_(std::move(other.why_)) {}
  Library& operator=(Library&& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(name_, other.name_);
    std::swap(why_, other.why_);
    return *this;
  }

  bool open() const { return handle_ != nullptr; }
  const std::string& name() const { return name_; }
  const std::string& why() const { return why_; }

  // Null where there is no such symbol.
  void* find(const char* symbol) const;
  template <typename Function>
  void get(Function& function, const char* symbol) const {
    function = reinterpret_cast<Function>(find(symbol));
  }

 private:
  void* handle_ = nullptr;
  std::string name_, why_;
};

}  // namespace uwaga::cuda
