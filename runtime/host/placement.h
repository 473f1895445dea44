// Threads that wait for each other must not share a CPU while another is idle: a system wakes a thread where it slept, and a
// caller that has gone on there keeps it from running for milliseconds.
//
//   SentAway away;
//   away.send(worker.native_handle(), current_cpu());  // wakes up on another CPU
//   away.come_back();                                  // by the thread itself, awake
//
// Does nothing where the system has no such calls, or refuses them.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <atomic>

namespace uwaga {

int current_cpu();  // -1: unknown

// By turns: send() while the thread sleeps, come_back() after it was woken.
class SentAway {
 public:
  // `thread` may run on every CPU it might before, but `cpu`. No effect where that leaves none.
  void send(pthread_t thread, int cpu);
  // The calling thread, which was sent away or not, may run wherever it might before.
  void come_back();

 private:
#if defined(__linux__)
  std::atomic<bool> sent_{false};
  cpu_set_t before_{};
#endif
};

}  // namespace uwaga
