#include <uwaga/runtime/cuda/compiler.h>

#include <fmt/format.h>

#include <uwaga/runtime/cuda/emulate.h>

namespace uwaga {

std::string NvrtcCompiler::identity() const { return fmt::format("NVRTC {}.{}", nvrtc_.major(), nvrtc_.minor()); }
std::string NvrtcCompiler::source(std::span<const kernel::NamedKernel> kernels) const { return kernel::cuda_source(kernels); }
std::string NvrtcCompiler::compile(const std::string& source, const std::string& architecture) const {
  return nvrtc_.compile(source, {.architecture = architecture, .ptx = false}).cubin;
}

EmulatingCompiler::EmulatingCompiler() : compiler_(emulating_compiler()) {}
std::string EmulatingCompiler::identity() const { return identity_of(compiler_); }
std::string EmulatingCompiler::source(std::span<const kernel::NamedKernel> kernels) const { return kernel::emulated_source(kernels); }
std::string EmulatingCompiler::compile(const std::string& source, const std::string&) const { return emulated_object(source, compiler_); }

}  // namespace uwaga
