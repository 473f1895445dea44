// How long it takes from the first node of a GPT-2 training step to a compiled Program, stage by stage.
//
//   bench_compile [layers] [repetitions]       // the least time of each stage, in milliseconds
#include <uwaga/models/gpt2.h>
#include <uwaga/models/train_step.h>
#include <uwaga/ir/passes/pass.h>
#include <uwaga/runtime/compiled/internal/passes.h>
#include <uwaga/runtime/program.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

using namespace uwaga;

namespace {

class Stages {
 public:
  template <typename F>
  auto time(const std::string& name, F&& f) {
    const auto begin = std::chrono::steady_clock::now();
    auto result = f();
    add(name, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
    return result;
  }
  void add(const std::string& name, double milliseconds) {
    const auto [it, fresh] = least_.try_emplace(name, milliseconds);
    if (fresh) names_.push_back(name);
    else it->second = std::min(it->second, milliseconds);
  }
  void print() const {
    for (const std::string& name : names_) std::printf("%-28s %9.3f\n", name.c_str(), least_.at(name));
  }

 private:
  std::vector<std::string> names_;
  std::map<std::string, double> least_;
};

Tensor loss_of(int layers) {
  const Gpt2 c{.layers = layers};
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {c.batch, c.time()});
  const Tensor targets = g.input("targets", i32, {c.batch, c.time()});
  return cross_entropy(gpt2(g.scope(), tokens, c), targets, c.words());
}

}  // namespace

int main(int count, char** words) {
  const int layers = count > 1 ? std::atoi(words[1]) : 12, repetitions = count > 2 ? std::atoi(words[2]) : 5;
  Stages stages;
  int nodes = 0, kernels = 0, cached = 0;
  for (int i = 0; i < repetitions; ++i) {
    const Tensor loss = stages.time("forward", [&] { return loss_of(layers); });
    const Graph graph = stages.time("derivative and optimiser", [&] { return train_step(loss, AdamW{}); });
    Graph lowered = graph;
    for (const Pass& p : lowering_passes({AttentionKernels::all, true})) lowered = stages.time("pass " + p.name, [&] { return p.run(lowered); });
    State state;
    const Program program = stages.time("compile", [&] { return compile(graph, Target::host(1), state); });
    const CompileReport& r = program.report();
    stages.add("  all passes, verified", r.graph);
    stages.add("  fuse", r.fuse);
    stages.add("  schedule", r.schedule);
    stages.add("  emit", r.emit);
    stages.add("  link", r.link);
    stages.add("  in all", r.total);
    nodes = r.nodes, kernels = r.kernels, cached = r.kernels_from_cache;
  }
  stages.print();
  std::printf("%d layers, %d nodes, %d kernels, %d of them from the cache\n", layers, nodes, kernels, cached);
}
