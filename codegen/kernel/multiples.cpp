// What a branch tells about the value of an expression.
#include <algorithm>

#include <uwaga/codegen/kernel/build.h>
#include <uwaga/codegen/kernel/internal/fold.h>

namespace uwaga::kernel {

void KernelBuilder::with_multiple(Ex x, std::int64_t n, const std::function<void()>& body) {
  own(x);
  multiples_.emplace_back(x.id, n);
  body();
  multiples_.pop_back();
}

bool KernelBuilder::is_multiple(Ex x, std::int64_t n) const {
  if (const std::int64_t* c = fold::constant(x)) return *c % n == 0;
  return std::any_of(multiples_.begin(), multiples_.end(), [&](const auto& known) { return known.first == x.id && known.second % n == 0; });
}

}  // namespace uwaga::kernel
