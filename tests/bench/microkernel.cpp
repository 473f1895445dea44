// A matrix-product tile, compiled by the host compiler, against the peak of this machine's FMA units (one thread).
//
//   bench_microkernel [K=384] [unroll=4]
//
// Prints GFLOP/s of the tile and of the peak, interleaved, and what compiling it cost at each level of LLVM's code
// generator. The peak keeps its accumulators in named registers: a C++ array of vectors may spill, and then lies.
#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/codegen/llvm/load.h>
#include <uwaga/codegen/llvm/target.h>
#include <uwaga/ir/aligned.h>
#include <uwaga/runtime/host/cpu.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

using namespace uwaga;
using namespace uwaga::kernel;

namespace {

Kernel tile(int rows, int vectors, int lanes, int unroll) {
  KernelBuilder b("contraction");
  const BufferId a = b.input(DType::f32), w = b.input(DType::f32), c = b.output(DType::f32);
  const Ex tiles = b.argument(DType::i64), depth = b.argument(DType::i64);
  const Ex t = b.grid(tiles);
  std::vector<Ex> sums;
  for (int i = 0; i < rows * vectors; ++i) sums.push_back(b.variable(b.splat(b.real(0), lanes)));
  b.loop(b.integer(0), depth, unroll, [&](Ex k) {
    for (int u = 0; u < unroll; ++u) {
      std::vector<Ex> right;
      for (int v = 0; v < vectors; ++v)
        right.push_back(b.load(w, b.ramp((k + u) * (vectors * lanes) + v * lanes, lanes)));
      for (int r = 0; r < rows; ++r) {
        const Ex left = b.splat(b.load(a, (k + u) * rows + r), lanes);
        for (int v = 0; v < vectors; ++v) {
          const Ex sum = sums[static_cast<std::size_t>(r * vectors + v)];
          b.assign(sum, b.fma(left, right[static_cast<std::size_t>(v)], sum));
        }
      }
    }
  });
  for (int i = 0; i < rows * vectors; ++i) {
    b.store(c, b.ramp(t * (rows * vectors * lanes) + i * lanes, lanes), sums[static_cast<std::size_t>(i)]);
  }
  return b.finish();
}

double seconds() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// GFLOP/s of independent FMAs; 0 where this program has no loop for the machine.
double peak(int lanes) {
#if defined(__x86_64__)
  const long turns = 3'000'000;
  const double start = seconds();
  long n = turns;
  if (lanes == 16) {
    __asm__ volatile(
        "1:\n"
        "vfmadd231ps %%zmm30, %%zmm31, %%zmm0\n vfmadd231ps %%zmm30, %%zmm31, %%zmm1\n vfmadd231ps %%zmm30, %%zmm31, "
        "%%zmm2\n"
        "vfmadd231ps %%zmm30, %%zmm31, %%zmm3\n vfmadd231ps %%zmm30, %%zmm31, %%zmm4\n vfmadd231ps %%zmm30, %%zmm31, "
        "%%zmm5\n"
        "vfmadd231ps %%zmm30, %%zmm31, %%zmm6\n vfmadd231ps %%zmm30, %%zmm31, %%zmm7\n vfmadd231ps %%zmm30, %%zmm31, "
        "%%zmm8\n"
        "vfmadd231ps %%zmm30, %%zmm31, %%zmm9\n vfmadd231ps %%zmm30, %%zmm31, %%zmm10\n vfmadd231ps %%zmm30, %%zmm31, "
        "%%zmm11\n"
        "dec %0\n jnz 1b\n"
        : "+r"(n)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "cc");
  } else if (lanes == 8) {
    __asm__ volatile(
        "vxorps %%ymm14, %%ymm14, %%ymm14\n vxorps %%ymm15, %%ymm15, %%ymm15\n"
        "1:\n"
        "vfmadd231ps %%ymm14, %%ymm15, %%ymm0\n vfmadd231ps %%ymm14, %%ymm15, %%ymm1\n vfmadd231ps %%ymm14, %%ymm15, "
        "%%ymm2\n"
        "vfmadd231ps %%ymm14, %%ymm15, %%ymm3\n vfmadd231ps %%ymm14, %%ymm15, %%ymm4\n vfmadd231ps %%ymm14, %%ymm15, "
        "%%ymm5\n"
        "vfmadd231ps %%ymm14, %%ymm15, %%ymm6\n vfmadd231ps %%ymm14, %%ymm15, %%ymm7\n vfmadd231ps %%ymm14, %%ymm15, "
        "%%ymm8\n"
        "vfmadd231ps %%ymm14, %%ymm15, %%ymm9\n vfmadd231ps %%ymm14, %%ymm15, %%ymm10\n vfmadd231ps %%ymm14, %%ymm15, "
        "%%ymm11\n"
        "dec %0\n jnz 1b\n vzeroupper\n"
        : "+r"(n)
        :
        : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm14",
          "xmm15", "cc");
  } else {
    return 0;
  }
  return static_cast<double>(turns) * 12 * 2 * lanes / (seconds() - start) * 1e-9;
#else
  static_cast<void>(lanes);
  return 0;
#endif
}

}  // namespace

int main(int argc, char** argv) {
  const long depth = argc > 1 ? std::atol(argv[1]) : 384;
  const int unroll = argc > 2 ? std::atoi(argv[2]) : 4;
  const CpuFeatures cpu = host_cpu();
  const HostTarget target =
      host_target({cpu.avx2, cpu.avx512, cpu.avx512_bf16, cpu.avx512_fp16, cpu.amx_bf16, cpu.neon});
  const int lanes = target.vector_bytes / 4, rows = target.registers == 32 ? 14 : 6, vectors = 2;
  const Kernel k = tile(rows, vectors, lanes, unroll);
  std::cout << target_key(target) << "\ntile " << rows << " x " << vectors * lanes << ", K " << depth << ", unrolled "
            << unroll << '\n';

  const long tiles = 2000;
  AlignedBuffer a(sizeof(float) * static_cast<std::size_t>(depth * rows)),
      w(sizeof(float) * static_cast<std::size_t>(depth * vectors * lanes));
  AlignedBuffer c(sizeof(float) * static_cast<std::size_t>(tiles * rows * vectors * lanes));
  const auto fill = [](AlignedBuffer& x, float v) {
    std::fill_n(reinterpret_cast<float*>(x.data()), x.size() / sizeof(float), v);
  };
  fill(a, 1.0f), fill(w, 0.5f), fill(c, 0.0f);
  void* buffers[] = {a.data(), w.data(), c.data()};
  const std::uint64_t arguments[] = {static_cast<std::uint64_t>(tiles), static_cast<std::uint64_t>(depth)};
  std::uint64_t error = 0;
  const HostArguments call{buffers, arguments, nullptr, &error};
  const double flops = 2.0 * static_cast<double>(tiles * rows * vectors * lanes * depth);

  for (int level = 1; level <= 3; ++level) {
    const HostCompiler compiler(target, {.optimisation = level});
    CompiledKernel compiled = compiler.compile(k);
    for (int i = 0; i < 4; ++i) {
      CompiledKernel again = compiler.compile(k);
      if (again.codegen_microseconds < compiled.codegen_microseconds) compiled = std::move(again);
    }
    const double start = seconds();
    const HostCode code(compiled.object);
    const double link = seconds() - start;
    double best = 0, ceiling = 0;
    for (int i = 0; i < 8; ++i) {
      ceiling = std::max(ceiling, peak(lanes));
      const double begin = seconds();
      code.function()(&call, 0, tiles);
      best = std::max(best, flops / (seconds() - begin) * 1e-9);
    }
    std::cout << "O" << level << ": " << best << " GFLOP/s, peak " << ceiling << ", ratio " << best / ceiling
              << "; emit " << compiled.emit_microseconds << " us, codegen " << compiled.codegen_microseconds
              << " us, link " << link * 1e6 << " us, " << code.code_bytes() << " bytes\n";
  }
  if (std::getenv("LISTING")) {
    for (const ListingLine& line : HostCompiler(target).llvm_listing(k))
      std::cout << line.text << "  ; " << line.ordinal << '\n';
    for (const ListingLine& line : HostCompiler(target).assembly_listing(k))
      std::cout << line.text << "  # " << line.ordinal << '\n';
  }
  const float* result = reinterpret_cast<const float*>(c.data());
  return result[0] == 0.5f * static_cast<float>(depth) ? 0 : 1;
}
