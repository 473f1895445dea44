#include <uwaga/models/recurrent.h>

#include <fmt/format.h>

#include <cmath>

#include <uwaga/ir/error.h>

namespace uwaga {
namespace {

std::int64_t gates(Cell cell) { return cell == Cell::rnn ? 1 : cell == Cell::lstm ? 4 : 3; }

// One gate of [.. gate ..]: the sum over one element is that element.
Tensor gate(const Tensor& all, std::int64_t which) { return sum(slice(all, "gate", which, which + 1), {"gate"}); }

// From the input's share of the gates, the recurrent share (with its bias) and the state before.
RecurrentState next(Cell cell, const Tensor& x, const Tensor& h, const RecurrentState& before) {
  switch (cell) {
    case Cell::rnn: return {tanh(gate(x, 0) + gate(h, 0)), std::nullopt};
    case Cell::lstm: {
      const Tensor all = x + h;
      const Tensor in = sigmoid(gate(all, 0)), forget = sigmoid(gate(all, 1)), candidate = tanh(gate(all, 2)), out = sigmoid(gate(all, 3));
      const Tensor c = forget * *before.cell + in * candidate;
      return {out * tanh(c), c};
    }
    case Cell::gru: {
      const Tensor reset = sigmoid(gate(x, 0) + gate(h, 0)), update = sigmoid(gate(x, 1) + gate(h, 1));
      const Tensor candidate = tanh(gate(x, 2) + reset * gate(h, 2));
      return {(1.0 - update) * candidate + update * before.hidden, std::nullopt};
    }
  }
  throw InternalError("a cell of no kind");
}

RecurrentState zero_state(const Tensor& x, const Axis& time, const Axis& input, const Axis& hidden, bool with_cell) {
  std::vector<Dim> dims = x.type().without({time.name, input.name}).dims;
  dims.push_back({hidden.name, *hidden.extent});
  const Tensor zero = broadcast(constant(x.graph(), 0.0, x.dtype()), dims);
  return {zero, with_cell ? std::optional(zero) : std::nullopt};
}

struct Direction {
  Tensor output;
  RecurrentState last;
};

Direction run(Scope s, const Tensor& x, const Axis& time, const Axis& input, const Axis& hidden, Cell cell,
              const RecurrentState& start, bool reverse) {
  const double bound = 1 / std::sqrt(static_cast<double>(*hidden.extent->constant()));
  const Axis kinds("gate", gates(cell)), before = hidden.as(hidden.name + ".in");
  const Tensor share = linear(s / "x", x, input, {kinds, hidden}, {.bias = true, .weight = uniform(-bound, bound)});
  const Scope recurrent_scope = s / "h";
  const Tensor weight = recurrent_scope.param("weight", {before, kinds, hidden}, uniform(-bound, bound), x.dtype());
  const Tensor bias = recurrent_scope.param("bias", {kinds, hidden}, zeros(), x.dtype());
  std::vector<Tensor> carries{start.hidden};
  if (start.cell) carries.push_back(*start.cell);
  const ScanResult result = scan(
      time, carries, {share},
      [&](const std::vector<Tensor>& carry, const std::vector<Tensor>& slices, Tensor) {
        const Tensor h = dot(rename(carry[0], hidden.name, before.name), weight, {before}) + bias;
        const RecurrentState now = next(cell, slices[0], h, {carry[0], start.cell ? std::optional(carry[1]) : std::nullopt});
        std::vector<Tensor> after{now.hidden};
        if (now.cell) after.push_back(*now.cell);
        return ScanStep{after, {now.hidden}};
      },
      {.reverse = reverse});
  return {result.outputs[0], {result.carries[0], start.cell ? std::optional(result.carries[1]) : std::nullopt}};
}

}  // namespace

RecurrentResult recurrent(const Scope& s, const Tensor& x, const Axis& time, const Axis& input, const Axis& hidden,
                          const Recurrent& c, const std::vector<RecurrentState>& initial) {
  if (!hidden.extent || !hidden.extent->constant()) throw Error(fmt::format("a recurrent layer needs a size for axis '{}'", hidden.name));
  const std::size_t directions = c.bidirectional ? 2 : 1, states = directions * static_cast<std::size_t>(c.layers);
  if (!initial.empty() && initial.size() != states)
    throw Error(fmt::format("{} layers in {} directions want {} initial states, not {}", c.layers, directions, states, initial.size()));
  for (const RecurrentState& state : initial)
    if (state.cell.has_value() != (c.cell == Cell::lstm))
      throw Error(c.cell == Cell::lstm ? "an initial state of an lstm has a cell beside the hidden state" : "only an lstm has a cell in its initial state");
  std::vector<RecurrentState> last;
  Tensor y = x;
  Axis in = input;
  int i = 0;
  for (const Scope& layer : s.layers("l", c.layers)) {
    std::vector<Tensor> outputs;
    for (std::size_t d = 0; d < directions; ++d) {
      const std::size_t which = static_cast<std::size_t>(i) * directions + d;
      const RecurrentState start = initial.empty() ? zero_state(y, time, in, hidden, c.cell == Cell::lstm) : initial[which];
      const Direction done = run(layer / (d == 0 ? "forward" : "backward"), y, time, in, hidden, c.cell, start, d == 1);
      outputs.push_back(done.output);
      last.push_back(done.last);
    }
    y = outputs.size() == 1 ? outputs[0] : concat(outputs, hidden.name);
    in = Axis(hidden.name, y.extent(hidden.name));
    ++i;
  }
  return {y, last};
}

}  // namespace uwaga
