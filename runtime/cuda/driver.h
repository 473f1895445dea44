// NVIDIA's driver: devices, memory, modules, launches.
//
//   const CudaDriver driver;                                      // SystemError where there is no driver or no device
//   CudaDevice device(driver, 0);
//   CudaMemory x(device, bytes);   x.upload(host, bytes);
//   CudaModule code(device, binary.cubin);
//   device.launch(code.function("k0"), {blocks, threads}, buffers, arguments, error);
//   device.synchronise();
//
// libcuda is opened at run time; no toolkit is needed to build or to run. Errors are SystemErrors that name the call, what
// the driver said, and, where memory is short, how much there is and what wanted it. A device and what belongs to it are used
// by one thread at a time, and outlive their memory and modules.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <uwaga/codegen/cuda/emit.h>
#include <uwaga/runtime/cuda/driver_calls.h>

namespace uwaga {

class CudaDriver {
 public:
  CudaDriver();  // opens libcuda and counts devices
  explicit CudaDriver(std::shared_ptr<CudaCalls> calls);

  // The sentence that the constructor would throw; empty where there is a device.
  static std::string why_not();

  int version() const { return version_; }  // 13000 for 13.0
  int devices() const { return devices_; }
  CudaCalls& calls() const { return *calls_; }
  // SystemError unless `result` is success: "CUDA driver: <what> failed: ...".
  void check(int result, const std::string& what) const;

 private:
  std::shared_ptr<CudaCalls> calls_;
  int version_ = 0, devices_ = 0;
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
  // Ordered with launches. The host's memory must stay as it is until `synchronise`.
  void upload(std::uint64_t to, const void* from, std::size_t bytes) const;
  void download(void* to, std::uint64_t from, std::size_t bytes) const;
  void copy(std::uint64_t to, std::uint64_t from, std::size_t bytes) const;
  // Of so many bytes each, one after the other in `from`, `pitch` bytes apart in `to`.
  void copy_pieces(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces) const;
  void fill(std::uint64_t to, std::uint32_t value, std::size_t words) const;
  // Waits for all that was started. Kernels that failed are told here.
  void synchronise() const;
  std::uint64_t free_bytes() const;

  const CudaDriver& driver() const { return driver_; }
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
  // `purpose` completes the sentence of a device that has too little: "the arena of this program".
  CudaMemory(const CudaDevice& device, std::size_t bytes, const std::string& purpose = "one allocation");
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

// Two marks on a device's stream and the time between them.
class CudaTimer {
 public:
  explicit CudaTimer(const CudaDevice& device);
  ~CudaTimer();
  CudaTimer(const CudaTimer&) = delete;
  CudaTimer& operator=(const CudaTimer&) = delete;
  void start() const;
  double stop() const;  // waits; milliseconds since start()

 private:
  const CudaDevice& device_;
  void *from_ = nullptr, *to_ = nullptr;
};

}  // namespace uwaga
