#include <uwaga/runtime/compiled/host/internal/host_kernels.h>

#include <chrono>
#include <map>
#include <span>

#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/target.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/io/kernel_cache.h>
#include <uwaga/runtime/io/sha256.h>

namespace uwaga {

HostTarget this_host() {
  const CpuFeatures cpu = host_cpu();
  HostTarget target = host_target({.avx2 = cpu.avx2, .avx512 = cpu.avx512, .avx512_bf16 = cpu.avx512_bf16,
                                   .avx512_fp16 = cpu.avx512_fp16, .amx_bf16 = cpu.amx_bf16 && request_amx(), .neon = cpu.neon});
  if (cpu.l1d_bytes > 0) target.l1_bytes = cpu.l1d_bytes;
  if (cpu.l2_bytes > 0) target.l2_bytes = cpu.l2_bytes;
  return target;
}

HostKernels compile_kernels(const KernelSet& set, const HostTarget& target, int threads, CompileReport& report) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); };
  const auto start = Clock::now();
  const KernelCache cache = KernelCache::standard();
  const std::string target_text = target_key(target);
  std::vector<std::size_t> which, first;  // by kernel: its code; by code: a kernel that has it
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < set.kernels().size(); ++i) {
    const auto [it, fresh] = known.try_emplace(set.code_hashes()[i], first.size());
    if (fresh) first.push_back(i);
    which.push_back(it->second);
  }
  const std::size_t count = first.size();
  report.kernels = static_cast<int>(count);
  std::vector<std::vector<std::byte>> objects(count);
  std::vector<std::string> keys(count);
  std::vector<kernel::Kernel> missing;
  std::vector<std::size_t> missing_at;
  for (std::size_t i = 0; i < count; ++i) {
    keys[i] = sha256(set.code_hashes()[first[i]] + "\n" + target_text);
    if (auto found = cache.load(keys[i])) {
      const auto bytes = std::as_bytes(std::span(*found));
      objects[i].assign(bytes.begin(), bytes.end());
      ++report.kernels_from_cache;
    } else {
      missing.push_back(kernel::expand_math(set.kernels()[first[i]]));
      missing_at.push_back(i);
    }
  }
  if (!missing.empty()) {
    const HostCompiler compiler(target);
    std::vector<const kernel::Kernel*> batch;
    for (const kernel::Kernel& k : missing) batch.push_back(&k);
    std::vector<CompiledKernel> made = compiler.compile(batch, threads);
    report.kernels_compiled += static_cast<int>(made.size());
    for (std::size_t i = 0; i < made.size(); ++i) {
      cache.store(keys[missing_at[i]], std::span<const std::byte>(made[i].object));
      objects[missing_at[i]] = std::move(made[i].object);
    }
  }
  report.emit = since(start);
  const auto link = Clock::now();
  std::vector<HostCode> code;
  code.reserve(count);
  for (const auto& object : objects) code.emplace_back(object);
  report.link = since(link);
  return {std::move(code), std::move(which)};
}

}  // namespace uwaga
