// Programs on a CUDA device: one stream, memory of its own, cubins kept on disk.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <mutex>
#include <thread>

#include <uwaga/codegen/cuda/schedule.h>
#include <uwaga/codegen/kernel/math.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/cuda/compiler.h>
#include <uwaga/runtime/cuda/driver.h>
#include <uwaga/runtime/cuda/emulated_gpu.h>
#include <uwaga/runtime/io/kernel_cache.h>
#include <uwaga/runtime/io/sha256.h>

namespace uwaga {
namespace {

std::uint64_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

// A device and its driver, alive as long as any memory of it.
struct Gpu {
  Gpu(std::shared_ptr<CudaCalls> calls, int ordinal, std::string name) : driver(std::move(calls)), device(driver, ordinal), where(std::move(name)) {}
  CudaDriver driver;
  CudaDevice device;
  std::string where;
};

class GpuMemory final : public TargetMemory {
 public:
  GpuMemory(std::shared_ptr<Gpu> gpu, std::size_t bytes, const std::string& purpose)
      : gpu_(std::move(gpu)), memory_(gpu_->device, bytes, purpose) {}
  void* address() const override { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(memory_.address())); }
  std::size_t bytes() const override { return memory_.bytes(); }
  const std::string& where() const override { return gpu_->where; }
  void upload(const void* from, std::size_t bytes) override { memory_.upload(from, bytes); }
  void download(void* to, std::size_t bytes) const override { memory_.download(to, bytes); }

 private:
  std::shared_ptr<Gpu> gpu_;
  CudaMemory memory_;
};

bool may_fail(const std::vector<kernel::Stmt>& body) {
  for (const kernel::Stmt& s : body)
    if (s.kind == kernel::StmtKind::fail || may_fail(s.body) || may_fail(s.otherwise)) return true;
  return false;
}

class CudaBackend final : public Backend, public TargetMemories {
 public:
  CudaBackend(int device, std::shared_ptr<CudaCalls> calls, std::shared_ptr<const CudaCompiler> compiler, const std::string& where)
      : gpu_(std::make_shared<Gpu>(std::move(calls), device, where)), compiler_(std::move(compiler)),
        words_(gpu_->device, kWords * sizeof(std::uint64_t), "error words"), timer_(gpu_->device) {
    target_.architecture = gpu_->device.info().architecture;
    words_.clear();
  }

  Schedule schedule(const Graph& graph, const Cluster& cluster, const Layouts& layouts) const override {
    if (cluster.kind == ClusterKind::custom) return cuda::custom(graph, cluster, layouts, custom());
    return schedule_for_cuda(graph, cluster, layouts, target_);
  }

  LoweringRules lowering_rules() const override { return {.attention = AttentionKernels::sums_over_both}; }

  // ---- code
  void load(const KernelSet& set, CompileReport& report) override {
    using Clock = std::chrono::steady_clock;
    const auto since = [](Clock::time_point t) { return std::chrono::duration<double, std::milli>(Clock::now() - t).count(); };
    const auto start = Clock::now();
    std::vector<kernel::Kernel> kernels;
    for (const kernel::Kernel& k : set.kernels()) kernels.push_back(kernel::expand_math(k));
    report.kernels = static_cast<int>(kernels.size());
    std::vector<Unit> units;
    for (std::size_t i = 0; i < kernels.size(); ++i) {
      if (units.empty() || compiler_->apart()) units.emplace_back();
      units.back().kernels.push_back({&kernels[i], fmt::format("k{}", compiler_->apart() ? 0 : i)});
    }
    const KernelCache cache = KernelCache::standard();
    std::vector<Unit*> missing;
    for (Unit& u : units) {
      u.source = compiler_->source(u.kernels);
      u.key = sha256(fmt::format("{}\n{}\n{}", u.source, target_.architecture, compiler_->identity()));
      if (auto found = cache.load(u.key)) {
        u.binary = std::move(*found);
        report.kernels_from_cache += static_cast<int>(u.kernels.size());
      } else {
        missing.push_back(&u);
        report.kernels_compiled += static_cast<int>(u.kernels.size());
      }
    }
    compile(missing);
    for (const Unit* u : missing) cache.store(u->key, u->binary);
    compiled_ += report.kernels_compiled;
    report.emit = since(start);
    const auto link = Clock::now();
    for (const Unit& u : units) {
      const CudaModule& module = *modules_.emplace_back(std::make_unique<CudaModule>(gpu_->device, u.binary));
      for (const kernel::NamedKernel& k : u.kernels) functions_.push_back({module.function(k.name), *k.kernel, may_fail(k.kernel->body)});
    }
    report.link = since(link);
  }
  std::int64_t kernels_compiled() const override { return compiled_; }

  // ---- memory
  TargetMemories* memories() override { return this; }
  const std::string& where() const override { return gpu_->where; }
  std::shared_ptr<TargetMemory> allocate(std::size_t bytes, const std::string& purpose) override {
    return std::make_shared<GpuMemory>(gpu_, bytes, purpose);
  }
  void upload(void* to, const void* from, std::size_t bytes) override { gpu_->device.upload(number(to), from, bytes); }
  void download(void* to, const void* from, std::size_t bytes) override { gpu_->device.download(to, number(from), bytes); }
  void copy(void* to, const void* from, std::size_t bytes) override { gpu_->device.copy(number(to), number(from), bytes); }
  void copy_pieces(void* to, std::size_t pitch, const void* from, std::size_t bytes, std::size_t pieces) override {
    if (pieces == 1) copy(to, from, bytes);
    else gpu_->device.copy_pieces(number(to), pitch, number(from), bytes, pieces);
  }
  void write_index(void* to, std::int64_t index) override {
    gpu_->device.fill(number(to), static_cast<std::uint32_t>(index), 1);
    gpu_->device.fill(number(to) + 4, static_cast<std::uint32_t>(index >> 32), 1);
  }

  // ---- launches
  void launch(std::size_t kernel, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::int64_t,
              std::uint64_t* error) override {
    const Function& f = functions_.at(kernel);
    // A launch that can fail has an error word of its own, so that the first one in order is known.
    if (f.may_fail && wanted_.size() == kWords) finish();
    addresses_.clear();
    for (const void* b : buffers) addresses_.push_back(number(b));
    const std::uint64_t word = f.may_fail ? words_.address() + wanted_.size() * sizeof(std::uint64_t) : 0;
    if (f.may_fail) wanted_.push_back(error);
    gpu_->device.launch(f.code, cuda_launch(f.kernel, arguments), addresses_, arguments, word);
  }
  void finish() override {
    if (wanted_.empty()) return gpu_->device.synchronise();
    const std::vector<std::uint64_t*> wanted = std::exchange(wanted_, {});
    std::vector<std::uint64_t> words(wanted.size());
    gpu_->device.download(words.data(), words_.address(), words.size() * sizeof(std::uint64_t));
    gpu_->device.fill(words_.address(), 0, 2 * words.size());
    gpu_->device.synchronise();
    for (std::size_t i = 0; i < words.size(); ++i) *wanted[i] = words[i];
  }
  double timed(const std::function<void()>& launches) override {
    timer_.start();
    launches();
    return timer_.stop();
  }

 private:
  static constexpr std::size_t kWords = 4096;

  struct Unit {
    std::vector<kernel::NamedKernel> kernels;
    std::string source, key, binary;
  };
  struct Function {
    void* code;
    kernel::Kernel kernel;
    bool may_fail;
  };

  // On all cores; the first error is thrown.
  void compile(const std::vector<Unit*>& units) const {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr error;
    std::mutex mutex;
    const auto work = [&] {
      for (std::size_t i; (i = next++) < units.size();) {
        try {
          units[i]->binary = compiler_->compile(units[i]->source, target_.architecture);
        } catch (...) {
          const std::lock_guard lock(mutex);
          if (!error) error = std::current_exception();
          next = units.size();
        }
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t t = 1; t < std::min<std::size_t>(std::thread::hardware_concurrency(), units.size()); ++t) threads.emplace_back(work);
    work();
    for (std::thread& t : threads) t.join();
    if (error) std::rethrow_exception(error);
  }

  std::shared_ptr<Gpu> gpu_;
  std::shared_ptr<const CudaCompiler> compiler_;
  CudaTarget target_;
  std::vector<std::unique_ptr<CudaModule>> modules_;
  std::vector<Function> functions_;
  CudaMemory words_;
  CudaTimer timer_;
  std::vector<std::uint64_t*> wanted_;  // who waits for which error word
  std::vector<std::uint64_t> addresses_;
  std::int64_t compiled_ = 0;
};

}  // namespace

std::unique_ptr<Backend> cuda_backend(int device, std::shared_ptr<CudaCalls> calls, std::shared_ptr<const CudaCompiler> compiler,
                                      const std::string& where) {
  return std::make_unique<CudaBackend>(device, std::move(calls), std::move(compiler), where);
}

std::unique_ptr<Backend> cuda_backend(int device) {
  std::string why;
  std::shared_ptr<CudaCalls> calls = libcuda(why);
  if (!calls) throw SystemError(why);
  const CudaDriver driver(calls);  // is there a device at all: told before a missing compiler is
  return cuda_backend(device, std::move(calls), std::make_shared<NvrtcCompiler>(), fmt::format("cuda:{}", device));
}

std::unique_ptr<Backend> emulated_backend(std::uint64_t seed) {
  return cuda_backend(0, std::make_shared<EmulatedGpu>(seed), std::make_shared<EmulatingCompiler>(), "emulated");
}

}  // namespace uwaga
