// The arena: no two living blocks meet, and what it will take is known before anything runs.
#include <unistd.h>

#include <fstream>
#include <optional>
#include <random>
#include <set>

#include <uwaga/runtime/compiled/internal/memory_plan.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

std::vector<Lifetime> random_blocks(std::mt19937& random, int count, int steps, int longest) {
  std::vector<Lifetime> blocks;
  const Extent t = Extent::symbol("time");
  for (int i = 0; i < count; ++i) {
    Lifetime b;
    b.first = static_cast<int>(random() % static_cast<unsigned>(steps));
    b.last = std::min(steps - 1, b.first + static_cast<int>(random() % static_cast<unsigned>(longest)));
    const auto size = static_cast<std::int64_t>(random() % 5000);
    switch (random() % 4) {
      case 0: b.bytes = Extent(size); break;
      case 1: b.bytes = Extent(4) * t; break;
      case 2: b.bytes = Extent(size) * t + Extent(7); break;
      default: b.bytes = t * t; break;
    }
    blocks.push_back(b);
  }
  return blocks;
}

std::int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t size = 0, resident = 0;
  file >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

TEST_CASE("blocks that live at one time never meet, and the arena holds them all") {
  std::mt19937 random(5);
  for (int trial = 0; trial < 200; ++trial) {
    const std::vector<Lifetime> blocks = random_blocks(random, 1 + trial / 2, 1 + static_cast<int>(random() % 60), 1 + trial % 20);
    const Sizes sizes = {{"time", static_cast<std::int64_t>(random() % 90)}};
    const Placement p = place(blocks, sizes);
    std::int64_t together = 0;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      const std::int64_t bytes = blocks[i].bytes.evaluate(sizes);
      together += std::max<std::int64_t>((bytes + 63) / 64 * 64, 64);
      REQUIRE(p.offsets[i] % 64 == 0);
      REQUIRE(p.offsets[i] >= 0);
      REQUIRE(p.offsets[i] + bytes <= p.arena_bytes);
      for (std::size_t j = 0; j < i; ++j) {
        if (blocks[i].last < blocks[j].first || blocks[j].last < blocks[i].first) continue;
        const std::int64_t other = blocks[j].bytes.evaluate(sizes);
        REQUIRE((bytes == 0 || other == 0 || p.offsets[i] + bytes <= p.offsets[j] || p.offsets[j] + other <= p.offsets[i]));
      }
    }
    REQUIRE(p.arena_bytes <= together);  // what bodies of scans reserve
  }
}

TEST_CASE("a chain of blocks of one size takes the room of two") {
  std::vector<Lifetime> blocks;
  for (int i = 0; i < 50; ++i) blocks.push_back({Extent(640), i, i + 1});
  CHECK(place(blocks, {}).arena_bytes == 2 * 640);
}

TEST_CASE("blocks of which a part is needed take that part, rounded up") {
  const Extent t = Extent::symbol("time");
  const std::vector<Lifetime> blocks{{Extent(4) * t, 0, 0, 512}, {Extent(4) * t, 0, 0, 1}};
  CHECK(place(blocks, {{"time", 512 * 48}}).arena_bytes == 192 + 4 * 512 * 48);
  CHECK(place(blocks, {{"time", 512 * 48 + 1}}).arena_bytes == 256 + 4 * 512 * 48 + 64);
}

TEST_CASE("a run writes where outputs were that were let go of, never where one is kept") {
  Graph g;
  const Axis n{"n"};
  const Tensor x = g.input("x", f32, {n});
  (x * 2.0).watch("twice");
  (x + 1.0).watch("more");
  State state;
  std::optional<Program> p(compile(g, Target::host(2), state));
  const auto run = [&](std::int64_t size, float value) {
    return p->run({{"x", Array::of(f32, {{"n", size}}, std::vector<float>(static_cast<std::size_t>(size), value))}});
  };
  std::optional<Outputs> first(run(1000, 1));
  Outputs second = run(1000, 2);
  CHECK((*first)["twice"].at(999) == 2);
  CHECK(second["twice"].at(999) == 4);
  const std::set<const std::byte*> before{(*first)["twice"].data(), (*first)["more"].data()};
  first.reset();
  Outputs third = run(1000, 3);
  CHECK(std::set<const std::byte*>{third["twice"].data(), third["more"].data()} == before);
  CHECK(second["more"].at(0) == 3);
  // What a caller changes is the caller's own.
  second["more"].set(0, 7);
  CHECK(run(1000, 4)["more"].at(0) == 5);
  CHECK(second["more"].at(0) == 7);
  Outputs other = run(17, 5);
  p.reset();
  CHECK(other["twice"].at(16) == 10);
  CHECK(third["more"].at(999) == 4);
}

TEST_CASE("the resident memory that compiling and three runs add is the slots' and peak_bytes", "[memory]") {
#ifdef UWAGA_SANITIZED
  WARN("skipped: a sanitizer keeps memory of its own");
  return;
#endif
  // A model of 17 MB, twice as much of moments, and its gradients.
  Graph g;
  const Axis batch{"batch"}, in{"in", 1024};
  const Tensor x = g.input("x", f32, {batch, in});
  Tensor h = x;
  Axis at = in;
  for (const Scope& layer : g.scope().layers("l", 4)) {
    const Axis next{"in" + layer.path(), 1024};
    h = tanh(linear(layer, h, at, {next}));
    at = next;
  }
  const Graph step = train_step(mean(h * h, {batch, at}), AdamW{.clip = 0});
  {
    // Code, threads and libraries are there before anything is measured.
    State state;
    Program warm = compile(step, Target::host(2), state);
    state.initialise(1);
  }
  const Array input = Array::of(f32, {{"batch", 256}, {"in", 1024}}, std::vector<float>(256 * 1024, 0.01f));
  const std::int64_t before = resident_bytes();
  State state;
  Program p = compile(step, Target::host(2), state);
  state.initialise(1);
  std::int64_t slots = 0;
  for (const std::string& path : state.names()) slots += state.type(path).elements().evaluate({}) * 4;
  const std::int64_t expected = slots + p.peak_bytes({{"batch", 256}});
  CHECK(slots > 48'000'000);
  for (int i = 0; i < 3; ++i) p.run({{"x", input}});
  const std::int64_t grown = resident_bytes() - before;
  INFO("grown by " << grown << " bytes, expected " << expected);
  CHECK(static_cast<double>(grown) < 1.1 * static_cast<double>(expected));
  CHECK(static_cast<double>(grown) > 0.9 * static_cast<double>(expected));
}

TEST_CASE("peak_bytes grows with the sizes and needs no run") {
  State state;
  const Program p = compile(small_gpt2_step(), Target::host(2), state);
  std::int64_t last = 0;
  for (std::int64_t batch : {1, 2, 4, 16}) {
    const std::int64_t now = p.peak_bytes({{"batch", batch}, {"time", 20}});
    CHECK(now > last);
    last = now;
  }
}
