#include <uwaga/ir/error.h>
#include <uwaga/ir/aligned.h>
#include <uwaga/runtime/host/thread_pool.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/catch.h"

using namespace uwaga;
using std::int64_t;

TEST_CASE("a thread pool needs at least one thread", "[threads]") {
  CHECK_THROWS_AS(ThreadPool(0), Error);
  CHECK_THROWS_WITH(ThreadPool(-3), "a thread pool needs 1 to 4096 threads, the caller included, and was given -3");
  CHECK(ThreadPool(1).threads() == 1);
}

TEST_CASE("every task runs exactly once, whoever takes it", "[threads]") {
  for (int threads : {1, 2, 3, 4, 8, 16}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {0, 1, 2, 3, 7, 16, 17, 1000}) {
      std::vector<std::atomic<int>> times(tasks);
      std::atomic<bool> known = true;
      pool.for_each_range(tasks, [&](int64_t begin, int64_t end, int worker) noexcept {
        if (worker < 0 || worker >= threads || begin >= end) known = false;
        for (int64_t i = begin; i < end; ++i) ++times[i];
      });
      REQUIRE(known);
      for (int64_t i = 0; i < tasks; ++i) REQUIRE(times[i] == 1);
    }
  }
}

TEST_CASE("with fixed shares every worker runs its own", "[threads]") {
  for (int threads : {2, 3, 8}) {
    ThreadPool pool(threads);
    for (int64_t tasks : {2, 17, 1000}) {
      std::vector<std::atomic<int>> owner(tasks);
      const auto own = [&](int64_t begin, int64_t end, int worker) noexcept {
        for (int64_t i = begin; i < end; ++i) owner[i] += worker + 1;
      };
      pool.for_each_range(tasks, own, ThreadPool::Mode::fixed);
      for (int t = 0; t < threads; ++t)
        for (int64_t i = ThreadPool::first_task(tasks, threads, t); i < ThreadPool::first_task(tasks, threads, t + 1); ++i)
          REQUIRE(owner[i] == t + 1);
    }
    CHECK(pool.parallel_runs() == 3);
  }
}

TEST_CASE("more tasks than fit 32 bits run exactly once", "[threads]") {
  ThreadPool pool(3);
  const int64_t tasks = (int64_t{5} << 31) + 3;
  std::atomic<int64_t> count = 0, last = 0;
  pool.for_each_range(tasks, [&](int64_t begin, int64_t end, int) noexcept {
    count += end - begin;
    if (end == tasks) ++last;
  });
  CHECK(count == tasks);
  CHECK(last == 1);
}

TEST_CASE("what a slow worker has not begun is taken by the others", "[threads]") {
  ThreadPool pool(2);
  std::atomic<int64_t> first = 0, second = 0;
  pool.for_each_range(1000, [&](int64_t begin, int64_t end, int worker) noexcept {
    // The second began with the half of its half; it goes on when the other has done all else.
    while (worker == 1 && first < 750) std::this_thread::yield();
    (worker == 0 ? first : second) += end - begin;
  });
  CHECK(first + second == 1000);
  CHECK(first >= 750);
}

TEST_CASE("the split does not overflow and covers everything", "[threads]") {
  const int64_t huge = std::numeric_limits<int64_t>::max();
  for (int threads : {1, 2, 3, 61, 4096}) {
    CHECK(ThreadPool::first_task(huge, threads, 0) == 0);
    CHECK(ThreadPool::first_task(huge, threads, threads) == huge);
    // huge * (T - 1) / T = huge - ceil(huge / T).
    CHECK(ThreadPool::first_task(huge, threads, threads - 1) == huge - (huge / threads + (huge % threads != 0)));
  }
}

TEST_CASE("small and serial runs stay on the calling thread", "[threads]") {
  ThreadPool pool(4);
  const auto self = std::this_thread::get_id();
  bool same = true;
  const auto check = [&](int64_t, int64_t, int worker) noexcept {
    same = same && worker == 0 && std::this_thread::get_id() == self;
  };
  pool.for_each_range(1, check);
  pool.for_each_range(100, check, ThreadPool::Mode::serial);
  CHECK(same);
  CHECK(pool.parallel_runs() == 0);
  std::atomic<int> arrived = 0;
  pool.for_each_range(2, [&](int64_t, int64_t, int) noexcept {
    ++arrived;
    while (arrived < 2) std::this_thread::yield();
  });
  CHECK(pool.parallel_runs() == 1);
}

TEST_CASE("sleeping workers wake up for the next run", "[threads]") {
  ThreadPool pool(3);
  for (int i = 0; i < 20; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(i * 20));
    std::atomic<int> arrived = 0;  // no task ends before each worker has one
    pool.for_each_range(3, [&](int64_t, int64_t, int) noexcept {
      ++arrived;
      while (arrived < 3) std::this_thread::yield();
    });
    CHECK(arrived == 3);
  }
}

TEST_CASE("two callers take turns", "[threads]") {
  ThreadPool pool(2);
  std::vector<int64_t> sums(2, 0);
  const auto caller = [&](int which) {
    for (int i = 0; i < 500; ++i) {
      std::vector<int64_t> part(2, 0);
      pool.for_each_range(10, [&](int64_t begin, int64_t end, int worker) noexcept { part[worker] += end - begin; });
      sums[which] += part[0] + part[1];
    }
  };
  std::thread other(caller, 1);
  caller(0);
  other.join();
  CHECK(sums[0] == 5000);
  CHECK(sums[1] == 5000);
}

TEST_CASE("a task that calls run of its own pool is told so", "[threads]") {
  for (int threads : {1, 2}) {
    ThreadPool pool(threads);
    std::atomic<int> caught = 0;
    pool.for_each_range(2, [&](int64_t, int64_t, int) noexcept {
      try {
        pool.for_each_range(2, [](int64_t, int64_t, int) noexcept {});
      } catch (const InternalError&) {
        ++caught;
      }
    });
    CHECK(caught == threads);
  }
}

TEST_CASE("pools with many more threads than CPUs still finish quickly", "[threads]") {
  ThreadPool pool(32, /*cpus=*/1);
  std::atomic<int64_t> sum = 0;
  for (int i = 0; i < 50; ++i)
    pool.for_each_range(320, [&](int64_t begin, int64_t end, int) noexcept { sum += end - begin; });
  CHECK(sum == 50 * 320);
}

TEST_CASE("an aligned buffer is aligned, movable and honest about failure", "[threads]") {
  for (std::size_t bytes : {1ul, 63ul, 64ul, 100000ul, (2ul << 20) - 1, (2ul << 20), (5ul << 20) + 3}) {
    AlignedBuffer buffer(bytes);
    REQUIRE(buffer.size() == bytes);
    const std::size_t alignment = bytes >= AlignedBuffer::kHugePage ? AlignedBuffer::kHugePage : 64;
    REQUIRE(reinterpret_cast<std::uintptr_t>(buffer.data()) % alignment == 0);
    std::memset(buffer.data(), 1, bytes);
    AlignedBuffer moved = std::move(buffer);
    REQUIRE(moved.bytes().size() == bytes);
    REQUIRE(moved.bytes().back() == std::byte{1});
  }
  CHECK(AlignedBuffer(0).data() == nullptr);
  CHECK_THROWS_AS(AlignedBuffer(std::numeric_limits<std::size_t>::max() - 5), SystemError);
}
