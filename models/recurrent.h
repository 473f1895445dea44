// Recurrent networks by scan: Elman's RNN with tanh, LSTM (Hochreiter and Schmidhuber 1997, forget gate of Gers et al. 2000)
// and GRU (Cho et al. 2014, the reset gate after the recurrent product), stacked and in both directions.
//
//   Recurrent c{.cell = Cell::lstm, .layers = 2};
//   RecurrentResult r = recurrent(s, x, time, input, hidden, c);      // x [batch time input] -> r.output [time batch hidden]
//
// Parameters of layer L in one direction, under l.L.forward or l.L.backward: x.weight [input gate hidden], x.bias
// [gate hidden], h.weight [hidden.in gate hidden], h.bias [gate hidden]. Gates in order: RNN one; LSTM i f g o; GRU r z n.
#pragma once

#include <optional>
#include <vector>

#include <uwaga/models/layers.h>

namespace uwaga {

enum class Cell { rnn, lstm, gru };

struct Recurrent {
  Cell cell = Cell::lstm;
  int layers = 1;
  bool bidirectional = false;
};

// The state of one layer in one direction: [batch hidden].
struct RecurrentState {
  Tensor hidden;
  std::optional<Tensor> cell;  // LSTM
};

struct RecurrentResult {
  Tensor output;                     // [time batch hidden]; in both directions hidden is twice as long, forward first
  std::vector<RecurrentState> last;  // layer by layer, forward before backward
};

// `initial` in the order of `last`; zeros where empty.
RecurrentResult recurrent(const Scope& s, const Tensor& x, const Axis& time, const Axis& input, const Axis& hidden,
                          const Recurrent& c, const std::vector<RecurrentState>& initial = {});

}  // namespace uwaga
