#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/checkpoint_directory.h>
#include <uwaga/runtime/train/checkpoint.h>
#include <uwaga/runtime/train/metrics_file.h>
#include <uwaga/runtime/train/trainer.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace uwaga {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

double output(const Arrays& outputs, const char* name, const char* program) {
  const auto it = outputs.find(name);
  if (it == outputs.end()) throw Error(fmt::format("the {} program has no output \"{}\"", program, name));
  return it->second.item<double>();
}

// What decides the batches is part of what a resumed run must share.
RunRecord with_batches(RunRecord record, const TrainOptions& options) {
  auto data = nlohmann::json::parse(record.data);
  data["seed"] = options.seed;
  data["batch"] = options.batch;
  data["time"] = options.time;
  record.data = data.dump();
  return record;
}

class Run {
 public:
  Run(TrainPrograms programs, State& state, const Tokens& training, const Tokens& validation,
      const TrainOptions& options, const TrainCallbacks& callbacks)
      : programs_(std::move(programs)),
        state_(state),
        options_(options),
        callbacks_(callbacks),
        record_(with_batches(options.record, options)),
        batches_(training.batches({.batch = options.batch, .time = options.time, .seed = options.seed})) {
    if (programs_.evaluate)
      windows_.emplace(validation.windows(
          {.batch = options.evaluation_batch > 0 ? options.evaluation_batch : options.batch, .time = options.time}));
    if (options.out.empty()) return;
    checkpoints_.emplace(options.out);
    if (options.resume) resume();
    else if (const auto there = checkpoints_->list(); !there.empty())
      throw Error(fmt::format("{} holds a run of {} steps; .resume goes on with it, another folder keeps it", options.out, there.back().step));
    metrics_.emplace((std::filesystem::path(options.out) / "metrics.jsonl").string(), result_.step);
  }

  TrainResult go() {
    const auto begin = Clock::now();
    if (options_.resume && result_.step >= options_.steps) {
      StepReport report;
      if (programs_.evaluate) evaluate_now(report);
    }
    while (result_.step < options_.steps && !result_.interrupted && !(result_.interrupted = stopped())) {
      StepReport report;
      step(report);
      const bool last = result_.step == options_.steps;
      if (programs_.evaluate && (last || due(options_.eval_every))) evaluate_now(report);
      report.seconds = result_.seconds = since(begin);
      if (metrics_) metrics_->add(line(report));
      if (callbacks_.on_step) callbacks_.on_step(report);
      if (!last && due(options_.checkpoint_every)) checkpoint();
    }
    if (!result_.checkpoint || result_.checkpoint->step != result_.step) checkpoint();
    result_.seconds = since(begin);
    return result_;
  }

 private:
  bool stopped() const { return callbacks_.stop && callbacks_.stop(); }
  bool due(std::int64_t every) const { return every > 0 && result_.step % every == 0; }

  void resume() {
    const CheckpointDirectory::Latest latest = checkpoints_->latest();
    if (!latest.checkpoint) {
      throw Error(latest.rejected.empty()
                      ? fmt::format("there is no checkpoint in {} to resume from", options_.out)
                      : fmt::format("no checkpoint in {} can be used: {}", options_.out, latest.rejected[0]));
    }
    const RunRecord stored = read_run(latest.checkpoint->folder);
    require_same_run(stored, record_, latest.checkpoint->folder);
    load(state_, state_file(latest.checkpoint->folder));
    result_.step = stored.step;
    result_.checkpoint = latest.checkpoint;
    result_.rejected = latest.rejected;
    if (callbacks_.on_rejected)
      for (const std::string& why : latest.rejected) callbacks_.on_rejected(why);
    if (callbacks_.on_resume) callbacks_.on_resume(stored.step);
  }

  void step(StepReport& report) {
    const Arrays inputs = inputs_of(batches_.at(result_.step));
    const auto begin = Clock::now();
    report.outputs = programs_.step.run(inputs);
    report.step_seconds = result_.step_seconds += since(begin);
    report.loss = output(report.outputs, "loss", "training");
    report.step = ++result_.step;
    report.tokens = result_.tokens += options_.batch * options_.time;
    result_.loss = report.loss;
    require_finite("loss", report.loss);
    // Its update is in the state already: a loss that is still finite must not make that the newest checkpoint.
    const auto norm = report.outputs.find("grad_norm");
    if (norm != report.outputs.end() && norm->second.elements() == 1)
      require_finite("gradient norm", norm->second.item<double>());
  }

  void require_finite(const char* what, double value) const {
    if (std::isfinite(value)) return;
    throw Error(fmt::format("the {} of step {} is {}; {}", what, result_.step,
                            std::isnan(value) ? "nan" : value > 0 ? "infinite" : "minus infinite",
                            result_.checkpoint ? fmt::format("the last checkpoint is of step {}", result_.checkpoint->step)
                                               : "there is no checkpoint yet"));
  }

  void evaluate_now(StepReport& report) {
    result_.val_loss = report.val_loss = evaluate(*programs_.evaluate, *windows_, callbacks_.stop);
    result_.interrupted |= !report.val_loss;
  }

  void checkpoint() {
    if (!checkpoints_) return;
    record_.step = result_.step;
    result_.checkpoint = checkpoints_->commit(
        result_.step, [&](const std::filesystem::path& folder) { save_run(record_, state_, folder); });
    if (callbacks_.on_checkpoint) callbacks_.on_checkpoint(*result_.checkpoint);
  }

  // Of the outputs, the scalars.
  static std::string line(const StepReport& report) {
    nlohmann::ordered_json json;
    json["step"] = report.step;
    for (const auto& [name, value] : report.outputs)
      if (value.elements() == 1) json[name] = value.item<double>();
    if (report.val_loss) json["val_loss"] = *report.val_loss;
    json["tokens"] = report.tokens;
    json["seconds"] = report.seconds;
    return json.dump();
  }

  TrainPrograms programs_;
  State& state_;
  const TrainOptions& options_;
  const TrainCallbacks& callbacks_;
  RunRecord record_;
  Batches batches_;
  std::optional<Windows> windows_;
  std::optional<CheckpointDirectory> checkpoints_;
  std::optional<MetricsFile> metrics_;
  TrainResult result_;
};

}  // namespace

Arrays inputs_of(const Batch& batch) {
  const ArrayDims dims{{"batch", batch.batch}, {"time", batch.time}};
  return {{"tokens", array(dims, batch.inputs)}, {"targets", array(dims, batch.targets)}};
}

std::optional<double> evaluate(Program& program, const Windows& windows, const std::function<bool()>& stop) {
  double total = 0, count = 0;
  for (const Batch& batch : windows) {
    if (stop && stop()) return std::nullopt;
    const Arrays outputs = program.run(inputs_of(batch));
    total += output(outputs, "total", "evaluation");
    count += output(outputs, "count", "evaluation");
  }
  return total / count;
}

TrainResult train(TrainPrograms programs, State& state, const Tokens& training, const Tokens& validation,
                  const TrainOptions& options, const TrainCallbacks& callbacks) {
  return Run(std::move(programs), state, training, validation, options, callbacks).go();
}

}  // namespace uwaga
