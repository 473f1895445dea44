// A persistent pool of threads that share out the tasks of one run after another.
//
//   ThreadPool pool(4);                                              // the caller and three workers
//   pool.run(rows, kernel, &arguments);                              // kernel(&arguments, begin, end, worker)
//   pool.for_each_range(rows, [&](std::int64_t begin, std::int64_t end, int worker) noexcept { ... });
//
// Every task is run once, by somebody: worker t of T begins with the tasks [floor(tasks*t/T), floor(tasks*(t+1)/T)), taken
// by halves, and who has none left takes half of what another has not begun. So tasks must not mind who runs them or in
// which order; a worker's own calls come one after another, with its number in [0, T). The caller is worker 0.
// `run` returns when all tasks are done, and everything they wrote is visible to the caller. It waits for nobody who has not
// begun: a worker that wakes up late, or whose CPU is busy elsewhere, costs nothing but its help.
//
// A run of one task, a serial run, and a run of a pool of one thread happen on the calling thread alone, in one call.
//
// Waiting threads spin for a short bounded time and then sleep, to wake up on another CPU than the caller's; where the pool
// has more threads than the process has CPUs they hardly spin at all. Two threads may call `run` at the same time: one waits
// for the other. A task must not call `run` of its own pool (InternalError, which a noexcept task turns into std::terminate).
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace uwaga {

class ThreadPool {
 public:
  // A task may not throw: an exception cannot cross from a worker to the caller, and compiled kernels have none.
  using Function = void (*)(void* context, std::int64_t begin, std::int64_t end, int worker) noexcept;

  enum class Mode {
    parallel,
    fixed,  // every worker runs the tasks it begins with, and all wait for it: for tests that must see all at work
    serial,
  };

  // `threads` counts the caller. Throws Error below 1 or above kMaxThreads, SystemError where a thread cannot start.
  explicit ThreadPool(int threads);
  // As above; `cpus` replaces the number of CPUs this process may use, which decides how long threads spin.
  ThreadPool(int threads, int cpus);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  static constexpr int kMaxThreads = 4096;

  int threads() const;

  // Throws InternalError for a negative count of tasks or a nested call.
  void run(std::int64_t tasks, Function function, void* context, Mode mode = Mode::parallel);

  // The same with a callable (begin, end, worker) that is declared noexcept.
  template <class Callable>
  void for_each_range(std::int64_t tasks, Callable&& callable, Mode mode = Mode::parallel) {
    using C = std::remove_reference_t<Callable>;
    static_assert(std::is_nothrow_invocable_v<C&, std::int64_t, std::int64_t, int>, "declare the callable noexcept");
    run(
        tasks,
        [](void* context, std::int64_t begin, std::int64_t end, int worker) noexcept {
          (*static_cast<C*>(context))(begin, end, worker);
        },
        const_cast<std::remove_const_t<C>*>(std::addressof(callable)), mode);
  }

  // Runs in which more than one thread had tasks, since the pool was made.
  std::int64_t parallel_runs() const;

  // The task that worker `worker` of `threads` begins with; worker == threads gives the end of the last range.
  static constexpr std::int64_t first_task(std::int64_t tasks, int threads, int worker) {
    // floor(tasks * worker / threads) without the product that would overflow.
    return tasks / threads * worker + tasks % threads * worker / threads;
  }

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace uwaga
