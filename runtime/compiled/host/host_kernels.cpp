#include <uwaga/runtime/compiled/host/internal/host_kernels.h>

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <map>
#include <span>
#include <utility>

#include <fmt/format.h>

#include <uwaga/codegen/kernel/math.h>
#include <uwaga/codegen/kernel/routine.h>
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/target.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/compiled/internal/switch.h>
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
  if (const char* numbers = std::getenv("UWAGA_TUNING")) {
    try {
      target.tuning = changed(target.tuning, numbers);
    } catch (const Error& e) {
      throw Error(std::string("UWAGA_TUNING: ") + e.what());
    }
  }
  return target;
}

namespace {

struct Code {
  const kernel::Kernel* kernel;
  std::string name;  // by what it computes
  std::vector<std::byte> object;
};

// Where perf looks for the names of code that no file holds.
void add_to_perf_map(const std::string& lines) {
  const std::string path = fmt::format("/tmp/perf-{}.map", ::getpid());
  std::ofstream map(path, std::ios::app);
  map << lines << std::flush;
  if (!map) throw SystemError("cannot write " + path + ", which UWAGA_PERF=map asks for");
}

}  // namespace

HostKernels compile_kernels(const KernelSet& set, const HostTarget& target, int threads, CompileReport& report) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); };
  const auto start = Clock::now();
  const bool named = is_switched_on("UWAGA_PERF", "map");
  const KernelCache cache = KernelCache::standard();
  const std::string target_text = target_key(target);
  std::vector<std::size_t> which;  // by kernel: its code
  std::vector<Code> codes;         // of the kernels, then of their routines
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < set.kernels().size(); ++i) {
    const std::string& hash = set.code_hashes()[i];
    const auto [it, fresh] = known.try_emplace(hash, codes.size());
    if (fresh) codes.push_back({&set.kernels()[i], hash, {}});
    which.push_back(it->second);
  }
  const std::size_t count = codes.size();
  report.kernels = static_cast<int>(count);
  std::map<std::string, kernel::Routine> routines;
  for (std::size_t i = 0; i < count; ++i) {
    for (kernel::Routine& routine : kernel::different_routines(*codes[i].kernel)) routines.try_emplace(kernel::symbol(routine), std::move(routine));
  }
  for (const auto& [symbol, routine] : routines) codes.push_back({&routine.kernel, symbol, {}});

  std::vector<std::string> keys;
  std::vector<std::size_t> missing;
  for (std::size_t i = 0; i < codes.size(); ++i) {
    keys.push_back(sha256(codes[i].name + "\n" + target_text));
    if (const auto found = cache.load(keys[i])) {
      const auto bytes = std::as_bytes(std::span(*found));
      codes[i].object.assign(bytes.begin(), bytes.end());
      if (i < count) ++report.kernels_from_cache;
    } else {
      missing.push_back(i);
    }
  }
  if (!missing.empty()) {
    const HostCompiler compiler(target);
    std::vector<kernel::Kernel> expanded;
    for (std::size_t i : missing) expanded.push_back(kernel::expand_math(*codes[i].kernel));
    std::vector<const kernel::Kernel*> batch;
    for (const kernel::Kernel& k : expanded) batch.push_back(&k);
    std::vector<CompiledKernel> made = compiler.compile(batch, threads);
    for (std::size_t i = 0; i < made.size(); ++i) {
      cache.store(keys[missing[i]], std::span<const std::byte>(made[i].object));
      codes[missing[i]].object = std::move(made[i].object);
      if (missing[i] < count) ++report.kernels_compiled;
    }
  }
  report.emit = since(start);
  const auto link = Clock::now();
  std::vector<HostCode> loaded_routines, loaded;
  std::map<std::string, std::uintptr_t> addresses;
  for (std::size_t i = count; i < codes.size(); ++i)
    addresses[codes[i].name] = loaded_routines.emplace_back(codes[i].object).address();
  loaded.reserve(count);
  for (std::size_t i = 0; i < count; ++i) loaded.emplace_back(codes[i].object, addresses);
  report.link = since(link);
  if (named) {
    std::string lines;
    for (std::size_t i = 0, next = 0; i < which.size(); ++i) {
      if (which[i] != next) continue;  // an earlier kernel's code
      lines += loaded[next++].perf_line(fmt::format("k{:03}_{}", i, set.kernels()[i].kind));
    }
    for (std::size_t i = count; i < codes.size(); ++i) lines += loaded_routines[i - count].perf_line(codes[i].name);
    add_to_perf_map(lines);
  }
  return {std::move(loaded_routines), std::move(loaded), std::move(which)};
}

}  // namespace uwaga
