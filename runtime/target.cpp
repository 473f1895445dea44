#include <uwaga/runtime/target.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/runtime/host/cpu.h>
#include <uwaga/runtime/host/thread_pool.h>

namespace uwaga {

Target Target::host(int threads) {
  if (threads < 0 || threads > ThreadPool::kMaxThreads)
    throw Error(fmt::format("a host target wants 1 to {} threads (0: one a core), not {}", ThreadPool::kMaxThreads, threads));
  return {Kind::host, threads == 0 ? detect_cpu().physical_cores : threads};
}

Target Target::cuda(int device) {
  if (device < 0) throw Error(fmt::format("CUDA devices are counted from 0; there is no device {}", device));
  return {Kind::cuda, 1, 0, device};
}

Target Target::emulated(std::uint64_t seed) { return {Kind::emulated, 1, seed}; }

Target Target::interpreter() { return {Kind::interpreter, 1}; }

std::string Target::str() const {
  if (kind_ == Kind::interpreter) return "interpreter";
  if (kind_ == Kind::cuda) return fmt::format("cuda:{}", device_);
  if (kind_ == Kind::emulated) return fmt::format("CUDA kernels on the host, order {}", seed_);
  return fmt::format("host with {} thread{}", threads_, threads_ == 1 ? "" : "s");
}

}  // namespace uwaga
