// What is behind a State.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <uwaga/ir/array.h>
#include <uwaga/ir/graph.h>
#include <uwaga/runtime/host/thread_pool.h>
#include <uwaga/runtime/program/internal/target_memory.h>
#include <uwaga/runtime/target.h>

namespace uwaga {

// A slot's newest value lies on the host or in one target's memory; programs of that target share it there.
struct Slot {
  Type type;
  bool trainable = false;
  Graph initial;
  std::atomic<bool> has_value{false};  // asked while a program runs

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
  // Programs may be compiled at once, and while others run: slots are added under a lock of their own, and stay where they are.
  // Their values are the business of who holds a Lock or a Reading.

  // Declares the slots of a graph's parameters; Error, and nothing declared, if one is known with another type, or as a scalar
  // state that starts at another constant.
  void declare(const Graph& graph);
  Slot* find(const std::string& path);  // null: there is none
  Slot& slot(const std::string& path);  // Error with the nearest names
  Slot& filled(const std::string& path);  // the same, and Error where it has no value yet
  std::map<std::string, Slot*> slots();  // those that are declared now
  // The first values of some slots, computed on the target. A Lock is held.
  void initialise(const std::map<std::string, Slot*>& slots, std::int64_t seed, const Target& target);
  // The value, its axes matched by name; Error if the type differs. A Lock is held.
  void set(const std::string& path, const Array& value);

  // Slots that hold what can be computed again, so that no checkpoint need have them. Who fills some claims them, by a number of
  // its own; while they are claimed by it, they hold what it wrote.
  void declare_caches(const std::vector<std::string>& paths);
  bool is_cache(const std::string& path);
  std::uint64_t claim(const std::vector<std::string>& caches);
  bool claimed(const std::vector<std::string>& caches, std::uint64_t by);
  void void_claims();  // they, or what they were computed from, have been written from outside

  // Those of all its programs that want so many: they never run at once, and threads that wait for one would be in another's way.
  std::shared_ptr<ThreadPool> threads(int count);

  // Held while a program runs or the state is written; Error if it is held already. Waits for who reads.
  class Lock {
   public:
    explicit Lock(StateData& state);
    ~Lock() { state_.users_.store(0, std::memory_order_release); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;

   private:
    StateData& state_;
  };

  // Held while values are read, so that they are of one step; any number at once. Error while a Lock is held.
  class Reading {
   public:
    explicit Reading(StateData& state);
    ~Reading() {
      if (state_.users_.fetch_sub(1, std::memory_order_release) == 1) state_.users_.notify_all();
    }
    Reading(const Reading&) = delete;
    Reading& operator=(const Reading&) = delete;

   private:
    StateData& state_;
  };

 private:
  std::map<std::string, Slot> slots_;
  std::map<std::string, std::uint64_t> caches_;  // by whom they are claimed; 0: nobody
  std::uint64_t claims_ = 0;  // so far
  std::mutex declaring_;  // for all of these
  std::mutex starting_;  // for threads_
  std::map<int, std::weak_ptr<ThreadPool>> threads_;
  static constexpr int kWritten = -1;
  std::atomic<int> users_{0};  // that read, or kWritten
};

}  // namespace uwaga
