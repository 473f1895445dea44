// The training loop: drives any Program that takes "tokens" and "targets" and updates a State.
//
//   Program step = compile(train_step(loss, AdamW{}), target, state);          // outputs `loss`
//   Program evaluate = compile(evaluation, target, state);                     // outputs `total` and `count`
//   TrainResult r = train({step, evaluate}, state, train_tokens, validation_tokens,
//                         {.steps = 2000, .batch = 12, .time = 64, .out = "runs/gpt"},
//                         {.on_step = [&](const StepReport& s) { ... }, .stop = [&] { return interrupted; }});
//
// It knows no optimiser and no model. Step s reads the batch that (seed, s) names (runtime/data), so a run that stops
// and resumes computes the same bits as one that does not. Gradient accumulation is in the graph
// (autodiff/accumulate.h): a batch here is the whole batch.
//
// `val_loss` is total/count over all windows of `time` validation tokens that do not overlap. With `out`, checkpoints
// go there (CheckpointDirectory: whole or not at all), and metrics.jsonl gets a line a step, and one an evaluation; a
// resumed run first drops the lines after its checkpoint. One that has no step left is evaluated once.
#pragma once

#include <uwaga/runtime/data/tokens.h>
#include <uwaga/runtime/io/checkpoint.h>
#include <uwaga/runtime/program.h>
#include <uwaga/runtime/train/run_record.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace uwaga {

struct TrainOptions {
  std::int64_t steps = 1000;  // of the whole run, those before a resume included
  std::int64_t batch = 8, time = 256;
  std::int64_t seed = 0;              // of the batches
  std::int64_t eval_every = 0;        // steps between evaluations; 0: only at the end
  std::int64_t checkpoint_every = 0;  // steps between checkpoints; 0: only at the end and when stopped
  std::int64_t evaluation_batch = 0;  // rows of an evaluation run; 0: as `batch`
  std::string out = {};               // empty: neither checkpoints nor metrics
  bool resume = false;                // from the newest checkpoint in `out`; Error where there is none. Else there may be none
  // Kept with each checkpoint, and compared on resume. `step` is set here, and `data` gets the seed, batch and time.
  RunRecord record = {};
};

struct TrainPrograms {
  Program step;
  std::optional<Program> evaluate = {};  // none: no validation
};

struct StepReport {
  std::int64_t step = 0;           // steps done
  double loss = 0;                 // of the last step's batch
  std::optional<double> val_loss;  // where this step was evaluated
  std::int64_t tokens = 0;         // seen by this call
  double seconds = 0;              // since this call began
  double step_seconds = 0;         // of the step program alone, in all steps of this call
  Arrays outputs;                  // of the step program
};

struct TrainCallbacks {
  std::function<void(const StepReport&)> on_step = {};  // after every step, its evaluation included
  std::function<void(const Checkpoint&)> on_checkpoint = {};
  std::function<void(std::int64_t step)> on_resume = {};
  std::function<void(const std::string& why)> on_rejected = {};  // before on_resume, for each of TrainResult::rejected
  std::function<bool()> stop = {};  // asked between runs; true: checkpoint and return
};

struct TrainResult {
  std::int64_t step = 0;
  std::optional<double> loss;
  std::optional<double> val_loss;  // the last one; none where `stop` cut it short
  bool interrupted = false;
  double seconds = 0;       // of the loop, evaluations and checkpoints included
  double step_seconds = 0;  // of the step program alone
  std::int64_t tokens = 0;
  std::optional<Checkpoint> checkpoint;  // the last one written or resumed from
  std::vector<std::string> rejected;     // a sentence for each newer one that was passed over when the run resumed
};

// The state must be initialised, or is loaded where options.resume says so. Throws Error: tokens too few for a window,
// a checkpoint of another run, a loss or an output `grad_norm` that is not finite (nothing of that step is saved);
// SystemError.
TrainResult train(TrainPrograms programs, State& state, const Tokens& training, const Tokens& validation,
                  const TrainOptions& options, const TrainCallbacks& callbacks = {});

// total/count over every window once; nullopt where `stop` said so in between.
std::optional<double> evaluate(Program& program, const Windows& windows, const std::function<bool()>& stop = {});

// The batch as the inputs "tokens" and "targets", i32 [batch, time].
Arrays inputs_of(const Batch& batch);

}  // namespace uwaga
