// What is asked of every op: the graph of each question, and how far from the typed interpreter an answer may be.
#pragma once

#include <uwaga/ir/array.h>

#include <string>

#include "tests/ir/every_dtype.h"

namespace uwaga::test {

enum class Question { forward, derivatives, second, vmap };
constexpr const char* name(Question q) {
  constexpr const char* kNames[] = {"forward", "JVP and gradient", "second order", "vmap"};
  return kNames[static_cast<int>(q)];
}

// Has the op a derivative, and its example something floating to differentiate?
bool is_differentiable(const DTypeExample& e);
// The question's graph. Inputs vI and uI are the tangents of the floating inputs and the cotangents of the floating outputs;
// outputs jI and dI are the derivatives along v and the gradients.
Graph question_of(const DTypeExample& e, Question q);

// Values for the graph's inputs at these sizes, each in its dtype.
Arrays question_inputs(const Graph& graph, const DTypeExample& e, const Sizes& sizes);

// The typed interpreter's answer, and how far off another may be. `absolute` is 0 where all bits must be equal. Where there
// are functions (which are not libm's), each is off by at most two units and brings that in wherever it is used (a cube has
// three times its error), sums add up as many of these as they have terms, and no value is larger than the largest of the
// run: 2 x (functions + their uses) x terms x 2u x largest. u is of the coarsest floating
// dtype that a node gives, not of the inputs: cross_entropy and rope compute in f32 whatever they are given.
struct Answer {
  Arrays outputs;
  double absolute = 0;
  double rounding = 0;  // the same bound where every node, not functions alone, is off by a rounding
};
Answer answer(const Graph& graph, const Arrays& inputs, const Sizes& sizes);

// How far apart u.(Jv) and v.(Jtu) are, as a sentence; empty where they are as near as their roundings allow.
std::string identity_difference(const Graph& derivatives, const Arrays& inputs, const Arrays& outputs, double rounding);

// The first element that is further off, as a sentence; empty where there is none.
std::string difference(const Arrays& have, const Answer& want);

}  // namespace uwaga::test
