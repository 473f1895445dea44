// Independent pieces of work on a few threads that live as long as it takes.
//
//   on_threads(clusters.size(), threads, [&] { return [&](std::size_t i) { plans[i] = plan(clusters[i]); }; });
#pragma once

#include <cstddef>
#include <functional>

namespace uwaga {

// Every piece below `count` once, in no order, on at most `threads` threads, the calling one among them. A thread asks `worker` for
// what does its pieces when it gets its first. Of what the pieces threw, that of the first one is thrown when all are done.
void on_threads(std::size_t count, int threads, const std::function<std::function<void(std::size_t piece)>()>& worker);

}  // namespace uwaga
