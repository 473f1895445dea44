#include <uwaga/runtime/cuda/driver.h>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/runtime/cuda/internal/library.h>

namespace uwaga {

// The driver's entry points, by the names of its ABI; `_v2` are the 64-bit forms that its header's names stand for.
struct CudaDriver::Calls {
  cuda::Library library;
  int version = 0, devices = 0;
  int (*init)(unsigned) = nullptr;
  int (*driver_version)(int*) = nullptr;
  int (*device_count)(int*) = nullptr;
  int (*error_name)(int, const char**) = nullptr;
  int (*error_text)(int, const char**) = nullptr;
  int (*device_get)(int*, int) = nullptr;
  int (*device_name)(char*, int, int) = nullptr;
  int (*device_bytes)(std::size_t*, int) = nullptr;
  int (*device_attribute)(int*, int, int) = nullptr;
  int (*context_retain)(void**, int) = nullptr;
  int (*context_release)(int) = nullptr;
  int (*context_set)(void*) = nullptr;
  int (*stream_create)(void**, unsigned) = nullptr;
  int (*stream_destroy)(void*) = nullptr;
  int (*stream_wait)(void*) = nullptr;
  int (*memory_info)(std::size_t*, std::size_t*) = nullptr;
  int (*allocate)(std::uint64_t*, std::size_t) = nullptr;
  int (*free)(std::uint64_t) = nullptr;
  int (*upload)(std::uint64_t, const void*, std::size_t, void*) = nullptr;
  int (*download)(void*, std::uint64_t, std::size_t, void*) = nullptr;
  int (*set_bytes)(std::uint64_t, unsigned char, std::size_t, void*) = nullptr;
  int (*module_load)(void**, const void*) = nullptr;
  int (*module_unload)(void*) = nullptr;
  int (*module_function)(void**, void*, const char*) = nullptr;
  int (*launch)(void*, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**, void**) = nullptr;

  void check(int result, const std::string& what) const {
    if (result == 0) return;
    const char *name = nullptr, *text = nullptr;
    if (error_name != nullptr) error_name(result, &name);
    if (error_text != nullptr) error_text(result, &text);
    throw SystemError(fmt::format("CUDA driver: {} failed: {} ({}, {})", what, text ? text : "no description", name ? name : "unknown error", result));
  }
};

namespace {

// CUdevice_attribute.
constexpr int kMultiprocessors = 16, kMajor = 75, kMinor = 76;
constexpr int kOutOfMemory = 2;

// Opens the driver; a sentence where that fails.
std::string open(CudaDriver::Calls& c) {
  c.library = cuda::Library({"libcuda.so.1", "libcuda.so"});
  if (!c.library.open()) return "no CUDA driver: libcuda.so.1 does not open (" + c.library.why() + "); use --device cpu or emulated";
  bool all = true;
  const auto get = [&](auto& function, const char* symbol) {
    c.library.get(function, symbol);
    all = all && function != nullptr;
  };
  get(c.init, "cuInit");
  get(c.driver_version, "cuDriverGetVersion");
  get(c.device_count, "cuDeviceGetCount");
  get(c.error_name, "cuGetErrorName");
  get(c.error_text, "cuGetErrorString");
  get(c.device_get, "cuDeviceGet");
  get(c.device_name, "cuDeviceGetName");
  get(c.device_bytes, "cuDeviceTotalMem_v2");
  get(c.device_attribute, "cuDeviceGetAttribute");
  get(c.context_retain, "cuDevicePrimaryCtxRetain");
  get(c.context_release, "cuDevicePrimaryCtxRelease_v2");
  get(c.context_set, "cuCtxSetCurrent");
  get(c.stream_create, "cuStreamCreate");
  get(c.stream_destroy, "cuStreamDestroy_v2");
  get(c.stream_wait, "cuStreamSynchronize");
  get(c.memory_info, "cuMemGetInfo_v2");
  get(c.allocate, "cuMemAlloc_v2");
  get(c.free, "cuMemFree_v2");
  get(c.upload, "cuMemcpyHtoDAsync_v2");
  get(c.download, "cuMemcpyDtoHAsync_v2");
  get(c.set_bytes, "cuMemsetD8Async");
  get(c.module_load, "cuModuleLoadData");
  get(c.module_unload, "cuModuleUnload");
  get(c.module_function, "cuModuleGetFunction");
  get(c.launch, "cuLaunchKernel");
  if (!all) return "the CUDA driver " + c.library.name() + " is too old: CUDA 11 or later is needed";
  if (const int result = c.init(0); result != 0) {
    const char* text = nullptr;
    c.error_text(result, &text);
    return fmt::format("no CUDA device: the driver does not start ({}); use --device cpu or emulated", text ? text : "unknown error");
  }
  c.driver_version(&c.version);
  c.check(c.device_count(&c.devices), "cuDeviceGetCount");
  return c.devices > 0 ? std::string() : "no CUDA device: the driver finds none; use --device cpu or emulated";
}

}  // namespace

CudaDriver::CudaDriver() : calls_(std::make_unique<Calls>()) {
  if (const std::string why = open(*calls_); !why.empty()) throw SystemError(why);
}
CudaDriver::~CudaDriver() = default;

std::string CudaDriver::why_not() {
  Calls calls;
  return open(calls);
}

int CudaDriver::version() const { return calls_->version; }
int CudaDriver::devices() const { return calls_->devices; }

CudaDevice::CudaDevice(const CudaDriver& driver, int ordinal) : driver_(driver) {
  const auto& c = calls();
  if (ordinal < 0 || ordinal >= driver.devices()) throw Error(fmt::format("there is no CUDA device {}: the driver finds {}", ordinal, driver.devices()));
  c.check(c.device_get(&device_, ordinal), "cuDeviceGet");
  char name[256] = {};
  c.check(c.device_name(name, sizeof name - 1, device_), "cuDeviceGetName");
  std::size_t bytes = 0;
  c.check(c.device_bytes(&bytes, device_), "cuDeviceTotalMem");
  int major = 0, minor = 0;
  c.check(c.device_attribute(&major, kMajor, device_), "cuDeviceGetAttribute");
  c.check(c.device_attribute(&minor, kMinor, device_), "cuDeviceGetAttribute");
  c.check(c.device_attribute(&info_.multiprocessors, kMultiprocessors, device_), "cuDeviceGetAttribute");
  info_.name = name;
  info_.bytes = bytes;
  info_.architecture = fmt::format("sm_{}{}{}", major, minor, major >= 9 ? "a" : "");
  c.check(c.context_retain(&context_, device_), "cuDevicePrimaryCtxRetain");
  try {
    use();
    c.check(c.stream_create(&stream_, 1 /* does not wait for the default stream */), "cuStreamCreate");
  } catch (...) {
    c.context_release(device_);
    throw;
  }
}

CudaDevice::~CudaDevice() {
  const auto& c = calls();
  c.context_set(context_);
  c.stream_destroy(stream_);
  c.context_release(device_);
}

void CudaDevice::use() const { calls().check(calls().context_set(context_), "cuCtxSetCurrent"); }

void CudaDevice::launch(void* function, kernel::CudaLaunch size, std::span<const std::uint64_t> buffers, std::span<const std::uint64_t> arguments,
                        std::uint64_t error) const {
  if (size.blocks <= 0) return;
  if (size.blocks > 0x7fffffff) throw Error(fmt::format("a kernel has {} blocks, more than the 2147483647 a CUDA launch takes", size.blocks));
  // The driver reads as many bytes at each address as the parameter has: the low ones of a word.
  std::vector<std::uint64_t> words(buffers.begin(), buffers.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.push_back(error);
  std::vector<void*> parameters;
  for (std::uint64_t& w : words) parameters.push_back(&w);
  use();
  calls().check(calls().launch(function, static_cast<unsigned>(size.blocks), 1, 1, static_cast<unsigned>(size.threads), 1, 1, 0, stream_,
                               parameters.data(), nullptr),
                "cuLaunchKernel");
}

void CudaDevice::synchronise() const {
  use();
  calls().check(calls().stream_wait(stream_), "a kernel");
}

std::uint64_t CudaDevice::free_bytes() const {
  use();
  std::size_t free = 0, total = 0;
  calls().check(calls().memory_info(&free, &total), "cuMemGetInfo");
  return free;
}

CudaMemory::CudaMemory(const CudaDevice& device, std::size_t bytes) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  device.use();
  const int result = device.calls().allocate(&address_, bytes);
  if (result == kOutOfMemory)
    throw SystemError(fmt::format("{} has {} bytes free of {}, and {} are needed", device.info().name, device.free_bytes(), device.info().bytes, bytes));
  device.calls().check(result, "cuMemAlloc");
}

CudaMemory::~CudaMemory() {
  if (address_ == 0) return;
  const auto& c = device_.calls();
  c.context_set(device_.context());
  c.stream_wait(device_.stream());
  c.free(address_);
}

void CudaMemory::upload(const void* from, std::size_t bytes, std::size_t offset) const {
  check_internal(offset <= bytes_ && bytes <= bytes_ - offset, "an upload past the end of device memory");
  if (bytes == 0) return;
  device_.use();
  device_.calls().check(device_.calls().upload(address_ + offset, from, bytes, device_.stream()), "cuMemcpyHtoDAsync");
  device_.synchronise();
}

void CudaMemory::download(void* to, std::size_t bytes, std::size_t offset) const {
  check_internal(offset <= bytes_ && bytes <= bytes_ - offset, "a download past the end of device memory");
  if (bytes == 0) return;
  device_.use();
  device_.calls().check(device_.calls().download(to, address_ + offset, bytes, device_.stream()), "cuMemcpyDtoHAsync");
  device_.synchronise();
}

void CudaMemory::clear() const {
  if (bytes_ == 0) return;
  device_.use();
  device_.calls().check(device_.calls().set_bytes(address_, 0, bytes_, device_.stream()), "cuMemsetD8Async");
}

CudaModule::CudaModule(const CudaDevice& device, const std::string& cubin) : device_(device) {
  device.use();
  device.calls().check(device.calls().module_load(&module_, cubin.data()), "cuModuleLoadData");
}

CudaModule::~CudaModule() {
  device_.calls().context_set(device_.context());
  device_.calls().module_unload(module_);
}

void* CudaModule::function(const std::string& name) const {
  device_.use();
  void* function = nullptr;
  device_.calls().check(device_.calls().module_function(&function, module_, name.c_str()), "cuModuleGetFunction of " + name);
  return function;
}

}  // namespace uwaga
