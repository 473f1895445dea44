#include <uwaga/runtime/cuda/nvrtc.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

std::vector<std::string> in_folder(const std::string& folder) {
  std::vector<std::string> out;
  for (const char* name : {"libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"}) out.push_back(folder + "/" + name);
  return out;
}

std::vector<std::string> candidates(std::string path) {
  if (path.empty())
    if (const char* given = std::getenv("UWAGA_NVRTC"); given != nullptr) path = given;
  if (!path.empty()) {
    std::error_code ignored;
    return std::filesystem::is_directory(path, ignored) ? in_folder(path) : std::vector<std::string>{path};
  }
  std::vector<std::string> out{"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so"};
  for (const char* variable : {"CUDA_HOME", "CUDA_PATH"})
    if (const char* root = std::getenv(variable); root != nullptr)
      for (std::string& name : in_folder(std::string(root) + "/lib64")) out.push_back(std::move(name));
  for (std::string& name : in_folder("/usr/local/cuda/lib64")) out.push_back(std::move(name));
  return out;
}

std::string sentence(const cuda::Library& library) {
  return "no CUDA compiler: libnvrtc does not open (" + library.why() +
         "); install the CUDA toolkit, or set UWAGA_NVRTC to the library or the folder that holds it";
}

// The number before `unit` in a line, as in "8 bytes stack frame, 16 bytes spill stores".
int before(std::string_view line, std::string_view unit) {
  const std::size_t end = line.find(unit);
  if (end == std::string_view::npos) return 0;
  std::size_t begin = end;
  while (begin > 0 && line[begin - 1] >= '0' && line[begin - 1] <= '9') --begin;
  int value = 0;
  std::from_chars(line.data() + begin, line.data() + end, value);
  return value;
}

}  // namespace

void parse_ptxas_log(std::string_view log, CudaBinary& into) {
  CudaFunction* current = nullptr;
  const auto function = [&](std::string_view name) {
    const auto known = std::find_if(into.functions.begin(), into.functions.end(), [&](const CudaFunction& f) { return f.name == name; });
    current = known != into.functions.end() ? &*known : &into.functions.emplace_back();
    current->name = name;
  };
  while (!log.empty()) {
    const std::size_t end = std::min(log.find('\n'), log.size());
    const std::string_view line = log.substr(0, end);
    log.remove_prefix(std::min(end + 1, log.size()));
    constexpr std::string_view kEntry = "Compiling entry function '", kProperties = "Function properties for ";
    if (const std::size_t at = line.find(kEntry); at != std::string_view::npos) {
      const std::string_view rest = line.substr(at + kEntry.size());
      function(rest.substr(0, rest.find('\'')));
    } else if (const std::size_t p = line.find(kProperties); p != std::string_view::npos) {
      std::string_view rest = line.substr(p + kProperties.size());
      while (!rest.empty() && (rest.back() == '\'' || rest.back() == ' ' || rest.back() == '\r')) rest.remove_suffix(1);
      if (!rest.empty() && rest.front() == '\'') rest.remove_prefix(1);
      function(rest);
    } else if (line.find("warning") != std::string_view::npos || line.find("(C75") != std::string_view::npos) {
      into.warnings.emplace_back(line);
    } else if (current != nullptr && line.find("bytes stack frame") != std::string_view::npos) {
      current->stack_bytes = before(line, " bytes stack frame");
      current->spill_store_bytes = before(line, " bytes spill stores");
      current->spill_load_bytes = before(line, " bytes spill loads");
    } else if (current != nullptr && line.find(" registers") != std::string_view::npos) {
      current->registers = before(line, " registers");
      current->shared_bytes = before(line, " bytes smem");
    }
  }
}

std::string Nvrtc::why_not(const std::string& path) {
  const cuda::Library library(candidates(path));
  return library.open() ? std::string() : sentence(library);
}

Nvrtc::Nvrtc(const std::string& path) : library_(candidates(path)) {
  if (!library_.open()) throw SystemError(sentence(library_));
  library_.get(version_, "nvrtcVersion");
  library_.get(error_, "nvrtcGetErrorString");
  library_.get(create_, "nvrtcCreateProgram");
  library_.get(destroy_, "nvrtcDestroyProgram");
  library_.get(compile_, "nvrtcCompileProgram");
  library_.get(log_size_, "nvrtcGetProgramLogSize");
  library_.get(log_, "nvrtcGetProgramLog");
  library_.get(cubin_size_, "nvrtcGetCUBINSize");
  library_.get(cubin_, "nvrtcGetCUBIN");
  library_.get(ptx_size_, "nvrtcGetPTXSize");
  library_.get(ptx_, "nvrtcGetPTX");
  if (!version_ || !error_ || !create_ || !destroy_ || !compile_ || !log_size_ || !log_ || !cubin_size_ || !cubin_ || !ptx_size_ || !ptx_)
    throw SystemError("the CUDA compiler " + library_.name() + " is too old: CUDA 11.1 or later is needed");
  version_(&major_, &minor_);
}

CudaBinary Nvrtc::compile(const std::string& source, const CudaCompileOptions& options) const {
  const auto start = std::chrono::steady_clock::now();
  struct Guard {
    const Nvrtc& nvrtc;
    Program program = nullptr;
    ~Guard() { if (program != nullptr) nvrtc.destroy_(&program); }
  } guard{*this};
  const auto check = [&](int result, const char* what) {
    if (result != 0) throw SystemError(std::string("the CUDA compiler failed in ") + what + ": " + error_(result));
  };
  check(create_(&guard.program, source.c_str(), "kernel.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  const std::string architecture = "--gpu-architecture=" + options.architecture;
  std::vector<const char*> flags{"-default-device", "--fmad=false", "-lineinfo", "--ptxas-options=-v", architecture.c_str()};
  if (major_ > 12 || (major_ == 12 && minor_ >= 9)) flags.push_back("--no-cache");  // a cached result has no log
  const int result = compile_(guard.program, static_cast<int>(flags.size()), flags.data());
  CudaBinary out;
  std::size_t size = 0;
  if (log_size_(guard.program, &size) == 0 && size > 1) {
    out.log.resize(size);
    log_(guard.program, out.log.data());
    while (!out.log.empty() && out.log.back() == '\0') out.log.pop_back();
  }
  if (result != 0) throw InternalError("generated CUDA source does not compile: " + std::string(error_(result)) + "\n" + out.log);
  check(cubin_size_(guard.program, &size), "nvrtcGetCUBINSize");
  out.cubin.resize(size);
  check(cubin_(guard.program, out.cubin.data()), "nvrtcGetCUBIN");
  if (options.ptx && ptx_size_(guard.program, &size) == 0) {
    out.ptx.resize(size);
    check(ptx_(guard.program, out.ptx.data()), "nvrtcGetPTX");
    while (!out.ptx.empty() && out.ptx.back() == '\0') out.ptx.pop_back();
  }
  parse_ptxas_log(out.log, out);
  out.microseconds = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
  return out;
}

}  // namespace uwaga
