#include "tools/timed_threads.h"

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <thread>
#include <vector>

namespace uwaga {

double seconds(int threads, const std::function<float(int thread)>& work) {
  using Clock = std::chrono::steady_clock;
  std::barrier gate(threads);
  std::vector<std::thread> workers;
  std::vector<float> kept(static_cast<std::size_t>(threads));
  std::vector<Clock::time_point> begin(kept.size()), end(kept.size());
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      const auto i = static_cast<std::size_t>(t);
      gate.arrive_and_wait();
      begin[i] = Clock::now();
      kept[i] = work(t);
      end[i] = Clock::now();
    });
  for (std::thread& w : workers) w.join();
  return std::chrono::duration<double>(*std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end())).count();
}

}  // namespace uwaga
