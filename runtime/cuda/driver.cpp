#include <uwaga/runtime/cuda/driver.h>

#include <fmt/format.h>

#include <vector>

#include <uwaga/ir/error.h>

namespace uwaga {

CudaDriver::CudaDriver() {
  std::string why;
  calls_ = libcuda(why);
  if (!calls_) throw SystemError(why);
  *this = CudaDriver(calls_);
}

CudaDriver::CudaDriver(std::shared_ptr<CudaCalls> calls) : calls_(std::move(calls)) {
  if (const int result = calls_->init(); result != CudaCalls::kSuccess)
    throw SystemError(fmt::format("no CUDA device: the driver does not start ({}); use --device cpu or emulated", calls_->error_text(result)));
  calls_->driver_version(&version_);
  check(calls_->device_count(&devices_), "cuDeviceGetCount");
  if (devices_ <= 0) throw SystemError("no CUDA device: the driver finds none; use --device cpu or emulated");
}

std::string CudaDriver::why_not() {
  try {
    const CudaDriver driver;
    return {};
  } catch (const SystemError& e) {
    return e.what();
  }
}

void CudaDriver::check(int result, const std::string& what) const {
  if (result == CudaCalls::kSuccess) return;
  const std::string name = calls_->error_name(result), text = calls_->error_text(result);
  throw SystemError(fmt::format("CUDA driver: {} failed: {} ({}, {})", what, text.empty() ? "no description" : text,
                                name.empty() ? "unknown error" : name, result));
}

CudaDevice::CudaDevice(const CudaDriver& driver, int ordinal) : driver_(driver) {
  CudaCalls& c = driver_.calls();
  if (ordinal < 0 || ordinal >= driver.devices())
    throw Error(fmt::format("there is no CUDA device {}: the driver finds {}", ordinal, driver.devices()));
  driver_.check(c.device_get(&device_, ordinal), "cuDeviceGet");
  char name[256] = {};
  driver_.check(c.device_name(name, sizeof name - 1, device_), "cuDeviceGetName");
  std::size_t bytes = 0;
  driver_.check(c.device_bytes(&bytes, device_), "cuDeviceTotalMem");
  int major = 0, minor = 0;
  driver_.check(c.device_attribute(&major, CudaCalls::kMajor, device_), "cuDeviceGetAttribute");
  driver_.check(c.device_attribute(&minor, CudaCalls::kMinor, device_), "cuDeviceGetAttribute");
  driver_.check(c.device_attribute(&info_.multiprocessors, CudaCalls::kMultiprocessors, device_), "cuDeviceGetAttribute");
  info_.name = name;
  info_.bytes = bytes;
  info_.architecture = fmt::format("sm_{}{}{}", major, minor, major >= 9 ? "a" : "");
  driver_.check(c.context_retain(&context_, device_), "cuDevicePrimaryCtxRetain");
  try {
    use();
    driver_.check(c.stream_create(&stream_, 1 /* does not wait for the default stream */), "cuStreamCreate");
  } catch (...) {
    c.context_release(device_);
    throw;
  }
}

CudaDevice::~CudaDevice() {
  CudaCalls& c = driver_.calls();
  c.context_set(context_);
  c.stream_destroy(stream_);
  c.context_release(device_);
}

void CudaDevice::use() const { driver_.check(driver_.calls().context_set(context_), "cuCtxSetCurrent"); }

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
  driver_.check(driver_.calls().launch(function, static_cast<unsigned>(size.blocks), static_cast<unsigned>(size.threads), stream_, parameters.data()),
                "cuLaunchKernel");
}

void CudaDevice::upload(std::uint64_t to, const void* from, std::size_t bytes) const {
  if (bytes == 0) return;
  use();
  driver_.check(driver_.calls().copy_to_device(to, from, bytes, stream_), "cuMemcpyHtoDAsync");
}

void CudaDevice::download(void* to, std::uint64_t from, std::size_t bytes) const {
  if (bytes == 0) return;
  use();
  driver_.check(driver_.calls().copy_to_host(to, from, bytes, stream_), "cuMemcpyDtoHAsync");
}

void CudaDevice::copy(std::uint64_t to, std::uint64_t from, std::size_t bytes) const {
  if (bytes == 0) return;
  use();
  driver_.check(driver_.calls().copy_on_device(to, from, bytes, stream_), "cuMemcpyDtoDAsync");
}

void CudaDevice::copy_pieces(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces) const {
  if (bytes == 0 || pieces == 0) return;
  use();
  driver_.check(driver_.calls().copy_pieces_on_device(to, pitch, from, bytes, pieces, stream_), "cuMemcpy2DAsync");
}

void CudaDevice::fill(std::uint64_t to, std::uint32_t value, std::size_t words) const {
  if (words == 0) return;
  use();
  driver_.check(driver_.calls().fill_words(to, value, words, stream_), "cuMemsetD32Async");
}

void CudaDevice::synchronise() const {
  use();
  driver_.check(driver_.calls().stream_synchronize(stream_), "a kernel");
}

std::uint64_t CudaDevice::free_bytes() const {
  use();
  std::size_t free = 0, total = 0;
  driver_.check(driver_.calls().memory_info(&free, &total), "cuMemGetInfo");
  return free;
}

CudaMemory::CudaMemory(const CudaDevice& device, std::size_t bytes, const std::string& purpose) : device_(device), bytes_(bytes) {
  if (bytes == 0) return;
  device.use();
  const int result = device.driver().calls().allocate(&address_, bytes);
  if (result == CudaCalls::kOutOfMemory)
    throw SystemError(fmt::format("{} has {} bytes free of {}, and {} are needed for {}", device.info().name, device.free_bytes(),
                                  device.info().bytes, bytes, purpose));
  device.driver().check(result, "cuMemAlloc");
}

CudaMemory::~CudaMemory() {
  if (address_ == 0) return;
  CudaCalls& c = device_.driver().calls();
  c.context_set(device_.context());
  c.free(address_);  // waits for what uses it
}

void CudaMemory::upload(const void* from, std::size_t bytes, std::size_t offset) const {
  check_internal(offset <= bytes_ && bytes <= bytes_ - offset, "an upload past the end of device memory");
  device_.upload(address_ + offset, from, bytes);
  device_.synchronise();
}

void CudaMemory::download(void* to, std::size_t bytes, std::size_t offset) const {
  check_internal(offset <= bytes_ && bytes <= bytes_ - offset, "a download past the end of device memory");
  device_.download(to, address_ + offset, bytes);
  device_.synchronise();
}

void CudaMemory::clear() const {
  check_internal(bytes_ % 4 == 0, "device memory is cleared word by word");
  device_.fill(address_, 0, bytes_ / 4);
}

CudaModule::CudaModule(const CudaDevice& device, const std::string& cubin) : device_(device) {
  device.use();
  device.driver().check(device.driver().calls().module_load(&module_, cubin), "cuModuleLoadData");
}

CudaModule::~CudaModule() {
  CudaCalls& c = device_.driver().calls();
  c.context_set(device_.context());
  c.module_unload(module_);
}

void* CudaModule::function(const std::string& name) const {
  device_.use();
  void* function = nullptr;
  device_.driver().check(device_.driver().calls().module_function(&function, module_, name.c_str()), "cuModuleGetFunction of " + name);
  return function;
}

CudaTimer::CudaTimer(const CudaDevice& device) : device_(device) {
  device.use();
  const CudaDriver& driver = device.driver();
  driver.check(driver.calls().event_create(&from_, 0), "cuEventCreate");
  if (const int result = driver.calls().event_create(&to_, 0); result != CudaCalls::kSuccess) {
    driver.calls().event_destroy(from_);
    driver.check(result, "cuEventCreate");
  }
}

CudaTimer::~CudaTimer() {
  CudaCalls& c = device_.driver().calls();
  c.context_set(device_.context());
  c.event_destroy(from_);
  c.event_destroy(to_);
}

void CudaTimer::start() const {
  device_.use();
  device_.driver().check(device_.driver().calls().event_record(from_, device_.stream()), "cuEventRecord");
}

double CudaTimer::stop() const {
  device_.use();
  const CudaDriver& driver = device_.driver();
  driver.check(driver.calls().event_record(to_, device_.stream()), "cuEventRecord");
  device_.synchronise();
  float milliseconds = 0;
  driver.check(driver.calls().event_elapsed(&milliseconds, from_, to_), "cuEventElapsedTime");
  return milliseconds;
}

}  // namespace uwaga
