#include <uwaga/runtime/host/placement.h>

namespace uwaga {

#if defined(__linux__)

int current_cpu() { return sched_getcpu(); }

void SentAway::send(pthread_t thread, int cpu) {
  if (cpu < 0 || cpu >= CPU_SETSIZE || sent_.load() || pthread_getaffinity_np(thread, sizeof before_, &before_) != 0) return;
  cpu_set_t others = before_;
  CPU_CLR(static_cast<unsigned>(cpu), &others);
  if (CPU_COUNT(&others) == 0 || CPU_EQUAL(&others, &before_)) return;
  sent_.store(pthread_setaffinity_np(thread, sizeof others, &others) == 0);
}

void SentAway::come_back() {
  if (!sent_.load()) return;
  // Restored before it is said: a send() that comes late must not take the narrowed set for the one from before.
  pthread_setaffinity_np(pthread_self(), sizeof before_, &before_);
  sent_.store(false);
}

#else

int current_cpu() { return -1; }
void SentAway::send(pthread_t, int) {}
void SentAway::come_back() {}

#endif

}  // namespace uwaga
