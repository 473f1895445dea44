#include <uwaga/codegen/llvm/load.h>

#include <fmt/format.h>
#include <llvm/ExecutionEngine/JITEventListener.h>
#include <llvm/ExecutionEngine/JITSymbol.h>
#include <llvm/ExecutionEngine/RuntimeDyld.h>
#include <llvm/Object/ObjectFile.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <map>

#include <uwaga/codegen/llvm/compile.h>
#include <uwaga/ir/error.h>

namespace uwaga {

// One mapping holds an object: code, constants and data, each from a page of its own, so that the distances between
// them fit the small code model. All of it is writable until it is finished, then code is executable, constants are
// readable.
class HostCode::Memory final : public llvm::RuntimeDyld::MemoryManager {
 public:
  ~Memory() override {
    if (announced_) llvm::JITEventListener::createGDBRegistrationListener()->notifyFreeingObject(key());
    if (base_) munmap(base_, size_);
  }

  void announce(const llvm::object::ObjectFile& file, const llvm::RuntimeDyld::LoadedObjectInfo& loaded) {
    llvm::JITEventListener::createGDBRegistrationListener()->notifyObjectLoaded(key(), file, loaded);
    announced_ = true;
  }

  bool needsToReserveAllocationSpace() override { return true; }
  bool allowStubAllocation() const override { return true; }

  void reserveAllocationSpace(uintptr_t code, llvm::Align, uintptr_t constants, llvm::Align, uintptr_t data,
                              llvm::Align) override {
    const std::size_t page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const auto round = [&](std::size_t bytes) { return (bytes + 2 * kAlignment + page - 1) / page * page; };
    code_ = {0, round(code), 0};
    constants_ = {code_.size, round(constants), 0};
    data_ = {code_.size + constants_.size, round(data), 0};
    size_ = code_.size + constants_.size + data_.size;
    void* memory = mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
      throw SystemError(fmt::format("no memory for {} bytes of kernel code: {}", size_, std::strerror(errno)));
    base_ = static_cast<std::uint8_t*>(memory);
  }

  std::uint8_t* allocateCodeSection(uintptr_t size, unsigned alignment, unsigned, llvm::StringRef) override {
    return take(code_, size, alignment);
  }
  std::uint8_t* allocateDataSection(uintptr_t size, unsigned alignment, unsigned, llvm::StringRef,
                                    bool constant) override {
    return take(constant ? constants_ : data_, size, alignment);
  }
  void registerEHFrames(std::uint8_t*, std::uint64_t, std::size_t) override {}
  void deregisterEHFrames() override {}

  bool finalizeMemory(std::string* problem) override {
    if (!base_) return false;
    __builtin___clear_cache(reinterpret_cast<char*>(base_), reinterpret_cast<char*>(base_) + code_.size);
    const bool done = mprotect(base_, code_.size, PROT_READ | PROT_EXEC) == 0 &&
                      mprotect(base_ + constants_.start, constants_.size, PROT_READ) == 0;
    if (!done && problem) *problem = std::strerror(errno);
    return !done;
  }

 private:
  llvm::JITEventListener::ObjectKey key() const { return reinterpret_cast<std::uintptr_t>(this); }

  static constexpr std::size_t kAlignment = 64;
  struct Part {
    std::size_t start = 0, size = 0, used = 0;
  };
  std::uint8_t* take(Part& part, std::size_t size, std::size_t alignment) {
    alignment = std::max<std::size_t>(alignment, 1);
    const std::size_t at = (part.used + alignment - 1) / alignment * alignment;
    if (!base_ || at > part.size || size > part.size - at) return nullptr;  // RuntimeDyld reports it
    part.used = at + size;
    return base_ + part.start + at;
  }

  std::uint8_t* base_ = nullptr;
  std::size_t size_ = 0;
  Part code_, constants_, data_;
  bool announced_ = false;
};

namespace {

// What code may call: routines, and for narrow targets a few functions that round correctly or exactly, so that bits do not depend
// on them.
class Functions final : public llvm::LegacyJITSymbolResolver {
 public:
  explicit Functions(const std::map<std::string, std::uintptr_t>& routines) : routines_(routines) {}
  llvm::JITSymbol findSymbol(const std::string& name) override {
    static const std::map<std::string, std::uintptr_t> known = {
        {"fma", address(static_cast<double (*)(double, double, double)>(std::fma))},
        {"fmaf", address(static_cast<float (*)(float, float, float)>(std::fma))},
        {"floor", address(static_cast<double (*)(double)>(std::floor))},
        {"floorf", address(static_cast<float (*)(float)>(std::floor))},
    };
    for (const auto* functions : {&known, &routines_}) {
      if (const auto it = functions->find(name); it != functions->end())
        return {static_cast<llvm::JITTargetAddress>(it->second), llvm::JITSymbolFlags::Exported};
    }
    missing_ += missing_.empty() ? name : ", " + name;
    return nullptr;
  }
  llvm::JITSymbol findSymbolInLogicalDylib(const std::string&) override { return nullptr; }
  const std::string& missing() const { return missing_; }

 private:
  template <typename F>
  static std::uintptr_t address(F* f) {
    return reinterpret_cast<std::uintptr_t>(f);
  }
  const std::map<std::string, std::uintptr_t>& routines_;
  std::string missing_;
};

}  // namespace

HostCode::HostCode(std::span<const std::byte> object, const std::map<std::string, std::uintptr_t>& routines, bool debugger)
    : memory_(std::make_unique<Memory>()) {
  const llvm::StringRef bytes(reinterpret_cast<const char*>(object.data()), object.size());
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(bytes, "kernel"));
  if (!file) throw InternalError("a compiled kernel is no object file: " + llvm::toString(file.takeError()));
  Functions functions(routines);
  llvm::RuntimeDyld linker(*memory_, functions);
  linker.setProcessAllSections(debugger);
  const std::unique_ptr<llvm::RuntimeDyld::LoadedObjectInfo> loaded = linker.loadObject(**file);
  if (!linker.hasError()) linker.resolveRelocations();
  if (!functions.missing().empty()) throw InternalError("a compiled kernel calls " + functions.missing());
  if (linker.hasError()) throw InternalError("a compiled kernel cannot be linked: " + linker.getErrorString().str());
  std::string problem;
  if (memory_->finalizeMemory(&problem)) throw SystemError("cannot make kernel code executable: " + problem);
  const llvm::JITEvaluatedSymbol symbol = linker.getSymbol(kKernelSymbol);
  if (!symbol) throw InternalError("a compiled kernel has no function of the kernel's name");
  if (debugger && loaded) memory_->announce(**file, *loaded);
  address_ = static_cast<std::uintptr_t>(symbol.getAddress());
  for (const llvm::object::SectionRef& section : (*file)->sections())
    if (section.isText()) code_bytes_ += section.getSize();
}

HostCode::~HostCode() = default;
HostCode::HostCode(HostCode&&) noexcept = default;
HostCode& HostCode::operator=(HostCode&&) noexcept = default;

std::string HostCode::perf_line(const std::string& name) const {
  return fmt::format("{:x} {:x} {}\n", address_, code_bytes_, name);
}

}  // namespace uwaga
