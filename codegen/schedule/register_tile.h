// The innermost loops of a matrix product: as much of C as registers hold, summed over some steps.
#pragma once

#include <vector>

#include <uwaga/codegen/kernel/build.h>

namespace uwaga::schedule {

// Lines that come closer while a tile is computed, a few every turn: all at once they would hold up its own loads. They lie in pieces, a
// piece's one behind the other.
struct TileFetch {
  kernel::BufferId buffer = 0;
  std::int64_t a_turn = 0;  // how many; 0: none
  std::int64_t line = 16;   // elements
  std::int64_t piece = 1;   // lines
};

// What its code depends on. A step is one term, or two where `pairs`: then B holds i32 of two bf16 each.
struct RegisterTile {
  int rows = 6, vectors = 2, lanes = 8;  // of C; as many vectors of B a step
  DType dtype = DType::f32;              // of sums and C
  kernel::BufferId a = 0, b = 0, c = 0;
  std::int64_t a_pitch = 0;    // elements of A from one row to the next; 0: rows lie anywhere
  std::int64_t b_step = 16;    // elements of B from one step to the next
  bool pairs = false;
  bool pairs_in_line = false;  // A is bf16, as it is stored
  bool half_step = false;      // of those the last term may have no second one
  bool whole_turns = false;    // the steps are a multiple of kStepsATurn
  bool adds = false;           // onto what C holds
  std::int64_t packs_ahead = 0;  // fetches B so many steps ahead and puts its steps into `packed`, one behind the other; 0: does not
  kernel::BufferId packed = 0;
  TileFetch fetch{};
  bool shared = false;         // a routine: worth its call where the steps are many
};

// Steps of a turn of the innermost loop. One costs up to a tenth where others share a processor's cores, two a few percent; eight
// gain nothing.
inline constexpr std::int64_t kStepsATurn = 4;

inline constexpr std::int64_t kLineParts = 1 << 16;

// Where it lies, in elements, all i64.
struct TilePlace {
  std::vector<kernel::Ex> a;  // where each row begins; the first one's where they have a pitch
  kernel::Ex a_step;          // from one step of a row to the next
  kernel::Ex b, c, c_pitch, steps;
  kernel::Ex terms{};   // with `half_step`
  kernel::Ex packed{};  // with `packs_ahead`: where B's first step goes
  // With `fetch`: where the first piece begins and how far the next, the first line, and how many a step, in kLineParts of one.
  kernel::Ex pieces{}, piece_pitch{}, line{}, lines_a_step{};
  kernel::Ex before{};  // terms whose sums C holds, where there may be some
};

void multiply(kernel::KernelBuilder& b, const RegisterTile& tile, const TilePlace& place);

// The same in tile registers, of words that hold two bf16 each: up to 2 x 2 tiles of f32 sums.
struct TileOperand {
  kernel::BufferId buffer;
  kernel::Ex begin, pitch;  // of A from row to row, of B from word to word; elements
  std::int64_t step = 1;    // of A from word to word
};
struct TilesOfSums {
  kernel::BufferId buffer;
  kernel::Ex begin, pitch;
  bool adds = false;    // onto what is there
  kernel::Ex before{};  // the same, where there may be none: terms whose sums are there
};
// `words`: of a row, in whole tiles. `streams`: B is not wanted in the first cache again.
void multiply_tiles(kernel::KernelBuilder& b, const TileOperand& rows, const TileOperand& columns, const TilesOfSums& sums, kernel::Ex words,
                    int down, int across, bool streams);

}  // namespace uwaga::schedule
