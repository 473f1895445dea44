#include <fmt/format.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <set>
#include <vector>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#endif

namespace uwaga {
namespace {

// The first line of a small system file; empty where it cannot be read.
std::string first_line(const std::string& path) {
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  return line;
}

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

#if defined(__x86_64__)

struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};

Registers cpuid(unsigned leaf, unsigned sub = 0) {
  Registers r;
  if (!__get_cpuid_count(leaf, sub, &r.a, &r.b, &r.c, &r.d)) return {};
  return r;
}

bool bit(unsigned word, int at) { return (word >> at) & 1; }

// Register states the operating system saves (XCR0); the instruction exists only where OSXSAVE is reported.
std::uint64_t saved_states() {
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

void detect_features(CpuFeatures& cpu) {
  std::array<unsigned, 12> brand{};
  if (cpuid(0x80000000).a >= 0x80000004) {
    for (unsigned i = 0; i < 3; ++i) {
      const Registers r = cpuid(0x80000002 + i);
      brand[4 * i] = r.a, brand[4 * i + 1] = r.b, brand[4 * i + 2] = r.c, brand[4 * i + 3] = r.d;
    }
    const char* text = reinterpret_cast<const char*>(brand.data());
    cpu.model = trimmed({text, strnlen(text, sizeof brand)});
  }
  const Registers one = cpuid(1);
  const bool has_xgetbv = bit(one.c, 27);
  if (!has_xgetbv) return;
  const std::uint64_t saved = saved_states();
  const auto saves = [&](std::uint64_t states) { return (saved & states) == states; };
  constexpr std::uint64_t kYmm = 0x6, kZmm = 0xe6, kTiles = 0x60000;

  const Registers seven = cpuid(7), seven1 = seven.a >= 1 ? cpuid(7, 1) : Registers{};
  cpu.avx2 = saves(kYmm) && bit(one.c, 28) && bit(seven.b, 5) && bit(one.c, 12) && bit(one.c, 29);
  cpu.avx512 = cpu.avx2 && saves(kZmm) && bit(seven.b, 16) && bit(seven.b, 30) && bit(seven.b, 17) && bit(seven.b, 31);
  cpu.avx512_bf16 = cpu.avx512 && bit(seven1.a, 5);
  cpu.avx512_fp16 = cpu.avx512 && bit(seven.d, 23);
  cpu.amx_bf16 = cpu.avx512 && saves(kTiles) && bit(seven.d, 24) && bit(seven.d, 22);
}

#elif defined(__aarch64__)

void detect_features(CpuFeatures& cpu) {
  constexpr unsigned long kAsimd = 1ul << 1;  // HWCAP_ASIMD of the AArch64 Linux ABI.
  cpu.neon = (getauxval(AT_HWCAP) & kAsimd) != 0;
  // There is no brand string; implementer and part number identify the core to whoever keys a table by it.
  std::ifstream in("/proc/cpuinfo");
  std::string implementer, part;
  for (std::string line; std::getline(in, line);) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string key = trimmed(std::string_view(line).substr(0, colon));
    const std::string value = trimmed(std::string_view(line).substr(colon + 1));
    if (key == "CPU implementer" && implementer.empty()) implementer = value;
    if (key == "CPU part" && part.empty()) part = value;
  }
  if (!implementer.empty()) cpu.model = fmt::format("AArch64 implementer {} part {}", implementer, part);
}

#else

void detect_features(CpuFeatures&) {}

#endif

std::vector<int> allowed_cpus() {
  // A mask too small for the machine is refused with EINVAL, so it grows until it fits.
  for (int capacity = 1024; capacity <= 1 << 20; capacity *= 4) {
    cpu_set_t* set = CPU_ALLOC(capacity);
    if (!set) break;
    const std::size_t bytes = CPU_ALLOC_SIZE(capacity);
    std::vector<int> cpus;
    const bool known = sched_getaffinity(0, bytes, set) == 0;
    for (int i = 0; known && i < capacity; ++i)
      if (CPU_ISSET_S(i, bytes, set)) cpus.push_back(i);
    CPU_FREE(set);
    if (known) return cpus;
  }
  return {};
}

void detect_topology(CpuFeatures& cpu) {
  const std::vector<int> cpus = allowed_cpus();
  std::set<std::string> cores;
  for (int id : cpus) {
    const std::string siblings =
        first_line(fmt::format("/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list", id));
    cores.insert(siblings.empty() ? fmt::format("cpu{}", id) : siblings);
  }
  cpu.logical_cpus = std::max<int>(1, static_cast<int>(cpus.size()));
  cpu.physical_cores = std::max<int>(1, static_cast<int>(cores.size()));
  if (const auto quota = parse_cpu_quota(first_line("/sys/fs/cgroup/cpu.max"))) {
    cpu.logical_cpus = std::min(cpu.logical_cpus, *quota);
    cpu.physical_cores = std::min(cpu.physical_cores, *quota);
  }

  const int first = cpus.empty() ? 0 : cpus.front();
  for (int i = 0; i < 16; ++i) {
    const std::string folder = fmt::format("/sys/devices/system/cpu/cpu{}/cache/index{}/", first, i);
    const std::string level = first_line(folder + "level"), type = first_line(folder + "type");
    if (level.empty()) break;
    const auto bytes = parse_cache_size(first_line(folder + "size"));
    if (!bytes || type == "Instruction") continue;
    if (level == "1") cpu.l1d_bytes = *bytes;
    if (level == "2") cpu.l2_bytes = *bytes;
    if (level == "3") cpu.l3_bytes = *bytes;
  }
}

// One row a level: the feature it asks for, and the features it keeps.
struct Level {
  std::string_view name;
  bool CpuFeatures::*needs;
  std::array<bool CpuFeatures::*, 6> keeps;
};

using F = CpuFeatures;
constexpr Level kLevels[] = {
    {"baseline", nullptr, {}},
    {"avx2", &F::avx2, {&F::avx2}},
    {"avx512", &F::avx512, {&F::avx2, &F::avx512}},
    {"avx512_bf16", &F::avx512_bf16, {&F::avx2, &F::avx512, &F::avx512_bf16}},
    {"avx512_fp16", &F::avx512_fp16, {&F::avx2, &F::avx512, &F::avx512_bf16, &F::avx512_fp16}},
    {"amx", &F::amx_bf16, {&F::avx2, &F::avx512, &F::avx512_bf16, &F::avx512_fp16, &F::amx_bf16}},
    {"neon", &F::neon, {&F::neon}},
};

struct Flag {
  std::string_view name;
  bool CpuFeatures::*member;
};
constexpr Flag kFlags[] = {{"avx2", &F::avx2},
                           {"avx512", &F::avx512},
                           {"avx512_bf16", &F::avx512_bf16},
                           {"avx512_fp16", &F::avx512_fp16},
                           {"amx_bf16", &F::amx_bf16},
                           {"neon", &F::neon}};

}  // namespace

std::string CpuFeatures::features() const {
  std::string text;
  for (const Flag& flag : kFlags)
    if (this->*flag.member) text.append(text.empty() ? "" : " ").append(flag.name);
  return text.empty() ? "baseline" : text;
}

CpuFeatures detect_cpu() {
  CpuFeatures cpu;
  detect_features(cpu);
  if (cpu.model.empty()) cpu.model = "unknown";
  detect_topology(cpu);
  return cpu;
}

CpuFeatures limit_cpu(CpuFeatures machine, std::string_view level) {
  if (level == "native") return machine;
  for (const Level& row : kLevels) {
    if (row.name != level) continue;
    if (row.needs && !(machine.*row.needs)) {
      throw Error(fmt::format("UWAGA_CPU={}: this machine ({}) has {} and no {}", level, machine.model,
                              machine.features(), level));
    }
    for (const Flag& flag : kFlags) {
      const bool kept = std::find(row.keeps.begin(), row.keeps.end(), flag.member) != row.keeps.end();
      machine.*flag.member = machine.*flag.member && kept;
    }
    return machine;
  }
  std::string names;
  for (const Level& row : kLevels) names.append(row.name).append(" ");
  throw Error(fmt::format("UWAGA_CPU={}: unknown level, use one of: {}native", level, names));
}

CpuFeatures host_cpu() {
  CpuFeatures cpu = detect_cpu();
  const char* level = std::getenv("UWAGA_CPU");
  return level && *level ? limit_cpu(std::move(cpu), level) : cpu;
}

bool request_amx() {
#if defined(__x86_64__)
  CpuFeatures cpu;
  detect_features(cpu);
  if (!cpu.amx_bf16) return false;
  // Numbers of the kernel's ABI, spelled out because older headers lack them (Documentation/arch/x86/xstate.rst).
  constexpr int kGetPermitted = 0x1022, kRequestPermission = 0x1023, kTileData = 18;
  if (syscall(SYS_arch_prctl, kRequestPermission, kTileData) != 0) return false;
  std::uint64_t permitted = 0;
  return syscall(SYS_arch_prctl, kGetPermitted, &permitted) == 0 && ((permitted >> kTileData) & 1);
#else
  return false;
#endif
}

std::optional<std::int64_t> parse_cache_size(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || value <= 0 || value > (1 << 30)) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size() - end);
  if (unit.empty()) return value;
  if (unit == "K") return value << 10;
  if (unit == "M") return value << 20;
  return std::nullopt;
}

std::optional<int> parse_cpu_quota(std::string_view text) {
  std::int64_t quota = 0, period = 0;
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || second.ptr != end || quota <= 0 || period <= 0) return std::nullopt;
  const std::int64_t cpus = quota / period + (quota % period != 0);
  if (cpus > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(cpus);
}

}  // namespace uwaga
