#include <uwaga/codegen/kernel/build.h>
#include <uwaga/ir/error.h>

namespace uwaga::kernel {

Stmt& KernelBuilder::append_tile(StmtKind kind, int tile) {
  check_internal(tile >= 0 && tile < kTiles, "a tile of a number that no tile has");
  Stmt& s = append(kind);
  s.var = static_cast<std::uint32_t>(tile);
  return s;
}

Stmt& KernelBuilder::append_tile(StmtKind kind, int tile, BufferId buffer, Ex index, Ex pitch) {
  own(index);
  own(pitch);
  constexpr VType kIndex{DType::i64, 1};
  check_internal(buffer < kernel_.buffers.size() && index.type() == kIndex && pitch.type() == kIndex, "a tile of no elements");
  Stmt& s = append_tile(kind, tile);
  s.buffer = buffer;
  s.index = index.id;
  s.value = pitch.id;
  return s;
}

void KernelBuilder::tile_zero(int tile) { append_tile(StmtKind::tile_zero, tile); }

void KernelBuilder::tile_load(int tile, BufferId buffer, Ex index, Ex pitch, bool streams) {
  append_tile(StmtKind::tile_load, tile, buffer, index, pitch).streams = streams;
}

void KernelBuilder::tile_dot(int sum, int a, int b) {
  Stmt& s = append_tile(StmtKind::tile_dot, sum);
  s.tiles = {static_cast<std::uint8_t>(a), static_cast<std::uint8_t>(b)};
}

void KernelBuilder::tile_store(BufferId buffer, Ex index, Ex pitch, int tile) {
  append_tile(StmtKind::tile_store, tile, buffer, index, pitch);
}

}  // namespace uwaga::kernel
