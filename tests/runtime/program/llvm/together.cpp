// Launches that have nothing to do with one another run at once.
#include <uwaga/codegen/kernel/build.h>
#include <uwaga/runtime/compiled/internal/backend.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/compiled/internal/together.h>

#include "tests/catch.h"
#include "tests/runtime/program/llvm/small_models.h"

using namespace uwaga;
using namespace uwaga::test;

namespace {

// Kernels that read all their buffers but the last, which they write.
kernel::Kernel reading(int buffers) {
  kernel::KernelBuilder b("test");
  std::vector<kernel::BufferId> read;
  for (int i = 1; i < buffers; ++i) read.push_back(b.input(DType::f32));
  const kernel::BufferId to = b.output(DType::f32);
  const kernel::Ex task = b.grid(b.integer(4));
  b.store(to, task, read.empty() ? b.real(1) : b.load(read[0], task));
  return b.finish();
}

struct Steps {
  std::vector<kernel::Kernel> kernels{reading(2), reading(3)};
  std::vector<Step> steps;

  void launch(int kernel, std::vector<int> buffers) {
    Launch l;
    l.kernel = kernel;
    l.buffers = std::move(buffers);
    steps.push_back(l);
  }
  // The last buffer of each launch, those that run at once in brackets.
  std::string order() {
    bring_together(steps, 0, steps.size(), kernels);
    std::string out;
    int left = 0;
    for (const Step& s : steps) {
      if (const auto* c = std::get_if<Copy>(&s)) {
        out += "copy to " + std::to_string(c->to) + " ";
        continue;
      }
      const auto& l = std::get<Launch>(s);
      if (l.together > 1) out += "(", left = l.together;
      out += std::to_string(l.buffers.back());
      out += left > 0 && --left == 0 ? ") " : " ";
    }
    return out;
  }
};

}  // namespace

TEST_CASE("launches move next to one before them where nothing between minds") {
  Steps s;
  s.launch(0, {0, 1});
  s.launch(1, {1, 0, 2});
  s.launch(0, {0, 3});
  s.launch(1, {3, 0, 4});
  s.steps.push_back(Copy{4, 9, {}});
  s.launch(0, {0, 5});
  CHECK(s.order() == "(1 3 5) (2 4) copy to 9 ");
  Steps two_kernels;
  two_kernels.launch(0, {0, 1});
  two_kernels.launch(1, {0, 9, 2});
  two_kernels.launch(0, {2, 3});
  two_kernels.launch(1, {1, 0, 4});
  CHECK(two_kernels.order() == "(1 2) (3 4) ");
}

TEST_CASE("launches stay behind what they read, and in front of what overwrites it") {
  Steps reads;
  reads.launch(0, {0, 1});
  reads.launch(0, {1, 2});
  CHECK(reads.order() == "1 2 ");
  Steps between;
  between.launch(0, {0, 1});
  between.launch(1, {0, 1, 2});
  between.launch(0, {2, 3});
  CHECK(between.order() == "1 2 3 ");
  Steps overwritten;
  overwritten.launch(0, {0, 1});
  overwritten.launch(1, {5, 0, 2});
  overwritten.launch(0, {0, 5});
  CHECK(overwritten.order() == "(1 2) 5 ");
  Steps twice;
  twice.launch(0, {0, 1});
  twice.launch(0, {2, 1});
  CHECK(twice.order() == "1 1 ");
  Steps copied;
  copied.launch(0, {0, 1});
  copied.steps.push_back(Copy{1, 2, {}});
  copied.launch(0, {2, 3});
  CHECK(copied.order() == "1 copy to 2 3 ");
}

TEST_CASE("queries, keys and values of a block are made at once, and parameters of one shape are updated at once") {
  const auto backend = host_backend(1);
  KernelSet kernels;
  double fuse = 0, schedule = 0;
  const auto e = build_executable(lower_for_kernels(small_gpt2_step()), *backend, kernels, false, &fuse, &schedule);
  int launches = 0, waits = 0, largest = 0, left = 0;
  for (const Step& s : e->steps)
    if (const auto* l = std::get_if<Launch>(&s)) {
      ++launches;
      waits += left <= 0;
      left = (left <= 0 ? l->together : left) - 1;
      largest = std::max(largest, l->together);
    }
  INFO(launches << " launches, " << waits << " waits");
  CHECK(3 * waits < launches);
  CHECK(largest >= 8);
}
