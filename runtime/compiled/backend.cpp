// A target that works on the host's memory, at once.
#include <uwaga/runtime/compiled/internal/backend.h>

#include <chrono>
#include <cstring>

namespace uwaga {

void Backend::upload(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
void Backend::download(void* to, const void* from, std::size_t bytes) { copy(to, from, bytes); }
void Backend::copy(void* to, const void* from, std::size_t bytes) {
  if (bytes > 0) std::memcpy(to, from, bytes);
}
void Backend::copy_pieces(void* to, std::size_t pitch, const void* from, std::size_t bytes, std::size_t pieces) {
  for (std::size_t i = 0; i < pieces; ++i) copy(static_cast<std::byte*>(to) + i * pitch, static_cast<const std::byte*>(from) + i * bytes, bytes);
}
void Backend::write_index(void* to, std::int64_t index) { std::memcpy(to, &index, sizeof index); }

double Backend::timed(const std::function<void()>& launches) {
  const auto start = std::chrono::steady_clock::now();
  launches();
  finish();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace uwaga
