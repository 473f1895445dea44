// What is behind a State.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/host/thread_pool.h>
#include <uwaga/runtime/program/internal/target_memory.h>

namespace uwaga {

// A slot's newest value lies on the host or in one target's memory; programs of that target share it there.
struct Slot {
  Type type;
  bool trainable = false;
  Graph initial;
  bool has_value = false;

  Array copy() const;
  // The value on the host, dense, axes as the type writes them; brought back for good where it is away. For programs that run
  // on the host and may write it.
  Array& at_home();
  // The value in memory of `where`, brought there for good where it is elsewhere.
  void* in(TargetMemories& where);
  void set(Array value);

 private:
  Array value_;
  std::shared_ptr<TargetMemory> away_;  // where the newest value is, unless null
};

class StateData {
 public:
  // Declares the slots of a graph's parameters; Error if one is known with another type.
  void declare(const Graph& graph);
  Slot& slot(const std::string& path);  // Error with the nearest names
  const std::map<std::string, Slot>& slots() const { return slots_; }
  std::map<std::string, Slot>& slots() { return slots_; }

  // Those of all its programs that want so many: they never run at once, and threads that wait for one would be in another's way.
  std::shared_ptr<ThreadPool> threads(int count);

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
  std::mutex starting_;  // A program may be compiled while another one is.
  std::map<int, std::weak_ptr<ThreadPool>> threads_;
  std::atomic<bool> busy_{false};
};

}  // namespace uwaga
