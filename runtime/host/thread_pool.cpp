#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/host/placement.h>
#include <uwaga/runtime/host/thread_pool.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace uwaga {
namespace {

using Clock = std::chrono::steady_clock;

// Long enough to bridge the gap between two runs of a program, and to wait for another thread's last task: waking up costs both
// sides tens of microseconds. Short enough not to be missed by anybody else.
constexpr std::chrono::microseconds kSpin{500};
constexpr int kYieldsWhenCrowded = 2;
constexpr std::size_t kLine = 64;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// A counter that threads wait on: they spin a while, then sleep. All accesses are sequentially consistent, because
// the waker's "count up, then look for sleepers" and the sleeper's "announce, then look at the count" must not both
// miss each other.
class alignas(kLine) Signal {
 public:
  std::uint32_t value() const { return value_.load(); }

  void advance() {
    value_.fetch_add(1);
    if (sleepers_.load() == 0) return;
    // Taking the lock once puts this after any sleeper's check and before its sleep, or after its sleep.
    { std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }

  bool has_sleepers() const { return sleepers_.load() != 0; }

  // Returns once the value differs from `seen`.
  void wait_past(std::uint32_t seen, bool crowded) {
    if (!spin_past(seen, crowded)) sleep_past(seen);
  }
  // The first part: true once the value differs, false when it is time to sleep.
  bool spin_past(std::uint32_t seen, bool crowded) const {
    if (crowded) {
      for (int i = 0; i < kYieldsWhenCrowded; ++i) {
        if (value_.load() != seen) return true;
        std::this_thread::yield();
      }
      return value_.load() != seen;
    }
    const auto limit = Clock::now() + kSpin;
    do {
      for (int i = 0; i < 32; ++i) {
        if (value_.load() != seen) return true;
        relax();
      }
    } while (Clock::now() < limit);
    return false;
  }
  void sleep_past(std::uint32_t seen) {
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return value_.load() != seen; });
    sleepers_.fetch_sub(1);
  }

 private:
  std::atomic<std::uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace

struct ThreadPool::Shared {
  Shared(int threads, int cpus) : count(threads), crowded(threads > cpus), left(static_cast<std::size_t>(threads)), sleepers(left.size()) {}

  // What a worker has not begun: units of tasks from the low to the high half. The worker takes from the front, the others
  // from the back.
  struct alignas(kLine) Left {
    std::atomic<std::uint64_t> range{0};

    static std::uint64_t pack(std::uint64_t begin, std::uint64_t end) { return begin | end << 32; }

    bool empty() const {
      const std::uint64_t r = range.load();
      return (r & 0xffffffffu) == r >> 32;
    }

    // Half of it, one at least; false where nothing is left.
    bool take(bool own, std::int64_t& begin, std::int64_t& end) {
      std::uint64_t r = range.load();
      for (;;) {
        const std::uint64_t front = r & 0xffffffffu, back = r >> 32;
        if (front == back) return false;
        const std::uint64_t half = (back - front + 1) / 2, middle = own ? front + half : back - half;
        if (!range.compare_exchange_weak(r, own ? pack(middle, back) : pack(front, middle))) continue;
        begin = static_cast<std::int64_t>(own ? front : middle);
        end = static_cast<std::int64_t>(own ? middle : back);
        return true;
      }
    }
  };

  const int count;
  const bool crowded;

  // The current run; written by its caller while nobody is inside.
  Function function = nullptr;
  void* context = nullptr;
  std::int64_t tasks = 0, unit = 1;
  bool fixed = false;
  std::atomic<bool> stop{false};  // A worker that wakes up late may look while it is set.
  std::vector<Left> left;           // by worker

  struct alignas(kLine) Sleeper {
    std::atomic<bool> asleep{false};  // or about to
    SentAway away;
  };
  std::vector<Sleeper> sleepers;    // by worker
  std::atomic<bool> helped{false};  // Has a worker other than the caller had a task?

  Signal started;   // Advances when a run begins.
  Signal finished;  // Advances when the last worker leaves a run that is over.
  // A worker comes in and then looks whether the run is open; the caller closes it and then looks who is in. All accesses
  // are sequentially consistent, so one of them sees the other.
  alignas(kLine) std::atomic<int> inside{0};
  alignas(kLine) std::atomic<bool> open{false};

  alignas(kLine) std::mutex turn;  // Held for the length of a run.
  std::atomic<std::thread::id> caller{};
  std::atomic<std::int64_t> parallel{0};
  std::vector<std::thread> workers;

  // Has this worker had a task?
  bool work(int worker) noexcept {
    bool any = false;
    for (int i = 0; i < (fixed ? 1 : count); ++i) {
      const int from = (worker + i) % count;
      std::int64_t begin = 0, end = 0;
      while (left[static_cast<std::size_t>(from)].take(i == 0, begin, end)) {
        function(context, begin * unit, std::min(end * unit, tasks), worker);
        any = true;
      }
    }
    return any;
  }

  void worker_loop(int worker) noexcept {
    std::uint32_t seen = 0;
    for (;;) {
      if (!started.spin_past(seen, crowded)) {
        Sleeper& self = sleepers[static_cast<std::size_t>(worker)];
        self.asleep.store(true);
        started.sleep_past(seen);
        self.asleep.store(false);
        self.away.come_back();
      }
      seen = started.value();
      if (stop) return;
      inside.fetch_add(1);
      if (open.load() && work(worker)) helped.store(true, std::memory_order_relaxed);
      if (inside.fetch_sub(1) == 1 && !open.load()) finished.advance();
    }
  }

  // Who woke up where the caller runs would wait for it to be done.
  void make_way() noexcept {
    if (crowded || !started.has_sleepers()) return;
    const int here = current_cpu();
    for (std::size_t t = 1; t < sleepers.size(); ++t)
      if (sleepers[t].asleep.load()) sleepers[t].away.send(workers[t - 1].native_handle(), here);
  }

  void share_out() noexcept {
    unit = (tasks >> 31) + 1;  // so that their number fits 32 bits
    const std::int64_t units = tasks / unit + (tasks % unit != 0);
    for (int t = 0; t < count; ++t)
      left[static_cast<std::size_t>(t)].range.store(Left::pack(static_cast<std::uint64_t>(first_task(units, count, t)),
                                                              static_cast<std::uint64_t>(first_task(units, count, t + 1))));
    helped.store(false, std::memory_order_relaxed);
    open.store(true);
    make_way();
    started.advance();
    work(0);
    for (Left& l : left)
      while (fixed && !l.empty()) std::this_thread::yield();
    open.store(false);
    for (;;) {
      const std::uint32_t seen = finished.value();
      if (inside.load() == 0) break;
      finished.wait_past(seen, crowded);
    }
    if (helped.load(std::memory_order_relaxed)) parallel.fetch_add(1, std::memory_order_relaxed);
  }

  void shut_down() noexcept {
    stop = true;
    started.advance();
    for (std::thread& worker : workers) worker.join();
  }

  bool within() const {
    const auto self = std::this_thread::get_id();
    if (caller.load() == self) return true;
    for (const std::thread& worker : workers)
      if (worker.get_id() == self) return true;
    return false;
  }
};

ThreadPool::ThreadPool(int threads) : ThreadPool(threads, detect_cpu().logical_cpus) {}

ThreadPool::ThreadPool(int threads, int cpus) {
  if (threads < 1 || threads > kMaxThreads) {
    throw Error(fmt::format("a thread pool needs 1 to {} threads, the caller included, and was given {}", kMaxThreads,
                            threads));
  }
  shared_ = std::make_unique<Shared>(threads, cpus);
  shared_->workers.reserve(threads - 1);
  try {
    for (int i = 1; i < threads; ++i) shared_->workers.emplace_back([s = shared_.get(), i] { s->worker_loop(i); });
  } catch (const std::system_error& error) {
    const std::size_t running = shared_->workers.size() + 1;
    shared_->shut_down();
    throw SystemError(fmt::format("cannot start thread {} of {}: {}", running + 1, threads, error.code().message()));
  }
}

ThreadPool::~ThreadPool() { shared_->shut_down(); }

int ThreadPool::threads() const { return shared_->count; }
std::int64_t ThreadPool::parallel_runs() const { return shared_->parallel.load(std::memory_order_relaxed); }

void ThreadPool::run(std::int64_t tasks, Function function, void* context, Mode mode) {
  Shared& s = *shared_;
  check_internal(tasks >= 0, "a run of a negative number of tasks");
  if (tasks == 0) return;
  std::unique_lock turn(s.turn, std::try_to_lock);
  if (!turn.owns_lock()) {
    check_internal(!s.within(), "a task called run of its own thread pool");
    turn.lock();
  }
  s.caller.store(std::this_thread::get_id(), std::memory_order_relaxed);
  s.function = function;
  s.context = context;
  s.tasks = tasks;
  s.fixed = mode == Mode::fixed;
  if (s.count == 1 || tasks == 1 || mode == Mode::serial) {
    function(context, 0, tasks, 0);
  } else {
    s.share_out();
  }
  s.caller.store({}, std::memory_order_relaxed);
}

}  // namespace uwaga
