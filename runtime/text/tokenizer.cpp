#include <fmt/format.h>
#include <uwaga/ir/error.h>
#include <uwaga/runtime/io/detail/json.h>
#include <uwaga/runtime/text/quote.h>
#include <uwaga/runtime/text/sentencepiece.h>
#include <uwaga/runtime/text/tokenizer.h>
#include <uwaga/runtime/text/utf8.h>

#include <algorithm>
#include <unordered_map>

namespace uwaga {

using detail::Json;

namespace {

constexpr std::string_view kWhat = "tokenizer";

// Calls `use(code point, byte offset)` for each code point. Throws Error where the text is not UTF-8.
template <class Use>
void for_each_character(std::string_view text, Use use) {
  for (std::size_t at = 0; at < text.size();) {
    const auto c = decode_utf8(text, at);
    if (!c) {
      throw Error(
          fmt::format("the text is not UTF-8: byte {:#04x} at offset {}", static_cast<unsigned char>(text[at]), at));
    }
    use(c->value, at);
    at += c->bytes;
  }
}

std::string shown(char32_t character) {
  std::string text;
  append_utf8(text, character);
  return fmt::format("{} (U+{:04X})", quote(text), static_cast<std::uint32_t>(character));
}

}  // namespace

void Tokenizer::check_id(std::int32_t id) const {
  if (id < 0 || id >= vocab_size())
    throw Error(fmt::format("token id {} is outside the vocabulary of {}", id, vocab_size()));
}

std::unique_ptr<Tokenizer> load_tokenizer(std::string_view text) {
  const Json json = detail::parse_json(text, kWhat);
  const std::string& type = detail::json_string(detail::json_member(json, "type", kWhat), kWhat);
  if (type == "byte") return std::make_unique<ByteTokenizer>();
  if (type == "character") {
    std::vector<char32_t> characters;
    const std::string& all = detail::json_string(detail::json_member(json, "characters", kWhat), kWhat);
    for_each_character(all, [&](char32_t c, std::size_t) { characters.push_back(c); });
    return std::make_unique<CharacterTokenizer>(std::move(characters));
  }
  if (type == "sentencepiece") return std::make_unique<SentencePieceTokenizer>(SentencePieceTokenizer::load(text));
  throw Error(fmt::format("{}: type {} is not one of byte, character, sentencepiece", kWhat, quote(type)));
}

std::vector<std::int32_t> ByteTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids(text.size());
  std::transform(text.begin(), text.end(), ids.begin(), [](char c) { return static_cast<unsigned char>(c); });
  return ids;
}

std::string ByteTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  text.reserve(ids.size());
  for (std::int32_t id : ids) {
    check_id(id);
    text += static_cast<char>(id);
  }
  return text;
}

std::string ByteTokenizer::save() const { return R"({"type":"byte"})"; }

CharacterTokenizer CharacterTokenizer::train(std::string_view text) {
  std::vector<bool> seen(0x110000);
  for_each_character(text, [&](char32_t c, std::size_t) { seen[c] = true; });
  std::vector<char32_t> characters;
  for (std::size_t c = 0; c < seen.size(); ++c)
    if (seen[c]) characters.push_back(static_cast<char32_t>(c));
  return CharacterTokenizer(std::move(characters));
}

struct CharacterTokenizer::Ids : std::unordered_map<char32_t, std::int32_t> {};

CharacterTokenizer::CharacterTokenizer(std::vector<char32_t> characters) : characters_(std::move(characters)) {
  const auto ids = std::make_shared<Ids>();
  if (characters_.empty()) throw Error("a character tokenizer needs a text of at least one character, and got none");
  for (char32_t c : characters_)
    if (!ids->emplace(c, static_cast<std::int32_t>(ids->size())).second)
      throw Error(fmt::format("character tokenizer: {} occurs twice", shown(c)));
  ids_ = ids;
}

std::vector<std::int32_t> CharacterTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  ids.reserve(text.size());
  for_each_character(text, [&](char32_t c, std::size_t at) {
    const auto found = ids_->find(c);
    if (found == ids_->end()) {
      throw Error(fmt::format("character {} at byte {} is not among the {} of the training text", shown(c), at,
                              characters_.size()));
    }
    ids.push_back(found->second);
  });
  return ids;
}

std::string CharacterTokenizer::decode(std::span<const std::int32_t> ids) const {
  std::string text;
  for (std::int32_t id : ids) {
    check_id(id);
    append_utf8(text, characters_[id]);
  }
  return text;
}

std::string CharacterTokenizer::save() const {
  std::string all;
  for (char32_t c : characters_) append_utf8(all, c);
  return detail::json_text(Json{{"type", "character"}, {"characters", all}}, kWhat);
}

}  // namespace uwaga
