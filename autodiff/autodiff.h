// Derivatives of tensors, as further nodes of the same graph.
//
//   std::map<std::string, Tensor> g = grad(loss);              // for every trainable parameter, by path
//   Tensor dx = grad(loss, {x})[0];
//   Tensor second = grad(sum(dx, {model}), {x})[0];            // any order: a derivative is an ordinary tensor
//   Tensor directional = jvp({y}, {x}, {v})[0];
//
// Reverse mode is the transpose of the linearisation; both come from the two rules that every primitive has. A gradient
// has the dtype and the axes of what it is the gradient of, in the same order. What is built carries the provenance of
// the node it is the derivative of, in the role `backward`. Contributions to one gradient are added in an order that
// follows the structure of the graph alone.
//
// The derivative of a composite is a composite: NAME_backward of its operands and the cotangents of its outputs (inputs
// named as the body's, then cotangent.OUTPUT), giving cotangents of the operands asked for (cotangent.INPUT); NAME_jvp
// likewise with tangents. It is derived from the body once a signature, unless the composite names a better one.
//
// max and min give half of the gradient to each side of a tie, reduce_max shares it among ties. floor, comparisons,
// argmax, casts to integers and stop_gradient have derivative 0. A scan keeps what its backward needs, stacked along
// its axis, as further outputs of itself.
#pragma once

#include <uwaga/ir/ops.h>

#include <map>
#include <string>
#include <vector>

namespace uwaga {

struct GradOptions {
  bool allow_unused = false;  // zeros, not an Error, for what the gradient is zero of whatever the values
  bool named = true;          // take the derivatives that composites name; false: derive them from the bodies
};

// Gradients of a floating scalar. Error: the loss is no floating scalar; `wrt` has no floating dtype, or the loss does
// not depend on it (or only through something piecewise constant), unless that is allowed.
std::vector<Tensor> grad(const Tensor& loss, const std::vector<Tensor>& wrt, const GradOptions& options = {},
                         Here where = Here::current());
// With respect to all trainable parameters of the graph, by path.
std::map<std::string, Tensor> grad(const Tensor& loss, const GradOptions& options = {}, Here where = Here::current());

struct ValueAndGrad {
  Tensor value;
  std::map<std::string, Tensor> gradients;
};
ValueAndGrad value_and_grad(const Tensor& loss, const GradOptions& options = {}, Here where = Here::current());

// Cotangents of `wrt` from cotangents of `outputs`, each of the type of its output: the transposed Jacobian times them.
std::vector<Tensor> vjp(const std::vector<Tensor>& outputs, const std::vector<Tensor>& wrt,
                        const std::vector<Tensor>& cotangents, const GradOptions& options = {},
                        Here where = Here::current());
// Tangents of `outputs` from tangents of `wrt`: the Jacobian times them. An output that depends on none has a zero one.
std::vector<Tensor> jvp(const std::vector<Tensor>& outputs, const std::vector<Tensor>& wrt,
                        const std::vector<Tensor>& tangents, const GradOptions& options = {},
                        Here where = Here::current());

}  // namespace uwaga
