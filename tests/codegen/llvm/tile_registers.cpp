#include "tests/codegen/llvm/tile_registers.h"

#if defined(__x86_64__) && defined(__linux__)

#include <ucontext.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace uwaga::test {
namespace {

// What the processor would hold. A signal handler has nothing but globals to look at.
struct Tiles {
  unsigned char configuration[64];  // of ldtilecfg: 16.. a row's bytes by tile, two each, 48.. rows by tile
  unsigned char rows[8][16][64];
  long instructions;

  int row_bytes(int tile) const { return configuration[16 + 2 * tile] | configuration[17 + 2 * tile] << 8; }
  int row_count(int tile) const { return configuration[48 + tile]; }
};
Tiles tiles;

struct sigaction default_action() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  return action;
}

// Registers by their number in an instruction.
std::int64_t general(const ucontext_t& context, int number) {
  static const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  return context.uc_mcontext.gregs[order[number]];
}

// A VEX instruction of three bytes of prefix (c4), opcode, ModRM and what it names.
struct Instruction {
  int prefix = 0;    // 0 none, 1 66, 2 f3, 3 f2
  int opcode = 0, mod = 0, reg = 0, rm = 0, vvvv = 0;
  std::int64_t address = 0, stride = 0;  // of an operand in memory; the index register as it is, scaled
  int length = 0;
};

bool decode(const unsigned char* at, const ucontext_t& context, Instruction& out) {
  if (at[0] != 0xc4 || (at[1] & 31) != 2) return false;  // the map 0f38
  const int b = !(at[1] & 0x20), x = !(at[1] & 0x40);
  out.prefix = at[2] & 3;
  out.vvvv = ~(at[2] >> 3) & 15;
  out.opcode = at[3];
  out.mod = at[4] >> 6;
  out.reg = at[4] >> 3 & 7;
  out.rm = at[4] & 7;
  int length = 5;
  if (out.mod != 3) {
    bool has_base = true, relative = false;
    int base = out.rm | b << 3, index = 4, scale = 0;
    if (out.rm == 4) {
      const int sib = at[length++];
      base = (sib & 7) | b << 3;
      index = (sib >> 3 & 7) | x << 3;
      scale = sib >> 6;
      has_base = !((sib & 7) == 5 && out.mod == 0);
    } else if (out.rm == 5 && out.mod == 0) {
      has_base = false;
      relative = true;
    }
    std::int64_t displacement = 0;
    if (out.mod == 1) {
      displacement = static_cast<signed char>(at[length++]);
    } else if (out.mod == 2 || !has_base) {
      std::int32_t wide;
      std::memcpy(&wide, at + length, 4);
      displacement = wide;
      length += 4;
    }
    out.stride = index == 4 ? 0 : general(context, index) << scale;
    out.address = displacement + (has_base ? general(context, base) : 0);
    if (relative) out.address += reinterpret_cast<std::int64_t>(at) + length;
  }
  out.length = length;
  return true;
}

float flushed(float x) { return std::fpclassify(x) == FP_SUBNORMAL ? std::copysign(0.0F, x) : x; }
float word(const unsigned char* at) {
  float x;
  std::memcpy(&x, at, 4);
  return x;
}
float half(const unsigned char* at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, 2);
  return flushed(std::bit_cast<float>(std::uint32_t{bits} << 16));
}

// tdpbf16ps as its manual defines it.
void multiply(int c, int a, int b) {
  for (int m = 0; m < tiles.row_count(c); ++m)
    for (int n = 0; n < tiles.row_bytes(c) / 4; ++n) {
      float even = 0, odd = 0;
      for (int k = 0; k < tiles.row_bytes(a) / 4; ++k) {
        const unsigned char *left = tiles.rows[a][m] + 4 * k, *right = tiles.rows[b][k] + 4 * n;
        even = flushed(std::fma(half(left), half(right), even));
        odd = flushed(std::fma(half(left + 2), half(right + 2), odd));
      }
      unsigned char* at = tiles.rows[c][m] + 4 * n;
      const float sum = flushed(flushed(word(at)) + flushed(even + odd));
      std::memcpy(at, &sum, 4);
    }
}

bool execute(const Instruction& i) {
  constexpr int kNone = 0, kStore = 2;  // prefixes: of the others one loads and one streams
  if (i.opcode == 0x49 && i.prefix == kNone && i.mod != 3) {  // ldtilecfg
    std::memcpy(tiles.configuration, reinterpret_cast<const void*>(i.address), 64);
    std::memset(tiles.rows, 0, sizeof tiles.rows);
    return tiles.configuration[0] == 1;
  }
  if (i.opcode == 0x49 && i.prefix == kNone && i.reg == 0 && i.rm == 0) {  // tilerelease
    std::memset(tiles.configuration, 0, sizeof tiles.configuration);
    return true;
  }
  if (tiles.configuration[0] != 1) return false;
  if (i.opcode == 0x49 && i.prefix == 3 && i.mod == 3) {  // tilezero
    std::memset(tiles.rows[i.reg], 0, sizeof tiles.rows[i.reg]);
    return true;
  }
  if (i.opcode == 0x4b && i.prefix != kNone && i.mod != 3) {  // tileloadd, tileloaddt1, tilestored
    for (int row = 0; row < tiles.row_count(i.reg); ++row) {
      auto* memory = reinterpret_cast<unsigned char*>(i.address + row * i.stride);
      const auto bytes = static_cast<std::size_t>(tiles.row_bytes(i.reg));
      if (i.prefix == kStore) std::memcpy(memory, tiles.rows[i.reg][row], bytes);
      else std::memcpy(tiles.rows[i.reg][row], memory, bytes);
    }
    return true;
  }
  if (i.opcode == 0x5c && i.prefix == 2 && i.mod == 3) {  // tdpbf16ps
    multiply(i.reg, i.rm, i.vvvv);
    return true;
  }
  return false;
}

void handle(int, siginfo_t*, void* given) {
  auto& context = *static_cast<ucontext_t*>(given);
  const auto* at = reinterpret_cast<const unsigned char*>(context.uc_mcontext.gregs[REG_RIP]);
  Instruction i;
  if (!decode(at, context, i) || !execute(i)) {
    const struct sigaction action = default_action();  // it is met again, and ends the program as it would have
    sigaction(SIGILL, &action, nullptr);
    return;
  }
  ++tiles.instructions;
  context.uc_mcontext.gregs[REG_RIP] += i.length;
}

}  // namespace

EmulatedTiles::EmulatedTiles() {
  tiles = {};
  // Whole tiles until ldtilecfg says so: a processor that has tiles, but not the permission to use them, may execute that one.
  tiles.configuration[0] = 1;
  for (int tile = 0; tile < 8; ++tile) {
    tiles.configuration[16 + 2 * tile] = 64;
    tiles.configuration[48 + tile] = 16;
  }
  struct sigaction action{};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGILL, &action, &before_);
}

EmulatedTiles::~EmulatedTiles() { sigaction(SIGILL, &before_, nullptr); }

long EmulatedTiles::instructions() { return tiles.instructions; }

}  // namespace uwaga::test

#endif
