// The entry points of NVIDIA's driver that programs need, as an interface: libcuda behind it on a GPU, and host memory with host-run
// kernels in tests (emulated_gpu.h), which override one call to see it fail.
//
//   std::string why;
//   std::shared_ptr<CudaCalls> calls = libcuda(why);   // null: `why` is the sentence to tell
//
// Every call gives the driver's result code, 0 for success; the names are those of the driver's ABI without `cu` and version.
// Addresses are of the device's memory; copies, fills, launches and events are ordered on their stream and may return
// before they are done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace uwaga {

class CudaCalls {
 public:
  static constexpr int kSuccess = 0, kInvalidValue = 1, kOutOfMemory = 2;
  // Of device_attribute.
  static constexpr int kMultiprocessors = 16, kMajor = 75, kMinor = 76;

  virtual ~CudaCalls() = default;

  virtual int init() = 0;
  virtual int driver_version(int* version) = 0;
  virtual int device_count(int* count) = 0;
  virtual std::string error_name(int result) = 0;
  virtual std::string error_text(int result) = 0;

  virtual int device_get(int* device, int ordinal) = 0;
  virtual int device_name(char* name, int room, int device) = 0;
  virtual int device_bytes(std::size_t* bytes, int device) = 0;
  virtual int device_attribute(int* value, int attribute, int device) = 0;
  virtual int context_retain(void** context, int device) = 0;
  virtual int context_release(int device) = 0;
  virtual int context_set(void* context) = 0;

  virtual int stream_create(void** stream, unsigned flags) = 0;
  virtual int stream_destroy(void* stream) = 0;
  virtual int stream_synchronize(void* stream) = 0;
  virtual int event_create(void** event, unsigned flags) = 0;
  virtual int event_destroy(void* event) = 0;
  virtual int event_record(void* event, void* stream) = 0;
  virtual int event_elapsed(float* milliseconds, void* from, void* to) = 0;

  virtual int memory_info(std::size_t* free, std::size_t* total) = 0;
  virtual int allocate(std::uint64_t* address, std::size_t bytes) = 0;
  virtual int free(std::uint64_t address) = 0;
  virtual int copy_to_device(std::uint64_t to, const void* from, std::size_t bytes, void* stream) = 0;
  virtual int copy_to_host(void* to, std::uint64_t from, std::size_t bytes, void* stream) = 0;
  virtual int copy_on_device(std::uint64_t to, std::uint64_t from, std::size_t bytes, void* stream) = 0;
  // Of `bytes` each, dense in `from`, `pitch` bytes apart in `to`.
  virtual int copy_pieces_on_device(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces, void* stream) = 0;
  virtual int fill_words(std::uint64_t to, std::uint32_t value, std::size_t words, void* stream) = 0;

  virtual int module_load(void** module, const std::string& binary) = 0;
  virtual int module_unload(void* module) = 0;
  virtual int module_function(void** function, void* module, const char* name) = 0;
  // `parameters` hold the address of each parameter's value.
  virtual int launch(void* function, unsigned blocks, unsigned threads, void* stream, void** parameters) = 0;
};

// Opened once a call; null where there is no libcuda or it is too old.
std::shared_ptr<CudaCalls> libcuda(std::string& why);

}  // namespace uwaga
