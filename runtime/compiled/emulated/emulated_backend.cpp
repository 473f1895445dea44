#include <chrono>
#include <optional>
#include <string>

#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/cuda/emulate.h>

namespace uwaga {
namespace {

class EmulatedBackend final : public Backend {
 public:
  explicit EmulatedBackend(std::uint64_t seed) : seed_(seed) {}

  Schedule schedule(const Graph& graph, const Cluster& cluster, const Layouts& layouts) const override {
    return schedule_for_cuda(graph, cluster, layouts, target_);
  }

  void load(const KernelSet& set, CompileReport& report) override {
    const auto start = std::chrono::steady_clock::now();
    std::vector<kernel::Kernel> expanded;
    for (const kernel::Kernel& k : set.kernels()) expanded.push_back(kernel::expand_math(k));
    std::vector<kernel::NamedKernel> named;
    for (std::size_t i = 0; i < expanded.size(); ++i) named.push_back({&expanded[i], "k" + std::to_string(i)});
    const KernelCache cache = KernelCache::standard();
    code_.emplace(named, EmulateOptions{.seed = seed_, .compiler = {}, .cache = &cache});
    (code_->cached() ? report.kernels_from_cache : report.kernels_compiled) = static_cast<int>(set.kernels().size());
    compiled_ += report.kernels_compiled;
    report.emit = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::int64_t,
              std::uint64_t* error) override {
    code_->run(kernel, buffers, arguments, error);
  }

  void reserve_scratch(std::int64_t) override {}
  std::int64_t kernels_compiled() const override { return compiled_; }
  int workers() const override { return 1; }

 private:
  std::uint64_t seed_;
  CudaTarget target_;
  std::optional<EmulatedCuda> code_;
  std::int64_t compiled_ = 0;
};

}  // namespace

std::unique_ptr<Backend> emulated_backend(std::uint64_t seed) { return std::make_unique<EmulatedBackend>(seed); }

}  // namespace uwaga
