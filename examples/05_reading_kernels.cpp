// 05: reading what was made of a model.
//
// Nothing is hidden: a program tells which ops it put into which kernel, why each value that is stored is stored, what
// the kernels do, and how long each took. This example compiles one block of a network and prints all of it.
#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/kernel/print.h>
#include <uwaga/codegen/schedule.h>
#include <uwaga/uwaga.h>

#include <cstdio>
#include <map>

using namespace uwaga;

namespace {

const Axis row{"row"}, model{"model", 64}, hidden{"hidden", 128};

Tensor block(const Scope& s, const Tensor& x) {
  const Tensor h = mlp(s / "mlp", rms_norm(s / "norm", x, model), model, hidden, gelu_tanh);
  return x + h;
}

std::string ops_of(const Graph& graph, const Cluster& cluster) {
  std::string ops;
  for (NodeId id : cluster.nodes) ops += (ops.empty() ? "" : " ") + std::string(name(graph->node(id).op));
  return ops;
}

}  // namespace

int main() {
  Graph g;
  const Tensor x = g.input("x", f32, {row, model});
  block(g.scope() / "block", x).watch("y");

  State state;
  Program program = compile(g, Target::host(1), state);
  state.initialise(1);

  // Where the time of compiling went, and what came of it. A second run of this example finds its kernels on disk.
  const CompileReport& r = program.report();
  std::printf("compiled in %.1f ms: graph %.1f, fuse %.1f, schedule %.1f, emit %.1f, link %.1f\n", r.total, r.graph,
              r.fuse, r.schedule, r.emit, r.link);
  std::printf("%d nodes became %d clusters, %d kernel calls of %d distinct kernels, %d of them from the cache\n\n",
              r.nodes, r.clusters, r.launches, r.kernels, r.kernels_from_cache);

  // The graph after all passes: composites expanded, constants folded, equal nodes merged.
  const Graph& graph = program.graph();

  // Clusters: what one kernel computes. A value inside a cluster never touches memory; one that crosses says why it
  // must.
  const Clustering clustering = fuse(graph);
  for (std::size_t i = 0; i < clustering.clusters.size(); ++i) {
    const Cluster& cluster = clustering.clusters[i];
    std::printf("cluster %zu (%s): %s\n", i, std::string(name(cluster.kind)).c_str(), ops_of(graph, cluster).c_str());
  }
  std::printf("\n");
  for (const Boundary& b : clustering.boundaries) {
    const Node& stored = graph->node(b.value.node);
    std::printf("%s of %s is stored: %s%s%s\n", std::string(name(stored.op)).c_str(),
                graph->provenance().brief(stored.provenance).c_str(), b.rule.c_str(), b.numbers.empty() ? "" : ", ",
                b.numbers.c_str());
  }

  // The kernel of the first loop cluster, scheduled for a machine with 32-byte vectors, in the language that both code
  // generators print from. #n at the end of a statement is the op of the cluster that it comes from.
  const Layouts layouts = choose_layouts(graph, clustering);
  for (const Cluster& cluster : clustering.clusters) {
    if (cluster.kind != ClusterKind::loop) continue;
    const Schedule schedule = schedule_for_host(graph, cluster, layouts, HostTarget{});
    std::printf("\nthe kernel of \"%s\":\n\n%s\n", ops_of(graph, cluster).c_str(),
                kernel::print(schedule.kernels.front().kernel).c_str());
    break;
  }

  // A run with a clock at every kernel call. The line is the model's, not the engine's.
  Array input(f32, {{"row", 256}, {"model", 64}});
  for (std::int64_t i = 0; i < input.elements(); ++i) input.set(i, static_cast<double>(i % 7) - 3);
  program.run({{"x", input}});  // the first run also maps the arena
  bool told = true;
  for (const LaunchProfile& launch : program.profile({{"x", input}})) {
    std::printf("%8.3f ms  %-12s %-28s %s\n", launch.milliseconds, launch.kind.c_str(), launch.origin.c_str(),
                launch.ops.c_str());
    told = told && launch.origin.find("05_reading_kernels.cpp:") == 0;
  }
  std::printf("peak memory of a run with 256 rows: %lld bytes\n",
              static_cast<long long>(program.peak_bytes({{"row", 256}})));
  return told && !clustering.clusters.empty() ? 0 : 1;
}
