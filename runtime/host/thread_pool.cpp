#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/host/thread_pool.h>

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

// Long enough to bridge the gap between two kernels of one program, short enough not to be missed by anybody else.
constexpr std::chrono::microseconds kSpin{50};
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

  // Returns once the value differs from `seen`.
  void wait_past(std::uint32_t seen, bool crowded) {
    if (spin_past(seen, crowded)) return;
    std::unique_lock lock(mutex_);
    sleepers_.fetch_add(1);
    wake_.wait(lock, [&] { return value_.load() != seen; });
    sleepers_.fetch_sub(1);
  }

 private:
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

  std::atomic<std::uint32_t> value_{0};
  std::atomic<int> sleepers_{0};
  std::mutex mutex_;
  std::condition_variable wake_;
};

}  // namespace

struct ThreadPool::Shared {
  Shared(int threads, int cpus) : count(threads), crowded(threads > cpus) {}

  const int count;
  const bool crowded;

  // The current run; written by its caller before `started` advances.
  Function function = nullptr;
  void* context = nullptr;
  std::int64_t tasks = 0;
  int participants = 1;
  bool stop = false;

  Signal started;   // Advances when a run begins.
  Signal finished;  // Advances when its last worker is done.
  Signal met;       // Advances when the last participant reaches the barrier.
  alignas(kLine) std::atomic<int> working{0};
  alignas(kLine) std::atomic<int> arrived{0};

  alignas(kLine) std::mutex turn;  // Held for the length of a run.
  std::atomic<std::thread::id> caller{};
  std::atomic<std::int64_t> parallel{0};
  std::vector<std::thread> workers;

  void work(int worker) noexcept {
    function(context, first_task(tasks, participants, worker), first_task(tasks, participants, worker + 1), worker);
  }

  void worker_loop(int worker) noexcept {
    std::uint32_t seen = 0;
    for (;;) {
      started.wait_past(seen, crowded);
      ++seen;  // A run cannot begin before the last one ended, so no beat is missed.
      if (stop) return;
      work(worker);
      if (working.fetch_sub(1) == 1) finished.advance();
    }
  }

  void shut_down() noexcept {
    stop = true;
    started.advance();
    for (std::thread& worker : workers) worker.join();
  }

  bool inside() const {
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
    check_internal(!s.inside(), "a task called run of its own thread pool");
    turn.lock();
  }
  s.caller.store(std::this_thread::get_id(), std::memory_order_relaxed);
  s.function = function;
  s.context = context;
  s.tasks = tasks;
  const bool alone = s.count == 1 || tasks == 1 || mode == Mode::serial;
  s.participants = alone ? 1 : s.count;
  if (alone) {
    s.work(0);
  } else {
    s.parallel.fetch_add(1, std::memory_order_relaxed);
    s.working.store(s.count - 1);
    const std::uint32_t seen = s.finished.value();
    s.started.advance();
    s.work(0);
    s.finished.wait_past(seen, s.crowded);
  }
  s.caller.store({}, std::memory_order_relaxed);
}

void ThreadPool::barrier() noexcept {
  Shared& s = *shared_;
  if (s.participants == 1) return;
  const std::uint32_t seen = s.met.value();
  if (s.arrived.fetch_add(1) + 1 == s.participants) {
    s.arrived.store(0);  // Before the others leave, so that they can come again.
    s.met.advance();
  } else {
    s.met.wait_past(seen, s.crowded);
  }
}

}  // namespace uwaga
