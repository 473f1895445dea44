#include <dlfcn.h>

#include <uwaga/runtime/cuda/internal/library.h>

namespace uwaga::cuda {

Library::Library(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    // Once loaded it stays: the driver and NVRTC leave threads and memory behind that outlive the last use of them.
    handle_ = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (handle_ != nullptr) {
      name_ = name;
      return;
    }
    const char* why = dlerror();
    if (why_.empty() && why != nullptr) why_ = why;
  }
}

Library::~Library() {
  if (handle_ != nullptr) dlclose(handle_);
}

void* Library::find(const char* symbol) const { return handle_ == nullptr ? nullptr : dlsym(handle_, symbol); }

}  // namespace uwaga::cuda
