#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/io/file.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/text/sentencepiece.h>
#include <uwaga/runtime/text/utf8.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <queue>
#include <unordered_map>

namespace uwaga {

using detail::Json;

namespace {

constexpr std::int32_t kFirstPiece = SentencePieceTokenizer::kFirstByte + 256;
constexpr std::uint64_t kMaxFile = std::uint64_t{256} << 20;

// Little-endian numbers off the front of a hostile file.
class Cursor {
 public:
  Cursor(std::string_view bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_)
      throw Error(
          fmt::format("{}: ends at byte {}, {} more are needed", what_, bytes_.size(), count - (bytes_.size() - at_)));
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  std::uint32_t word() {
    const std::string_view four = take(4);
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(four[i])} << (8 * i);
    return value;
  }

  std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view bytes_, what_;
  std::size_t at_ = 0;
};

// JSON holds text and a piece may hold any byte, so byte b is saved as the character U+00b.
std::string bytes_as_text(std::string_view bytes) {
  std::string text;
  for (char c : bytes) append_utf8(text, static_cast<unsigned char>(c));
  return text;
}

std::string text_as_bytes(std::string_view text, std::string_view what) {
  std::string bytes;
  for (std::size_t at = 0; at < text.size();) {
    const auto c = decode_utf8(text, at);
    if (!c || c->value > 0xff) throw Error(fmt::format("{}: a piece is not written as bytes", what));
    bytes += static_cast<char>(c->value);
    at += c->bytes;
  }
  return bytes;
}

// The text behind its space. SentencePiece writes U+2581 for a space, so the two are one character to it.
std::string with_spaces(std::string_view text) {
  constexpr std::string_view kMark = "\xe2\x96\x81";
  std::string spaced(1, ' ');
  spaced.reserve(text.size() + 1);
  for (std::size_t at = 0; at < text.size();) {
    const bool mark = text.substr(at).starts_with(kMark);
    spaced += mark ? ' ' : text[at];
    at += mark ? kMark.size() : 1;
  }
  return spaced;
}

}  // namespace

SentencePieceTokenizer SentencePieceTokenizer::read(const std::string& path, std::int32_t vocab_size) {
  return parse(read_file(path, kMaxFile), vocab_size, path);
}

SentencePieceTokenizer SentencePieceTokenizer::parse(std::string_view bytes, std::int32_t vocab_size,
                                                     std::string_view what) {
  Cursor in(bytes, what);
  const std::uint32_t longest = in.word();
  constexpr std::size_t kLeastPiece = 8;
  if (vocab_size < kFirstPiece || static_cast<std::size_t>(vocab_size) > in.left() / kLeastPiece) {
    throw Error(fmt::format("{}: {} bytes cannot hold a vocabulary of {}, which has at least {} pieces", what,
                            bytes.size(), vocab_size, kFirstPiece));
  }
  std::vector<Piece> pieces(vocab_size);
  for (std::int32_t id = 0; id < vocab_size; ++id) {
    pieces[id].score = std::bit_cast<float>(in.word());
    const std::uint32_t length = in.word();
    // The first three are written with decorations that the longest length need not count.
    if (id >= kFirstByte && length > longest)
      throw Error(fmt::format("{}: piece {} has {} bytes, the longest is said to have {}", what, id, length, longest));
    pieces[id].text = in.take(length);
  }
  if (in.left() != 0)
    throw Error(
        fmt::format("{}: {} bytes follow the {} pieces; is the vocabulary larger?", what, in.left(), vocab_size));
  return SentencePieceTokenizer(std::move(pieces));
}

SentencePieceTokenizer SentencePieceTokenizer::load(std::string_view text) {
  constexpr std::string_view kWhat = "sentencepiece tokenizer";
  const Json json = detail::parse_json(text, kWhat);
  const Json& list = detail::json_member(json, "pieces", kWhat);
  if (!list.is_array()) throw Error(fmt::format("{}: pieces is not a list", kWhat));
  std::vector<Piece> pieces;
  for (const Json& item : list) {
    if (!item.is_array() || item.size() != 2 || !item[1].is_number())
      throw Error(fmt::format("{}: piece {} is not a pair of text and score", kWhat, pieces.size()));
    pieces.push_back({text_as_bytes(detail::json_string(item[0], kWhat), kWhat), item[1].get<float>()});
  }
  return SentencePieceTokenizer(std::move(pieces));
}

struct SentencePieceTokenizer::Ids : std::unordered_map<std::string_view, std::int32_t> {};

SentencePieceTokenizer::SentencePieceTokenizer(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {
  if (pieces_.size() < static_cast<std::size_t>(kFirstPiece))
    throw Error(fmt::format("sentencepiece tokenizer: {} pieces, at least {} are needed", pieces_.size(), kFirstPiece));
  const auto ids = std::make_shared<Ids>();
  for (std::size_t id = 0; id < pieces_.size(); ++id) {
    if (!std::isfinite(pieces_[id].score))
      throw Error(fmt::format("sentencepiece tokenizer: the score of piece {} is not finite", id));
    // Control and byte pieces stay out of reach of the text; of equal pieces the first is meant.
    if (id >= static_cast<std::size_t>(kFirstPiece)) ids->emplace(pieces_[id].text, static_cast<std::int32_t>(id));
  }
  ids_ = ids;
}

std::vector<std::int32_t> SentencePieceTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids{kBegin};
  if (text.empty()) return ids;
  const std::string spaced = with_spaces(text);

  // A doubly linked list over the symbols: a join keeps the left one and takes the right one out.
  struct Symbol {
    std::int32_t id;
    int previous, next;        // -1 at the ends.
    std::size_t begin, bytes;  // In `spaced`; bytes is 0 once joined into the one before.
  };
  std::vector<Symbol> symbols;
  const auto append = [&](std::int32_t id, std::size_t begin, std::size_t bytes) {
    const int at = static_cast<int>(symbols.size());
    if (at > 0) symbols.back().next = at;
    symbols.push_back({id, at - 1, -1, begin, bytes});
  };
  for (std::size_t at = 0; at < spaced.size();) {
    const auto c = decode_utf8(spaced, at);
    const std::size_t bytes = c ? c->bytes : 1;
    if (const auto found = ids_->find(std::string_view(spaced).substr(at, bytes)); found != ids_->end()) {
      append(found->second, at, bytes);
    } else {
      for (std::size_t i = 0; i < bytes; ++i)
        append(kFirstByte + static_cast<unsigned char>(spaced[at + i]), at + i, 1);
    }
    at += bytes;
  }

  struct Join {
    float score;
    int left, right;
    std::size_t bytes;  // Of both when it was found: tells a join that is out of date.
    std::int32_t id;
  };
  const auto worse = [](const Join& a, const Join& b) {
    return a.score != b.score ? a.score < b.score : a.left > b.left;
  };
  std::priority_queue<Join, std::vector<Join>, decltype(worse)> joins(worse);
  const auto consider = [&](int left, int right) {
    if (left < 0 || right < 0) return;
    const std::size_t bytes = symbols[left].bytes + symbols[right].bytes;
    const auto found = ids_->find(std::string_view(spaced).substr(symbols[left].begin, bytes));
    if (found != ids_->end()) joins.push({pieces_[found->second].score, left, right, bytes, found->second});
  };
  for (int i = 0; i + 1 < static_cast<int>(symbols.size()); ++i) consider(i, i + 1);
  while (!joins.empty()) {
    const Join join = joins.top();
    joins.pop();
    Symbol &left = symbols[join.left], &right = symbols[join.right];
    if (left.bytes == 0 || right.bytes == 0 || left.bytes + right.bytes != join.bytes) continue;
    left.id = join.id;
    left.bytes = join.bytes;
    left.next = right.next;
    if (right.next >= 0) symbols[right.next].previous = join.left;
    right.bytes = 0;
    consider(left.previous, join.left);
    consider(join.left, left.next);
  }
  for (int at = 0; at >= 0; at = symbols[at].next) ids.push_back(symbols[at].id);
  return ids;
}

std::string SentencePieceTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  bool begins = false;
  for (std::int32_t id : ids) {
    check_id(id);
    const bool after_begin = begins;
    begins = id == kBegin;
    if (id == kBegin || id == kEnd) continue;
    if (id >= kFirstByte && id < kFirstPiece) {
      text += static_cast<char>(id - kFirstByte);
      continue;
    }
    std::string_view piece = pieces_[id].text;
    if (after_begin && piece.starts_with(' ')) piece.remove_prefix(1);
    text += piece;
  }
  return text;
}

std::string SentencePieceTokenizer::save() const {
  Json list = Json::array();
  for (const Piece& piece : pieces_) list.push_back({bytes_as_text(piece.text), piece.score});
  return detail::json_text(Json{{"type", "sentencepiece"}, {"pieces", std::move(list)}}, "sentencepiece tokenizer");
}

}  // namespace uwaga
