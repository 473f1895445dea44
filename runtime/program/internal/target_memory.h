// Memory in which kernels of a target run, where that is not the host's.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace uwaga {

// One allocation. It keeps alive what it was taken from, so that a State outlives the program that filled it.
class TargetMemory {
 public:
  virtual ~TargetMemory() = default;
  virtual void* address() const = 0;
  virtual std::size_t bytes() const = 0;
  // Which memory: equal names share addresses ("cuda:0").
  virtual const std::string& where() const = 0;
  // The first bytes; both return when they have moved.
  virtual void upload(const void* from, std::size_t bytes) = 0;
  virtual void download(void* to, std::size_t bytes) const = 0;
};

class TargetMemories {
 public:
  virtual ~TargetMemories() = default;
  virtual const std::string& where() const = 0;
  // SystemError where there is too little, with `purpose` in the sentence: "the arena of a program".
  virtual std::shared_ptr<TargetMemory> allocate(std::size_t bytes, const std::string& purpose) = 0;
};

}  // namespace uwaga
