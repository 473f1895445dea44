#include <uwaga/codegen/schedule/custom.h>
#include <uwaga/runtime/compiled/host/internal/host_kernels.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/switch.h>
#include <uwaga/ir/aligned.h>
#include <uwaga/runtime/host/thread_pool.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace uwaga {
namespace {

class HostBackend final : public Backend {
 public:
  explicit HostBackend(std::shared_ptr<ThreadPool> pool) : target_(this_host()), pool_(std::move(pool)) {
    target_.threads = pool_->threads();
    if (is_switched_on("UWAGA_SHARES", "fixed")) mode_ = ThreadPool::Mode::fixed;
  }

  LoweringRules lowering_rules() const override { return {AttentionKernels::all, true}; }
  FuseRules fuse_rules() const override { return {.sums_beside_rows = true, .patch_sums = true}; }
  std::int64_t row_bytes() const override { return 64; }
  Schedule schedule(const Graph& graph, const Cluster& cluster, const Layouts& layouts) const override {
    if (cluster.kind == ClusterKind::custom) return schedule::custom(graph, cluster, layouts, target_, custom());
    return schedule_for_host(graph, cluster, layouts, target_);
  }

  void load(const KernelSet& kernels, CompileReport& report) override {
    functions_ = compile_kernels(kernels, target_, pool_->threads(), report);
    compiled_ += report.kernels_compiled;
  }

  void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::int64_t tasks,
              std::uint64_t* error) override {
    const KernelLaunch one{kernel, buffers, arguments, tasks, error};
    launch_together({&one, 1});
  }

  // Tasks are numbered so that every thread begins with its share of each kernel's, in one piece: those of one kernel cost about
  // the same, those of two may not.
  void launch_together(std::span<const KernelLaunch> launches) override {
    struct Part {
      kernel::HostFunction function;
      kernel::HostArguments arguments;
      std::int64_t first;  // of the kernel's tasks
      std::int64_t end;    // the number behind its last task, of all
    };
    struct Context {
      std::vector<Part> parts;
      std::byte* scratch;
      std::int64_t stride;
    };
    Context context{{}, scratch_.data(), stride_};
    // Launches of one kernel: how many tasks they have, and the first of those that no thread has yet.
    struct Run {
      std::int64_t tasks = 0;
      std::size_t launch;
      std::int64_t task = 0;
    };
    std::vector<Run> runs;
    for (std::size_t i = 0; i < launches.size(); ++i) {
      if (i == 0 || launches[i].kernel != launches[i - 1].kernel) runs.push_back({.launch = i});
      runs.back().tasks += launches[i].tasks;
    }
    const int shares = launches.size() > 1 ? pool_->threads() : 1;
    context.parts.reserve(launches.size() + runs.size() * static_cast<std::size_t>(shares));
    std::int64_t tasks = 0;
    for (int t = 0; t < shares; ++t)
      for (Run& r : runs) {
        std::int64_t left = ThreadPool::first_task(r.tasks, shares, t + 1) - ThreadPool::first_task(r.tasks, shares, t);
        while (left > 0) {
          const KernelLaunch& l = launches[r.launch];
          const std::int64_t some = std::min(left, l.tasks - r.task);
          if (some > 0)
            context.parts.push_back({functions_.at(l.kernel), {l.buffers.data(), l.arguments.data(), nullptr, l.error}, r.task, tasks += some});
          left -= some;
          r.task += some;
          if (r.task == l.tasks) ++r.launch, r.task = 0;
        }
      }
    const std::int64_t before = pool_->parallel_runs();
    pool_->run(
        tasks,
        [](void* c, std::int64_t begin, std::int64_t end, int worker) noexcept {
          const Context& context = *static_cast<Context*>(c);
          std::int64_t before = 0;
          for (const Part& part : context.parts) {
            const std::int64_t from = std::max(begin, before), to = std::min(end, part.end);
            if (from < to) {
              kernel::HostArguments arguments = part.arguments;
              arguments.scratch = context.scratch + context.stride * worker;
              part.function(&arguments, part.first + from - before, part.first + to - before);
            }
            before = part.end;
          }
        },
        &context, mode_);
    parallel_ += pool_->parallel_runs() - before;
  }

  void reserve_scratch(std::int64_t bytes) override {
    stride_ = bytes;
    const auto all = static_cast<std::size_t>(bytes * pool_->threads());
    if (scratch_.size() >= all) return;
    scratch_ = AlignedBuffer();
    scratch_ = AlignedBuffer(all);
  }

  std::int64_t kernels_compiled() const override { return compiled_; }
  int workers() const override { return pool_->threads(); }
  std::int64_t parallel_launches() const override { return parallel_; }

 private:
  HostTarget target_;
  std::shared_ptr<ThreadPool> pool_;  // of other programs too, which run before or after
  ThreadPool::Mode mode_ = ThreadPool::Mode::parallel;
  HostKernels functions_;
  AlignedBuffer scratch_;
  std::int64_t stride_ = 0;
  std::int64_t compiled_ = 0, parallel_ = 0;
};

}  // namespace

std::unique_ptr<Backend> host_backend(std::shared_ptr<ThreadPool> threads) { return std::make_unique<HostBackend>(std::move(threads)); }
std::unique_ptr<Backend> host_backend(int threads) { return host_backend(std::make_shared<ThreadPool>(threads)); }

}  // namespace uwaga
