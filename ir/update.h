// update: what a run leaves in a state slot.
//
//   Tensor w = s.param("w", {in}, zeros());
//   update(w, w + dot(wrong, x, {row}));       // after each run of the program, w is this
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

}  // namespace uwaga
