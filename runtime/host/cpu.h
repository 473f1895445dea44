// What this machine's processor can do, found at run time.
//
//   CpuFeatures cpu = host_cpu();          // the machine, less what UWAGA_CPU switches off
//   if (cpu.amx_bf16) request_amx();       // before the first tile instruction
//   int lanes = cpu.f32_lanes();           // 16 with AVX-512, 8 with AVX2, 4 with SSE2 or NEON
//
// A flag is set only where the processor has the instructions and the operating system saves their registers.
// `UWAGA_CPU` names a level; features above it are switched off, none is ever switched on:
//
//   baseline  avx2  avx512  avx512_bf16  avx512_fp16  amx  neon  native (everything, as if unset)
//
// An unknown level, or one whose own feature the machine lacks, throws Error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace uwaga {

struct CpuFeatures {
  std::string model;         // As the processor names itself: "AMD EPYC 7B13"; "unknown" where it does not.
  bool avx2 = false;         // AVX2, FMA and F16C together.
  bool avx512 = false;       // AVX512 F, BW, DQ and VL together.
  bool avx512_bf16 = false;  // vdpbf16ps and the conversions.
  bool avx512_fp16 = false;
  bool amx_bf16 = false;  // Tile registers with tdpbf16ps; unusable before request_amx().
  bool neon = false;
  std::int64_t l1d_bytes = 0;  // Of one core; 0 where the system does not tell.
  std::int64_t l2_bytes = 0;   // Of one core, or of the group of cores that shares it.
  std::int64_t l3_bytes = 0;
  int logical_cpus = 1;    // Hardware threads this process may use: affinity and container quota counted in.
  int physical_cores = 1;  // Distinct cores among them.

  int f32_lanes() const { return avx512 ? 16 : avx2 ? 8 : 4; }

  // The features as one line: "avx2 avx512 avx512_bf16".
  std::string features() const;

  bool operator==(const CpuFeatures&) const = default;
};

// The machine as it is; no environment variable is read.
CpuFeatures detect_cpu();

// `machine` without what lies above `level` (names above). Throws Error.
CpuFeatures limit_cpu(CpuFeatures machine, std::string_view level);

// detect_cpu(), limited by the environment variable UWAGA_CPU where it is set and not empty. Throws Error.
CpuFeatures host_cpu();

// Asks the kernel for the AMX tile registers; without it the first tile instruction is SIGILL. The permission is the
// process's: all its threads have it, and asking again does no harm. False where there is no AMX or the kernel refuses.
bool request_amx();

// "32K", "1024K", "32M" as sysfs writes cache sizes; nullopt for anything else.
std::optional<std::int64_t> parse_cache_size(std::string_view text);

// CPUs a cgroup v2 "cpu.max" line allows, rounded up: "150000 100000" is 2; nullopt for "max" and for nonsense.
std::optional<int> parse_cpu_quota(std::string_view text);

}  // namespace uwaga
