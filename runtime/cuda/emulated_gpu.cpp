#include <uwaga/runtime/cuda/emulated_gpu.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <uwaga/runtime/cuda/emulate.h>

namespace uwaga {
namespace {

using Clock = std::chrono::steady_clock;

void* pointer(std::uint64_t address) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(address)); }

}  // namespace

EmulatedGpu::~EmulatedGpu() {
  for (const auto& [address, bytes] : blocks_) std::free(pointer(address));
}

int EmulatedGpu::driver_version(int* version) { return *version = 13000, kSuccess; }
int EmulatedGpu::device_count(int* count) { return *count = 1, kSuccess; }
std::string EmulatedGpu::error_name(int result) { return result == kOutOfMemory ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR_INVALID_VALUE"; }
std::string EmulatedGpu::error_text(int result) { return result == kOutOfMemory ? "out of memory" : "invalid argument"; }
int EmulatedGpu::device_get(int* device, int ordinal) { return *device = ordinal, kSuccess; }
int EmulatedGpu::device_name(char* name, int room, int) {
  std::strncpy(name, "emulated GPU", static_cast<std::size_t>(room));
  return kSuccess;
}
int EmulatedGpu::device_bytes(std::size_t* bytes, int) { return *bytes = room_, kSuccess; }
int EmulatedGpu::device_attribute(int* value, int attribute, int) {
  *value = attribute == kMajor ? 8 : attribute == kMinor ? 0 : 1;
  return kSuccess;
}
int EmulatedGpu::context_retain(void** context, int) { return *context = this, kSuccess; }
int EmulatedGpu::stream_create(void** stream, unsigned) { return *stream = this, kSuccess; }

int EmulatedGpu::later(std::function<void()> work) {
  queue_.push_back(std::move(work));
  return kSuccess;
}

int EmulatedGpu::stream_synchronize(void*) {
  for (const auto& work : std::exchange(queue_, {})) work();
  return kSuccess;
}

void EmulatedGpu::settle() noexcept {
  try {
    stream_synchronize(nullptr);
  } catch (...) {  // told already, or nobody is left to tell
    queue_.clear();
  }
}

int EmulatedGpu::event_create(void** event, unsigned) { return *event = new Clock::time_point, kSuccess; }
int EmulatedGpu::event_destroy(void* event) {
  delete static_cast<Clock::time_point*>(event);
  return kSuccess;
}
int EmulatedGpu::event_record(void* event, void*) {
  return later([event] { *static_cast<Clock::time_point*>(event) = Clock::now(); });
}
int EmulatedGpu::event_elapsed(float* milliseconds, void* from, void* to) {
  if (!queue_.empty()) return kInvalidValue;  // not yet there
  *milliseconds = std::chrono::duration<float, std::milli>(*static_cast<Clock::time_point*>(to) - *static_cast<Clock::time_point*>(from)).count();
  return kSuccess;
}

int EmulatedGpu::memory_info(std::size_t* free, std::size_t* total) { return *free = room_ - taken_, *total = room_, kSuccess; }

int EmulatedGpu::allocate(std::uint64_t* address, std::size_t bytes) {
  if (bytes == 0) return kInvalidValue;
  if (bytes > room_ - taken_) return kOutOfMemory;
  constexpr std::size_t kAlignment = 256;  // the driver's
  void* block = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  if (block == nullptr) return kOutOfMemory;
  std::memset(block, 0xff, bytes);
  *address = reinterpret_cast<std::uintptr_t>(block);
  blocks_[*address] = bytes;
  taken_ += bytes;
  return kSuccess;
}

int EmulatedGpu::free(std::uint64_t address) {
  const auto it = blocks_.find(address);
  if (it == blocks_.end()) return kInvalidValue;
  settle();
  taken_ -= it->second;
  blocks_.erase(it);
  std::free(pointer(address));
  return kSuccess;
}

// Memory that another program took from a device of the same name is not in our books.
bool EmulatedGpu::holds(std::uint64_t address, std::size_t bytes) const {
  auto it = blocks_.upper_bound(address);
  if (it == blocks_.begin()) return true;
  --it;
  return address >= it->first + it->second || bytes <= it->first + it->second - address;
}

int EmulatedGpu::copy_to_device(std::uint64_t to, const void* from, std::size_t bytes, void*) {
  if (!holds(to, bytes)) return kInvalidValue;
  return later([=] { std::memcpy(pointer(to), from, bytes); });
}
int EmulatedGpu::copy_to_host(void* to, std::uint64_t from, std::size_t bytes, void*) {
  if (!holds(from, bytes)) return kInvalidValue;
  return later([=] { std::memcpy(to, pointer(from), bytes); });
}
int EmulatedGpu::copy_on_device(std::uint64_t to, std::uint64_t from, std::size_t bytes, void*) {
  if (!holds(to, bytes) || !holds(from, bytes)) return kInvalidValue;
  return later([=] { std::memmove(pointer(to), pointer(from), bytes); });
}
int EmulatedGpu::copy_pieces_on_device(std::uint64_t to, std::size_t pitch, std::uint64_t from, std::size_t bytes, std::size_t pieces, void*) {
  if (pitch < bytes || !holds(to, (pieces - 1) * pitch + bytes) || !holds(from, pieces * bytes)) return kInvalidValue;
  return later([=] {
    for (std::size_t i = 0; i < pieces; ++i) std::memmove(pointer(to + i * pitch), pointer(from + i * bytes), bytes);
  });
}
int EmulatedGpu::fill_words(std::uint64_t to, std::uint32_t value, std::size_t words, void*) {
  if (!holds(to, words * 4)) return kInvalidValue;
  return later([=] { std::fill_n(static_cast<std::uint32_t*>(pointer(to)), words, value); });
}

int EmulatedGpu::module_load(void** module, const std::string& binary) { return *module = new EmulatedModule(binary), kSuccess; }
int EmulatedGpu::module_unload(void* module) {
  settle();
  delete static_cast<EmulatedModule*>(module);
  return kSuccess;
}
int EmulatedGpu::module_function(void** function, void* module, const char* name) {
  const EmulatedModule::Function* found = static_cast<EmulatedModule*>(module)->find(name);
  *function = const_cast<EmulatedModule::Function*>(found);
  return found ? kSuccess : kInvalidValue;
}

// As the driver does, this reads the parameters now: words, of which a kernel takes the low bytes.
int EmulatedGpu::launch(void* function, unsigned blocks, unsigned threads, void*, void** parameters) {
  const auto* f = static_cast<const EmulatedModule::Function*>(function);
  std::vector<std::uint64_t> words;
  for (int i = 0; i < EmulatedModule::parameters(*f); ++i) {
    words.emplace_back();
    std::memcpy(&words.back(), parameters[i], sizeof words.back());
  }
  return later([this, f, blocks, threads, words = std::move(words)] {
    std::vector<const void*> addresses;
    for (const std::uint64_t& w : words) addresses.push_back(&w);
    EmulatedModule::run(*f, {blocks, static_cast<int>(threads)}, const_cast<void* const*>(addresses.data()), seed_ ^ (++launches_ << 32));
  });
}

}  // namespace uwaga
