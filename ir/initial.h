// How parameters start.
//
//   Tensor w = s.param("weight", {model, hidden}, normal(0.02));
//   Tensor g = s.param("gain", {model}, ones());
//   Tensor p = s.param("proj", {model, head, depth}, xavier_uniform({model}));
//
// Each writes graph ops (random_bits keyed by the parameter's path at step 0, log, sqrt, cos, ...), so first values do not
// depend on the machine's mathematical library, on the order of declaration, or on the number of threads. Numbers are drawn
// in f32 and cast (f64 parameters draw in f64). Integer parameters take only zeros, ones and constant_value.
//
// Fans: fan in is the number of elements along the axes named `in` (the weight's input axes), fan out along the others.
// Where `in` is left empty the parameter must have two axes, and the fans are their extents.
#pragma once

#include <uwaga/ir/scope.h>
#include <uwaga/ir/type.h>

namespace uwaga {

Initial zeros();
Initial ones();
Initial constant_value(double value);

// Box-Muller, from two uniform numbers an element.
Initial normal(double std);
Initial normal(double mean, double std);
// A normal distribution of this std cut off at two std on either side, by the inverse of its distribution function (M. Giles,
// "Approximating the erfinv function", GPU Computing Gems 2, 2010: the central branch, which is all that two std reach).
Initial truncated_normal(double std);

// Within (low, high), ends excluded.
Initial uniform(double low, double high);
// Within +-sqrt(6 / (fan in + fan out)): Glorot and Bengio, AISTATS 2010.
Initial xavier_uniform(Axes in = {});
// Within +-sqrt(6 / ((1 + a^2) fan in)): He et al., ICCV 2015; `a` is the slope of the leaky rectifier behind the weight.
// `in` must be named unless the parameter has one axis.
Initial kaiming_uniform(double a, Axes in);

}  // namespace uwaga
