// Gradient accumulation: the loss and its gradients over microbatches, one after another, as if over the whole batch.
//
//   Accumulated a = accumulate({tokens, targets}, batch, 8, [&](const std::vector<Tensor>& in) {
//     return cross_entropy_sum(gpt(s, in[0], c), in[1], c.vocab);
//   });
//   a.loss, a.gradients.at("embed")
//
// A scan over microbatches carries the sums of losses, counts and gradients; the mean is taken at the end, so that
// padded microbatches weigh what they hold. Memory for activations is that of one microbatch.
#pragma once

#include <uwaga/autodiff/autodiff.h>
#include <uwaga/ir/composites/losses.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace uwaga {

struct Accumulated {
  Tensor loss;                              // total / count, a scalar
  Tensor count;                             // terms of all microbatches
  std::map<std::string, Tensor> gradients;  // of the loss, by path of the trainable parameter
};
using MicrobatchLoss = std::function<Loss(const std::vector<Tensor>& inputs)>;

// Cuts `batch` of every input, of a size that is known, into `microbatches` runs of consecutive elements; the loss sees the axis by
// the same name and smaller, so that it is to be named without its size: sum(x, {"batch"}). Error: an input lacks the axis or it is
// not divisible, or the loss draws random numbers: these must be drawn for the whole batch and passed as an input.
Accumulated accumulate(const std::vector<Tensor>& inputs, const Axis& batch, std::int64_t microbatches,
                       const MicrobatchLoss& loss, const GradOptions& options = {}, Here where = Here::current());

}  // namespace uwaga
