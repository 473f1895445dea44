// `uwaga inspect`: every line of every stage comes from a line of the model.
#include "tools/inspect_model.h"

#include <uwaga/ir/error.h>
#include <uwaga/runtime/inspect/inspection.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/state.h>
#include <uwaga/runtime/train/run_record.h>

#include <cstdlib>

#include "tests/catch.h"
#include "tests/tools/run_command.h"
#include "tools/inspect_html.h"

using namespace uwaga;

namespace {

LanguageModel small(const std::string& model) {
  return {.model = model, .layers = 2, .heads = 2, .width = 32, .time = 16, .vocab = 64};
}

int missing(const Inspection& seen, Stage stage) {
  int count = 0;
  for (std::size_t i = 0; i < seen.kernels().size(); ++i) count += seen.without_origin(stage, i);
  return count;
}

}  // namespace

TEST_CASE("every statement, CUDA line and instruction of a training step has an origin", "[slow]") {
  for (const char* model : {"gpt2", "llama", "lstm"}) {
    INFO(model);
    const Graph g = inspected_model(small(model), "training").graph;
    const Inspection host(g, Target::host(1));
    CHECK(host.kernels().size() > 5);
    CHECK(missing(host, Stage::kernel) == 0);
    CHECK(missing(host, Stage::llvm) == 0);
    CHECK(missing(host, Stage::assembly) == 0);
    CHECK(host.refused_attention().empty());
    const Inspection gpu(g, Target::emulated());
    CHECK(missing(gpu, Stage::kernel) == 0);
    CHECK(missing(gpu, Stage::cuda) == 0);
  }
}

TEST_CASE("the kernels of one model line are found by it, and those of no line are none") {
  const Inspection seen(inspected_model(small("gpt2"), "training").graph, Target::host(1));
  const ModelLine& at = seen.kernels().at(0).calls.at(0).ops.back().lines.at(0);
  const std::string line = at.file.substr(at.file.rfind('/') + 1) + ":" + std::to_string(at.line);
  int shown = 0;
  for (const InspectedKernel& k : seen.kernels()) shown += seen.shows(k, {.line = line});
  CHECK(shown >= 1);
  CHECK(shown < static_cast<int>(seen.kernels().size()));
  CHECK(seen.text(Stage::kernel, {.line = "gpt2.cpp:99999"}).empty());
  CHECK_THROWS_WITH(seen.text(Stage::kernel, {.line = "gpt2.cpp"}), Contains("is no line of a model"));
  CHECK(seen.shows(seen.kernels()[3], {.kernel = "k003_*", .line = ""}));
  CHECK_FALSE(seen.shows(seen.kernels()[4], {.kernel = "k003_*", .line = ""}));
  CHECK_THROWS_WITH(seen.listing(Stage::cuda, 0), Contains("ask for emulated CUDA"));
}

TEST_CASE("a folder of a stranger's model is inspected, and any other folder is refused in one sentence") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(inspected_folder(folder.path(), "training"), Contains("there is no checkpoint in"));
  CHECK_THROWS_WITH(inspected_folder(folder.path() / "none", "training"), Contains("there is no folder"));
  const char* shared = std::getenv("UWAGA_SHARED");
  if (!shared) {
    WARN("UWAGA_SHARED is not set: no folders of strangers' models were inspected");
    return;
  }
  for (const char* name : {"gpt2", "llama", "rnn"}) {
    INFO(name);
    const auto at = std::filesystem::path(shared) / "data" / "parity" / name;
    CHECK(Inspection(inspected_folder(at, "training").graph, Target::host(1)).kernels().size() > 3);
  }
}

TEST_CASE("the model of a training run is inspected from its folder, in text and as a page") {
  const test::Workplace w;
  const std::string run = (w.path / "run").string(), page = (w.path / "page.html").string();
  REQUIRE(w.train("--steps 1 --out " + run).code == 0);
  const Inspected found = inspected_folder(run, "evaluation");
  CHECK_THAT(found.title, Contains("gpt2") && Contains("evaluation"));
  const Inspection seen(found.graph, Target::host(1));
  const test::Ran text = w.run("inspect " + run + " --part evaluation --stage kernel");
  CHECK(text.code == 0);
  for (const InspectedKernel& k : seen.kernels()) CHECK_THAT(text.out, Contains(k.name));
  REQUIRE(w.run("inspect " + run + " --part evaluation --html " + page).code == 0);
  // The source as it was built, wherever the command is run.
  CHECK_THAT(read_file(page), Contains(seen.kernels().back().name) && Contains("gpt2.cpp") && Contains("Tensor gpt2(const Scope&amp; s"));
  const test::Ran sizes = w.run("inspect " + run + " --summary");
  CHECK_THAT(sizes.out, Contains("at batch 2, time 8\n"));
  CHECK(sizes.out.find(" 0          0          0\n") == std::string::npos);
  CHECK_THAT(w.run("inspect " + run + " --batch 3 --json").out, Contains(R"({"sizes":{"batch":3,"time":8}})"));
  const test::Ran none = w.run("inspect " + run + " --kernel nothing --part evaluation");
  CHECK(none.code == 1);
  CHECK_THAT(none.err, Contains("kernels has 'nothing' in its name"));
  CHECK_THAT(w.run("inspect " + run + " --line gpt2.cpp:99999").err, Contains("came from gpt2.cpp:99999"));
}

TEST_CASE("a folder that the command cannot rebuild, and a hostile config.json, are one sentence") {
  const TemporaryFolder folder;
  const auto run = folder.path() / "run";
  CheckpointDirectory(run).commit(7, [](const std::filesystem::path& at) { save_run({.step = 7}, State(), at.string()); });
  CHECK_THROWS_WITH(inspected_folder(run, "training"), Contains("is of a program of your own"));
  const auto refused = [&](const std::string& config, const std::string& sentence) {
    write_file(folder.path() / "config.json", config);
    CHECK_THROWS_WITH(inspected_folder(folder.path(), "training"), Contains(sentence) && !Contains("json.exception"));
  };
  refused(std::string(300'000, '['), "nested deeper than 32 levels");
  refused(R"({"cases": {}})", "lists no cases");
  const auto network = [](const std::string& more) { return R"({"cases": {"a": {"class": "torch.nn.GRU", "input_size": 3, )" + more + "}}}"; };
  refused(network(R"("hidden_size": 4, "num_layers": 1e30)"), "'num_layers' is \"1e+30\", not an integer from 1");
  refused(network(R"("hidden_size": "4")"), "'hidden_size' is");
  refused(network(R"("hidden_size": 4, "bidirectional": 1)"), "'bidirectional' is \"1\", not true or false");
  refused(R"({"cases": {"a": 7}})", "is no JSON object");
  refused(R"({"cases": {"a": {"class": 7}}})", "'class' is \"7\", not a text");
}

TEST_CASE("the page of a model loads nothing and escapes what users name", "[slow]") {
  const std::string page =
      html({"<b>& \"title\"", inspected_model(small("gpt2"), "training").graph, {{"batch", 2}, {"time", 16}}});
  CHECK_THAT(page, Contains("default-src 'none'"));
  CHECK_THAT(page, Contains("&lt;b&gt;&amp; &quot;title&quot;"));
  CHECK(page.find("<b>&") == std::string::npos);
  for (const char* word : {"http://", "https://", "src=", "@import", "url("}) {
    INFO(word);
    // In the page's own markup; the model's source may well cite an address.
    CHECK(page.substr(0, page.find("<main>")).find(word) == std::string::npos);
  }
  CHECK_THAT(page, Contains("gpt2.cpp") && Contains("define void @") && Contains("__global__") && Contains("data-l="));
  CHECK(page.size() < 5u << 20);
}
