// train_step: from a loss to the graph of one step of training.
//
//   Graph step = train_step(loss, AdamW{.rate = 3e-4, .clip = 1.0});
//   Program p = compile(step, Target::host(), state);
//
// The step differentiates the loss with respect to every trainable parameter, measures the gradient's norm, clips, and
// updates parameters, moments and the step count, which are slots of the State. Its outputs are those the graph had, and
// `loss`, `grad_norm` (before clipping) and `rate`. What the optimiser is told at run time lives in slots too, so that
// state.set("optimiser.rate", 1e-4) needs no new compile: optimiser.rate, optimiser.clip. Their values are the State's, those
// of a checkpoint too where one is loaded; .rate and .clip are what they start at, and all programs of a State must start
// them alike (compile throws).
//
// Steps of one name are steps of one optimiser: rate, clip, moments and step count are shared. Two that take turns on one
// State (generator and critic) are given names, which their slots begin with:
//
//   Graph g = train_step(gain, AdamW{.rate = 1e-4, .rules = {.freeze = {"critic.*"}}, .name = "for_generator"});
//   Graph c = train_step(loss, AdamW{.rate = 4e-4, .rules = {.freeze = {"generator.*"}}, .name = "for_critic"});
//
// The step count, which schedule and bias corrections follow, is the slot "step" for the name "optimiser" and "NAME.step" for
// any other. Random numbers follow "step" whatever the name: a step of another name advances that too where its graph reads
// it, so beside such a one no optimiser should be called "optimiser". Two in one graph both start from the old values; the
// second one's outputs are called "NAME.grad_norm", "NAME.rate" and, of another loss, "NAME.loss".
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <uwaga/ir/ops.h>

namespace uwaga {

// The learning rate over the steps, as a factor of the peak: linear from 1/warm_up, then by a cosine to `last` at `steps`.
// steps 0: constant after the warm-up. Step s is counted from 0.
struct RateSchedule {
  std::int64_t warm_up = 0, steps = 0;
  double last = 0.1;
};

// Parameters told apart by their paths: "*" stands for anything, as in "h.*.ln_1.*".
struct PathRules {
  std::vector<std::string> only = {};                           // if any: what matches none of them is frozen, as by LoRA
  std::vector<std::string> freeze = {};                         // no gradient, no update
  std::vector<std::string> no_decay = {};                       // besides biases and tensors of fewer than two axes
  std::vector<std::pair<std::string, double>> rate = {};        // factors of the learning rate; the last that matches
};

struct AdamW {
  double rate = 3e-4, beta1 = 0.9, beta2 = 0.99, epsilon = 1e-8, decay = 0.1;
  // The largest norm of all gradients together; 0: not clipped. A gradient then need not wait for all others: a weight's is taken up by its
  // product's kernel, which writes parameter and moments, and is never stored.
  double clip = 1.0;
  RateSchedule schedule = {};
  PathRules rules = {};
  std::string name = "optimiser";  // that its slots begin with
};

struct Sgd {
  double rate = 0.1, momentum = 0, decay = 0, clip = 0;
  RateSchedule schedule = {};
  PathRules rules = {};
  std::string name = "optimiser";
};

// `loss` is a floating scalar, parameters are f32 (products of bf16 are a pass over the step: ir/passes/precision.h). Errors: a
// trainable parameter of another dtype or that the loss does not depend on (freeze it), a rule that matches nothing, a second
// optimiser of its name in the graph, a slot that has an update already. The graph of `loss` is extended, not copied: what is
// computed from a parameter's new value, such as its average, takes updated(parameter) (ir/update.h).
Graph train_step(const Tensor& loss, const AdamW& optimiser, Here where = Here::current());
Graph train_step(const Tensor& loss, const Sgd& optimiser, Here where = Here::current());
// With gradients that are there already, by path of the parameter: those of `accumulate`, or your own.
using Gradients = std::map<std::string, Tensor>;
Graph train_step(const Tensor& loss, const Gradients& gradients, const AdamW& optimiser, Here where = Here::current());
Graph train_step(const Tensor& loss, const Gradients& gradients, const Sgd& optimiser, Here where = Here::current());

// Does a path match a pattern with "*"?
bool matches(const std::string& pattern, const std::string& path);

}  // namespace uwaga
