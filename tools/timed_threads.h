// Work done by several threads at once, timed.
#pragma once

#include <functional>

namespace uwaga {

// Seconds from the first thread's start to the last one's end. Each reads the clock itself: whoever starts them may not get
// to run before they are done. What `work` returns is thrown away, but must be computed.
double seconds(int threads, const std::function<float(int thread)>& work);

}  // namespace uwaga
