// What can be said of the driver and NVRTC without a GPU, and a kernel on the GPU where there is one.
#include <vector>

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/cuda/driver.h>
#include <uwaga/runtime/cuda/nvrtc.h>

#include "tests/catch.h"

namespace uwaga::test {

TEST_CASE("a machine without a CUDA device is told in one sentence") {
  const std::string why = CudaDriver::why_not();
  if (why.empty()) return;
  CHECK_THAT(why, Contains("no CUDA d"));
  CHECK_THAT(why, Contains("use --device cpu or emulated"));
  CHECK_THROWS_AS(CudaDriver(), SystemError);
}

TEST_CASE("a machine without NVRTC is told in one sentence what to install") {
  CHECK_THROWS_AS(Nvrtc("/nowhere/libnvrtc.so"), SystemError);
  CHECK_THAT(Nvrtc::why_not("/nowhere/libnvrtc.so"), Contains("no CUDA compiler: libnvrtc does not open") && Contains("UWAGA_NVRTC"));
}

TEST_CASE("the assembler's log gives registers, stack, spills and warnings") {
  CudaBinary b;
  parse_ptxas_log(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'k7' for 'sm_90a'\n"
      "ptxas info    : Function properties for k7\n"
      "    24 bytes stack frame, 16 bytes spill stores, 8 bytes spill loads\n"
      "ptxas info    : Used 40 registers, used 1 barriers, 1024 bytes smem, 400 bytes cmem[0]\n"
      "ptxas warning : (C7508) Potential Performance Loss: 'setmaxnreg' ignored\n",
      b);
  REQUIRE(b.functions.size() == 1);
  CHECK(b.functions[0].name == "k7");
  CHECK(b.functions[0].registers == 40);
  CHECK(b.functions[0].stack_bytes == 24);
  CHECK(b.functions[0].spill_store_bytes == 16);
  CHECK(b.functions[0].spill_load_bytes == 8);
  CHECK(b.functions[0].shared_bytes == 1024);
  REQUIRE(b.warnings.size() == 1);
  CHECK_THAT(b.warnings[0], Contains("C7508"));
}

TEST_CASE("a kernel runs on the GPU where there is one", "[gpu]") {
  for (const std::string& why : {CudaDriver::why_not(), Nvrtc::why_not()})
    if (!why.empty()) {
      WARN("skipped: " << why);
      return;
    }
  using namespace kernel;
  KernelBuilder b("test");
  const BufferId x = b.input(DType::f32), y = b.output(DType::f32);
  const Ex n = b.argument(DType::i64);
  const Ex i = b.grid(n);
  b.store(y, i, b.load(x, i) * 2);
  const Kernel k = b.finish();
  const NamedKernel one[] = {{&k, "k0"}};
  const CudaDriver driver;
  const CudaDevice device(driver, 0);
  const CudaModule code(device, Nvrtc().compile(cuda_source(one), {.architecture = device.info().architecture, .ptx = false}).cubin);
  std::vector<float> from(1000), to(1000);
  for (std::size_t e = 0; e < from.size(); ++e) from[e] = static_cast<float>(e);
  const CudaMemory in(device, 4000), out(device, 4000), error(device, 8);
  error.clear();
  in.upload(from.data(), 4000);
  const std::uint64_t arguments[] = {1000}, buffers[] = {in.address(), out.address()};
  device.launch(code.function("k0"), cuda_launch(k, arguments), buffers, arguments, error.address());
  out.download(to.data(), 4000);
  for (std::size_t e = 0; e < to.size(); ++e) CHECK(to[e] == 2 * from[e]);
}

}  // namespace uwaga::test
