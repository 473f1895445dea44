// Text to token ids and back.
//
//   ByteTokenizer bytes;                                             // 256 ids, one a byte
//   CharacterTokenizer characters = CharacterTokenizer::train(text); // one id a Unicode character of the text
//   std::vector<std::int32_t> ids = characters.encode("uwaga");
//   std::string same = characters.decode(ids);
//   std::unique_ptr<Tokenizer> again = load_tokenizer(characters.save());
//
// Ids are 0 .. vocab_size() - 1; an id outside throws Error. `save` gives JSON text that `load_tokenizer` reads back
// as the same tokenizer; that text is parsed as hostile, and what is wrong with it throws Error.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace uwaga {

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  virtual std::vector<std::int32_t> encode(std::string_view text) const = 0;
  virtual std::string decode(std::span<const std::int32_t> ids) const = 0;
  virtual std::int32_t vocab_size() const = 0;

  // JSON with "type" and what the type needs.
  virtual std::string save() const = 0;

  // The ids that begin and end a document, where the vocabulary has them.
  virtual std::optional<std::int32_t> begin_id() const { return std::nullopt; }
  virtual std::optional<std::int32_t> end_id() const { return std::nullopt; }

 protected:
  // Throws Error unless 0 <= id < vocab_size().
  void check_id(std::int32_t id) const;
};

// What `save` wrote, of any type.
std::unique_ptr<Tokenizer> load_tokenizer(std::string_view json);

// Every byte is its own id. Decodes to the bytes, which need not be UTF-8.
class ByteTokenizer final : public Tokenizer {
 public:
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int32_t> ids) const override;
  std::int32_t vocab_size() const override { return 256; }
  std::string save() const override;
};

// Every Unicode code point of a training text is an id, in the order of the code points.
class CharacterTokenizer final : public Tokenizer {
 public:
  // Throws Error where the text is not UTF-8 or is empty.
  static CharacterTokenizer train(std::string_view text);

  // `characters` in the order of their ids, each once. Throws Error.
  explicit CharacterTokenizer(std::vector<char32_t> characters);

  // Throws Error, naming the character and its place, for one that the training text did not have.
  std::vector<std::int32_t> encode(std::string_view text) const override;
  std::string decode(std::span<const std::int32_t> ids) const override;
  std::int32_t vocab_size() const override { return static_cast<std::int32_t>(characters_.size()); }
  std::string save() const override;

 private:
  std::vector<char32_t> characters_;
  struct Ids;  // of the characters
  std::shared_ptr<const Ids> ids_;
};

}  // namespace uwaga
