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
    if (code_->cached()) report.kernels_from_cache = static_cast<int>(set.kernels().size());
    report.emit = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::int64_t,
              std::uint64_t* error) override {
    code_->run(kernel, buffers, arguments, error);
  }

  void reserve_scratch(std::int64_t) override {}
  int workers() const override { return 1; }

 private:
  std::uint64_t seed_;
  CudaTarget target_;
  std::optional<EmulatedCuda> code_;
};

}  // namespace

std::unique_ptr<Backend> emulated_backend(std::uint64_t seed) { return std::make_unique<EmulatedBackend>(seed); }

}  // namespace uwaga
