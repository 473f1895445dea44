// From a cluster to a kernel for the host.
//
// A schedule is a function that writes the final kernel for one target: vector width, loop order, tiles and packing are
// decided here and nowhere later. Its sums follow the order the contracts fix: f32 and f64 dot in blocks of 512 terms,
// each one fma chain, blocks added in order; other sums in blocks of 4,096 terms and 64 lanes joined by a fixed tree.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <uwaga/codegen/cluster.h>
#include <uwaga/codegen/kernel/kernel.h>
#include <uwaga/codegen/tuning.h>

namespace uwaga {

// What a host schedule may count on. What it chooses by sizes of caches, threads and `tuning` changes speed only.
struct HostTarget {
  int vector_bytes = 32;      // of one register
  int registers = 16;         // vector registers
  bool fma = true;
  bool bf16_dot = false;      // AVX512_BF16
  bool amx = false;           // tile registers that multiply bf16
  std::int64_t l1_bytes = 32 << 10, l2_bytes = 512 << 10;
  Tuning tuning;
  int threads = 1;            // that kernels run on: products and long sums are cut so that each has a task, which changes no bits
  std::string cpu;            // LLVM's name of the processor
  std::string features;       // LLVM's feature string
  std::string tune;           // LLVM's name of the processor to order instructions for; decides no bits
};

// How a stored value lies in memory: dense, these axes from the slowest to the fastest.
struct Layout {
  AxisNames order;
  bool cold = false;  // large, and not read before much else was read and written: no use to leave it in a cache
  // Not dense: along this axis it is the first of a larger array, which has this extent there.
  struct Room {
    std::string axis;
    Extent extent;
  };
  std::optional<Room> room = std::nullopt;
};
using Layouts = std::map<Value, Layout>;

// What a kernel's scalar argument is bound to at launch: an extent (evaluated when sizes are bound), or a number of the
// argument's dtype. Attributes other than 0, +-1, 1/2 and 2 are arguments, so that kernels are shared.
using Binding = std::variant<Extent, Literal>;

struct ScheduledKernel {
  kernel::Kernel kernel;
  std::vector<Value> buffers;     // the graph's values behind the global buffers, in order
  std::vector<Binding> arguments;
  std::vector<ProvenanceId> origins;  // by ordinal
  std::vector<std::size_t> nodes;     // by ordinal: which of the cluster's nodes; empty: each has its own (whole_calls.h)
};

// The layout of a value stored by a cluster: chosen before any kernel is written, by `choose_layouts`.
Layouts choose_layouts(const Graph& graph, const Clustering& clustering);
// Gives wide rows of what products write or multiply room for so many bytes to divide them: none then begins amid a cache line, so that no
// vector of it, and no row of a tile, lies in two.
void align_rows(const Graph& graph, const Clustering& clustering, std::int64_t bytes, Layouts& layouts);
// Elements of memory that a value takes.
Extent elements_in_memory(const Type& type, const Layout& layout);

// The kernels of a cluster, to be run one after the other with a barrier between (most clusters are one kernel). A second
// kernel's extra buffers are temporaries: see `temporaries`.
struct Temporary {
  DType dtype = DType::f32;
  Extent elements;         // divided by `parts`: a number of blocks is no polynomial of sizes
  std::int64_t parts = 1;
  std::int64_t count(const Sizes& sizes) const { return (elements.evaluate(sizes) + (parts - 1)) / parts; }
};
struct Schedule {
  std::vector<ScheduledKernel> kernels;
  std::vector<Temporary> temporaries;  // a kernel's buffer Value{kTemporary, i} is temporaries[i]
  // What the first kernel copies to the cluster's result as it lies, and no other reads: where nothing else wants it later,
  // both may have one buffer and the copy is left out.
  std::optional<Value> copied;
};
inline constexpr NodeId kTemporary = ~NodeId{0};

Schedule schedule_for_host(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const HostTarget& target);

}  // namespace uwaga
