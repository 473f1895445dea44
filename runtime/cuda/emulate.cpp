#include <uwaga/runtime/cuda/emulate.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <optional>
#include <sstream>

#include <fmt/format.h>

#include <uwaga/ir/error.h>
#include <uwaga/runtime/cuda/internal/fibres.h>
#include <uwaga/runtime/cuda/internal/library.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/sha256.h>

extern char** environ;

namespace uwaga {
namespace {

// What emulated_source() writes beside a kernel.
using Thread = void (*)(cuda::Place*, void* const*);

// -O1: this code is compiled more than it is run. No contraction, and integers that wrap, as on the GPU.
constexpr const char* kFlags[] = {"-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fwrapv", "-fno-strict-aliasing"};

}  // namespace

std::string emulating_compiler(const std::string& given) {
  std::vector<std::string> names;
  if (!given.empty()) names = {given};
  else if (const char* chosen = std::getenv("UWAGA_CXX"); chosen != nullptr && *chosen != 0) names = {chosen};
  else names = {"c++", "g++", "clang++", "clang++-19"};
  for (const std::string& name : names) {
    if (name.find('/') != std::string::npos) {
      if (access(name.c_str(), X_OK) == 0) return name;
      continue;
    }
    const char* path = std::getenv("PATH");
    std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
    for (std::string folder; std::getline(folders, folder, ':');)
      if (const std::string file = folder + "/" + name; access(file.c_str(), X_OK) == 0) return file;
  }
  throw SystemError("no C++ compiler for emulated CUDA: " + fmt::format("{}", fmt::join(names, ", ")) +
                    " not found; install g++ or clang, or set UWAGA_CXX");
}

namespace {

// Runs a program with its output in a file; its exit status.
int execute(const std::vector<std::string>& command, const std::string& output) {
  std::vector<char*> arguments;
  for (const std::string& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&files, 1, 2);
  pid_t child = 0;
  const int failed = posix_spawn(&child, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed != 0) return -1;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

std::string identity_of(const std::string& compiler) {
  std::error_code ignored;
  const auto file = std::filesystem::canonical(compiler, ignored);
  return fmt::format("{} {} {} {}", file.string(), std::filesystem::file_size(file, ignored),
                     std::filesystem::last_write_time(file, ignored).time_since_epoch().count(), fmt::join(kFlags, " "));
}

std::string emulated_object(const std::string& source, const std::string& compiler) {
  const TemporaryFolder folder("uwaga-emulate");
  const std::string text = (folder.path() / "kernels.cpp").string(), object = (folder.path() / "kernels.so").string(),
                    log = (folder.path() / "log").string();
  write_file(text, source);
  std::vector<std::string> command{compiler};
  command.insert(command.end(), std::begin(kFlags), std::end(kFlags));
  for (const std::string& word : {std::string("-o"), object, text, std::string("-lm")}) command.push_back(word);
  if (const int status = execute(command, log); status != 0)
    throw InternalError(fmt::format("generated CUDA source does not compile on the host ({} gave {}):\n{}", compiler, status,
                                    std::filesystem::exists(log) ? read_file(log).substr(0, 4000) : ""));
  return read_file(object);
}

struct EmulatedModule::Function {
  std::string name;
  Thread thread = nullptr;
  std::int64_t shared_bytes = 0;
  bool fibres = false;  // its threads meet at barriers
  int parameters = 0;
};

struct EmulatedModule::Loaded {
  cuda::Library library;
  mutable std::mutex mutex;
  mutable std::map<std::string, Function> functions;
};

EmulatedModule::EmulatedModule(const std::string& object) : loaded_(std::make_unique<Loaded>()) {
  const TemporaryFolder folder("uwaga-emulate");
  const std::string file = (folder.path() / "kernels.so").string();
  write_file(file, object);
  loaded_->library = cuda::Library({file});
  if (!loaded_->library.open()) throw SystemError("emulated CUDA kernels do not load: " + loaded_->library.why());
}

EmulatedModule::~EmulatedModule() = default;

const EmulatedModule::Function* EmulatedModule::find(const std::string& name) const {
  const std::lock_guard lock(loaded_->mutex);
  const auto [it, fresh] = loaded_->functions.try_emplace(name);
  Function& f = it->second;
  if (fresh) {
    f.name = name;
    loaded_->library.get(f.thread, (name + "_thread").c_str());
    if (const auto* facts = static_cast<const long long*>(loaded_->library.find((name + "_facts").c_str()))) {
      f.shared_bytes = facts[0];
      f.fibres = facts[1] != 0;
      f.parameters = static_cast<int>(facts[2]);
    }
  }
  return f.thread == nullptr ? nullptr : &f;
}

int EmulatedModule::parameters(const Function& f) { return f.parameters; }

void EmulatedModule::run(const Function& f, kernel::CudaLaunch launch, void* const* parameters, std::uint64_t seed) {
  if (launch.blocks <= 0) return;
  cuda::Shuffle order{seed};
  // Blocks in steps that share no factor with their number: every block once, neighbours far apart.
  std::int64_t step = launch.blocks > 2 ? 1 + order.below(launch.blocks - 1) : 1;
  while (std::gcd(step, launch.blocks) != 1) ++step;
  std::int64_t block = order.below(launch.blocks);
  std::vector<std::uint8_t> shared(static_cast<std::size_t>(f.shared_bytes) + 64);
  std::uint8_t* aligned = shared.data() + (64 - reinterpret_cast<std::uintptr_t>(shared.data()) % 64) % 64;
  std::unique_ptr<cuda::Fibres> fibres;
  if (f.fibres) fibres = std::make_unique<cuda::Fibres>(launch.threads, aligned);
  const std::function<void(cuda::Place*)> body = [&](cuda::Place* place) { f.thread(place, parameters); };
  for (std::int64_t i = 0; i < launch.blocks; ++i) {
    block = (block + step) % launch.blocks;
    std::fill(shared.begin(), shared.end(), std::uint8_t{0xff});
    if (fibres) {
      if (const std::string wrong = fibres->run(block, body, order); !wrong.empty())
        throw InternalError(fmt::format("emulated kernel {}, seed {}: {}", f.name, seed, wrong));
      continue;
    }
    const std::int64_t turn = order.below(launch.threads);
    for (std::int64_t t = 0; t < launch.threads; ++t) {
      cuda::Place place{block, (t + turn) % launch.threads, aligned, nullptr};
      body(&place);
    }
  }
}

EmulatedCuda::EmulatedCuda(std::span<const kernel::NamedKernel> kernels, const EmulateOptions& options) : seed_(options.seed) {
  const std::string source = kernel::emulated_source(kernels), compiler = emulating_compiler(options.compiler);
  const std::string key = sha256(source + "\n" + identity_of(compiler));
  std::optional<std::string> object;
  if (options.cache != nullptr) object = options.cache->load(key);
  cached_ = object.has_value();
  if (!object) {
    object = emulated_object(source, compiler);
    if (options.cache != nullptr) options.cache->store(key, *object);
  }
  module_ = std::make_unique<EmulatedModule>(*object);
  for (const kernel::NamedKernel& k : kernels) {
    entries_.push_back({*k.kernel, module_->find(k.name)});
    check_internal(entries_.back().function != nullptr, "an emulated kernel is not in its shared object");
  }
}

EmulatedCuda::~EmulatedCuda() = default;

void EmulatedCuda::run(std::size_t index, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::uint64_t* error) const {
  const Entry& e = entries_.at(index);
  std::vector<void*> parameters;
  for (void* const& b : buffers) parameters.push_back(const_cast<void**>(&b));
  for (const std::uint64_t& a : arguments) parameters.push_back(const_cast<std::uint64_t*>(&a));
  parameters.push_back(&error);
  EmulatedModule::run(*e.function, kernel::cuda_launch(e.kernel, arguments), parameters.data(), seed_ ^ (index << 32));
}

}  // namespace uwaga
