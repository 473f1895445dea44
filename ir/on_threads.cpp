#include <uwaga/ir/on_threads.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace uwaga {

void on_threads(std::size_t count, int threads, const std::function<std::function<void(std::size_t piece)>()>& worker) {
  std::vector<std::exception_ptr> failures(count);
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    std::function<void(std::size_t)> act;
    for (std::size_t piece; (piece = next.fetch_add(1)) < count;) {
      try {
        if (!act) act = worker();
        act(piece);
      } catch (...) {
        failures[piece] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (std::size_t i = 1; i < std::min(count, static_cast<std::size_t>(std::max(threads, 1))); ++i) others.emplace_back(work);
    work();
  }
  for (const std::exception_ptr& failure : failures)
    if (failure) std::rethrow_exception(failure);
}

}  // namespace uwaga
