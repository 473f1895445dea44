// NVIDIA's driver, opened at run time: devices, memory, modules, launches.
//
//   const CudaDriver driver;                                      // SystemError where there is no driver or no device
//   CudaDevice device(driver, 0);
//   CudaMemory x(device, bytes);   x.upload(host, bytes);
//   CudaModule code(device, binary.cubin);
//   device.launch(code.function("k0"), {blocks, threads}, buffers, arguments, error);
//   device.synchronise();
//
// The declarations are our own; no toolkit is needed to build or to run. Errors are SystemErrors that name the call, what the
// driver said, and, where memory is short, how much there is. A device and what belongs to it are used by one thread at a
// time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <uwaga/codegen/cuda/emit.h>

namespace uwaga {

class CudaDriver {
 public:
  CudaDriver();  // opens libcuda and counts devices
  ~CudaDriver();
  CudaDriver(const CudaDriver&) = delete;
  CudaDriver& operator=(const CudaDriver&) = delete;

  // The sentence that a constructor would throw; empty where there is a device.
  static std::string why_not();

  int version() const;  // 13000 for 13.0
  int devices() const;

  struct Calls;
  const Calls& calls() const { return *calls_; }

 private:
  std::unique_ptr<Calls> calls_;
};

struct CudaDeviceInfo {
  std::string name;
  std::string architecture;  // of code for it: "sm_90a"
  std::uint64_t bytes = 0;
  int multiprocessors = 0;
};

class CudaDevice {
 public:
  CudaDevice(const CudaDriver& driver, int ordinal);  // Error where there is no such device
  ~CudaDevice();
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  const CudaDeviceInfo& info() const { return info_; }
  // Starts a kernel on the device's stream: addresses of its global buffers, the scalar arguments' bits, the error word's
  // address. Nothing where there are no blocks.
  void launch(void* function, kernel::CudaLaunch size, std::span<const std::uint64_t> buffers, std::span<const std::uint64_t> arguments,
              std::uint64_t error) const;
  void synchronise() const;
  std::uint64_t free_bytes() const;

  const CudaDriver::Calls& calls() const { return driver_.calls(); }
  void use() const;  // makes this device the calling thread's
  void* stream() const { return stream_; }
  void* context() const { return context_; }

 private:
  const CudaDriver& driver_;
  int device_ = 0;
  void* context_ = nullptr;
  void* stream_ = nullptr;
  CudaDeviceInfo info_;
};

class CudaMemory {
 public:
  CudaMemory(const CudaDevice& device, std::size_t bytes);
  ~CudaMemory();
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  std::uint64_t address() const { return address_; }
  std::size_t bytes() const { return bytes_; }
  // Ordered with launches; both return when the bytes have moved.
  void upload(const void* from, std::size_t bytes, std::size_t offset = 0) const;
  void download(void* to, std::size_t bytes, std::size_t offset = 0) const;
  void clear() const;

 private:
  const CudaDevice& device_;
  std::uint64_t address_ = 0;
  std::size_t bytes_ = 0;
};

class CudaModule {
 public:
  CudaModule(const CudaDevice& device, const std::string& cubin);
  ~CudaModule();
  CudaModule(const CudaModule&) = delete;
  CudaModule& operator=(const CudaModule&) = delete;
  void* function(const std::string& name) const;

 private:
  const CudaDevice& device_;
  void* module_ = nullptr;
};

}  // namespace uwaga
