// Tile registers: AMX. A kernel names its tiles by number and keeps to the registers there are, so that LLVM has none to choose.
#include <uwaga/codegen/llvm/internal/emitter.h>
#include <uwaga/ir/error.h>

#include <llvm/IR/IntrinsicsX86.h>

#include <algorithm>

namespace uwaga::kernel {
namespace {

bool uses_tiles(const std::vector<Stmt>& statements) {
  return std::any_of(statements.begin(), statements.end(),
                     [](const Stmt& s) { return is_tile(s.kind) || uses_tiles(s.body) || uses_tiles(s.otherwise); });
}

}  // namespace

// All tiles whole. The layout is the processor's: bytes 0 palette, 16.. two each a row's bytes by tile, 48.. one each the rows.
void Emitter::configure_tiles() {
  tiled_ = uses_tiles(kernel_.body);
  if (!tiled_) return;
  if (!options_.amx) throw InternalError("the target has no tiles");
  std::vector<std::uint8_t> bytes(64);
  bytes[0] = 1;
  for (std::size_t tile = 0; tile < kTiles; ++tile) {
    bytes[16 + 2 * tile] = 4 * kTileColumns;
    bytes[48 + tile] = kTileRows;
  }
  llvm::Constant* data = llvm::ConstantDataArray::get(context_, bytes);
  auto* shape = new llvm::GlobalVariable(module_, data->getType(), true, llvm::GlobalValue::PrivateLinkage, data);
  shape->setAlignment(llvm::Align(64));
  b_.CreateIntrinsic(llvm::Intrinsic::x86_ldtilecfg, {}, {shape});
}

void Emitter::release_tiles() {
  if (tiled_) b_.CreateIntrinsic(llvm::Intrinsic::x86_tilerelease, {}, {});
}

void Emitter::tile(const Stmt& s) {
  const auto number = [&](std::uint32_t tile) { return b_.getInt8(static_cast<std::uint8_t>(tile)); };
  if (s.kind == StmtKind::tile_zero || s.kind == StmtKind::tile_dot) {
    at(s.ordinal);
    if (s.kind == StmtKind::tile_zero) b_.CreateIntrinsic(llvm::Intrinsic::x86_tilezero, {}, {number(s.var)});
    else b_.CreateIntrinsic(llvm::Intrinsic::x86_tdpbf16ps, {}, {number(s.var), number(s.tiles[0]), number(s.tiles[1])});
    return;
  }
  llvm::Value* rows = pointer(s.buffer, s.index);
  llvm::Value* pitch = value(s.value);
  at(s.ordinal);
  const auto bytes = static_cast<std::uint64_t>(size_of(kernel_.buffers[s.buffer].dtype));
  pitch = b_.CreateMul(pitch, b_.getInt64(bytes));
  const auto which = s.kind == StmtKind::tile_store ? llvm::Intrinsic::x86_tilestored64
                     : s.streams                    ? llvm::Intrinsic::x86_tileloaddt164
                                                    : llvm::Intrinsic::x86_tileloadd64;
  b_.CreateIntrinsic(which, {}, {number(s.var), rows, pitch});
  if (s.kind == StmtKind::tile_store) changed(buffer_key(s.buffer));
}

}  // namespace uwaga::kernel
