#include <uwaga/ir/error.h>
#include <uwaga/ir/graph.h>
#include <uwaga/models/layers.h>
#include <uwaga/models/train_step.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/io/safetensors.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/trainer.h>

#include <algorithm>

#include "tests/catch.h"

using namespace uwaga;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kVocab = 7, kTime = 4, kBatch = 2;

// The next token from the one before, with dropout, so that the seed and the step count matter.
Loss bigram(Graph& g, double rate, std::int64_t width = 3) {
  const Axis batch("batch"), time("time"), vocab("vocab", kVocab), model("model", width);
  const Tensor tokens = g.input("tokens", i32, {batch, time}), targets = g.input("targets", i32, {batch, time});
  const Scope s = g.scope();
  const Tensor x = dropout(s, embedding(s.param("table", {vocab, model}, normal(0.5)), tokens, vocab), rate);
  return cross_entropy_sum(linear(s / "out", x, model, {vocab}), targets, vocab);
}

Tokens text(std::int64_t n) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < n; ++i) ids.push_back(static_cast<std::int32_t>(i * i % kVocab));
  return Tokens(ids);
}

struct Trained {
  State state;
  TrainResult result;
};

Trained trained(const TrainOptions& given, const TrainCallbacks& callbacks = {}) {
  const Target target = Target::interpreter();
  Trained t;
  Graph step, evaluation;
  const Graph update =
      train_step(bigram(step, 0.25).mean(), AdamW{.rate = 0.05, .schedule = {.warm_up = 2, .steps = 5}});
  const Loss loss = bigram(evaluation, 0);
  evaluation->add_output("total", loss.total.value());
  evaluation->add_output("count", loss.count.value());
  TrainPrograms programs{compile(update, target, t.state), compile(evaluation, target, t.state)};
  t.state.initialise(3, target);
  TrainOptions options = given;
  options.batch = kBatch;
  options.time = kTime;
  options.seed = 3;
  t.result = train(programs, t.state, text(60), text(20), options, callbacks);
  return t;
}

int lines(const fs::path& file) {
  const std::string all = read_file(file);
  return static_cast<int>(std::count(all.begin(), all.end(), '\n'));
}

}  // namespace

TEST_CASE("a run that stops and resumes has the bits of one that does not") {
  const TemporaryFolder folder;
  const Trained whole = trained({.steps = 5, .eval_every = 2, .out = folder.path() / "whole"});
  CHECK(whole.result.step == 5);
  CHECK_FALSE(whole.result.interrupted);

  const fs::path out = folder.path() / "cut";
  std::int64_t done = 0;
  TrainCallbacks callbacks;
  callbacks.on_step = [&](const StepReport& r) { done = r.step; };
  callbacks.stop = [&] { return done == 3; };
  const Trained first = trained({.steps = 5, .eval_every = 2, .out = out}, callbacks);
  CHECK(first.result.interrupted);
  CHECK(first.result.step == 3);
  CHECK(state_sha256(first.state) != state_sha256(whole.state));
  const Trained second = trained({.steps = 5, .eval_every = 2, .out = out, .resume = true});
  CHECK(second.result.step == 5);
  CHECK(state_sha256(second.state) == state_sha256(whole.state));
  CHECK(weights_sha256(second.state) == weights_sha256(whole.state));
  CHECK(second.result.val_loss == whole.result.val_loss);
  CHECK(lines(out / "metrics.jsonl") == 5);
}

TEST_CASE("the validation loss is the mean over all windows, whatever the batch") {
  const TemporaryFolder folder;
  const Trained a = trained({.steps = 1, .evaluation_batch = 1}), b = trained({.steps = 1, .evaluation_batch = 3});
  CHECK(*a.result.val_loss == Approx(*b.result.val_loss).epsilon(1e-6));
}

TEST_CASE("resuming wants a checkpoint, of the same run") {
  const TemporaryFolder folder;
  CHECK_THROWS_WITH(trained({.steps = 2, .out = folder.path(), .resume = true}),
                    "there is no checkpoint in " + folder.path().string() + " to resume from");
  trained({.steps = 2, .out = folder.path(), .record = {.model = R"({"layers":2})"}});
  CHECK_THROWS_WITH(trained({.steps = 1, .out = folder.path()}),
                    folder.path().string() + " holds a run of 2 steps; .resume goes on with it, another folder keeps it");
  CHECK_THROWS_WITH(trained({.steps = 2, .out = folder.path(), .resume = true, .record = {.model = R"({"layers":4})"}}),
                    Contains("is of another run: its model has \"layers\" \"2\", and this run's has \"4\""));
}

TEST_CASE("a loss that is not finite ends the run, and the last checkpoint stays") {
  const TemporaryFolder folder;
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {Axis("batch"), Axis("time")});
  g.input("targets", i32, {Axis("batch"), Axis("time")});
  g->add_output("loss", log(sum(cast(tokens, f32), {Axis("batch"), Axis("time")}) * 0.0 - 1.0).value());
  State state;
  const TrainPrograms programs{compile(g, Target::interpreter(), state), {}};
  CHECK_THROWS_WITH(train(programs, state, text(60), {}, {.steps = 2, .batch = 1, .time = 4}),
                    "the loss of step 1 is nan; there is no checkpoint yet");
}

TEST_CASE("a gradient norm that is not finite ends the run before what it spoilt is a checkpoint") {
  const TemporaryFolder folder;
  Graph g;
  const Tensor tokens = g.input("tokens", i32, {Axis("batch"), Axis("time")});
  g.input("targets", i32, {Axis("batch"), Axis("time")});
  // Steps 1, 2, 3: a norm of 1/2, of 1, and infinite.
  const Tensor done = g.scope().state("done", {}, zeros());
  g->add_update("done", (done + 1.0).value());
  g->add_output("loss", (sum(cast(tokens, f32), {Axis("batch"), Axis("time")}) * 0.0).value());
  g->add_output("grad_norm", (1.0 / (2.0 - done)).value());
  State state;
  const TrainPrograms programs{compile(g, Target::interpreter(), state), {}};
  state.initialise(1, Target::interpreter());
  CHECK_THROWS_WITH(train(programs, state, text(60), {}, {.steps = 5, .batch = 1, .time = 4, .checkpoint_every = 1, .out = folder.path()}),
                    "the gradient norm of step 3 is infinite; the last checkpoint is of step 2");
  CHECK(CheckpointDirectory(folder.path()).latest().checkpoint->step == 2);
}

TEST_CASE("a validation that is cut short is no success, and resuming makes up for it") {
  const TemporaryFolder folder;
  const Trained whole = trained({.steps = 4, .eval_every = 2});
  std::int64_t done = 0, asked = 0;
  TrainCallbacks callbacks;
  callbacks.on_step = [&](const StepReport& r) { done = r.step, asked = 0; };
  // Once before the last step, and then between the windows of the validation behind it.
  callbacks.stop = [&] { return done == 3 && ++asked > 2; };
  const TrainOptions options{.steps = 4, .eval_every = 2, .out = folder.path()};
  const Trained cut = trained(options, callbacks);
  CHECK(cut.result.step == 4);
  CHECK(cut.result.interrupted);
  CHECK_FALSE(cut.result.val_loss);
  REQUIRE(cut.result.checkpoint);
  CHECK(cut.result.checkpoint->step == 4);

  TrainOptions again = options;
  again.resume = true;
  const Trained resumed = trained(again);
  CHECK_FALSE(resumed.result.interrupted);
  CHECK(resumed.result.val_loss == whole.result.val_loss);
  CHECK(resumed.result.checkpoint->folder == cut.result.checkpoint->folder);
}

TEST_CASE("a resumed run tells which checkpoints it passed over") {
  const TemporaryFolder folder;
  TrainOptions options{.steps = 3, .checkpoint_every = 1, .out = folder.path()};
  const Trained first = trained(options);
  CHECK(first.result.rejected.empty());
  write_file(fs::path(first.result.checkpoint->folder) / "run.json", "{}");
  options.steps = 4, options.resume = true;
  std::vector<std::string> told;
  TrainCallbacks callbacks;
  callbacks.on_rejected = [&](const std::string& why) { told.push_back(why); };
  callbacks.on_resume = [&](std::int64_t step) { CHECK((step == 2 && told.size() == 1)); };
  const Trained second = trained(options, callbacks);
  CHECK(second.result.rejected == std::vector{"checkpoint " + first.result.checkpoint->folder + ": run.json has 2 bytes instead of " +
                                              std::to_string(fs::file_size(fs::path(second.result.checkpoint->folder) / "run.json"))});
  CHECK(told == second.result.rejected);
}

TEST_CASE("a state file loads whole, in part, or says why not") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "state.safetensors";
  const auto make = [](std::int64_t width) {
    Graph g;
    bigram(g, 0, width);
    State s;
    compile(Tensor(g.shared(), {g->parameters().at("table"), 0}), Target::interpreter(), s);
    s.initialise(width, Target::interpreter());
    return s;
  };
  State a = make(3);
  save(a, file);
  State b = make(3);
  b.set("table", Array(DType::f32, {{"vocab", kVocab}, {"model", 3}}));
  CHECK(load(b, file).loaded.size() == 3);
  CHECK(state_sha256(a) == state_sha256(b));

  State wide = make(5);
  const std::string before = state_sha256(wide);
  CHECK_THROWS_WITH(load(wide, file),
                    Contains("is \"f32[model=3, vocab=7]\" there, and f32[model=5, vocab=7] in this model"));
  CHECK(state_sha256(wide) == before);

  const std::vector<float> values(21, 1.0f);
  const StoredTensor table{"table", DType::f32, {kVocab, 3}, std::as_bytes(std::span(values))};
  StoredTensor other = table;
  other.name = "other";
  write_safetensors(file, std::vector{table, other});
  CHECK_THROWS_WITH(load(a, file), Contains("lacks 2 of the 3 tensors of this model: \"out.bias\", \"out.weight\""));
  const LoadReport report = load(a, file, {.partial = true});
  CHECK(report.loaded == std::vector<std::string>{"table"});
  CHECK(report.missing == std::vector<std::string>{"out.bias", "out.weight"});
  CHECK(report.extra == std::vector<std::string>{"other"});
}

TEST_CASE("weights of one float dtype are loaded into slots of another where that is asked for") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "state.safetensors";
  const auto make = [](DType d) {
    Graph g;
    State s;
    compile(g.scope().param("weights", {{"n", 3}}, ones(), d), Target::interpreter(), s);
    s.initialise(1, Target::interpreter());
    return s;
  };
  State wide = make(DType::f32), narrow = make(DType::bf16);
  Array values(DType::f32, {{"n", 3}});
  for (std::int64_t i = 0; i < 3; ++i) values.set(i, 1.0 + 0.01 * static_cast<double>(i));
  wide.set("weights", values);
  save(wide, file);
  CHECK_THROWS_WITH(load(narrow, file), Contains("is \"f32[n=3]\" there, and bf16[n=3] in this model"));
  load(narrow, file, {.convert = true});
  CHECK(narrow.get("weights").to_doubles() == values.cast(DType::bf16).to_doubles());
}
