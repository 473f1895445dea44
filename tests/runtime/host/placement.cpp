// Threads that wake up beside their caller, not in its way.
#include <uwaga/runtime/host/placement.h>
#include <uwaga/runtime/host/thread_pool.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "tests/catch.h"

#if defined(__linux__)

namespace uwaga {
namespace {

cpu_set_t allowed() {
  cpu_set_t set;
  CPU_ZERO(&set);
  pthread_getaffinity_np(pthread_self(), sizeof set, &set);
  return set;
}
bool same(const cpu_set_t& a, const cpu_set_t& b) { return CPU_EQUAL(&a, &b); }

}  // namespace

TEST_CASE("a thread that is sent away wakes up on another CPU, and may come back", "[threads]") {
  const cpu_set_t before = allowed();
  const int here = current_cpu();
  std::atomic<int> step = 0, woken_on = -1;
  cpu_set_t after;
  SentAway away;
  std::thread sleeper([&] {
    step.wait(0);
    woken_on = current_cpu();
    away.come_back();
    after = allowed();
  });
  away.send(sleeper.native_handle(), here);
  step = 1;
  step.notify_one();
  sleeper.join();
  if (CPU_COUNT(&before) > 1) CHECK(woken_on != here);
  CHECK(same(before, after));
}

TEST_CASE("a thread that may run nowhere else stays", "[threads]") {
  const int here = current_cpu();
  std::thread alone([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(static_cast<unsigned>(here), &one);
    pthread_setaffinity_np(pthread_self(), sizeof one, &one);
    SentAway away;
    away.send(pthread_self(), here);
    CHECK(same(allowed(), one));
    away.send(pthread_self(), -1);
    away.come_back();
    CHECK(same(allowed(), one));
  });
  alone.join();
}

TEST_CASE("workers of a pool that slept may run wherever they might before", "[threads]") {
  const cpu_set_t before = allowed();
  ThreadPool pool(2, 2);
  for (int i = 0; i < 3; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::atomic<int> arrived = 0, changed = 0;
    pool.for_each_range(2, [&](std::int64_t, std::int64_t, int) noexcept {
      if (!same(allowed(), before)) ++changed;
      ++arrived;
      while (arrived < 2) std::this_thread::yield();
    });
    CHECK(changed == 0);
  }
}

}  // namespace uwaga

#endif
