// What the builder simplifies while expressions are made. Only what is exact: integers and booleans, and moves.
// An empty Ex means: nothing to simplify.
#pragma once

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::kernel::fold {

// The value modulo the width of an integer dtype; booleans become 0 or 1.
std::int64_t wrapped(std::int64_t value, DType dtype);

// Integer arithmetic as contracts, section 4, settle it, in i64; the caller wraps.
std::int64_t floor_div(std::int64_t a, std::int64_t b);
std::int64_t floor_rem(std::int64_t a, std::int64_t b);

// The integer or boolean constant that x is, in every lane if it is a vector.
const std::int64_t* constant(Ex x);

Ex apply(KernelBuilder& b, Op op, Ex x, Ex y);  // y empty for unary ops; types are checked already
Ex cast(KernelBuilder& b, Ex x, DType dtype);
Ex bitcast(KernelBuilder& b, Ex x, DType dtype);
Ex bits(KernelBuilder& b, ExprKind kind, Ex x, Ex y);

// The kernel with only the expressions that are used, numbered in the order of their first use, and with the global
// buffers first: what two compilers evaluating arguments in different orders agree on.
Kernel canonical(const Kernel& kernel);

}  // namespace uwaga::kernel::fold
