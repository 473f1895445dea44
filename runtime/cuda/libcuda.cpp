// NVIDIA's own driver, opened at run time. The declarations are ours; `_v2` are the 64-bit forms its header's names stand for.
#include <uwaga/runtime/cuda/driver_calls.h>
#include <uwaga/runtime/cuda/internal/library.h>

namespace uwaga {
namespace {

// The driver's CUDA_MEMCPY2D.
struct Copy2d {
  struct Side {
    std::size_t x = 0, y = 0;
    int kind = 0;
    const void* host = nullptr;
    std::uint64_t device = 0;
    void* array = nullptr;
    std::size_t pitch = 0;
  };
  Side from, to;
  std::size_t bytes = 0, pieces = 0;
};

class Libcuda final : public CudaCalls {
 public:
  explicit Libcuda(cuda::Library library) : library_(std::move(library)) {
    get(init_, "cuInit");
    get(driver_version_, "cuDriverGetVersion");
    get(device_count_, "cuDeviceGetCount");
    get(error_name_, "cuGetErrorName");
    get(error_text_, "cuGetErrorString");
    get(device_get_, "cuDeviceGet");
    get(device_name_, "cuDeviceGetName");
    get(device_bytes_, "cuDeviceTotalMem_v2");
    get(device_attribute_, "cuDeviceGetAttribute");
    get(context_retain_, "cuDevicePrimaryCtxRetain");
    get(context_release_, "cuDevicePrimaryCtxRelease_v2");
    get(context_set_, "cuCtxSetCurrent");
    get(stream_create_, "cuStreamCreate");
    get(stream_destroy_, "cuStreamDestroy_v2");
    get(stream_synchronize_, "cuStreamSynchronize");
    get(event_create_, "cuEventCreate");
    get(event_destroy_, "cuEventDestroy_v2");
    get(event_record_, "cuEventRecord");
    get(event_elapsed_, "cuEventElapsedTime");
    get(memory_info_, "cuMemGetInfo_v2");
    get(allocate_, "cuMemAlloc_v2");
    get(free_, "cuMemFree_v2");
    get(to_device_, "cuMemcpyHtoDAsync_v2");
    get(to_host_, "cuMemcpyDtoHAsync_v2");
    get(on_device_, "cuMemcpyDtoDAsync_v2");
    get(on_device_2d_, "cuMemcpy2DAsync_v2");
    get(fill_, "cuMemsetD32Async");
    get(module_load_, "cuModuleLoadData");
    get(module_unload_, "cuModuleUnload");
    get(module_function_, "cuModuleGetFunction");
    get(launch_, "cuLaunchKernel");
  }
  bool complete() const { return complete_; }

  int init() override { return init_(0); }
  int driver_version(int* version) override { return driver_version_(version); }
  int device_count(int* count) override { return device_count_(count); }
  std::string error_name(int result) override { return text(error_name_, result); }
  std::string error_text(int result) override { return text(error_text_, result); }
  int device_get(int* device, int ordinal) override { return device_get_(device, ordinal); }
  int device_name(char* name, int room, int device) override { return device_name_(name, room, device); }
  int device_bytes(std::size_t* bytes, int device) override { return device_bytes_(bytes, device); }
  int device_attribute(int* value, int attribute, int device) override { return device_attribute_(value, attribute, device); }
  int context_retain(void** context, int device) override { return context_retain_(context, device); }
  int context_release(int device) override { return context_release_(device); }
  int context_set(void* context) override { return context_set_(context); }
  int stream_create(void** stream, unsigned flags) override { return stream_create_(stream, flags); }
  int stream_destroy(void* stream) override { return stream_destroy_(stream); }
  int stream_synchronize(void* stream) override { return stream_synchronize_(stream); }
  int event_create(void** event, unsigned flags) override { return event_create_(event, flags); }
  int event_destroy(void* event) override { return event_destroy_(event); }
  int event_record(void* event, void* stream) override { return event_record_(event, stream); }
  int event_elapsed(float* milliseconds, void* from, void* to) override { return event_elapsed_(milliseconds, from, to); }
  int memory_info(std::size_t* free, std::size_t* total) override { return memory_info_(free, total); }
  int allocate(std::uint64_t* address, std::size_t bytes) override { return allocate_(address, bytes); }
  int free(std::uint64_t address) override { return free_(address); }
  int copy_to_device(std::uint64_t to, const void* from, std::size_t bytes, void* stream) override { return to_device_(to, from, bytes, stream); }
  int copy_to_host(void* to, std::uint64_t from, std::size_t bytes, void* stream) override { return to_host_(to, from, bytes, stream); }
  int copy_on_device(std::uint64_t to, std::uint64_t from, std::size_t bytes, void* stream) override { return on_device_(to, from, bytes, stream); }
  int copy_pieces_on_device(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces, void* stream) override {
    constexpr int kDevice = 2;  // CU_MEMORYTYPE_DEVICE
    const Copy2d copy{{0, 0, kDevice, nullptr, from, nullptr, bytes}, {0, 0, kDevice, nullptr, to, nullptr, pitch}, bytes, pieces};
    return on_device_2d_(&copy, stream);
  }
  int fill_words(std::uint64_t to, std::uint32_t value, std::size_t words, void* stream) override { return fill_(to, value, words, stream); }
  int module_load(void** module, const std::string& binary) override { return module_load_(module, binary.data()); }
  int module_unload(void* module) override { return module_unload_(module); }
  int module_function(void** function, void* module, const char* name) override { return module_function_(function, module, name); }
  int launch(void* function, unsigned blocks, unsigned threads, void* stream, void** parameters) override {
    return launch_(function, blocks, 1, 1, threads, 1, 1, 0, stream, parameters, nullptr);
  }

 private:
  template <typename Function>
  void get(Function& function, const char* symbol) {
    library_.get(function, symbol);
    complete_ = complete_ && function != nullptr;
  }
  static std::string text(int (*call)(int, const char**), int result) {
    const char* out = nullptr;
    call(result, &out);
    return out ? out : "";
  }

  cuda::Library library_;
  bool complete_ = true;
  int (*init_)(unsigned) = nullptr;
  int (*driver_version_)(int*) = nullptr;
  int (*device_count_)(int*) = nullptr;
  int (*error_name_)(int, const char**) = nullptr;
  int (*error_text_)(int, const char**) = nullptr;
  int (*device_get_)(int*, int) = nullptr;
  int (*device_name_)(char*, int, int) = nullptr;
  int (*device_bytes_)(std::size_t*, int) = nullptr;
  int (*device_attribute_)(int*, int, int) = nullptr;
  int (*context_retain_)(void**, int) = nullptr;
  int (*context_release_)(int) = nullptr;
  int (*context_set_)(void*) = nullptr;
  int (*stream_create_)(void**, unsigned) = nullptr;
  int (*stream_destroy_)(void*) = nullptr;
  int (*stream_synchronize_)(void*) = nullptr;
  int (*event_create_)(void**, unsigned) = nullptr;
  int (*event_destroy_)(void*) = nullptr;
  int (*event_record_)(void*, void*) = nullptr;
  int (*event_elapsed_)(float*, void*, void*) = nullptr;
  int (*memory_info_)(std::size_t*, std::size_t*) = nullptr;
  int (*allocate_)(std::uint64_t*, std::size_t) = nullptr;
  int (*free_)(std::uint64_t) = nullptr;
  int (*to_device_)(std::uint64_t, const void*, std::size_t, void*) = nullptr;
  int (*to_host_)(void*, std::uint64_t, std::size_t, void*) = nullptr;
  int (*on_device_)(std::uint64_t, std::uint64_t, std::size_t, void*) = nullptr;
  int (*on_device_2d_)(const Copy2d*, void*) = nullptr;
  int (*fill_)(std::uint64_t, unsigned, std::size_t, void*) = nullptr;
  int (*module_load_)(void**, const void*) = nullptr;
  int (*module_unload_)(void*) = nullptr;
  int (*module_function_)(void**, void*, const char*) = nullptr;
  int (*launch_)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**) = nullptr;
};

}  // namespace

std::shared_ptr<CudaCalls> libcuda(std::string& why) {
  cuda::Library library({"libcuda.so.1", "libcuda.so"});
  if (!library.open()) {
    why = "no CUDA driver: libcuda.so.1 does not open (" + library.why() + "); install NVIDIA's driver, or use --device cpu or emulated";
    return nullptr;
  }
  const std::string name = library.name();
  auto calls = std::make_shared<Libcuda>(std::move(library));
  if (calls->complete()) return calls;
  why = "the CUDA driver " + name + " is too old: CUDA 11 or later is needed";
  return nullptr;
}

}  // namespace uwaga
