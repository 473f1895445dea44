// update: what a run leaves in a state slot. updated: that value, for what follows it.
//
//   Tensor w = s.param("w", {in}, zeros());
//   update(w, w + dot(wrong, x, {row}));       // after each run of the program, w is this
//   Tensor average = s.state("average", w, zeros());
//   update(average, 0.9 * average + 0.1 * updated(w));
//
// Optimisers are written with it (models/train_step.h gives the usual ones): graph.parameter(path) for each gradient that
// grad(loss) gives, scope.state(name, parameter, zeros()) for its moments, and, where the model draws random numbers,
// update(graph.step(), graph.step() + 1), which they follow. The slot is read as it was before the run
// by everything in the graph; the new value is committed when the run has succeeded. The axes of `value` may be written
// in any order. Error: `slot` is no parameter or state slot, the types differ, or the slot has an update already.
#pragma once

#include <uwaga/ir/ops.h>

namespace uwaga {

void update(const Tensor& slot, const Tensor& value, Here where = Here::current());

// The value that a slot will have after the run, by the updates written so far: after train_step, a parameter's new one. The
// slot itself where there is none, as for a frozen parameter. Error: `slot` is no parameter or state slot.
Tensor updated(const Tensor& slot, Here where = Here::current());

}  // namespace uwaga
