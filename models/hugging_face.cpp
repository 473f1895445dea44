#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/models/hugging_face.h>
#include <uwaga/models/train_step.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

namespace uwaga {
namespace {

constexpr const char* kPart = "part";

std::int64_t size_of_axis(const Axis& a) {
  const auto size = a.extent ? a.extent->constant() : std::nullopt;
  if (!size) throw InternalError(fmt::format("axis '{}' of a weight table has no fixed size", a.name));
  return *size;
}

// The axes of a row, one after the other.
ArrayDims viewed(const WeightRow& row) {
  ArrayDims dims;
  for (const Axes& merged : row.axes)
    for (const Axis& a : merged) dims.push_back({a.name, size_of_axis(a)});
  return dims;
}

// The axes on disk.
ArrayDims stored(const WeightRow& row) {
  ArrayDims dims;
  for (const Axes& merged : row.axes) {
    std::int64_t extent = 1;
    for (const Axis& a : merged) extent *= size_of_axis(a);
    dims.push_back({fmt::format("axis{}", dims.size()), extent});
  }
  return dims;
}

// The same axes, `part` in front: what one parameter takes of it lies in one piece.
ArrayDims parts_first(const ArrayDims& dims) {
  ArrayDims out = dims;
  const auto part = std::find_if(out.begin(), out.end(), [](const ArrayDim& d) { return d.axis == kPart; });
  if (part != out.end()) std::rotate(out.begin(), part, part + 1);
  return out;
}

AxisNames names(const ArrayDims& dims) {
  AxisNames out;
  for (const ArrayDim& d : dims) out.push_back(d.axis);
  return out;
}

std::string extents(const ArrayDims& dims) {
  std::string out;
  for (const ArrayDim& d : dims) out += fmt::format("{}{}", out.empty() ? "" : ", ", d.extent);
  return "[" + out + "]";
}

Array read(const WeightRow& row, const Array& disk) {
  const ArrayDims want = stored(row);
  if (!std::equal(want.begin(), want.end(), disk.dims().begin(), disk.dims().end(),
                  [](const ArrayDim& a, const ArrayDim& b) { return a.extent == b.extent; }))
    throw Error(fmt::format("'{}' is {} in the file; the model wants {} for '{}'", row.disk, extents(disk.dims()),
                            extents(want), row.path));
  const Array view = disk.reshaped(viewed(row));
  if (!row.part) return view;
  const ArrayDims dims = parts_first(view.dims());
  const Array parts = view.reordered(names(dims));
  const std::size_t bytes = parts.bytes() / static_cast<std::size_t>(dims[0].extent);
  return Array::from_bytes(view.dtype(), ArrayDims(dims.begin() + 1, dims.end()),
                           {parts.data() + bytes * static_cast<std::size_t>(*row.part), bytes});
}

// Rows of one layer have "*" for its number.
void add_layers(WeightTable& table, std::int64_t layers, const std::vector<WeightRow>& rows) {
  for (std::int64_t i = 0; i < layers; ++i)
    for (WeightRow row : rows) {
      for (std::string* name : {&row.path, &row.disk}) {
        const std::size_t star = name->find('*');
        if (star != std::string::npos) name->replace(star, 1, std::to_string(i));
      }
      table.rows.push_back(std::move(row));
    }
}

}  // namespace

WeightTable weight_table(const Gpt2& c) {
  const Axis model = c.model(), head = c.head(), depth = c.depth(), hidden = c.inner();
  const Axis word = c.words(), position("position", c.positions), part(kPart, 3);
  WeightTable table;
  table.prefix = "transformer.";
  // Causal masks kept as buffers, and the head where it is stored though tied.
  table.ignored = {"h.*.attn.bias", "h.*.attn.masked_bias", "lm_head.weight"};
  table.rows = {
      {"wte", "wte.weight", {{word}, {model}}},
      {"wpe", "wpe.weight", {{position}, {model}}},
      {"ln_f.weight", "ln_f.weight", {{model}}},
      {"ln_f.bias", "ln_f.bias", {{model}}},
  };
  // Conv1D keeps its weights [in, out].
  add_layers(table, c.layers,
             {
                 {"h.*.ln_1.weight", "h.*.ln_1.weight", {{model}}},
                 {"h.*.ln_1.bias", "h.*.ln_1.bias", {{model}}},
                 {"h.*.attn.q.weight", "h.*.attn.c_attn.weight", {{model}, {part, head, depth}}, 0},
                 {"h.*.attn.k.weight", "h.*.attn.c_attn.weight", {{model}, {part, head, depth}}, 1},
                 {"h.*.attn.v.weight", "h.*.attn.c_attn.weight", {{model}, {part, head, depth}}, 2},
                 {"h.*.attn.q.bias", "h.*.attn.c_attn.bias", {{part, head, depth}}, 0},
                 {"h.*.attn.k.bias", "h.*.attn.c_attn.bias", {{part, head, depth}}, 1},
                 {"h.*.attn.v.bias", "h.*.attn.c_attn.bias", {{part, head, depth}}, 2},
                 {"h.*.attn.out.weight", "h.*.attn.c_proj.weight", {{head, depth}, {model}}},
                 {"h.*.attn.out.bias", "h.*.attn.c_proj.bias", {{model}}},
                 {"h.*.ln_2.weight", "h.*.ln_2.weight", {{model}}},
                 {"h.*.ln_2.bias", "h.*.ln_2.bias", {{model}}},
                 {"h.*.mlp.fc.weight", "h.*.mlp.c_fc.weight", {{model}, {hidden}}},
                 {"h.*.mlp.fc.bias", "h.*.mlp.c_fc.bias", {{hidden}}},
                 {"h.*.mlp.out.weight", "h.*.mlp.c_proj.weight", {{hidden}, {model}}},
                 {"h.*.mlp.out.bias", "h.*.mlp.c_proj.bias", {{model}}},
             });
  return table;
}

WeightTable weight_table(const Llama& c) {
  const Axis model = c.model(), group = c.group(), head = c.head(), depth = c.depth(), hidden = c.inner(),
             word = c.words();
  WeightTable table;
  table.ignored = {"*rotary_emb.inv_freq"};
  table.rows = {
      {"embed", "model.embed_tokens.weight", {{word}, {model}}},
      {"norm.weight", "model.norm.weight", {{model}}},
  };
  if (c.tied)
    table.ignored.emplace_back("lm_head.weight");
  else
    table.rows.push_back({"head", "lm_head.weight", {{word}, {model}}});
  // Query head h reads key-value head h / (heads a group): the rows of q_proj are [group, head, depth].
  add_layers(table, c.layers,
             {
                 {"h.*.norm_1.weight", "model.layers.*.input_layernorm.weight", {{model}}},
                 {"h.*.attn.q.weight", "model.layers.*.self_attn.q_proj.weight", {{group, head, depth}, {model}}},
                 {"h.*.attn.k.weight", "model.layers.*.self_attn.k_proj.weight", {{group, depth}, {model}}},
                 {"h.*.attn.v.weight", "model.layers.*.self_attn.v_proj.weight", {{group, depth}, {model}}},
                 {"h.*.attn.out.weight", "model.layers.*.self_attn.o_proj.weight", {{model}, {group, head, depth}}},
                 {"h.*.norm_2.weight", "model.layers.*.post_attention_layernorm.weight", {{model}}},
                 {"h.*.mlp.gate.weight", "model.layers.*.mlp.gate_proj.weight", {{hidden}, {model}}},
                 {"h.*.mlp.up.weight", "model.layers.*.mlp.up_proj.weight", {{hidden}, {model}}},
                 {"h.*.mlp.down.weight", "model.layers.*.mlp.down_proj.weight", {{model}, {hidden}}},
             });
  return table;
}

WeightTable weight_table(const Recurrent& c, std::int64_t input, std::int64_t width) {
  const Axis hidden("hidden", width), before("hidden.in", width);
  const Axis gate("gate", c.cell == Cell::rnn ? 1 : c.cell == Cell::lstm ? 4 : 3);
  WeightTable table;
  for (int layer = 0; layer < c.layers; ++layer) {
    // A layer above the first reads the outputs below, of both directions; its weight's input axis is then `hidden.in`.
    const Axis in = layer == 0 ? Axis("input", input) : Axis("hidden.in", c.bidirectional ? 2 * width : width);
    for (int backward = 0; backward <= (c.bidirectional ? 1 : 0); ++backward) {
      const std::string ours = fmt::format("l.{}.{}", layer, backward ? "backward" : "forward");
      const std::string theirs = fmt::format("l{}{}", layer, backward ? "_reverse" : "");
      table.rows.push_back({ours + ".x.weight", "weight_ih_" + theirs, {{gate, hidden}, {in}}});
      table.rows.push_back({ours + ".x.bias", "bias_ih_" + theirs, {{gate, hidden}}});
      table.rows.push_back({ours + ".h.weight", "weight_hh_" + theirs, {{gate, hidden}, {before}}});
      table.rows.push_back({ours + ".h.bias", "bias_hh_" + theirs, {{gate, hidden}}});
    }
  }
  return table;
}

Arrays from_disk(const WeightTable& table, const DiskLookup& lookup) {
  Arrays out;
  for (const WeightRow& row : table.rows) {
    std::optional<Array> disk = lookup(table.prefix + row.disk);
    if (!disk && !table.prefix.empty()) disk = lookup(row.disk);
    if (!disk)
      throw Error(
          fmt::format("the file has no tensor '{}', which '{}' is read from", table.prefix + row.disk, row.path));
    out.emplace(row.path, read(row, *disk));
  }
  return out;
}

Arrays to_disk(const WeightTable& table, const Arrays& parameters) {
  Arrays whole;  // with `part` in front
  std::map<std::string, const WeightRow*> rows;
  for (const WeightRow& row : table.rows) {
    const auto found = parameters.find(row.path);
    if (found == parameters.end()) throw Error(fmt::format("there is no '{}' to store as '{}'", row.path, row.disk));
    const ArrayDims dims = row.part ? parts_first(viewed(row)) : viewed(row);
    const auto [at, fresh] = whole.try_emplace(row.disk, found->second.dtype(), dims);
    rows[row.disk] = &row;
    const Array own = found->second.reordered(names(row.part ? ArrayDims(dims.begin() + 1, dims.end()) : dims));
    if (own.bytes() * static_cast<std::size_t>(row.part ? dims[0].extent : 1) != at->second.bytes())
      throw Error(fmt::format("'{}' is {}, which does not fit into '{}' of {}", row.path, own.str(), row.disk,
                              extents(stored(row))));
    std::memcpy(at->second.mutable_data() + own.bytes() * static_cast<std::size_t>(row.part.value_or(0)), own.data(),
                own.bytes());
  }
  Arrays out;
  for (const auto& [disk, array] : whole) {
    const WeightRow& row = *rows.at(disk);
    out.emplace(table.prefix + disk, array.reordered(names(viewed(row))).reshaped(stored(row)));
  }
  return out;
}

std::vector<std::string> unexpected(const WeightTable& table, const std::vector<std::string>& names) {
  std::set<std::string> known;
  for (const WeightRow& row : table.rows) known.insert(row.disk);
  std::vector<std::string> out;
  for (const std::string& name : names) {
    const bool prefixed = !table.prefix.empty() && name.rfind(table.prefix, 0) == 0;
    const std::string plain = prefixed ? name.substr(table.prefix.size()) : name;
    if (known.count(plain) > 0) continue;
    if (std::none_of(table.ignored.begin(), table.ignored.end(),
                     [&](const std::string& p) { return matches(p, plain); }))
      out.push_back(name);
  }
  return out;
}

}  // namespace uwaga
