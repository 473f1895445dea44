// A GPU that is not there, behind the driver's own interface: its memory is the host's, its kernels run on the host.
//
//   auto gpu = std::make_shared<EmulatedGpu>(/*seed=*/1);
//   CudaDriver driver(gpu);                                  // and everything above it, as on a real one
//
// Modules are shared objects of an EmulatingCompiler. Work on a stream is done when somebody waits for it, not before, as a GPU
// may: what is used too early is found out. Memory is poisoned (NaN) when it is taken, and copies and fills past the end
// of what was taken fail. A test derives a class and overrides the call that is to fail.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include <uwaga/runtime/cuda/driver_calls.h>

namespace uwaga {

class EmulatedGpu : public CudaCalls {
 public:
  explicit EmulatedGpu(std::uint64_t seed, std::size_t bytes = std::size_t{1} << 40) : seed_(seed), room_(bytes) {}
  ~EmulatedGpu() override;

  int init() override { return kSuccess; }
  int driver_version(int* version) override;
  int device_count(int* count) override;
  std::string error_name(int result) override;
  std::string error_text(int result) override;
  int device_get(int* device, int ordinal) override;
  int device_name(char* name, int room, int device) override;
  int device_bytes(std::size_t* bytes, int device) override;
  int device_attribute(int* value, int attribute, int device) override;
  int context_retain(void** context, int device) override;
  int context_release(int) override { return kSuccess; }
  int context_set(void*) override { return kSuccess; }
  int stream_create(void** stream, unsigned flags) override;
  int stream_destroy(void*) override { return settle(), kSuccess; }
  int stream_synchronize(void* stream) override;
  int event_create(void** event, unsigned flags) override;
  int event_destroy(void* event) override;
  int event_record(void* event, void* stream) override;
  int event_elapsed(float* milliseconds, void* from, void* to) override;
  int memory_info(std::size_t* free, std::size_t* total) override;
  int allocate(std::uint64_t* address, std::size_t bytes) override;
  int free(std::uint64_t address) override;
  int copy_to_device(std::uint64_t to, const void* from, std::size_t bytes, void* stream) override;
  int copy_to_host(void* to, std::uint64_t from, std::size_t bytes, void* stream) override;
  int copy_on_device(std::uint64_t to, std::uint64_t from, std::size_t bytes, void* stream) override;
  int copy_pieces_on_device(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces, void* stream) override;
  int fill_words(std::uint64_t to, std::uint32_t value, std::size_t words, void* stream) override;
  int module_load(void** module, const std::string& binary) override;
  int module_unload(void* module) override;
  int module_function(void** function, void* module, const char* name) override;
  int launch(void* function, unsigned blocks, unsigned threads, void* stream, void** parameters) override;

 private:
  int later(std::function<void()> work);
  void settle() noexcept;  // does what is queued, for calls that wait on their own
  bool holds(std::uint64_t address, std::size_t bytes) const;

  std::uint64_t seed_;
  std::size_t room_, taken_ = 0;
  std::uint64_t launches_ = 0;
  std::map<std::uint64_t, std::size_t> blocks_;  // address -> bytes
  std::vector<std::function<void()>> queue_;
};

}  // namespace uwaga
