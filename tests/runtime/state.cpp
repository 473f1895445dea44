// A State between threads, programs and files.
#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/initial.h>
#include <uwaga/ir/scope.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/program/internal/state_data.h>
#include <uwaga/runtime/train/checkpoint.h>

#include <fmt/format.h>

#include <barrier>
#include <thread>

#include "tests/catch.h"

using namespace uwaga;

namespace {

const char* const kInUse = "this state is in use by a program that is running; wait for it to return";

// Parameters w.0, w.1, ... of three elements.
void add_parameters(Graph& g, const std::string& scope, int count) {
  for (int i = 0; i < count; ++i) {
    const std::string name = "w." + std::to_string(i);
    g->add_output(scope + name, (g.scope() / scope).param(name, {{"n", 3}}, zeros()).value());
  }
}

State of(int parameters) {
  Graph g;
  State state;
  add_parameters(g, "m", parameters);
  compile(g, Target::interpreter(), state);
  state.initialise(1, Target::interpreter());
  return state;
}

// Slots in a memory that writes down what is read of it, and a file system that writes down what is written.
struct Log {
  std::string text;

  struct Memory : TargetMemory {
    Memory(Log& to, std::size_t size) : log(to), held(size) {}
    void* address() const override { return const_cast<std::byte*>(held.data()); }
    std::size_t bytes() const override { return held.size(); }
    const std::string& where() const override { return log.where; }
    void upload(const void* from, std::size_t n) override { std::copy_n(static_cast<const std::byte*>(from), n, held.data()); }
    void download(void* to, std::size_t n) const override {
      std::copy_n(held.data(), n, static_cast<std::byte*>(to));
      log.text += 'r';
    }
    Log& log;
    std::vector<std::byte> held;
  };
  struct Memories : TargetMemories {
    explicit Memories(Log& to) : log(to) {}
    const std::string& where() const override { return log.where; }
    std::shared_ptr<TargetMemory> allocate(std::size_t size, const std::string&) override { return std::make_shared<Memory>(log, size); }
    Log& log;
  };
  struct Files : FileSystem {
    explicit Files(Log& to) : log(to) {}
    ssize_t write(int descriptor, const void* bytes, std::size_t count) const override {
      log.text += 'w';
      return FileSystem::write(descriptor, bytes, count);
    }
    Log& log;
  };
  std::string where = "elsewhere";
};

}  // namespace

TEST_CASE("programs compiled at once for one state all have their slots there", "[threads]") {
  constexpr int kThreads = 4, kParameters = 200;
  State state;
  std::vector<Graph> graphs(kThreads);
  for (int t = 0; t < kThreads; ++t) add_parameters(graphs[static_cast<std::size_t>(t)], "m." + std::to_string(t), kParameters);
  std::barrier together(kThreads);
  std::vector<std::thread> threads;
  for (const Graph& g : graphs)
    threads.emplace_back([&] {
      together.arrive_and_wait();
      compile(g, Target::interpreter(), state);
      for (int i = 0; i < 100; ++i) state.names(), state.initialised();
    });
  for (std::thread& t : threads) t.join();
  CHECK(state.names().size() == kThreads * kParameters);
  for (int t = 0; t < kThreads; ++t) CHECK(state.has(fmt::format("m.{}.w.{}", t, kParameters - 1)));
}

TEST_CASE("a value, a file and a digest are read while no program runs") {
  const TemporaryFolder folder;
  const std::string file = folder.path() / "state";
  State state = of(2);
  save(state, file);
  {
    const StateData::Lock run(state.data());  // what a run holds from its begin to its end
    CHECK_THROWS_WITH(state.get("m.w.0"), kInUse);
    CHECK_THROWS_WITH(save(state, file), kInUse);
    CHECK_THROWS_WITH(load(state, file), kInUse);
    CHECK_THROWS_WITH(state_sha256(state), kInUse);
    CHECK(state.initialised());
    Graph g;
    add_parameters(g, "other", 1);
    compile(g, Target::interpreter(), state);  // needs no value
  }
  CHECK(state.get("m.w.0").elements() == 3);
  const StateData::Reading reading(state.data());
  CHECK(state.get("m.w.0").elements() == 3);
}

TEST_CASE("a save copies one slot after the other, and writes each before the next") {
  const TemporaryFolder folder;
  State state = of(3);
  Log log;
  Log::Memories memories(log);
  for (const auto& [path, slot] : state.data().slots()) slot->in(memories);
  save(state, folder.path() / "state", Log::Files(log));
  CHECK(log.text == "wwrwrwrw");  // the length and the header, then the slots
  State again = of(3);
  again.set("m.w.1", array({{"n", 3}}, std::vector<float>{1, 2, 3}));
  CHECK(load(again, folder.path() / "state").loaded.size() == 3);
  CHECK(state_sha256(again) == state_sha256(state));
}
