#include <uwaga/runtime/cuda/emulate.h>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <numeric>
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

using kernel::Kernel;
using kernel::Stmt;
using Thread = void (*)(cuda::Place*, void* const*, const std::uint64_t*, std::uint64_t*);

// -O1: this code is compiled more than it is run. No contraction, and integers that wrap, as on the GPU.
constexpr const char* kFlags[] = {"-std=c++17", "-O1", "-w", "-shared", "-fPIC", "-ffp-contract=off", "-fno-math-errno", "-fwrapv", "-fno-strict-aliasing"};

std::string find_compiler(const std::string& given) {
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

// Which compiler this is, so that a new one does not meet the objects of the old: size and date of the program.
std::string identity(const std::string& compiler) {
  std::error_code ignored;
  const auto file = std::filesystem::canonical(compiler, ignored);
  return fmt::format("{} {} {}", file.string(), std::filesystem::file_size(file, ignored),
                     std::filesystem::last_write_time(file, ignored).time_since_epoch().count());
}

bool has_barrier(const std::vector<Stmt>& body) {
  for (const Stmt& s : body)
    if (s.kind == kernel::StmtKind::barrier || has_barrier(s.body) || has_barrier(s.otherwise)) return true;
  return false;
}

}  // namespace

struct EmulatedCuda::Loaded {
  struct Entry {
    Kernel kernel;
    std::string name;
    Thread thread = nullptr;
    bool fibres = false;
  };
  std::vector<Entry> entries;
  cuda::Library library;
};

EmulatedCuda::EmulatedCuda(std::span<const kernel::NamedKernel> kernels, const EmulateOptions& options)
    : loaded_(std::make_unique<Loaded>()), seed_(options.seed) {
  const std::string source = kernel::emulated_source(kernels);
  const std::string compiler = find_compiler(options.compiler);
  std::vector<std::string> command{compiler};
  command.insert(command.end(), std::begin(kFlags), std::end(kFlags));
  const std::string key = sha256(source + "\n" + identity(compiler) + fmt::format("{}", fmt::join(kFlags, " ")));
  const TemporaryFolder folder("uwaga-emulate");
  const std::string object = (folder.path() / "kernels.so").string();
  if (options.cache != nullptr) {
    if (const auto bytes = options.cache->load(key)) {
      write_file(object, *bytes);
      cached_ = true;
    }
  }
  if (!cached_) {
    const auto start = std::chrono::steady_clock::now();
    const std::string text = (folder.path() / "kernels.cpp").string(), log = (folder.path() / "log").string();
    write_file(text, source);
    for (const std::string& word : {std::string("-o"), object, text, std::string("-lm")}) command.push_back(word);
    if (const int status = execute(command, log); status != 0)
      throw InternalError(fmt::format("generated CUDA source does not compile on the host ({} gave {}):\n{}", compiler, status,
                                      std::filesystem::exists(log) ? read_file(log).substr(0, 4000) : ""));
    microseconds_ = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - start).count();
    if (options.cache != nullptr) options.cache->store(key, read_file(object));
  }
  loaded_->library = cuda::Library({object});
  if (!loaded_->library.open()) throw SystemError("emulated CUDA kernels do not load: " + loaded_->library.why());
  for (const kernel::NamedKernel& k : kernels) {
    Loaded::Entry& e = loaded_->entries.emplace_back();
    e.kernel = *k.kernel;
    e.name = k.name;
    e.fibres = k.kernel->threads > 1 && has_barrier(k.kernel->body);
    loaded_->library.get(e.thread, (k.name + "_thread").c_str());
    check_internal(e.thread != nullptr, "an emulated kernel is not in its shared object");
  }
}

EmulatedCuda::~EmulatedCuda() = default;

void EmulatedCuda::run(std::size_t index, std::span<void* const> buffers, std::span<const std::uint64_t> arguments, std::uint64_t* error) const {
  const Loaded::Entry& e = loaded_->entries.at(index);
  const kernel::CudaLaunch launch = kernel::cuda_launch(e.kernel, arguments);
  if (launch.blocks <= 0) return;
  cuda::Shuffle order{seed_ ^ (index << 32)};
  // Blocks in steps that share no factor with their number: every block once, neighbours far apart.
  std::int64_t step = launch.blocks > 2 ? 1 + order.below(launch.blocks - 1) : 1;
  while (std::gcd(step, launch.blocks) != 1) ++step;
  std::int64_t block = order.below(launch.blocks);
  std::vector<std::uint8_t> shared(static_cast<std::size_t>(kernel::shared_bytes(e.kernel)) + 64);
  std::uint8_t* aligned = shared.data() + (64 - reinterpret_cast<std::uintptr_t>(shared.data()) % 64) % 64;
  std::unique_ptr<cuda::Fibres> fibres;
  if (e.fibres) fibres = std::make_unique<cuda::Fibres>(launch.threads, aligned);
  const auto body = [&](cuda::Place* place) { e.thread(place, buffers.data(), arguments.data(), error); };
  const std::function<void(cuda::Place*)> wrapped = body;
  for (std::int64_t i = 0; i < launch.blocks; ++i) {
    block = (block + step) % launch.blocks;
    std::fill(shared.begin(), shared.end(), std::uint8_t{0xff});
    if (fibres) {
      if (const std::string wrong = fibres->run(block, wrapped, order); !wrong.empty())
        throw InternalError(fmt::format("emulated kernel {} ({}), seed {}: {}", e.name, e.kernel.kind, seed_, wrong));
      continue;
    }
    const std::int64_t turn = order.below(launch.threads);
    for (std::int64_t t = 0; t < launch.threads; ++t) {
      cuda::Place place{block, (t + turn) % launch.threads, aligned, nullptr};
      body(&place);
    }
  }
}

}  // namespace uwaga
