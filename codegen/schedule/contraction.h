// The host's schedule of a `contraction` cluster: packed operands, register tiles, an epilogue on the tile.
//
// A dot is a batch of matrix products C[m, n] = sum over k of A[m, k] * B[k, n]: m runs over the axes only one operand has,
// n over those only the other has, k over the contracted ones in the order the dot names them, and a batch over what both
// share. Which operand plays A is chosen so that n ends in the axis that is fastest in the result.
//
// A task computes a block of rows and columns of one batch entry. It walks k in blocks of 512 terms; for each it packs B into
// panels one register tile wide (and A where it is computed or badly placed), runs the tiles, each one fma chain from 0, and
// adds the block to the task's own C. A B that the first row of tiles can read as it lies is packed by it, on the way. After the
// last block the epilogue reads C and stores the cluster's outputs; without one, a tile's sums go from its registers to the
// result, as far as it is all there and is read soon. Tile sizes change nothing in the bits. While tiles are computed, what is
// packed next is fetched into the second cache, a few lines every turn of their innermost loops, and in the last block what the
// epilogue reads and writes; what is packed along the way is fetched a few steps ahead.
//
// What several tasks of a large product would pack, each for itself, a kernel of its own packs once, as both operands of a weight's
// gradient. For tile registers that is an A whose rows lie side by side, which has to be turned over; one too large for that has as many
// columns to a task as the second cache takes.
//
// Operands in bf16 are widened to f32, exactly, or on a target with bf16_dot multiplied in pairs: the chain then takes two terms
// a step, the second first, as dot_pairs says. On a target with tile registers (AMX) both are packed in pairs, zeros past the
// end, and 32 x 32 entries of C summed by tile_dot, one block of terms onto the other. So their bits are those of the
// instruction set.
// Tile registers hold sums exactly, so their blocks are no part of the meaning: as many terms at once as the second cache
// takes. An A that lies in memory as tiles are loaded is not packed, but for a last tile that hangs over the edge. It stays in
// the first cache while B's tiles pass it by, and nothing is fetched ahead beside them: their loads want all of its buffers.
//
// Results that nobody reads soon (Layout::cold) are stored past the caches.
//
// Sums over patches of the result (fuse/patches.h) are of what is stored, read again by the task when the patches that follow are there:
// then memory has taken the stores, and the second cache still has the lines. Of what is not stored the epilogue adds them up, a total for
// each column.
#pragma once

#include <uwaga/codegen/fuse/patches.h>
#include <uwaga/codegen/schedule.h>

namespace uwaga {

// Can the kernel of the products take all of the cluster's patch sums along? They are of neighbours along what its rows and its columns end in.
bool takes_patch_sums(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target);
// With those sums, if there are any, which it then must take.
Schedule schedule_contraction(const Graph& graph, const Patched& whole, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga
