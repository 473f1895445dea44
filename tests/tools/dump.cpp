// UWAGA_DUMP: the same names and bytes, whoever compiles and on however many threads.
#include <algorithm>
#include <filesystem>
#include <map>
#include <thread>

#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/uwaga.h>

#include "tests/catch.h"

namespace uwaga::test {
namespace {

namespace fs = std::filesystem;

Graph small_step() {
  Graph g;
  const Axis row{"row"}, in{"in", 16}, out{"out", 24};
  const Tensor x = g.input("x", f32, {row, in});
  const Scope s = g.scope();
  const Tensor y = tanh(linear(s / "first", x, in, out));
  return train_step(mean(y * y, {row, out}), AdamW{});
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> out;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file()) out[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  return out;
}

const std::set<Stage> kMost = parse_stages("graph,fused,kernel,llvm,asm,cuda");

}  // namespace

TEST_CASE("a dump has the same names and bytes in every run and on every number of threads") {
  const TemporaryFolder one, two, many;
  const Graph g = small_step();
  dump(g, Target::host(1), kMost, one.path().string());
  dump(g, Target::host(2), kMost, two.path().string());
  {
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i)
      threads.emplace_back([&] { dump(small_step(), Target::host(1), kMost, many.path().string()); });
    for (std::thread& t : threads) t.join();
  }
  const auto first = files_of(one.path());
  CHECK(first.size() > 6);
  for (const char* ending : {"graph.txt", "fused.txt", ".kernel.txt", ".ll", ".s", ".cu"})
    CHECK(std::any_of(first.begin(), first.end(), [&](const auto& f) { return f.first.ends_with(ending) && !f.second.empty(); }));
  CHECK(first == files_of(two.path()));
  CHECK(first == files_of(many.path()));
}

TEST_CASE("compiling with UWAGA_DUMP writes what was asked, and nothing unless it is set") {
  const TemporaryFolder folder;
  const Graph g = small_step();
  State state;
  ::setenv("UWAGA_DUMP_DIR", folder.path().c_str(), 1);
  compile(g, Target::host(1), state);
  CHECK(files_of(folder.path()).empty());
  ::setenv("UWAGA_DUMP", "kernel,fused", 1);
  compile(g, Target::host(1), state);
  ::setenv("UWAGA_DUMP", "poetry", 1);
  CHECK_THROWS_WITH(compile(g, Target::host(1), state), Contains("\"poetry\" to dump; known are graph, fused"));
  ::unsetenv("UWAGA_DUMP");
  ::unsetenv("UWAGA_DUMP_DIR");
  const auto files = files_of(folder.path());
  CHECK(!files.empty());
  for (const auto& [file, text] : files) {
    INFO(file);
    CHECK((file.ends_with("fused.txt") || file.ends_with(".kernel.txt")));
    CHECK_THAT(text, Contains("dump.cpp:"));
  }
}

TEST_CASE("attention that runs from its body says why in the report of its program") {
  const Axis batch{"batch"}, time{"time"}, key{"key"}, head{"head", 2}, depth{"depth", 8};
  const auto report = [&](DType dtype) {
    Graph g;
    const Tensor q = g.input("q", dtype, {batch, head, time, depth});
    const Tensor k = g.input("k", dtype, {batch, head, key, depth}), v = g.input("v", dtype, {batch, head, key, depth});
    attention(q, k, v, {.query = time, .key = key, .depth = depth, .mask = causal()}).watch("y");
    State state;
    return compile(g, Target::host(1), state).report().refused_attention;
  };
  CHECK(report(f32).empty());
  const auto refused = report(f64);
  REQUIRE(refused.size() == 1);
  CHECK_THAT(refused[0], Contains("dump.cpp:"));
  CHECK_THAT(refused[0], Contains("f64"));
}

}  // namespace uwaga::test
