// `uwaga inspect`: what a model is made of and what becomes of it.
#include <fmt/format.h>
#include <uwaga/ir/analysis.h>
#include <uwaga/ir/graph.h>
#include <uwaga/ir/print.h>
#include <uwaga/runtime/host/progress.h>
#include <uwaga/runtime/inspect/inspection.h>

#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/command.h"
#include "tools/cost.h"
#include "tools/inspect_html.h"
#include "tools/inspect_model.h"

namespace uwaga {
namespace {

struct InspectOptions {
  LanguageModel model{.vocab = 256};
  std::string folder, which, part = "training", html;
  std::vector<std::string> stages;
  InspectFilter filter;
  std::optional<std::int64_t> batch, time;
  int depth = 2;
  bool summary = false, graph = false, dot = false, clusters = false, boundaries = false, json = false;
  DeviceOptions device;
};

Inspected inspected(const InspectOptions& o) {
  if (!o.folder.empty()) return inspected_folder(o.folder, o.part, o.which);
  LanguageModel m = o.model;
  m.time = o.time.value_or(m.time);
  if (m.model == "gpt2-124m" || m.model == "llama-110m") m = standard_model(m.model);
  return inspected_model(m, o.part);
}

void summary(const Graph& graph, const Sizes& sizes, const InspectOptions& o) {
  if (o.json) std::cout << nlohmann::ordered_json{{"sizes", sizes}} << '\n';
  else fmt::print("at batch {}, time {}\n", sizes.at("batch"), sizes.at("time"));
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

// What a filter asks for must be there.
void require_shown(const Inspection& seen, const InspectFilter& filter) {
  if (filter.kernel.empty() && filter.line.empty()) return;
  for (const InspectedKernel& k : seen.kernels())
    if (seen.shows(k, filter)) return;
  const std::string named = filter.kernel.empty() ? "" : fmt::format(" has '{}' in its name", filter.kernel);
  const std::string from = filter.line.empty() ? "" : fmt::format(" came from {}", filter.line);
  throw Error(fmt::format("none of the {} kernels{}{}{}", seen.kernels().size(), named, named.empty() || from.empty() ? "" : " and", from));
}

// The device whose kernels have the stage: CUDA is shown beside a program of the CPU, and the other way round.
Target target_for(Stage stage, const InspectOptions& o) {
  const Target own = target_of(o.device);
  if (stage == Stage::graph || own.kind() == Target::Kind::interpreter || has_stage(own, stage)) return own;
  return own.kind() == Target::Kind::host ? Target::emulated() : Target::host(1);
}

// One object a line of code: what scripts want.
void print_json(const Inspection& seen, Stage stage, const InspectFilter& filter) {
  for (std::size_t i = 0; i < seen.kernels().size(); ++i) {
    const InspectedKernel& k = seen.kernels()[i];
    if (!seen.shows(k, filter)) continue;
    const auto& ops = k.calls.at(0).ops;
    for (const InspectedLine& l : seen.listing(stage, i)) {
      nlohmann::ordered_json line{{"stage", name(stage)}, {"kernel", k.name}, {"kind", k.kind}, {"calls", k.calls.size()}, {"text", l.text}};
      if (l.op >= 0 && static_cast<std::size_t>(l.op) < ops.size()) {
        const InspectedOp& op = ops[static_cast<std::size_t>(l.op)];
        line["op"] = op.op;
        line["origins"] = nlohmann::json::array();
        for (const ModelLine& at : op.lines)
          line["origins"].push_back({{"file", at.file}, {"line", at.line}, {"scope", at.scope}, {"role", at.role}});
      }
      std::cout << line << '\n';
    }
  }
}

// How many lines of each stage have no origin, over all kernels: 0.
void count_origins(const Inspection& host, const InspectOptions& o) {
  std::optional<Inspection> gpu;
  const auto count = [&](const char* what, Stage stage, const Inspection& seen) {
    std::size_t lines = 0;
    int missing = 0;
    for (std::size_t i = 0; i < seen.kernels().size(); ++i) {
      for (const InspectedLine& l : seen.listing(stage, i)) lines += l.instruction;
      missing += seen.without_origin(stage, i);
    }
    if (o.json) std::cout << nlohmann::ordered_json{{"stage", name(stage)}, {"lines", lines}, {"without_origin", missing}} << '\n';
    else fmt::print("{:28} {:>12}, {} without an origin\n", what, lines, missing);
  };
  count("kernel IR statements", Stage::kernel, host);
  count("LLVM instructions", Stage::llvm, host);
  gpu.emplace(host.written(), Target::emulated());
  count("CUDA lines", Stage::cuda, *gpu);
}

void show(const Graph& graph, Stage stage, std::optional<Inspection> (&seen)[2], const InspectOptions& o) {
  if (stage == Stage::graph && !o.json) {
    std::cout << print(graph);
    return;
  }
  const Target target = target_for(stage, o);
  std::optional<Inspection>& s = seen[target.kind() == Target::Kind::host];
  if (!s) s.emplace(graph, target);
  if (stage > Stage::fused) require_shown(*s, o.filter);
  if (o.json && stage > Stage::fused) print_json(*s, stage, o.filter);
  else if (o.json) std::cout << nlohmann::ordered_json{{"stage", name(stage)}, {"text", s->text(stage)}} << '\n';
  else std::cout << s->text(stage, o.filter);
}

void boundaries(const Inspection& seen, const InspectOptions& o) {
  for (const InspectedBoundary& b : seen.boundaries()) {
    if (o.json)
      std::cout << nlohmann::ordered_json{{"value", b.value}, {"from", b.from}, {"to", b.to}, {"rule", b.rule}, {"numbers", b.numbers}, {"origin", b.origin}} << '\n';
    else
      fmt::print("{} {} -> {}: {}{}  // {}\n", b.value, b.from, b.to, b.rule, b.numbers.empty() ? "" : " (" + b.numbers + ")", b.origin);
  }
}

int run(const InspectOptions& o) {
  const Inspected m = inspected(o);
  std::vector<Stage> stages;
  if (o.graph) stages.push_back(Stage::graph);
  if (o.clusters) stages.push_back(Stage::fused);
  for (const std::string& word : o.stages) stages.push_back(*stage_named(word));
  // A filter alone asks for the kernels it lets through.
  if (stages.empty() && (!o.filter.kernel.empty() || !o.filter.line.empty())) stages.push_back(Stage::kernel);
  const bool all = !o.summary && !o.dot && !o.boundaries && stages.empty() && o.html.empty();
  Sizes sizes = m.sizes;
  if (o.batch) sizes["batch"] = *o.batch;
  if (o.time) sizes["time"] = *o.time;
  sizes.insert({{"batch", 12}, {"time", o.model.time}});
  std::optional<Inspection> seen[2];  // of the GPU, of the host
  if (o.summary || all) {
    summary(m.graph, sizes, o);
    if (o.summary && target_of(o.device).kind() == Target::Kind::host) {
      seen[1].emplace(m.graph, Target::host(1));
      count_origins(*seen[1], o);
      for (const std::string& why : seen[1]->refused_attention())
        if (!o.json) fmt::print("attention from its body: {}\n", why);
    }
  }
  if (o.dot) std::cout << to_dot(m.graph);
  for (const Stage stage : stages) show(m.graph, stage, seen, o);
  if (!o.html.empty()) {
    write_html(o.html, {m.title, m.graph, sizes, o.depth});
    if (!o.json) fmt::print("{}\n", o.html);
  }
  if (o.boundaries) {
    const Target target = target_of(o.device);
    std::optional<Inspection>& s = seen[target.kind() == Target::Kind::host];
    if (!s) s.emplace(m.graph, target);
    boundaries(*s, o);
  }
  return 0;
}

}  // namespace

void add_inspect(CLI::App& app, Chosen& chosen) {
  CLI::App* c = app.add_subcommand("inspect", "what a model is made of, and what becomes of it");
  auto o = std::make_shared<InspectOptions>();
  const CLI::Validator size = whole_number(1, 1 << 24);
  c->add_option("DIR", o->folder, "folder of `uwaga train` or one of its checkpoints, or with a config.json (default: the model that the options describe)");
  c->add_option("--model", o->model.model, "gpt2, llama, rnn, lstm, gru; gpt2-124m and llama-110m have their own sizes")
      ->check(CLI::IsMember({"gpt2", "llama", "rnn", "lstm", "gru", "gpt2-124m", "llama-110m"}))
      ->capture_default_str();
  c->add_option("--layers", o->model.layers, "blocks")->check(whole_number(0, kMostLayers))->capture_default_str();
  c->add_option("--heads", o->model.heads, "attention heads")->check(size)->capture_default_str();
  c->add_option("--kv-heads", o->model.kv_heads, "llama: key-value heads (default: as many as heads)")->check(size);
  c->add_option("--width", o->model.width, "of the residual stream")->check(size)->capture_default_str();
  c->add_option("--hidden", o->model.hidden, "width inside the MLP (default: as `uwaga train`)")->check(size);
  c->add_option("--time", o->time, "tokens of a window (default: the run's, else 64)")->check(size);
  c->add_option("--vocab", o->model.vocab, "tokens there are")->check(size)->capture_default_str();
  c->add_option("--batch", o->batch, "windows of a step (default: the run's, else 12)")->check(size);
  c->add_option("--part", o->part, "training, evaluation or generation")
      ->check(CLI::IsMember({"training", "evaluation", "generation"}))
      ->capture_default_str();
  c->add_option("--case", o->which, "of a folder of recurrent networks");
  c->add_option("--stage", o->stages, "graph, clusters, kernel, llvm, asm, cuda, ptx; several with commas, each line with its origin")
      ->delimiter(',')
      ->check(CLI::IsMember({"graph", "clusters", "fused", "kernel", "llvm", "asm", "cuda", "ptx"}));
  c->add_option("--html", o->html, "writes one page to this file: the model's source beside its kernels");
  c->add_option("--kernel", o->filter.kernel, "only kernels with this in their name; `*` stands for any letters");
  c->add_option("--line", o->filter.line, "only kernels that came from this line of the model: models/gpt2.cpp:42");
  c->add_flag("--summary", o->summary, "parameters, FLOPs and bytes by scope (the default), and lines of code without an origin");
  c->add_option("--depth", o->depth, "of the scopes in the summary")->check(whole_number(1, 32))->capture_default_str();
  c->add_flag("--graph", o->graph, "as --stage graph");
  c->add_flag("--dot", o->dot, "the graph for Graphviz: | dot -Tsvg > graph.svg");
  c->add_flag("--clusters", o->clusters, "as --stage clusters");
  c->add_flag("--boundaries", o->boundaries, "every stored value, and why it was not fused");
  add_device_options(*c, o->device);
  c->add_flag("--json", o->json, "one JSON object a line");
  c->callback([&chosen, o] { chosen = [o] { return run(*o); }; });
}

}  // namespace uwaga
