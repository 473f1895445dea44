#include "tests/errors/mistake.h"

MISTAKE("an initialiser that must be told the input axes",
        "fans_without_inputs.cpp:6: parameter 'weight' has axes {model, head, depth}: name those that are inputs") {
  Graph g;
  g.scope().param("weight", {{"model", 8}, {"head", 2}, {"depth", 4}}, xavier_uniform());
}
