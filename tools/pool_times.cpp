#include "tools/pool_times.h"

#include <uwaga/runtime/host/thread_pool.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace uwaga {
namespace {

using Clock = std::chrono::steady_clock;

double median_microseconds(std::vector<Clock::duration>& times) {
  std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
  return std::chrono::duration<double, std::micro>(times[times.size() / 2]).count();
}

}  // namespace

PoolTimes pool_times(int threads) {
  constexpr int kRuns = 20'000, kWarm = 1'000;
  struct alignas(64) Worker {
    Clock::time_point begin, end;
  };
  ThreadPool pool(threads);
  std::vector<Worker> workers(static_cast<std::size_t>(threads));
  std::vector<Clock::duration> launches, barriers, runs;
  for (int i = -kWarm; i < kRuns; ++i) {
    const Clock::time_point begin = Clock::now();
    pool.for_each_range(
        threads,
        [&](std::int64_t, std::int64_t, int worker) noexcept {
          Worker& w = workers[static_cast<std::size_t>(worker)];
          w.begin = Clock::now();
          w.end = Clock::now();
        },
        ThreadPool::Mode::fixed);
    const Clock::time_point end = Clock::now();
    if (i < 0) continue;
    const auto last = [&](Clock::time_point Worker::* when) {
      return (*std::max_element(workers.begin(), workers.end(), [&](const Worker& a, const Worker& b) { return a.*when < b.*when; })).*when;
    };
    launches.push_back(last(&Worker::begin) - begin);
    barriers.push_back(end - last(&Worker::end));
  }
  for (int i = -kWarm; i < kRuns; ++i) {
    const Clock::time_point begin = Clock::now();
    pool.for_each_range(threads, [](std::int64_t, std::int64_t, int) noexcept {});
    if (i >= 0) runs.push_back(Clock::now() - begin);
  }
  return {median_microseconds(launches), median_microseconds(barriers), median_microseconds(runs)};
}

}  // namespace uwaga
