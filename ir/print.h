// The text form of a graph. parse.h reads it back, exactly.
//
//   func &f0 {
//     %arg0 = input : f32[rows, cols=5]
//     %1 = exp %arg0 : f32[rows, cols=5]  // gpt.cpp:7 h.0
//     output out0 = %1
//   }
//   graph {
//     bound rows 1024
//     %x = input : f32[rows, cols=5]  // gpt.cpp:4
//     @h.0.w = parameter trainable true initial &f1 : f32[cols=5, wide=4]  // gpt.cpp:5 h.0
//     %2 = dot %x, @h.0.w over {cols} : f32[rows, wide=4]  // gpt.cpp:6 h.0
//     %3 = call %x composite softmax@1 options {axis: "cols"} body &f0 : f32[rows, cols=5]  // gpt.cpp:7 h.0
//     output y = %3
//     update h.0.w = @h.0.w
//   }
//
// A line is: value = op operands attributes : types. Inputs are %name, parameters @path, other nodes %number, and their
// further outputs %number.1, %number.2. Attributes are the fields of attributes.h, name then value; fields `type` and
// `dtype` are not written, being the type after the colon. Words with other characters than letters, digits, '_' and '.'
// are quoted. Floats are the shortest decimal that reads back to the same bits. Bodies are functions, written before
// their use, equal ones once.
#pragma once

#include <string>

#include <uwaga/ir/graph_ref.h>

namespace uwaga {

// What is told of a node's provenance: nothing; one origin as a comment; all origins with their scopes, in tables at the
// top ("scope 1 in 0 h.3 "gpt.cpp" 22", "origin 0 "gpt.cpp" 9 forward in 1") and as #numbers after the types.
enum class Lines : std::uint8_t { none, brief, exact };

struct PrintOptions {
  Lines lines = Lines::brief;
  bool canonical = true;  // the canonical graph (canonical.h); otherwise the nodes as they lie, dead ones too
};

std::string print(const Graph& graph, const PrintOptions& options = {});
// One node as its line, for messages and reports; bodies are "&body".
std::string print_node(const GraphData& graph, NodeId node, Lines lines = Lines::brief);
// "%3", "%x", "@h.3.w": a value's name in the text form.
std::string print_value(const GraphData& graph, Value value);

}  // namespace uwaga
