#include <stdlib.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>

#include "tests/catch.h"

using namespace uwaga;

namespace {

CpuFeatures full_machine() {
  CpuFeatures cpu;
  cpu.model = "test";
  cpu.avx2 = cpu.avx512 = cpu.avx512_bf16 = cpu.avx512_fp16 = cpu.amx_bf16 = true;
  return cpu;
}

}  // namespace

TEST_CASE("the detected machine is consistent with itself") {
  const CpuFeatures cpu = detect_cpu();
  INFO(cpu.model << ": " << cpu.features());
  CHECK_FALSE(cpu.model.empty());
  CHECK(cpu.physical_cores >= 1);
  CHECK(cpu.logical_cpus >= cpu.physical_cores);
  if (cpu.avx512) CHECK(cpu.avx2);
  if (cpu.avx512_bf16 || cpu.avx512_fp16 || cpu.amx_bf16) CHECK(cpu.avx512);
#if defined(__x86_64__)
  __builtin_cpu_init();
  CHECK(cpu.avx2 == (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")));
  CHECK(cpu.avx512 == (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
  CHECK_FALSE(cpu.neon);
#endif
  if (!cpu.amx_bf16) CHECK_FALSE(request_amx());
}

TEST_CASE("a CPU level switches features off and none on") {
  const CpuFeatures avx2 = limit_cpu(full_machine(), "avx2");
  CHECK(avx2.features() == "avx2");
  CHECK(avx2.f32_lanes() == 8);
  CHECK(limit_cpu(full_machine(), "baseline").features() == "baseline");
  CHECK(limit_cpu(full_machine(), "baseline").f32_lanes() == 4);
  CHECK(limit_cpu(full_machine(), "avx512").features() == "avx2 avx512");
  CHECK(limit_cpu(full_machine(), "avx512_bf16").features() == "avx2 avx512 avx512_bf16");
  CHECK(limit_cpu(full_machine(), "amx") == full_machine());
  CHECK(limit_cpu(full_machine(), "native") == full_machine());

  CpuFeatures no_fp16 = full_machine();
  no_fp16.avx512_fp16 = false;
  CHECK_FALSE(limit_cpu(no_fp16, "amx").avx512_fp16);
}

TEST_CASE("a CPU level the machine lacks, or nobody knows, is an error in one sentence") {
  CpuFeatures cpu = full_machine();
  cpu.amx_bf16 = cpu.avx512_fp16 = cpu.avx512_bf16 = cpu.avx512 = false;
  CHECK_THROWS_WITH(limit_cpu(cpu, "avx512"), "UWAGA_CPU=avx512: this machine (test) has avx2 and no avx512");
  CHECK_THROWS_AS(limit_cpu(cpu, "neon"), Error);
  CHECK_THROWS_WITH(limit_cpu(cpu, "AVX2"),
                    "UWAGA_CPU=AVX2: unknown level, use one of: baseline avx2 avx512 avx512_bf16 avx512_fp16 amx neon "
                    "native");
}

TEST_CASE("the environment variable UWAGA_CPU limits the host") {
  setenv("UWAGA_CPU", "baseline", 1);
  CHECK(host_cpu().features() == "baseline");
  setenv("UWAGA_CPU", "quantum", 1);
  CHECK_THROWS_AS(host_cpu(), Error);
  setenv("UWAGA_CPU", "", 1);
  CHECK(host_cpu() == detect_cpu());
  unsetenv("UWAGA_CPU");
  CHECK(host_cpu() == detect_cpu());
}

TEST_CASE("cache sizes and CPU quotas are read as the system writes them") {
  CHECK(parse_cache_size("32K") == 32 * 1024);
  CHECK(parse_cache_size("32M") == 32 * 1024 * 1024);
  CHECK(parse_cache_size("512") == 512);
  CHECK_FALSE(parse_cache_size(""));
  CHECK_FALSE(parse_cache_size("-1K"));
  CHECK_FALSE(parse_cache_size("32G?"));
  CHECK(parse_cpu_quota("150000 100000") == 2);
  CHECK(parse_cpu_quota("100000 100000") == 1);
  CHECK_FALSE(parse_cpu_quota("max 100000"));
  CHECK_FALSE(parse_cpu_quota(""));
  CHECK_FALSE(parse_cpu_quota("1 0"));
}
