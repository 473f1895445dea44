// Kernels of users on a GPU: elements as the elementwise schedule has them, a block of threads a row, else a task a thread.
#include <algorithm>

#include <uwaga/codegen/cuda/internal/block_reduce.h>
#include <uwaga/codegen/cuda/internal/schedules.h>
#include <uwaga/codegen/schedule/custom.h>

namespace uwaga::cuda {
namespace {

using namespace schedule;

class CudaRow final : public Row {
 public:
  // `single`: true while what is stored is the row's, so that one thread stores it.
  CudaRow(KernelCall& call, Inline& x, const RowAxes& axes, Ex thread, bool& single, At at)
      : Row(std::move(at), x.builder().cast(x.extent(product(axes.reduced)), call.dtype())), x_(x), axes_(axes), thread_(thread),
        single_(single), n_(x.extent(product(axes.reduced))), dtype_(call.dtype()) {}

  void each(const std::function<void(const At&)>& body) override {
    x_.loop(thread_, n_, kSumLanes, [&](Ex i) {
      single_ = false;
      body(place(i));
      single_ = true;
    });
  }

 private:
  Ex reduce(Op op, std::optional<DType> dtype, const Term& term) override {
    const std::vector<Reduction> reductions = {row_reduction(x_.builder(), op, dtype.value_or(dtype_))};
    BlockReduce block(x_, thread_, reductions);
    return block.row(n_, [&](Ex i) { return std::vector<Ex>{x_.builder().let(term(place(i)))}; })[0];
  }
  At place(Ex i) {
    At at = at_;
    set_flat(x_, at, axes_.reduced, Index::scalar(i));
    return at;
  }

  Inline& x_;
  const RowAxes& axes_;
  const Ex thread_;
  bool& single_;
  const Ex n_;
  const DType dtype_;
};

class CudaCall final : public KernelCall {
 public:
  CudaCall(Inline& x, NodeId call) : KernelCall(x, call) {}

  void each_element(const std::function<void(const At&)>& body) override { cuda::each_element(x_, {call_, 0}, body); }
  void each_row(const Axes& over, const std::function<void(Row&)>& body) override {
    KernelBuilder& b = builder();
    const RowAxes axes = row_axes(x_, widest(names_of(over)), names_of(over));
    const Ex row = b.grid(axes.kept.empty() ? b.integer(1) : x_.extent(product(axes.kept)));
    thread_ = b.threads(kSumLanes);
    At at = zero_env(b, axes.space);
    set_flat(x_, at, axes.kept, Index::scalar(row));
    single_ = true;
    CudaRow mine(*this, x_, axes, thread_, single_, at);
    body(mine);
    single_ = false;
  }
  bool on_gpu() const override { return true; }
  int lanes() const override { return 1; }

 private:
  void store(Value tensor, const At& at, Ex value) override {
    if (!single_) return KernelCall::store(tensor, at, value);
    x_.branch(equal(thread_, builder().integer(0)), [&] { KernelCall::store(tensor, at, value); });
  }

  Ex thread_;
  bool single_ = false;
};

}  // namespace

Schedule custom(const Graph& graph, const Cluster& cluster, const Layouts& layouts, const CustomKernels& kernels) {
  return write_custom(graph, cluster, layouts, kernels, [](Inline& x, NodeId call) { return std::make_unique<CudaCall>(x, call); });
}

}  // namespace uwaga::cuda
