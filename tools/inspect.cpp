// `uwaga inspect`: what a model is made of and what becomes of it.
#include <fmt/format.h>
#include <uwaga/codegen/cluster.h>
#include <uwaga/ir/analysis.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/print.h>
#include <uwaga/runtime/host/progress.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/train/run_record.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/cost.h"
#include "tools/language_model.h"

namespace uwaga {
namespace {

struct InspectOptions {
  LanguageModel model{.vocab = 256};
  std::string folder, part = "training";
  std::int64_t batch = 12;
  int depth = 2;
  bool summary = false, graph = false, dot = false, clusters = false, boundaries = false, json = false;
  DeviceOptions device;
};

LanguageModel model_of(const InspectOptions& o) {
  if (o.folder.empty()) return o.model;
  if (!std::filesystem::is_directory(o.folder)) throw Error(fmt::format("there is no folder {}", o.folder));
  const CheckpointDirectory::Latest latest = CheckpointDirectory(o.folder).latest();
  if (!latest.checkpoint) throw Error(fmt::format("there is no checkpoint in {} that can be used", o.folder));
  return parse_language_model(read_run(latest.checkpoint->folder).model, latest.checkpoint->folder.string());
}

Graph graph_of(const LanguageModel& m, const std::string& part) {
  return part == "training"     ? training_graph(m, AdamW{})
         : part == "evaluation" ? evaluation_graph(m)
                                : generation_graph(m);
}

void summary(const Graph& graph, const Sizes& sizes, const InspectOptions& o) {
  if (!o.json) fmt::print("{:28} {:>12} {:>10} {:>10}\n", "scope", "parameters", "FLOPs", "bytes");
  const auto row = [&](const std::string& scope, const Cost& c) {
    if (o.json)
      std::cout << nlohmann::ordered_json{{"scope", scope},
                                          {"parameters", c.parameters},
                                          {"flops", c.flops},
                                          {"bytes", c.bytes}}
                << '\n';
    else
      fmt::print("{:28} {:>12.0f} {:>10} {:>10}\n", scope, c.parameters, format_count(c.flops), format_count(c.bytes));
  };
  Cost total;
  for (const auto& [scope, cost] : costs_by_scope(graph, sizes, o.depth)) {
    row(scope.empty() ? "(root)" : scope, cost);
    total += cost;
  }
  row("total", total);
}

std::string cluster_name(int c) { return c < 0 ? "border" : fmt::format("c{}", c); }

void clusters(const Graph& graph, const Clustering& clustering, const InspectOptions& o) {
  for (std::size_t i = 0; o.clusters && i < clustering.clusters.size(); ++i) {
    const Cluster& c = clustering.clusters[i];
    fmt::print("c{} {}, {} ops, {} stored\n", i, name(c.kind), c.nodes.size(), c.outputs.size());
    for (const NodeId id : c.nodes) fmt::print("  {}\n", print_node(graph.data(), id));
  }
  for (const Boundary& b : clustering.boundaries)
    if (o.boundaries)
      fmt::print("{} {} -> {}: {}{}\n", print_value(graph.data(), b.value), cluster_name(b.from), cluster_name(b.to),
                 b.rule, b.numbers.empty() ? "" : " (" + b.numbers + ")");
}

int run(const InspectOptions& o) {
  const LanguageModel m = model_of(o);
  const Graph graph = graph_of(m, o.part);
  const bool all = !o.summary && !o.graph && !o.dot && !o.clusters && !o.boundaries;
  if (o.summary || all) summary(graph, {{"batch", o.batch}, {"time", m.time}}, o);
  if (o.graph) std::cout << print(graph);
  if (o.dot) std::cout << to_dot(graph);
  if (o.clusters || o.boundaries) {
    State state;
    const Program program = compile(graph, target_of(o.device), state);
    clusters(program.graph(), fuse(program.graph()), o);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("inspect", "what a model is made of, and what becomes of it");
  auto o = std::make_shared<InspectOptions>();
  const CLI::Range size(std::int64_t{1}, std::int64_t{1} << 24);
  c->add_option("DIR", o->folder, "folder of `uwaga train` (default: the model that the options describe)");
  c->add_option("--model", o->model.model, "gpt2 or llama")
      ->check(CLI::IsMember({"gpt2", "llama"}))
      ->capture_default_str();
  c->add_option("--layers", o->model.layers, "blocks")->check(CLI::Range(0, 1024))->capture_default_str();
  c->add_option("--heads", o->model.heads, "attention heads")->check(size)->capture_default_str();
  c->add_option("--kv-heads", o->model.kv_heads, "llama: key-value heads (default: as many as heads)")->check(size);
  c->add_option("--width", o->model.width, "of the residual stream")->check(size)->capture_default_str();
  c->add_option("--hidden", o->model.hidden, "width inside the MLP (default: as `uwaga train`)")->check(size);
  c->add_option("--time", o->model.time, "tokens of a window")->check(size)->capture_default_str();
  c->add_option("--vocab", o->model.vocab, "tokens there are")->check(size)->capture_default_str();
  c->add_option("--batch", o->batch, "windows of a step")->check(size)->capture_default_str();
  c->add_option("--part", o->part, "training, evaluation or generation")
      ->check(CLI::IsMember({"training", "evaluation", "generation"}))
      ->capture_default_str();
  c->add_flag("--summary", o->summary, "parameters, FLOPs and bytes by scope (the default)");
  c->add_option("--depth", o->depth, "of the scopes in the summary")->check(CLI::Range(1, 32))->capture_default_str();
  c->add_flag("--graph", o->graph, "the graph as text");
  c->add_flag("--dot", o->dot, "the graph for Graphviz: | dot -Tsvg > graph.svg");
  c->add_flag("--clusters", o->clusters, "what is fused into one kernel");
  c->add_flag("--boundaries", o->boundaries, "every stored value, and why it was not fused");
  add_device_options(*c, o->device);
  c->add_flag("--json", o->json, "the summary as one JSON object a line");
  c->callback([&chosen, o] { chosen = [o] { return run(*o); }; });
}

}  // namespace uwaga
