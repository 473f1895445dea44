// The dtype that sums, counts and angles of a floating dtype are computed in: narrow ones in f32, f64 in itself.
#pragma once

#include <uwaga/ir/dtype.h>

namespace uwaga {

constexpr DType at_least_f32(DType d) { return d == DType::f64 ? d : DType::f32; }

}  // namespace uwaga
