#include <uwaga/codegen/schedule/attention_live.h>

#include <uwaga/codegen/schedule/attention_mask.h>
#include <uwaga/codegen/schedule/attention_sides.h>

namespace uwaga::schedule {

using namespace kernel;

LiveKeys::LiveKeys(Inline& x, const AttentionForm& form, std::int64_t panel, std::int64_t tile_rows)
    : b_(x.builder()), x_(x), f_(form), panel_(panel), tile_rows_(tile_rows) {}

void LiveKeys::add_scratch(Ex keys) {
  keys_ = keys;
  const Span first{b_.integer(0), b_.integer(0)};
  if (!f_.mask || !may_hold(x_, *f_.mask, {{f_.query, first}, {f_.key, first}})) return;
  trims_ = true;
  const Ex count = (keys + (kKeyBlock - 1)) / kKeyBlock * (kQueries / panel_);
  from_ = b_.scratch(DType::i64, count);
  to_ = b_.scratch(DType::i64, count);
}

Ex LiveKeys::at(Ex k0, Ex lane) { return k0 / kKeyBlock * (kQueries / panel_) + lane / panel_; }

void LiveKeys::set(Ex k0, Ex panel, Ex from, Ex to) {
  b_.store(from_, at(k0, panel), from);
  b_.store(to_, at(k0, panel), to);
}

void LiveKeys::find() {
  if (!trims_) return;
  const QueryBlock& block = queries_;
  const Ex last = block.first + block.count - 1;
  key_blocks([&](Ex k0, Ex end) {
    const auto all = [&] { x_.loop(b_.integer(0), block.width, panel_, [&](Ex panel) { set(k0, panel, k0, end); }); };
    const auto some = [&] {
      const Ex from_before = b_.variable(k0), to_before = b_.variable(k0), turns_back = b_.variable(b_.integer(0));
      x_.loop(b_.integer(0), block.width, panel_, [&](Ex panel) {
        const Span queries{b_.let(block.first + panel), b_.let(min(block.first + panel + (panel_ - 1), last))};
        const Ex from = b_.variable(end), to = b_.variable(to_before);
        x_.loop(k0, end, tile_rows_, [&](Ex row) {
          const Ex past = b_.let(min(row + tile_rows_, end));
          x_.branch(may_hold(x_, *f_.mask, {{f_.query, queries}, {f_.key, {row, past - 1}}}), [&] {
            b_.assign(from, min(from, row));
            b_.assign(to, past);
          });
        });
        b_.assign(from, min(from, to));
        x_.branch(from < from_before || to < to_before, [&] { b_.assign(turns_back, b_.integer(1)); });
        set(k0, panel, from, to);
        b_.assign(from_before, from);
        b_.assign(to_before, to);
      });
      x_.branch(b_.integer(0) < turns_back, all);
    };
    const Ex seen = must_hold(x_, *f_.mask, {{f_.query, {block.first, last}}, {f_.key, {k0, end - 1}}});
    if (seen) x_.branch(seen, all, some);
    else some();
  });
}

void LiveKeys::key_blocks(const std::function<void(Ex begin, Ex end)>& body) {
  schedule::key_blocks(x_, f_, keys_, {queries_.first, queries_.first + queries_.count - 1}, body);
}

Range LiveKeys::of(Ex k0, Ex end, Ex lane) {
  if (!trims_) return {k0, end};
  return {b_.let(b_.load(from_, at(k0, lane))), b_.let(b_.load(to_, at(k0, lane)))};
}

Range LiveKeys::queries_that_see(Ex k0, Ex end, Ex row) {
  if (!trims_) return {b_.integer(0), queries_.count};
  const Ex first = b_.variable(queries_.width), last = b_.variable(b_.integer(0));
  x_.loop(b_.integer(0), queries_.width, panel_, [&](Ex panel) {
    where(k0, end, row, panel, [&] {
      b_.assign(first, min(first, panel));
      b_.assign(last, min(panel + panel_, queries_.count));
    });
  });
  return {b_.let(min(first, last)), b_.let(last)};
}

void LiveKeys::where(Ex k0, Ex end, Ex row, Ex lane, const std::function<void()>& body) {
  if (!trims_) return body();
  const Range keys = of(k0, end, lane);
  x_.branch(logical_not(row < keys.begin) && row < keys.end, body);
}

}  // namespace uwaga::schedule
