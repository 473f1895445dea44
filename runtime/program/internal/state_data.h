// What is behind a State.
#pragma once

#include <atomic>
#include <map>
#include <string>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>

namespace uwaga {

struct Slot {
  Type type;
  bool trainable = false;
  Graph initial;
  Array value;           // dense, axes as the type writes them
  bool has_value = false;
};

class StateData {
 public:
  // Declares the slots of a graph's parameters; Error if one is known with another type.
  void declare(const Graph& graph);
  Slot& slot(const std::string& path);  // Error with the nearest names
  const std::map<std::string, Slot>& slots() const { return slots_; }
  std::map<std::string, Slot>& slots() { return slots_; }

  // Held while a program runs or the state is written; Error if it is held already.
  class Lock {
   public:
    explicit Lock(StateData& state);
    ~Lock() { state_.busy_.store(false, std::memory_order_release); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    StateData& state_;
  };

 private:
  std::map<std::string, Slot> slots_;
  std::atomic<bool> busy_{false};
};

}  // namespace uwaga
